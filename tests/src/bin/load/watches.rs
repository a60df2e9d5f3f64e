//! Many watches on objects that change all the time.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use futures::future::try_join_all;
use http::Method;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::{
    connection::Target,
    creates::{CLIENTS, count, small},
    median, millis,
    program::Program,
    row,
};

const WATCHES: usize = 100;

/// Changes a second.
const RATE: u32 = 1_000;

const SECONDS: u32 = 10;

/// How often it is measured.
const RUNS: usize = 3;

/// How long the last events may take to come.
const PATIENCE: Duration = Duration::from_secs(60);

const OBJECTS: &str = "/api/v1/namespaces/default/configmaps";

/// Prints how 100 watches follow 1,000 changes a second.
pub(crate) async fn measure(server: &Path) -> anyhow::Result<()> {
    let (mut rates, mut lags, mut loads) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let program = Program::start(server).await?;
        let before = program.processor_seconds()?;
        let run = follow(program.target()).await?;
        rates.push(count(run.changes) / run.writing.as_secs_f64());
        lags.push(millis(run.lag));
        let used = program.processor_seconds()? - before;
        loads.push(100.0 * used / (run.writing + run.lag).as_secs_f64());
    }
    row(
        "100 watches, all events of each compared: none lost, none out of order",
        &format!("{:.0} changes/s to each", median(&mut rates)),
    );
    row(
        "Last change answered to last event read",
        &format!("{:.1} ms", median(&mut lags)),
    );
    row(
        "Processor time of the server meanwhile",
        &format!("{:.0} % of one core", median(&mut loads)),
    );
    Ok(())
}

/// How it went.
struct Run {
    changes: usize,
    writing: Duration,
    /// From the last answer to the last event.
    lag: Duration,
}

async fn follow(target: &Target) -> anyhow::Result<Run> {
    let mut writers = Vec::new();
    for client in 0..CLIENTS {
        let mut connection = target.connect().await?;
        let name = format!("changing-{client}");
        connection.send(Method::POST, OBJECTS, small(&name)).await?;
        writers.push((connection, format!("{OBJECTS}/{name}")));
    }
    let mut watches = Vec::new();
    for _ in 0..WATCHES {
        let mut connection = target.connect().await?;
        let path = format!(
            "{OBJECTS}?watch=true&resourceVersion={}",
            head(target).await?
        );
        let answer = connection.start(Method::GET, &path, Bytes::new()).await?;
        ensure!(answer.status().is_success(), "{}", answer.status());
        watches.push((connection, answer.into_body()));
    }

    let total = usize::try_from(RATE * SECONDS)?;
    let readers: Vec<_> = watches
        .into_iter()
        .map(|(connection, body)| {
            tokio::spawn(async move {
                let read = read(body, total).await;
                drop(connection);
                anyhow::Ok((read?, Instant::now()))
            })
        })
        .collect();
    let started = Instant::now();
    let written = try_join_all(
        writers
            .into_iter()
            .map(|(mut connection, path)| async move {
                let mut turns = interval(Duration::from_secs(1) * u32::try_from(CLIENTS)? / RATE);
                turns.set_missed_tick_behavior(MissedTickBehavior::Burst);
                let mut versions = Vec::new();
                for number in 0..total / CLIENTS {
                    turns.tick().await;
                    let change = format!(r#"{{"data":{{"key":"{number}"}}}}"#);
                    let answer = connection.send(Method::PATCH, &path, change.into()).await?;
                    versions.push(version(&answer).context("objects have versions")?);
                }
                anyhow::Ok(versions)
            }),
    )
    .await?;
    let written_at = Instant::now();
    let mut expected: Vec<u64> = written.into_iter().flatten().collect();
    expected.sort_unstable(); // Versions are given in the order of the changes.

    let mut ended_at = written_at;
    for reader in readers {
        let (versions, at) = timeout(PATIENCE, reader)
            .await
            .context("events are missing")???;
        ensure!(
            versions == expected,
            "events were lost or came out of order"
        );
        ended_at = ended_at.max(at);
    }
    Ok(Run {
        changes: total,
        writing: written_at - started,
        lag: ended_at - written_at,
    })
}

/// Returns the version of the server.
async fn head(target: &Target) -> anyhow::Result<u64> {
    let list = target
        .connect()
        .await?
        .send(Method::GET, OBJECTS, Bytes::new())
        .await?;
    // The list's own is the first in it.
    version(&list).context("lists have versions")
}

/// Reads that many events, and returns the versions of their objects.
async fn read(mut body: Incoming, total: usize) -> anyhow::Result<Vec<u64>> {
    let mut versions = Vec::with_capacity(total);
    let mut rest = Vec::new();
    while versions.len() < total {
        let frame = body.frame().await.context("the watch has ended")??;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        rest.extend_from_slice(&data);
        let mut start = 0;
        while let Some(length) = rest[start..].iter().position(|&byte| byte == b'\n') {
            let line = &rest[start..start + length];
            ensure!(
                line.starts_with(br#"{"type":"MODIFIED""#),
                "{}",
                String::from_utf8_lossy(line)
            );
            versions.push(version(line).context("objects have versions")?);
            start += length + 1;
        }
        rest.drain(..start);
    }
    Ok(versions)
}

/// Finds the first version in an answer.
fn version(json: &[u8]) -> Option<u64> {
    const KEY: &[u8] = br#""resourceVersion":""#;
    let start = json.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    let digits = json[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    let number = digits.fold(0, |number, &digit| number * 10 + u64::from(digit - b'0'));
    Some(number)
}
