//! The load benchmark: what the embedded API server bears, beside a real one.
//!
//! `load SERVER` measures the program at SERVER (a release build of `kubehandler-apiserver`), each
//! time in a new process, and prints a Markdown table. Where `KUBEBUILDER_ASSETS` names a real API
//! server, its creates are measured in turns with the embedded one's.
//!
//! The clients share the machine with the servers, so they do little: hyper without a pool, bodies
//! that are compared as bytes.

mod connection;
mod creates;
mod pods;
mod program;
mod watches;

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use kube::{
    Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use kubehandler_tests::cluster::Cluster;

use self::{connection::Target, program::Program};

/// How often each server's creates are measured.
const RUNS: usize = 5;

/// How often the start is measured.
const STARTS: usize = 21;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let server = std::env::args_os().nth(1).map(PathBuf::from);
    let server = server.context("usage: load SERVER")?;
    // One test at a time, where its name is given.
    let only = std::env::args().nth(2);
    let wants = |name: &str| only.as_deref().is_none_or(|only| only == name);

    say("| What | Figure |\n|---|---|");
    if wants("start") {
        starts(&server).await?;
    }
    if wants("creates") {
        compare_creates(&server).await?;
    }
    if wants("pods") {
        pods::measure(&server).await?;
    }
    if wants("watches") {
        watches::measure(&server).await?;
    }
    Ok(())
}

async fn starts(server: &std::path::Path) -> anyhow::Result<()> {
    let mut times = Vec::new();
    let mut sizes = Vec::new();
    for _ in 0..STARTS {
        let (program, time) = Program::start_and_list(server).await?;
        times.push(time.as_secs_f64() * 1_000.0);
        sizes.push(program.resident_mib()?);
    }
    row(
        "Start of the process to the first list",
        &format!("{:.1} ms", median(&mut times)),
    );
    row(
        "Resident memory at rest",
        &format!("{:.1} MiB", median(&mut sizes)),
    );
    Ok(())
}

async fn compare_creates(server: &std::path::Path) -> anyhow::Result<()> {
    let cluster = match std::env::var_os("KUBEBUILDER_ASSETS") {
        Some(_) => Some(Cluster::start().await?),
        None => None,
    };
    let real = match &cluster {
        Some(cluster) => Some(real_target(cluster).await?),
        None => None,
    };
    let (mut embedded_rates, mut real_rates) = (Vec::new(), Vec::new());
    for run in 0..RUNS {
        let program = Program::start(server).await?;
        embedded_rates.push(creates::rate(program.target(), run, creates::MANY).await?);
        if let Some(real) = &real {
            real_rates.push(creates::rate(real, run, creates::FEW).await?);
        }
    }
    let embedded = median(&mut embedded_rates);
    row(
        "Creates of small objects by 8 clients, embedded",
        &format!("{embedded:.0}/s"),
    );
    if real.is_some() {
        let real = median(&mut real_rates);
        row(
            "The same on kube-apiserver with etcd, in turns",
            &format!("{real:.0}/s"),
        );
        row("Embedded to real", &format!("{:.1}", embedded / real));
    }
    Ok(())
}

/// Returns the way to a real server.
async fn real_target(cluster: &Cluster) -> anyhow::Result<Target> {
    let kubeconfig = Kubeconfig::read_from(cluster.kubeconfig_path())?;
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await?;
    let text = std::fs::read(cluster.kubeconfig_path())?;
    let text: serde_json::Value = serde_json::from_slice(&text)?; // As the harness writes it.
    let token = text["users"][0]["user"]["token"].as_str();
    Target::of(&config, token.context("no token")?)
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn row(what: &str, figure: &str) {
    say(&format!("| {what} | {figure} |"));
}

#[expect(clippy::print_stdout, reason = "that is what the program is for")]
fn say(text: &str) {
    println!("{text}");
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
