//! What the program waits for, before it has heard from the server, and for how long.

use std::{fmt, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

/// How long what gives credentials may take to answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnswerTimes {
    /// While it works by itself.
    pub(crate) alone: Duration,
    /// While it may ask a person.
    pub(crate) asking: Duration,
}

impl AnswerTimes {
    /// Makes no difference between the two.
    pub(crate) fn of(limit: Duration) -> Self {
        Self {
            alone: limit,
            asking: limit,
        }
    }
}

/// What is under way now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stages(Arc<Mutex<Vec<Stage>>>);

#[derive(Debug)]
struct Stage {
    id: u64,
    since: Instant,
    what: String,
}

impl Stages {
    /// Notes that something is waited for, until the guard is dropped.
    pub(crate) fn enter(&self, what: impl fmt::Display) -> Entered {
        let mut stages = self.0.lock();
        let id = stages.last().map_or(0, |stage| stage.id + 1);
        stages.push(Stage {
            id,
            since: Instant::now(),
            what: what.to_string(),
        });
        Entered {
            stages: self.clone(),
            id,
        }
    }

    /// Returns what is waited for now: the step that was begun last, as it belongs to the others.
    pub(crate) fn current(&self) -> Option<String> {
        let stages = self.0.lock();
        let current = stages.iter().max_by_key(|stage| (stage.since, stage.id))?;
        Some(current.what.clone())
    }
}

/// Something that is waited for.
#[derive(Debug)]
pub(crate) struct Entered {
    stages: Stages,
    id: u64,
}

impl Entered {
    /// Notes that something else is waited for now.
    pub(crate) fn next(&self, what: impl fmt::Display) {
        let mut stages = self.stages.0.lock();
        if let Some(stage) = stages.iter_mut().find(|stage| stage.id == self.id) {
            stage.since = Instant::now();
            stage.what = what.to_string();
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.stages.0.lock().retain(|stage| stage.id != self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn step_that_was_begun_last_is_named_until_it_is_over() {
        let stages = Stages::default();
        let pass = || tokio::time::sleep(Duration::from_secs(1));
        let request = stages.enter("an answer");
        pass().await;
        let dial = stages.enter("an address");
        pass().await;

        let first = stages.current();
        dial.next("a connection");
        let second = stages.current();
        drop(dial);
        let third = stages.current();
        drop(request);

        assert_eq!(first.as_deref(), Some("an address"));
        assert_eq!(second.as_deref(), Some("a connection"));
        assert_eq!(third.as_deref(), Some("an answer"));
        assert_eq!(stages.current(), None);
    }
}
