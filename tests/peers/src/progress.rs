//! Which round each object's callbacks have seen.

use std::sync::{
    atomic::{AtomicU32, AtomicUsize, Ordering},
    mpsc::Sender,
};

use crate::{report, version};

/// More rounds than anybody measures.
const MAX_ROUNDS: usize = 4096;

/// Counts, for each round, the objects whose callbacks have seen it or a later one.
///
/// Merged events are counted honestly: an object that skips a round has handled it with the next.
/// When a round is handled for all objects, its line is printed: `synced NANOS` for round 0,
/// `round R NANOS` for the others. The Go program counts in the same way.
#[derive(Debug)]
pub struct Progress {
    /// For each object, one more than the last round that was seen; 0 before the first.
    seen: Box<[AtomicU32]>,
    /// For each round, how many objects have seen it or a later one.
    handled: Box<[AtomicUsize]>,
    /// Who is told of rounds that are handled, in place of a line.
    listener: Option<Sender<u32>>,
}

impl Progress {
    /// Counts for `objects` objects, whose names end in their index.
    #[must_use]
    pub fn new(objects: usize) -> Self {
        Self {
            seen: (0..objects).map(|_| AtomicU32::new(0)).collect(),
            handled: (0..MAX_ROUNDS).map(|_| AtomicUsize::new(0)).collect(),
            listener: None,
        }
    }

    /// Sends each round that is handled to `listener`, and prints no lines.
    #[must_use]
    pub fn told_to(mut self, listener: Sender<u32>) -> Self {
        self.listener = Some(listener);
        self
    }

    /// Notes that a callback has handled an object; the last for a round prints its line.
    ///
    /// What is no object of the load counts for nothing, so that its round is never complete.
    pub fn saw(&self, name: &str, resource_version: &str) {
        let Some((seen, round)) = self.slot(name).zip(version::round(resource_version)) else {
            return;
        };
        let after = round + 1;
        let before = seen.fetch_max(after, Ordering::AcqRel);
        for round in before..after {
            let Some(handled) = self.handled.get(round as usize) else {
                return;
            };
            if handled.fetch_add(1, Ordering::AcqRel) + 1 == self.seen.len() {
                self.report(round);
            }
        }
    }

    fn report(&self, round: u32) {
        if let Some(listener) = &self.listener {
            let _ = listener.send(round); // Nobody listens any more at the end.
            return;
        }
        let now = report::unix_nanos();
        match round {
            0 => report::say(&format!("synced {now}")),
            _ => report::say(&format!("round {round} {now}")),
        }
    }

    fn slot(&self, name: &str) -> Option<&AtomicU32> {
        let (_, index) = name.rsplit_once('-')?;
        self.seen.get(index.parse::<usize>().ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handled(progress: &Progress, round: usize) -> usize {
        progress.handled[round].load(Ordering::Relaxed)
    }

    #[test]
    fn skipped_round_is_handled_with_the_next() {
        let progress = Progress::new(2);

        progress.saw("web-0", &version::of(0, 0).to_string());
        progress.saw("web-0", &version::of(2, 0).to_string());
        progress.saw("web-1", &version::of(1, 1).to_string());

        assert_eq!([0, 1, 2].map(|round| handled(&progress, round)), [2, 2, 1]);
    }

    #[test]
    fn repeated_and_unknown_objects_count_for_nothing() {
        let progress = Progress::new(2);

        progress.saw("web-0", &version::of(0, 0).to_string());
        progress.saw("web-0", &version::of(0, 0).to_string());
        progress.saw("web-2", &version::of(0, 2).to_string());
        progress.saw("web", "17");

        assert_eq!(handled(&progress, 0), 1);
    }
}
