//! How long a change takes from the server to a callback, here and in client-go, on a real API server.
//!
//! `latency OURS CLIENT-GO` starts a cluster from `KUBEBUILDER_ASSETS` and both observers on it at once,
//! and patches `ConfigMap`s 200 times a second for 30 seconds. An observer tells when each callback was
//! entered. A latency is the time from the moment the writer has the server's answer, which may well be
//! after the callback, to the first callback that sees the write or a later one. Prints JSON.

mod observer;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, ensure};
use futures::future::{try_join, try_join_all};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, ResourceExt as _,
    api::{Patch, PatchParams, PostParams},
};
use kubehandler_tests::cluster::Cluster;
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval, sleep};

use self::observer::{Observer, Seen};

/// Each object is written once in one and a half seconds, so that nobody merges two writes.
const OBJECTS: usize = 300;
const WRITES_A_SECOND: u64 = 200;
const SECONDS: u64 = 30;

/// A write that the server has acknowledged.
struct Write {
    name: String,
    version: u64,
    /// Nanoseconds since 1970, on the clock that the observers have, too.
    acknowledged: i128,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut programs = std::env::args_os().skip(1);
    let (ours, theirs) = programs
        .next()
        .zip(programs.next())
        .context("usage: latency OURS CLIENT-GO")?;
    let cluster = Cluster::start().await?;
    let maps = Api::default_namespaced(cluster.client().await?);
    try_join_all((0..OBJECTS).map(|index| create(&maps, index))).await?;

    let start = |program| Observer::start(program, cluster.kubeconfig_path());
    let (ours, theirs) = try_join(start(ours), start(theirs)).await?;
    let writes = write(&maps).await?;
    sleep(Duration::from_secs(2)).await; // What is on its way arrives.
    let (ours, theirs) = try_join(ours.finish(), theirs.finish()).await?;

    let report = json!({
        "writes": writes.len(),
        "kubehandler": latencies(&writes, &ours)?,
        "client-go": latencies(&writes, &theirs)?,
    });
    say(&report.to_string());
    Ok(())
}

fn name(index: usize) -> String {
    format!("map-{index}")
}

async fn create(maps: &Api<ConfigMap>, index: usize) -> anyhow::Result<()> {
    let data = json!({
        "metadata": {"name": name(index), "labels": {"app": "latency"}},
        "data": {"settings": "x".repeat(1_000), "round": "0"},
    });
    maps.create(&PostParams::default(), &serde_json::from_value(data)?)
        .await?;
    Ok(())
}

/// Writes at a steady rate, whatever the server takes for one.
async fn write(maps: &Api<ConfigMap>) -> anyhow::Result<Vec<Write>> {
    let writes = Arc::new(Mutex::new(Vec::new()));
    let mut ticks = interval(Duration::from_secs(1) / u32::try_from(WRITES_A_SECOND)?);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut tasks = Vec::new();
    for count in 0..usize::try_from(WRITES_A_SECOND * SECONDS)? {
        ticks.tick().await;
        let (maps, writes) = (maps.clone(), writes.clone());
        tasks.push(tokio::spawn(async move {
            let change = json!({"data": {"round": count.to_string()}});
            let name = name(count % OBJECTS);
            let written = maps
                .patch(&name, &PatchParams::default(), &Patch::Merge(change))
                .await?;
            let acknowledged = now()?;
            let version = written.resource_version().context("no version")?.parse()?;
            let mut writes = writes.lock().unwrap_or_else(PoisonError::into_inner);
            writes.push(Write {
                name,
                version,
                acknowledged,
            });
            anyhow::Ok(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    let mut writes = writes.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut *writes))
}

/// Returns what lies between the writes and their callbacks, and how many had none.
fn latencies(writes: &[Write], seen: &Seen) -> anyhow::Result<Value> {
    let mut millis = Vec::new();
    for write in writes {
        if let Some(entered) = seen.first_since(&write.name, write.version) {
            millis.push(nanos_to_millis(entered - write.acknowledged));
        }
    }
    ensure!(!millis.is_empty(), "no write was seen");
    millis.sort_by(f64::total_cmp);
    let at = |percent: usize| millis[(millis.len() * percent / 100).min(millis.len() - 1)];
    Ok(json!({
        "p50_ms": at(50),
        "p99_ms": at(99),
        "max_ms": at(100),
        "callbacks": seen.count(),
        "missing": writes.len() - millis.len(),
    }))
}

#[expect(clippy::cast_precision_loss, reason = "a microsecond is enough")]
fn nanos_to_millis(nanos: i128) -> f64 {
    nanos as f64 / 1e6
}

fn now() -> anyhow::Result<i128> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(i128::try_from(since.as_nanos())?)
}

#[expect(clippy::print_stdout, reason = "that is what the program is for")]
fn say(text: &str) {
    println!("{text}");
}
