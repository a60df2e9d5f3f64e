//! The items that wait for their time, soonest first.
//!
//! Pure: time is a [`Duration`] since an epoch that the caller chose.
//! Items that are due at one time leave in the order in which they came.

use std::collections::BTreeMap;
use std::time::Duration;

/// Items with a due time.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    by_due: BTreeMap<Ticket, T>,
    issued: u64,
}

/// Finds one waiting entry again: its due time, then its order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket {
    /// In nanoseconds; in half the room of a [`Duration`], it lasts for 584 years.
    due: u64,
    order: u64,
}

impl Ticket {
    /// Returns when the entry is due.
    pub(super) fn due(self) -> Duration {
        Duration::from_nanos(self.due)
    }
}

/// Returns the time in nanoseconds, or the last that there is.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self {
            by_due: BTreeMap::new(),
            issued: 0,
        }
    }
}

impl<T> Waiting<T> {
    /// Adds an item and returns the ticket that removes it.
    pub(super) fn insert(&mut self, item: T, due: Duration) -> Ticket {
        let ticket = Ticket {
            due: nanos(due),
            order: self.issued,
        };
        self.issued += 1;
        self.by_due.insert(ticket, item);
        ticket
    }

    /// Removes the entry of this ticket; `None` if it has left already.
    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<T> {
        self.by_due.remove(&ticket)
    }

    /// Removes the soonest item, if it is due by `now`.
    pub(super) fn pop_due(&mut self, now: Duration) -> Option<T> {
        let soonest = self.by_due.first_entry()?;
        (soonest.key().due <= nanos(now)).then(|| soonest.remove())
    }

    /// Returns when the soonest item is due.
    #[inline]
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.by_due
            .first_key_value()
            .map(|(ticket, _)| ticket.due())
    }

    /// Returns the items, to be changed.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.by_due.values_mut()
    }

    /// Returns how many items wait.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_due.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn items_leave_by_due_time_then_by_arrival() {
        let mut waiting = Waiting::default();
        waiting.insert("late", secs(3));
        waiting.insert("first", secs(1));
        waiting.insert("second", secs(1));

        let due: Vec<_> = std::iter::from_fn(|| waiting.pop_due(secs(2))).collect();

        assert_eq!(due, ["first", "second"]);
        assert_eq!(waiting.next_due(), Some(secs(3)));
    }

    #[test]
    fn removed_item_never_comes_due() {
        let mut waiting = Waiting::default();
        let ticket = waiting.insert("cancelled", secs(1));

        assert_eq!(waiting.remove(ticket), Some("cancelled"));
        assert_eq!(waiting.remove(ticket), None);
        assert_eq!(waiting.pop_due(Duration::MAX), None);
        assert_eq!(waiting.len(), 0);
    }
}
