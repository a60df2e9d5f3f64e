//! An honest watch of a scripted server's truth.

use std::{collections::VecDeque, time::Duration};

use futures::stream::{self, Stream};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::{Asked, ScriptedServer, View};

/// How often a watch without events gets a bookmark.
const BOOKMARKS: Duration = Duration::from_secs(60);

struct Watch {
    server: ScriptedServer,
    view: View,
    version: u64,
    generation: u64,
    deadline: Instant,
    lines: VecDeque<String>,
}

/// The lines of a watch of what happens after `version`; it ends when the server closes its
/// watches, or at the time that the client asked for.
pub(super) fn events(
    server: &ScriptedServer,
    view: View,
    asked: &Asked,
    version: u64,
) -> impl Stream<Item = String> + Send + use<> {
    let seconds = asked.param("timeoutSeconds").parse().unwrap_or(1800);
    let watch = Watch {
        generation: server.truth().generation,
        server: server.clone(),
        view,
        version,
        deadline: asked.at + Duration::from_secs(seconds),
        lines: VecDeque::new(),
    };
    stream::unfold(watch, |mut watch| async {
        let line = watch.next().await?;
        Some((line, watch))
    })
}

impl Watch {
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Some(line);
            }
            let inner = self.server.inner.clone();
            let changed = inner.changed.notified();
            let (events, version) = {
                let truth = self.server.truth();
                if truth.generation != self.generation {
                    return None;
                }
                truth.events(&self.view, self.version)
            };
            self.version = version;
            if !events.is_empty() {
                self.lines
                    .extend(events.iter().map(|event| format!("{event}\n")));
                continue;
            }
            tokio::select! {
                () = changed => {}
                () = sleep_until(self.deadline) => return None,
                () = sleep_until(Instant::now() + BOOKMARKS) => {
                    let event = json!({"type": "BOOKMARK", "object": bookmark(version)});
                    return Some(format!("{event}\n"));
                }
            }
        }
    }
}

pub(super) fn bookmark(version: u64) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"resourceVersion": version.to_string(), "creationTimestamp": null},
    })
}
