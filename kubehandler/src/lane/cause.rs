//! Why a callback is due: the causes of one call, merged until it starts.
//!
//! Pure. What causes calls all the time is a bit. What comes from elsewhere is kept in a box, so that
//! an object to which nothing of the sort has happened pays a word for it while its account is open, and
//! nothing else.

use std::{fmt, sync::Arc};

use crate::{object_key::ObjectKey, queue::Priority};

/// At most this many objects of sources are named as causes of one call.
const NAMED: usize = 4;

/// One reason why a callback is due.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The object came into view, changed, or left it.
    Change,
    /// The handler's resync.
    Resync,
    /// An earlier call failed, and the time of its retry has come.
    Retry,
    /// An earlier call asked for another one, and its time has come.
    Requeue,
    /// Another object changed, from which this one is made or on which it depends.
    Source {
        /// The kind of the other object.
        kind: Arc<str>,
        /// Its namespace and name.
        key: ObjectKey,
    },
    /// Something outside of the cluster asked for the call.
    Trigger,
}

/// `change`, or `Secret default/password`.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Change => f.write_str("change"),
            Self::Resync => f.write_str("resync"),
            Self::Retry => f.write_str("retry"),
            Self::Requeue => f.write_str("requeue"),
            Self::Source { kind, key } => write!(f, "{kind} {key}"),
            Self::Trigger => f.write_str("trigger"),
        }
    }
}

/// What makes an object due from elsewhere, merged.
#[derive(Clone, Debug)]
pub(crate) struct Outside {
    /// The highest of those with which it was made due.
    priority: Priority,
    is_triggered: bool,
    /// Objects of sources, in the order in which they came, each once.
    sources: Vec<(Arc<str>, ObjectKey)>,
    /// Objects of sources changed that are not named.
    has_more: bool,
}

impl Outside {
    /// Adds a cause to those that are there; the object's own causes are none of them.
    pub(crate) fn add(causes: &mut Option<Box<Self>>, cause: Cause, priority: Priority) {
        let outside = causes.get_or_insert_with(|| {
            Box::new(Self {
                priority,
                is_triggered: false,
                sources: Vec::new(),
                has_more: false,
            })
        });
        outside.priority = outside.priority.max(priority);
        match cause {
            Cause::Source { kind, key } => outside.add_source((kind, key)),
            _ => outside.is_triggered = true,
        }
    }

    /// Returns the causes of both, the first ones first.
    pub(crate) fn merge(first: Option<Box<Self>>, then: Option<Box<Self>>) -> Option<Box<Self>> {
        let (mut first, then) = match (first, then) {
            (Some(first), Some(then)) => (first, then),
            (first, then) => return first.or(then),
        };
        first.priority = first.priority.max(then.priority);
        first.is_triggered |= then.is_triggered;
        first.has_more |= then.has_more;
        for source in then.sources {
            first.add_source(source);
        }
        Some(first)
    }

    fn add_source(&mut self, source: (Arc<str>, ObjectKey)) {
        if self.sources.contains(&source) {
            return;
        }
        if self.sources.len() < NAMED {
            self.sources.push(source);
        } else {
            self.has_more = true;
        }
    }

    pub(crate) fn priority(&self) -> Priority {
        self.priority
    }
}

/// The causes of one call.
#[derive(Clone, Debug, Default)]
pub struct Causes {
    /// The object's own, a bit each.
    own: u8,
    outside: Option<Box<Outside>>,
}

/// The causes that are a bit each.
const OWN: [Cause; 4] = [Cause::Change, Cause::Resync, Cause::Retry, Cause::Requeue];

impl Causes {
    /// Makes the causes from those of the object's own that are true, and those from elsewhere.
    pub(crate) fn new(own: [bool; OWN.len()], outside: Option<Box<Outside>>) -> Self {
        let own = own
            .iter()
            .rev()
            .fold(0, |bits, is| (bits << 1) | u8::from(*is));
        Self { own, outside }
    }

    /// Returns those that came from elsewhere.
    pub(crate) fn into_outside(self) -> Option<Box<Outside>> {
        self.outside
    }

    /// Returns the causes: first the object's own, then those from elsewhere in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = Cause> + '_ {
        let own = OWN.into_iter().enumerate();
        let own = own.filter(move |(bit, _)| (self.own >> bit) & 1 == 1);
        let outside = self.outside.iter();
        let triggered = outside.clone().filter(|outside| outside.is_triggered);
        let sources = outside.flat_map(|outside| &outside.sources);
        own.map(|(_, cause)| cause)
            .chain(triggered.map(|_| Cause::Trigger))
            .chain(sources.map(|(kind, key)| Cause::Source {
                kind: kind.clone(),
                key: key.clone(),
            }))
    }

    /// Returns true if this is one of the causes, or one of those that are not named may be it.
    #[must_use]
    pub fn contains(&self, cause: &Cause) -> bool {
        let is_unnamed = matches!(cause, Cause::Source { .. }) && self.has_more();
        is_unnamed || self.iter().any(|known| known == *cause)
    }

    /// Returns true if more objects of sources changed than are named.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.outside
            .as_ref()
            .is_some_and(|outside| outside.has_more)
    }
}

/// `change, Secret default/password, and more`.
impl fmt::Display for Causes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, cause) in self.iter().enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            write!(f, "{comma}{cause}")?;
        }
        if self.has_more() {
            f.write_str(", and more")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(number: usize) -> Cause {
        Cause::Source {
            kind: "Secret".into(),
            key: ObjectKey::namespaced("default", &format!("s{number}")),
        }
    }

    fn from_elsewhere(causes: impl IntoIterator<Item = Cause>) -> Causes {
        let mut outside = None;
        for cause in causes {
            Outside::add(&mut outside, cause, Priority::NORMAL);
        }
        Causes::new([false; 4], outside)
    }

    #[test]
    fn causes_are_listed_once_and_in_order() {
        let mut outside = None;
        for cause in [secret(1), Cause::Trigger, secret(0), secret(1)] {
            Outside::add(&mut outside, cause, Priority::NORMAL);
        }

        let causes = Causes::new([true, false, true, false], outside);

        assert_eq!(
            causes.to_string(),
            "change, retry, trigger, Secret default/s1, Secret default/s0"
        );
        assert!(causes.contains(&Cause::Retry));
        assert!(!causes.contains(&Cause::Resync));
        assert!(!causes.contains(&secret(7)));
    }

    #[test]
    fn no_more_than_a_few_are_named() {
        let causes = from_elsewhere((0..1000).map(secret));

        assert_eq!(causes.iter().count(), NAMED);
        assert!(causes.has_more());
        assert!(causes.to_string().ends_with("Secret default/s3, and more"));
        assert!(causes.contains(&secret(999)), "it may be one of them");
    }

    #[test]
    fn highest_priority_counts() {
        let mut outside = None;
        Outside::add(&mut outside, secret(0), Priority::LOW);
        Outside::add(&mut outside, secret(1), Priority::NORMAL);
        Outside::add(&mut outside, secret(2), Priority::LOW);

        assert_eq!(outside.map(|it| it.priority()), Some(Priority::NORMAL));
    }
}
