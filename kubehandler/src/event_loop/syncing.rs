//! How long the first lists may take: as long as they come.

use std::{pin::pin, sync::Arc, time::Duration};

use tokio::time::{Instant, timeout};

use crate::informer::Source;

/// Waits for `done`; false once an informer that keeps it waiting has spent `limit` without progress.
///
/// The time in which a list comes is no such time. Lists that fail leave the delays between them.
pub(super) async fn in_time(
    informers: &[Arc<Source>],
    limit: Duration,
    done: impl Future<Output = ()>,
) -> bool {
    let mut done = pin!(done);
    let start = Instant::now();
    let before: Vec<Duration> = informers
        .iter()
        .map(|informer| informer.upstream().arrived.progress())
        .collect();
    let mut left = limit;
    while timeout(left, done.as_mut()).await.is_err() {
        let spent = start.elapsed();
        let left_to = |(informer, before): (&Arc<Source>, &Duration)| {
            let progress = informer
                .upstream()
                .arrived
                .progress()
                .saturating_sub(*before);
            limit.saturating_add(progress).saturating_sub(spent)
        };
        let unfinished = informers.iter().zip(&before);
        let unfinished = unfinished.filter(|(informer, _)| !informer.has_started());
        left = unfinished.map(left_to).min().unwrap_or(limit);
        if left.is_zero() {
            return false;
        }
    }
    true
}
