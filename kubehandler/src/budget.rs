//! How much a task reads before it lets others run.

use tokio::task::yield_now;

/// As much as a task reads, decodes or packs in a few milliseconds.
pub(crate) const BUDGET: usize = 256 * 1024;

/// Counts the bytes that a task has worked on since others could last run.
///
/// Tokio counts what a task takes from sockets and channels. It counts no bytes, and nothing that a
/// task takes from a page of a list, from the body of an answer, or from a queue of ours.
#[derive(Debug, Default)]
pub(crate) struct Budget(usize);

impl Budget {
    /// Notes that this number of bytes was worked on.
    pub(crate) fn note(&mut self, bytes: usize) {
        self.0 = self.0.saturating_add(bytes);
    }

    /// Returns true once others should run.
    pub(crate) fn is_spent(&self) -> bool {
        self.0 >= BUDGET
    }

    /// Lets others run.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub(crate) async fn renew(&mut self) {
        self.0 = 0;
        yield_now().await;
    }

    /// Notes that this number of bytes was worked on, and lets other tasks run once it is enough.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub(crate) async fn spend(&mut self, bytes: usize) {
        self.note(bytes);
        if self.is_spent() {
            self.renew().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::*;

    #[tokio::test]
    async fn others_run_after_so_many_bytes_in_whatever_pieces() {
        for piece in [1000, BUDGET / 2, BUDGET, usize::MAX] {
            let mut budget = Budget::default();
            let mut others = 0;
            for _ in 0..1000 {
                let mut spend = std::pin::pin!(budget.spend(piece));
                if poll_once(spend.as_mut()).await.is_pending() {
                    others += 1;
                    spend.await;
                }
            }

            let expected = 1000 / BUDGET.div_ceil(piece);
            assert_eq!(others, expected, "in pieces of {piece}");
        }
    }

    /// Polls a future once.
    async fn poll_once<F: Future + Unpin>(mut future: F) -> Poll<F::Output> {
        std::future::poll_fn(|context| Poll::Ready(std::pin::Pin::new(&mut future).poll(context)))
            .await
    }
}
