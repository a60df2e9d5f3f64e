//! What an informer tells of its lists and watches.

use std::{fmt, time::Duration};

/// Why an informer lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ListCause {
    /// It has not listed yet.
    #[default]
    First,
    /// The server does not have the changes since the last version seen: it answered 410 Gone, or that the
    /// version is not known yet.
    Expired,
    /// The server showed a state that is older than one seen before, or deleted an object that is not
    /// the known one: it was restored, or lags behind another.
    Inconsistent,
    /// An event of the watch cannot be read, or is too long.
    Unreadable,
    /// Watches failed, or ended, without a change several times in a row.
    Fruitless,
    /// The server does not know the kind any more, or does not understand the version of the watch.
    Refused,
    /// The server gives no versions, from which a watch could go on.
    Unversioned,
}

impl ListCause {
    /// Returns the cause as one word in lower case, such as `expired`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Expired => "expired",
            Self::Inconsistent => "inconsistent",
            Self::Unreadable => "unreadable",
            Self::Fruitless => "fruitless",
            Self::Refused => "refused",
            Self::Unversioned => "unversioned",
        }
    }
}

impl fmt::Display for ListCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an informer does, or what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InformerStage {
    /// It asks for a list; told again when it asks in another way, or once more after a failure.
    #[non_exhaustive]
    Listing {
        /// Why.
        cause: ListCause,
    },
    /// The list is complete, and the store equal to it.
    #[non_exhaustive]
    Listed {
        /// How many objects the store has.
        objects: usize,
        /// How long it took since it was asked for.
        took: Duration,
    },
    /// A watch is open.
    Watching,
    /// The watch ended, as watches do from time to time; if it failed, that is told next.
    #[non_exhaustive]
    WatchEnded {
        /// How long it was open.
        lived: Duration,
    },
    /// A list or a watch failed.
    #[non_exhaustive]
    Failed {
        /// What failed, why, and what to do about it.
        error: String,
    },
}

/// Is told what an informer does.
pub(crate) trait InformerObserver: Send + Sync {
    /// Takes what has just happened to the informer of this description; called by its task, under no lock.
    fn informer_is(&self, informer: &str, stage: InformerStage);
}
