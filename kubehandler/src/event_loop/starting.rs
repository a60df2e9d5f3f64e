//! What a loop that does not get going waits for.

use std::{convert::Infallible, time::Duration};

use tokio::time::sleep;

use crate::{cluster::Stages, log::warn};

/// How long nothing is said; then each wait is twice as long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Logs what is waited for, at growing intervals, until it is dropped.
pub(super) async fn report(stages: &Stages) -> Infallible {
    tell(stages, |waited, what| {
        warn!("not started after {waited:?}: waiting for {what}");
    })
    .await
}

async fn tell(stages: &Stages, mut tell: impl FnMut(Duration, &str)) -> Infallible {
    let mut waited = Duration::ZERO;
    loop {
        let next = (waited * 2).max(PATIENCE);
        sleep(next.saturating_sub(waited)).await;
        waited = next;
        if let Some(what) = stages.current() {
            tell(waited, &what);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_waited_for_is_told_at_growing_intervals() {
        let stages = Stages::default();
        let stage = stages.enter("the plugin");
        let mut told = Vec::new();

        let tell = tell(&stages, |waited, what| {
            told.push((waited.as_secs(), what.to_owned()));
            if waited.as_secs() == 40 {
                stage.next("a connection");
            }
        });
        let _ = timeout(Duration::from_secs(100), tell).await;

        let told: Vec<_> = told
            .iter()
            .map(|(waited, what)| (*waited, &**what))
            .collect();
        assert_eq!(
            told,
            [
                (10, "the plugin"),
                (20, "the plugin"),
                (40, "the plugin"),
                (80, "a connection")
            ]
        );
    }
}
