//! The same scenarios on the embedded server and on a real one: their answers must be equal.
//!
//! `tests/conformance/README.md` says how scenarios are written, and `CONTRACT.md` what they show.

mod contract;
mod generated;
mod history;
mod managers;
mod play;
mod schemas;
mod script;
mod transcript;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use futures::{StreamExt as _, stream};
use kubehandler_tests::cluster::Cluster;

use self::{
    play::{Target, play},
    script::Scenario,
    transcript::Names,
};

/// How many scenarios use the real server at once.
const AT_ONCE: usize = 8;

/// Plays a single file, or a single scenario, if it is set: a part of its title.
const ONLY: &str = "SCENARIO";

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance")
}

/// Reads every scenario, in the order of the files.
fn scenarios() -> anyhow::Result<Vec<Scenario>> {
    let mut files: Vec<_> = fs::read_dir(directory().join("scenarios"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<anyhow::Result<_>>()?;
    files.sort();
    let mut scenarios = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file)?;
        scenarios.extend(script::parse(&text).with_context(|| file.display().to_string())?);
    }
    let mut titles = std::collections::BTreeSet::new();
    for scenario in &scenarios {
        let is_new = titles.insert(scenario.title.clone());
        anyhow::ensure!(is_new, "two scenarios are called `{}`", scenario.title);
    }
    if let Ok(only) = std::env::var(ONLY) {
        scenarios.retain(|scenario| scenario.title.contains(&only));
    }
    Ok(scenarios)
}

type Transcripts = BTreeMap<String, Vec<String>>;

/// Each on a server of its own, with the clock held still.
fn play_embedded(scenarios: &[Scenario]) -> anyhow::Result<Transcripts> {
    let play_one = |(number, scenario): (usize, &Scenario)| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()?;
        let played = runtime
            .block_on(async { play(&Target::embedded(), scenario, Names::new(number)).await });
        Ok((scenario.title.clone(), lines(played)))
    };
    scenarios.iter().enumerate().map(play_one).collect()
}

/// All on one server: side by side, and at the end those that change what all see.
async fn play_real(scenarios: &[Scenario], cluster: &Cluster) -> anyhow::Result<Transcripts> {
    let target = &Target::real(cluster).await?;
    let play_one = |(number, scenario): (usize, Scenario)| async move {
        let played = play(target, &scenario, Names::new(number)).await;
        (scenario.title, lines(played))
    };
    let numbered = scenarios.iter().cloned().enumerate();
    let (alone, together): (Vec<_>, Vec<_>) = numbered.partition(|(_, scenario)| scenario.is_alone);
    let mut transcripts: Transcripts = stream::iter(together.into_iter().map(play_one))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    for scenario in alone {
        let (title, lines) = play_one(scenario).await;
        transcripts.insert(title, lines);
    }
    Ok(transcripts)
}

/// A scenario that could not be played to its end differs by that.
fn lines(played: anyhow::Result<transcript::Transcript>) -> Vec<String> {
    match played {
        Ok(transcript) => transcript.normalized(),
        Err(error) => vec![format!("FAILED {error:#}")],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_scenario_is_answered_alike_by_both_servers() -> anyhow::Result<()> {
    let scenarios = scenarios()?;
    let played = scenarios.clone();
    let embedded = tokio::task::spawn_blocking(move || play_embedded(&played));
    let Some(cluster) = Cluster::start_if_available().await? else {
        embedded.await??; // At least they are played to their end.
        return Ok(());
    };
    let controllers = cluster.start_controllers()?;
    let real = play_real(&scenarios, &cluster).await?;
    drop(controllers);
    let embedded = embedded.await??;

    let differing: Vec<String> = scenarios
        .iter()
        .filter_map(|Scenario { title, .. }| difference(title, &real[title], &embedded[title]))
        .collect();
    let total = scenarios.len();
    assert!(
        differing.is_empty(),
        "{} of {total} scenarios differ\n{}",
        differing.len(),
        differing.join("\n")
    );
    Ok(())
}

/// Shows the lines that only one of both has, each with what it stands in.
fn difference(title: &str, real: &[String], embedded: &[String]) -> Option<String> {
    let failed = real
        .iter()
        .chain(embedded)
        .any(|line| line.starts_with("FAILED"));
    if real == embedded && !failed {
        return None;
    }
    let mut out = format!("\n## {title}\n");
    let before = real
        .iter()
        .zip(embedded)
        .take_while(|(one, other)| one == other)
        .count();
    let after = real[before..]
        .iter()
        .rev()
        .zip(embedded[before..].iter().rev());
    let after = after.take_while(|(one, other)| one == other).count();
    let context = before.saturating_sub(6);
    for line in &real[context..before] {
        let _ = writeln!(out, "    {line}");
    }
    for (sign, lines) in [("real    ", real), ("embedded", embedded)] {
        for line in lines[before..lines.len() - after].iter().take(40) {
            let _ = writeln!(out, "{sign}{line}");
        }
    }
    Some(out)
}
