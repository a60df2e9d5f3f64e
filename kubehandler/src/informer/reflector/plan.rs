//! What a reflector asks for next: the rules of list and watch, without I/O and without a clock.

use crate::informer::{
    reflector::news::ListCause,
    wire::{
        failure::Failure,
        target::Read,
        version::{is_known, is_older},
    },
};

/// Lists in a row that are refused as too old, after which a consistent one is asked for.
///
/// A server that keeps answering below what it is asked for was restored from a backup.
const REFUSED_LISTS: u32 = 5;

/// Watches in a row that bring nothing, closed at once or refused, after which a list is asked for.
///
/// Some resources answer so to a version that is too old, instead of saying it; and past an
/// event that the server cannot send, only a list leads.
const FRUITLESS_WATCHES: u32 = 3;

/// What to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The objects as events of a watch, closed by a bookmark.
    StreamingList(Read),
    /// The objects in pages, or in one piece if `whole`.
    PagedList { read: Read, whole: bool },
    /// One object of a list that is not older than this version: has the server seen it?
    Probe(Read),
    /// The changes after this version.
    Watch(String),
}

/// Where a reflector stands.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact that was observed"
)]
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// The last version seen; empty before the first list, and for servers that have none.
    version: String,
    /// The newest version that lists have shown which were not completed since.
    ///
    /// What was shown was seen: no older list may be accepted afterwards.
    shown: String,
    /// The version of the last complete list.
    listed: String,
    /// Versions count the changes of each object, not those of the whole resource.
    is_unordered: bool,
    /// The watch brought something since it was opened, if only a bookmark of the same version.
    has_heard: bool,
    /// The watch moved the version on since it was opened.
    has_moved: bool,
    /// A watch ended before its time, and none has brought anything since: another server may answer.
    may_be_another: bool,
    /// The server may have less history than it had: a watch of a version that it has not reached
    /// would be silent until it has, and what happened until then would be lost.
    doubts_history: bool,
    need: Need,
    /// Why it takes a list, if it does.
    cause: ListCause,
    streaming: Streaming,
    /// The pages of the last list expired; the next list comes in one piece.
    whole_next: bool,
    refused_lists: u32,
    fruitless_watches: u32,
}

/// What it takes to make the store equal to the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    /// The changes after the last version seen.
    Watch,
    /// A list not older than that, as a watch would not bring all the changes.
    List,
    /// A list of the state of the moment, whatever was seen before.
    #[default]
    ConsistentList,
}

/// Whether the next list is asked for as a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Streaming {
    #[default]
    Yes,
    /// The last one failed; a paged list comes first.
    NotNext,
    /// The server refused or ignored it; it is not asked again.
    Never,
}

impl Plan {
    /// Returns what to ask for now.
    pub(crate) fn next(&self) -> Step {
        let read = match self.need {
            Need::Watch if self.doubts_history && self.has_order() => {
                return Step::Probe(Read::NotOlderThan(self.version.clone()));
            }
            Need::Watch => return Step::Watch(self.version.clone()),
            Need::List if self.has_order() => Read::NotOlderThan(self.newest().to_owned()),
            Need::List | Need::ConsistentList => Read::Consistent,
        };
        if self.streaming == Streaming::Yes {
            Step::StreamingList(read)
        } else {
            let whole = self.whole_next;
            Step::PagedList { read, whole }
        }
    }

    /// Returns true once the server has shown that it does not do streaming lists.
    pub(crate) fn has_given_up_streaming(&self) -> bool {
        self.streaming == Streaming::Never
    }

