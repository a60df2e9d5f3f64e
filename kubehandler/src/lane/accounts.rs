//! The accounts of all objects of a lane: small where nothing is owed, which is nearly everywhere.
//!
//! Pure: no clock, no lock. The totals are those of the accounts, whatever is changed.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use hashbrown::{HashTable, hash_table::Entry};
use kubehandler_queue::__private::memory::{reuse_room, shrink_table};
use tokio::time::Instant;

use crate::{
    informer::Stored,
    lane::owed::{Owed, Quiet, Turn},
    object_key::ObjectKey,
};

/// How many parts the accounts are kept in.
///
/// What looks at all of them looks at one part at a time, and gives back the lane's lock in between.
/// A table that grows or shrinks moves one part.
pub(super) const PARTS: usize = 64;

/// What is owed to each object, found by its key.
#[derive(Debug)]
pub(super) struct Accounts {
    parts: Box<[HashTable<Account>; PARTS]>,
    hasher: RandomState,
    totals: Totals,
}

impl Default for Accounts {
    fn default() -> Self {
        Self {
            parts: Box::new(std::array::from_fn(|_| HashTable::new())),
            hasher: RandomState::default(),
            totals: Totals::default(),
        }
    }
}

/// How many accounts there are of each sort.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    owing: usize,
    untried: usize,
    failing_deletes: usize,
}

/// Of which sorts one account is.
#[derive(Clone, Copy, Debug, Default)]
struct Sorts {
    is_owing: bool,
    is_untried: bool,
    is_failing_delete: bool,
}

impl Totals {
    /// Counts an account that has changed.
    fn count(&mut self, before: Sorts, after: Sorts) {
        count(&mut self.owing, before.is_owing, after.is_owing);
        count(&mut self.untried, before.is_untried, after.is_untried);
        count(
            &mut self.failing_deletes,
            before.is_failing_delete,
            after.is_failing_delete,
        );
    }
}

/// One object's account, in the smallest form that says it all.
#[derive(Debug)]
enum Account {
    Quiet(Quiet),
    Open(Box<(ObjectKey, Open)>),
}

/// One object's account, to be changed.
#[derive(Debug, Default)]
pub(super) struct Open {
    pub(super) owed: Owed,
    /// It came with the first list, and no callback of it has ended yet.
    pub(super) untried: bool,
}

impl Account {
    fn key(&self) -> &str {
        match self {
            Self::Quiet(quiet) => quiet.key(),
            Self::Open(open) => open.0.as_str(),
        }
    }

    /// Returns the smallest form; none if there is nothing to remember.
    fn of(key: &ObjectKey, open: Open) -> Option<Self> {
        if open.owed.is_empty() {
            return None;
        }
        let quiet = open.owed.quiet(open.untried).map(Self::Quiet);
        Some(quiet.unwrap_or_else(|| Self::Open(Box::new((key.clone(), open)))))
    }

    /// Makes a resync due; returns the object if it has no turn yet and needs one.
    fn resync(&mut self, totals: &mut Totals, now: Instant) -> Option<Stored> {
        match self {
            Self::Quiet(quiet) => {
                let waits = quiet.resync();
                count(&mut totals.owing, false, waits);
                waits.then(|| quiet.object().clone())
            }
            Self::Open(open) => {
                let before = open.1.sorts();
                let owed = &mut open.1.owed;
                let had_turn = matches!(owed.turn(now), Turn::Now(_));
                let waits = owed.resync() && !had_turn;
                totals.count(before, open.1.sorts());
                let object = open.1.owed.object().filter(|_| waits);
                object.cloned()
            }
        }
    }
}

impl Account {
    /// Begins a new life of the object, and returns it if it is in the view.
    fn restart(&mut self, totals: &mut Totals) -> Option<Stored> {
        let mut open = match self {
            Self::Quiet(quiet) => Open::from(&*quiet),
            Self::Open(open) => std::mem::take(&mut open.1),
        };
        let before = open.sorts();
        open.owed.restart();
        let after = if open.owed.is_empty() {
            Sorts::default()
        } else {
            open.sorts()
        };
        totals.count(before, after);
        let object = open.owed.object().cloned();
        if let Some(quiet) = open.owed.quiet(open.untried) {
            *self = Self::Quiet(quiet);
        } else if let Self::Open(known) = self {
            known.1 = open;
        }
        object
    }

    /// Returns true if there is nothing to remember.
    fn is_empty(&self) -> bool {
        matches!(self, Self::Open(open) if open.1.owed.is_empty())
    }
}

impl Open {
    fn sorts(&self) -> Sorts {
        Sorts {
            is_owing: self.owed.is_owing(),
            is_untried: self.untried,
            is_failing_delete: self.owed.is_failing_delete(),
        }
    }
}

impl From<&Quiet> for Open {
    fn from(quiet: &Quiet) -> Self {
        Self {
            owed: Owed::from(quiet),
            untried: quiet.is_untried(),
        }
    }
}

impl Accounts {
    /// Returns how many accounts are owing: a callback runs, is due, or waits for its retry.
    pub(super) fn owing(&self) -> usize {
        self.totals.owing
    }

