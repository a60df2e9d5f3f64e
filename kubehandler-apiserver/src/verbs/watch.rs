//! The start of a watch: from now, from a version, or from the objects themselves.

use std::{ops::Bound, sync::Arc, time::Duration};

use futures::{future::ready, stream};
use http::{HeaderMap, header};
use tokio::time::Instant;

use super::Call;
use crate::{
    engine::Engine,
    failure::Failure,
    state::storage::Stored,
    verbs::{
        stream::{Watch, WatchPlan, error_line},
        tamper::Tamper,
    },
    wire::{
        options::{ListOptions, ResourceVersion},
        reply::{self, Reply},
    },
};

/// How long a watch lasts that does not say so: at least this, at most twice.
const WATCH_TIME: Duration = Duration::from_secs(1_800);

impl Call<'_> {
    /// Answers with a watch.
    pub(crate) async fn watch(
        &self,
        engine: &Arc<Engine>,
        options: &ListOptions,
    ) -> Result<Reply, Failure> {
        let selection = self.selection(options)?;
        let start = options.watch_start()?;
        if wants_websocket(&self.request.headers) {
            let why = "watches are not served by WebSocket here: ask without the upgrade";
            return Err(Failure::service_unavailable(why).not_embedded("a watch by WebSocket"));
        }
        let sends_initial = options.sends_initial_events == Some(true);
        if sends_initial
            && let ResourceVersion::At(revision) = start
            && let Err(failure) = self.wait_for(engine, revision).await
        {
            // The real server has begun to answer by then.
            let line = stream::once(ready(Ok(error_line(&failure))));
            return Ok(reply::pieces(Box::pin(line)));
        }

        let mut state = engine.cluster();
        let head = self.head(&state);
        let table = state.table(&self.resource);
        let initial: Vec<Arc<Stored>> = if sends_initial {
            let everything = (Bound::Unbounded, Bound::Unbounded);
            let objects = state.storage.list_at(table, head, everything);
            let objects = objects.map_err(|_| Failure::list_expired())?;
            objects
                .filter(|object| selection.contains(object))
                .cloned()
                .collect()
        } else {
            Vec::new()
        };
        let seconds = options
            .timeout_seconds
            .and_then(|seconds| u64::try_from(seconds).ok());
        let lasts = seconds.filter(|&seconds| seconds > 0).map_or_else(
            || WATCH_TIME + Duration::from_secs(state.random(WATCH_TIME.as_secs())),
            Duration::from_secs,
        );
        let after = match start {
            ResourceVersion::At(revision) if !sends_initial => revision,
            _ => head,
        };
        let plan = WatchPlan {
            table,
            selection,
            shape: self.shape(),
            initial,
            ends_initial_events: sends_initial && options.allows_bookmarks,
            after,
            has_bookmarks: options.allows_bookmarks,
            deadline: Instant::now() + lasts,
            asked: Arc::clone(&self.request.asked),
        };
        let changed = state.storage.changed(table);
        drop(state);

        let watch = Watch::new(Arc::clone(engine), changed, plan);
        let lines = stream::unfold(Tamper::new(watch, self.fault), |mut watch| async {
            let lines = watch.next().await?;
            Some((lines, watch))
        });
        Ok(reply::pieces(Box::pin(lines)))
    }
}

/// Returns true if the client asks for a WebSocket. The real server serves it; a client whose request for
/// it is ignored waits for ever. Requests for other protocols are ignored by the real server too.
fn wants_websocket(headers: &HeaderMap) -> bool {
    let says = |name, token: &str| {
        let values = headers.get_all(name).iter();
        let tokens = values.filter_map(|value| value.to_str().ok());
        tokens
            .flat_map(|value| value.split(','))
            .any(|said| said.trim().eq_ignore_ascii_case(token))
    };
    says(header::UPGRADE, "websocket") && says(header::CONNECTION, "upgrade")
}