    /// Checks the version of a list that was asked for with `read`.
    ///
    /// # Errors
    ///
    /// Fails if the list is older than what was seen before; a consistent one never is.
    pub(crate) fn accepts(read: &Read, version: &str) -> Result<(), Failure> {
        match read {
            Read::NotOlderThan(seen) if is_older(version, seen) => Err(Failure::Older {
                got: version.to_owned(),
                seen: seen.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// Returns true if versions say which of two states is newer, and one was seen.
    fn has_order(&self) -> bool {
        is_known(&self.version) && !self.is_unordered
    }

    /// Returns the newest version that was seen or shown.
    fn newest(&self) -> &str {
        if is_older(&self.version, &self.shown) {
            &self.shown
        } else {
            &self.version
        }
    }

    /// Notes that a list which is not complete yet has shown a change of this version.
    pub(crate) fn shows(&mut self, version: &str) {
        if is_known(version) && (self.shown.is_empty() || is_older(&self.shown, version)) {
            version.clone_into(&mut self.shown);
        }
    }

    /// Notes that a list of this version is in the store, whose newest object is of version `newest`.
    pub(crate) fn listed(&mut self, version: &str, newest: &str) {
        let streaming = match self.streaming {
            Streaming::NotNext => Streaming::Yes,
            known => known,
        };
        *self = Self {
            version: version.to_owned(),
            listed: version.to_owned(),
            // A list is at least as new as its objects, where they are counted together.
            is_unordered: self.is_unordered || is_older(version, newest),
            need: Need::Watch,
            streaming,
            ..Self::default()
        };
    }

    /// Returns true if an object of this version must have been in the last complete list, or gone.
    pub(crate) fn was_listed(&self, version: &str) -> bool {
        !is_older(&self.listed, version)
    }

    /// Notes that versions do not tell which of two states of the whole resource is newer.
    pub(crate) fn has_no_order(&mut self) {
        self.is_unordered = true;
    }

    /// Returns why a list comes next, if it does.
    pub(crate) fn cause(&self) -> ListCause {
        self.cause
    }

    /// Returns true if a list comes next.
    pub(crate) fn lists(&self) -> bool {
        self.need != Need::Watch
    }

    /// Notes that the server has reached the version that was asked about.
    pub(crate) fn probed(&mut self) {
        (self.doubts_history, self.may_be_another) = (false, false);
    }

    /// Notes that a watch is open.
    pub(crate) fn opened(&mut self) {
        (self.has_heard, self.has_moved) = (false, false);
    }

    /// Returns true if the watch has moved the version on since it was opened.
    pub(crate) fn has_moved(&self) -> bool {
        self.has_moved
    }

    /// Checks the version of an event or a bookmark, before it is applied.
    ///
    /// # Errors
    ///
    /// Fails if the version goes backwards.
    pub(crate) fn checks(&self, version: &str) -> Result<(), Failure> {
        if !self.is_unordered && is_older(version, &self.version) {
            return Err(Failure::Backwards {
                got: version.to_owned(),
                seen: self.version.clone(),
            });
        }
        Ok(())
    }

    /// Notes that an event or a bookmark of this version was applied.
    pub(crate) fn saw(&mut self, version: &str) {
        self.has_heard = true;
        self.may_be_another = false;
        if version == self.version {
            return; // Nothing was gained: the next watch starts where this one did.
        }
        self.fruitless_watches = 0;
        self.has_moved = true;
        if is_known(version) && !is_older(version, &self.version) {
            version.clone_into(&mut self.version);
        }
    }

    /// Notes that a watch ended as watches do: when its time was over, or earlier.
    pub(crate) fn closed(&mut self, was_early: bool) {
        self.fruitless_watches = 0;
        self.doubts_history |= self.may_be_another && !self.has_heard;
        self.may_be_another |= was_early;
        self.list_if_unversioned();
    }

    /// Notes a failure of `step`.
    pub(crate) fn failed(&mut self, step: &Step, failure: &Failure) {
        match step {
            Step::StreamingList(_) => self.streaming_failed(failure),
            Step::PagedList { .. } => {
                self.whole_next |=
                    failure.code() == Some(410) || matches!(failure, Failure::MixedPages { .. });
                if self.streaming == Streaming::NotNext {
                    self.streaming = Streaming::Yes;
                }
            }
            Step::Probe(_) => self.probe_failed(failure),
            Step::Watch(_) => self.watch_failed(failure),
        }
        if matches!(failure, Failure::Older { .. }) {
            self.refused_lists += 1;
            if self.refused_lists >= REFUSED_LISTS {
                self.require(Need::ConsistentList, ListCause::Inconsistent);
            }
        }
        if failure.code() == Some(410) || failure.is_too_large() {
            self.require(Need::ConsistentList, ListCause::Expired);
        }
    }

    fn streaming_failed(&mut self, failure: &Failure) {
        self.streaming = match failure {
            Failure::NoBookmark => Streaming::Never,
            // The parameters are unknown, or the kind cannot be watched at all.
            _ if matches!(failure.code(), Some(400 | 405 | 406 | 415 | 422)) => Streaming::Never,
            _ => Streaming::NotNext,
        };
    }

    fn probe_failed(&mut self, failure: &Failure) {
        match failure {
            // A list has to say what became of it.
            Failure::Older { .. } => self.require(Need::List, ListCause::Inconsistent),
            // To list is not allowed any more, or not as it was: only a watch can tell.
            Failure::Status(status) if matches!(status.code, 400 | 403 | 404 | 405 | 422) => {
                self.doubts_history = false;
            }
            _ => {}
        }
    }

    fn watch_failed(&mut self, failure: &Failure) {
        // The server was away, and may have come back as another.
        self.doubts_history |= match failure {
            // A gateway says so.
            Failure::Status(status) => matches!(status.code, 502 | 504),
            Failure::Transport(_) | Failure::NoAnswer(_) | Failure::Stalled(..) => true,
            _ => false,
        };
        self.may_be_another |= matches!(failure, Failure::ClosedEarly(_));
        match failure {
            Failure::UnreadableEvent(_) => self.require(Need::List, ListCause::Unreadable),
            Failure::Backwards { .. } | Failure::OtherUid(_) => {
                self.require(Need::List, ListCause::Inconsistent);
            }
            // A list has room for more, if it comes in pages.
            Failure::TooLong { .. } => {
                self.stream_not_next();
                self.require(Need::List, ListCause::Unreadable);
            }
            // Past an event on which the client panics, or that does not come whole, only a list leads.
            Failure::ClosedEarly(_) | Failure::Panicked | Failure::Stalled(..) => {
                self.watch_was_fruitless();
            }
            Failure::Status(status) => match status.code {
                // The version is not understood.
                400 | 422 => self.require(Need::ConsistentList, ListCause::Refused),
                // The kind is gone, and its objects with it.
                404 => self.require(Need::List, ListCause::Refused),
                // The server has too much to do for a list.
                429 | 503 => {}
                _ => {
                    // A streaming list is a watch as well.
                    if self.watch_was_fruitless() {
                        self.stream_not_next();
                    }
                }
            },
            _ => {}
        }
        self.list_if_unversioned();
    }

    fn stream_not_next(&mut self) {
        if self.streaming == Streaming::Yes {
            self.streaming = Streaming::NotNext;
        }
    }

    /// Counts a watch that brought nothing; returns true if that is one too many.
    fn watch_was_fruitless(&mut self) -> bool {
        self.fruitless_watches += 1;
        let are_too_many = self.fruitless_watches >= FRUITLESS_WATCHES;
        if are_too_many {
            self.require(Need::List, ListCause::Fruitless);
        }
        are_too_many
    }

    /// Notes what is needed at least, and why, if less was before.
    fn require(&mut self, need: Need, cause: ListCause) {
        if need > self.need {
            (self.need, self.cause) = (need, cause);
        }
    }

    /// Without a version a watch starts anywhere: what happened before it is only in a list.
    fn list_if_unversioned(&mut self) {
        if !is_known(&self.version) {
            self.require(Need::List, ListCause::Unversioned);
        }
    }
}

#[cfg(test)]
mod tests;