    /// Returns how many objects of the first list no callback has ended for.
    pub(super) fn untried(&self) -> usize {
        self.totals.untried
    }

    /// Returns how many owed deletes have failed.
    pub(super) fn failing_deletes(&self) -> usize {
        self.totals.failing_deletes
    }

    /// Returns how many objects have an account.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(HashTable::len).sum()
    }

    /// Returns what `read` makes of the object's account, if there is one.
    pub(super) fn read<T>(&self, key: &ObjectKey, read: impl FnOnce(&Owed) -> T) -> Option<T> {
        let hash = self.hasher.hash_one(key.as_str());
        let account = self.parts[part_of(hash)].find(hash, |known| known.key() == key.as_str())?;
        Some(match account {
            Account::Quiet(quiet) => read(&Owed::from(quiet)),
            Account::Open(open) => read(&open.1.owed),
        })
    }

    /// Returns what `read` makes of every account of a part.
    pub(super) fn each<T>(
        &self,
        part: usize,
        mut read: impl FnMut(&ObjectKey, &Owed) -> Option<T>,
    ) -> Vec<T> {
        let accounts = self.parts[part].iter();
        let read = accounts.filter_map(|account| match account {
            Account::Quiet(quiet) if !quiet.is_owing() => None,
            Account::Quiet(quiet) => read(&ObjectKey::of_text(quiet.key()), &Owed::from(quiet)),
            Account::Open(open) => read(&open.0, &open.1.owed),
        });
        read.collect()
    }

    /// Makes a resync of every object in view of a part due; passes on those that need a turn.
    ///
    /// Returns how many accounts the part has.
    pub(super) fn resync(
        &mut self,
        part: usize,
        now: Instant,
        needs_turn: &mut dyn FnMut(Stored),
    ) -> usize {
        let accounts = &mut self.parts[part];
        let waiting = accounts
            .iter_mut()
            .filter_map(|account| account.resync(&mut self.totals, now));
        waiting.for_each(needs_turn);
        accounts.len()
    }

    /// Begins a new life of every object in view of a part, as after a restart; passes them on.
    ///
    /// Returns how many accounts the part had.
    pub(super) fn restart(
        &mut self,
        part: usize,
        _: Instant,
        needs_turn: &mut dyn FnMut(Stored),
    ) -> usize {
        let Self {
            parts,
            totals,
            hasher,
        } = self;
        let accounts = &mut parts[part];
        let before = accounts.len();
        accounts.retain(|account| {
            let object = account.restart(totals);
            let is_left = object.is_some() || !account.is_empty();
            object.into_iter().for_each(&mut *needs_turn);
            is_left
        });
        shrink_table(accounts, |account| hasher.hash_one(account.key()));
        before
    }

    /// Changes an account, which is made if there is none.
    pub(super) fn change<T>(&mut self, key: &ObjectKey, change: impl FnOnce(&mut Open) -> T) -> T {
        let hash = self.hasher.hash_one(key.as_str());
        let hasher = &self.hasher;
        let rehash = |account: &Account| hasher.hash_one(account.key());
        let part = &mut self.parts[part_of(hash)];
        reuse_room(part, rehash);
        match part.entry(hash, |known| known.key() == key.as_str(), rehash) {
            Entry::Vacant(vacant) => {
                let mut open = Open::default();
                let answer = change(&mut open);
                let after = open.sorts();
                if let Some(account) = Account::of(key, open) {
                    self.totals.count(Sorts::default(), after);
                    vacant.insert(account);
                }
                answer
            }
            Entry::Occupied(mut known) => {
                let account = known.get_mut();
                let (before, answer, after) = match account {
                    Account::Quiet(quiet) => {
                        let mut open = Open::from(&*quiet);
                        let before = open.sorts();
                        let answer = change(&mut open);
                        let after = open.sorts();
                        let smallest = Account::of(key, open);
                        let left = smallest.is_some();
                        if let Some(smallest) = smallest {
                            *account = smallest;
                        }
                        (before, answer, left.then_some(after))
                    }
                    Account::Open(open) => {
                        let open = &mut open.1;
                        let before = open.sorts();
                        let answer = change(open);
                        let after = open.sorts();
                        let left = !open.owed.is_empty();
                        if let Some(quiet) = open.owed.quiet(open.untried).filter(|_| left) {
                            *account = Account::Quiet(quiet);
                        }
                        (before, answer, left.then_some(after))
                    }
                };
                self.totals.count(before, after.unwrap_or_default());
                if after.is_none() {
                    known.remove();
                    // Gives memory back after many objects have left.
                    shrink_table(part, rehash);
                }
                answer
            }
        }
    }
}

/// Says which part has the accounts of this hash, by bits that its table uses for nothing else.
fn part_of(hash: u64) -> usize {
    const BITS: u32 = PARTS.ilog2();

    usize::try_from(hash >> (56 - BITS)).unwrap_or(0) % PARTS
}

fn count(total: &mut usize, before: bool, after: bool) {
    match (before, after) {
        (false, true) => *total += 1,
        (true, false) => *total -= 1,
        _ => {}
    }
}
