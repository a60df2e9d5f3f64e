//! A sign of life that the runtime is asked for.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// Questions of the watchdog, and the answers of a task: one that waits for its answer shows that
/// the runtime runs no task.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    asked: AtomicU64,
    answered: AtomicU64,
    asks: Notify,
}

impl Pulse {
    /// Asks the runtime.
    pub(super) fn ask(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.asks.notify_one();
    }

    /// Returns the number of the first question that waits for its answer, if one does.
    pub(super) fn open(&self) -> Option<u64> {
        let answered = self.answered.load(Ordering::Acquire);
        (self.asked.load(Ordering::Relaxed) > answered).then_some(answered + 1)
    }

    /// Answers, as a task of the runtime, until it is dropped.
    pub(crate) async fn answer(&self) {
        loop {
            self.asks.notified().await;
            let asked = self.asked.load(Ordering::Relaxed);
            self.answered.store(asked, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn question_is_open_until_a_task_answers() {
        let pulse = Pulse::default();
        assert_eq!(pulse.open(), None);

        pulse.ask();
        pulse.ask();
        assert_eq!(pulse.open(), Some(1));
        assert!(pulse.answer().now_or_never().is_none(), "it goes on");

        assert_eq!(pulse.open(), None);
    }
}
