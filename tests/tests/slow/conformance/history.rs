//! A generated history of writes on both servers, followed from random places: the events are equal.

use std::fmt::Write as _;

use kubehandler_tests::cluster::Cluster;

use super::{
    play::{Target, play},
    script,
    transcript::Names,
};

/// How many writes.
const WRITES: usize = 220;

/// How many watches, from places all over the history.
const WATCHES: usize = 24;

/// What the watches select.
const SELECTORS: [&str; 4] = [
    "",
    "&labelSelector=tier%3Dweb",
    "&labelSelector=tier!%3Dweb",
    "&fieldSelector=metadata.name%3Da",
];

/// Writes a scenario: first all the writes, then watches from where they began.
fn generated(seed: u64) -> String {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut there = [false; 4];
    let mut text = "## A generated history is followed from anywhere [rv-global]\n".to_owned();
    for number in 0..WRITES {
        let index = random.usize(..there.len());
        let name = ["a", "b", "c", "d"][index];
        let tier = ["web", "db", "cache"][random.usize(..3)];
        let step = match (there[index], random.u8(..8)) {
            (false, _) => {
                there[index] = true;
                format!(
                    "POST cm {{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}, labels: {{tier: {tier}}}}}}}"
                )
            }
            (true, 0) => {
                there[index] = false;
                format!("DELETE cm/{name}")
            }
            (true, 1 | 2) => format!("MERGE cm/{name} {{metadata: {{labels: {{tier: {tier}}}}}}}"),
            (true, 3) => format!("MERGE cm/{name} {{metadata: {{labels: {{tier: null}}}}}}"),
            (true, 4) => {
                format!("JSON cm/{name} [{{op: add, path: /data, value: {{k: \"v{number}\"}}}}]")
            }
            (true, 5) => format!(
                "PUT cm/{name} {{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}, labels: {{tier: {tier}}}}}, data: {{k: \"v{number}\"}}}}"
            ),
            (true, _) => format!("MERGE cm/{name} {{data: {{k: \"v{}\"}}}}", number / 3),
        };
        // A delete of an object answers with a Status, which has no version to start from.
        let is_named = !step.starts_with("DELETE");
        let named = if is_named {
            format!("s{number} = {step}")
        } else {
            step
        };
        writeln!(text, "{named}").expect("text grows");
    }
    let starts: Vec<usize> = (0..WRITES)
        .filter(|number| text.contains(&format!("\ns{number} = ")))
        .collect();
    for number in 0..WATCHES {
        let start = starts[random.usize(..starts.len())];
        let selector = SELECTORS[number % SELECTORS.len()];
        writeln!(text, "w{number} = WATCH cm?watch=true&resourceVersion=<s{start}.rv>&timeoutSeconds=3{selector}")
            .expect("text grows");
    }
    for number in 0..WATCHES {
        writeln!(text, "READ w{number} end").expect("text grows");
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn generated_history_is_followed_alike_from_anywhere() -> anyhow::Result<()> {
    let scenario = script::parse(&generated(4))?.remove(0);
    let played = scenario.clone();
    let embedded = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()?;
        runtime.block_on(async {
            let transcript = play(&Target::embedded(), &played, Names::new(1)).await?;
            anyhow::Ok(transcript.normalized())
        })
    });
    let embedded = embedded.await??;
    let events = embedded
        .iter()
        .filter(|line| line.contains("\"type\": \"DELETED\""))
        .count();
    assert!(events > 50, "only {events} deletions were seen");
    let Some(cluster) = Cluster::start_if_available().await? else {
        return Ok(());
    };

    let target = Target::real(&cluster).await?;
    let real = play(&target, &scenario, Names::new(1)).await?.normalized();

    let first = real
        .iter()
        .zip(&embedded)
        .position(|(one, other)| one != other);
    let around = first.map(|first| first.saturating_sub(12)..first + 12);
    assert_eq!(
        first,
        None,
        "real {:#?}\nembedded {:#?}",
        around.clone().map(|at| real.get(at)),
        around.map(|at| embedded.get(at))
    );
    assert_eq!(real.len(), embedded.len());
    Ok(())
}
