//! What the sample controller has logged, held against the laws and against the server.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Context as _, ensure};
use kubehandler::EventType;
use kubehandler_tests::recorder::is_a_life;
use serde_json::Value;
use tokio::time::Instant;

use crate::churn::Lives;

/// One line about a pod.
#[derive(Clone, Debug)]
pub(crate) struct PodLine {
    event_type: EventType,
    key: String,
    uid: String,
    phase: String,
    /// When the test read it.
    at: Instant,
}

/// Uid and phase of each pod that there is, by `namespace/name`.
pub(crate) type Present = BTreeMap<String, (String, String)>;

impl PodLine {
    /// Reads a line of the log, or returns `None` if it is not about a pod.
    pub(crate) fn read(line: &str) -> anyhow::Result<Option<Self>> {
        let value: Value =
            serde_json::from_str(line).with_context(|| format!("no JSON: {line}"))?;
        // Lost connections are warnings at most, once each.
        ensure!(value["level"] != "ERROR", "an error was logged: {line}");
        let event_type = match value["message"].as_str() {
            Some("pod added") => EventType::Add,
            Some("pod updated") => EventType::Update,
            Some("pod deleted") => EventType::Delete,
            _ => return Ok(None),
        };
        let text = |at: &str| {
            let text = value.pointer(at).and_then(Value::as_str);
            text.map(str::to_owned)
                .with_context(|| format!("no `{at}` in {line}"))
        };
        Ok(Some(Self {
            event_type,
            key: text("/spans/0/object")?,
            uid: text("/uid")?,
            phase: text("/phase")?,
            at: Instant::now(),
        }))
    }

    /// Returns `namespace/name`.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }
}

/// Returns how the pods whose last line is not that they are deleted differ from those of the server.
pub(crate) fn differences(log: &[PodLine], server: &Present) -> Vec<String> {
    let mut logged = Present::new();
    for line in log {
        if line.event_type == EventType::Delete {
            logged.remove(&line.key);
        } else {
            let shown = (line.uid.clone(), line.phase.clone());
            logged.insert(line.key.clone(), shown);
        }
    }
    let keys: BTreeSet<&String> = logged.keys().chain(server.keys()).collect();
    keys.into_iter()
        .map(|key| (key, logged.get(key), server.get(key)))
        .filter(|(_, logged, server)| logged != server)
        .map(|(key, logged, server)| format!("`{key}`: logged {logged:?}, is {server:?}"))
        .collect()
}

/// Checks law 2: each life is `(add update*)? delete?`, and the lives of a name come one after the other.
pub(crate) fn check_lives(log: &[PodLine], lives: &Lives) -> anyhow::Result<()> {
    let first_line = log.first().context("nothing was logged")?.at;
    let mut of_name: HashMap<&str, Vec<&PodLine>> = HashMap::new();
    for line in log {
        of_name.entry(&line.key).or_default().push(line);
    }
    for (key, log) in of_name {
        let known = lives.get(key).context("lines of a pod that never was")?;
        let logged: Vec<&[&PodLine]> = log.chunk_by(|a, b| a.uid == b.uid).collect();
        let mut unlogged = known.iter();
        for (index, life) in logged.iter().enumerate() {
            let uid = &life[0].uid;
            // What is skipped lived and died unseen, and owes nothing.
            let known = unlogged.find(|known| known.uid == *uid);
            let known =
                known.with_context(|| format!("`{key}` {uid}: lives out of order: {log:#?}"))?;
            let calls: Vec<EventType> = life.iter().map(|line| line.event_type).collect();
            ensure!(is_a_life(&calls), "`{key}` {uid}: {calls:?}");

            let has_ended = calls.last() == Some(&EventType::Delete);
            let is_last = index + 1 == logged.len();
            ensure!(has_ended || is_last, "`{key}` {uid}: its delete is lost");
            // Callbacks start after the first list: what came later was not in it.
            ensure!(
                calls != [EventType::Delete] || known.since < first_line,
                "`{key}` {uid}: deleted, never added, and not of the first list"
            );
        }
    }
    Ok(())
}
