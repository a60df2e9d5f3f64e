//! The accounts of all objects of a lane: small where nothing is owed, which is nearly everywhere.
//!
//! Pure: no clock, no lock. The totals are those of the accounts, whatever is changed.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use hashbrown::{HashTable, hash_table::Entry};

use crate::{
    informer::Stored,
    lane::owed::{Owed, Quiet},
    object_key::ObjectKey,
    queue::shrink::shrink_table,
};

/// What is owed to each object, found by its key.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    table: HashTable<Account>,
    hasher: RandomState,
    owing: usize,
    untried: usize,
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
        self.owing
    }

    /// Returns how many objects of the first list no callback has ended for.
    pub(super) fn untried(&self) -> usize {
        self.untried
    }

    /// Returns how many objects have an account.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// Returns what `read` makes of the object's account, if there is one.
    pub(super) fn read<T>(&self, key: &ObjectKey, read: impl FnOnce(&Owed) -> T) -> Option<T> {
        let account = self
            .table
            .find(self.hash(key), |known| known.key() == key.as_str())?;
        Some(match account {
            Account::Quiet(quiet) => read(&Owed::from(quiet)),
            Account::Open(open) => read(&open.1.owed),
        })
    }

    /// Returns what `read` makes of every account.
    pub(super) fn each<T>(&self, mut read: impl FnMut(&ObjectKey, &Owed) -> Option<T>) -> Vec<T> {
        let accounts = self.table.iter();
        let read = accounts.filter_map(|account| match account {
            Account::Quiet(quiet) => read(&ObjectKey::of_text(quiet.key()), &Owed::from(quiet)),
            Account::Open(open) => read(&open.0, &open.1.owed),
        });
        read.collect()
    }

    /// Returns the objects in the view.
    pub(super) fn in_view(&self) -> Vec<Stored> {
        let objects = self.table.iter().filter_map(|account| match account {
            Account::Quiet(quiet) => Some(quiet.object().clone()),
            Account::Open(open) => open.1.owed.object().cloned(),
        });
        objects.collect()
    }

    /// Changes an account, which is made if there is none.
    pub(super) fn change<T>(&mut self, key: &ObjectKey, change: impl FnOnce(&mut Open) -> T) -> T {
        let hash = self.hash(key);
        let hasher = &self.hasher;
        let rehash = |account: &Account| hasher.hash_one(account.key());
        match self
            .table
            .entry(hash, |known| known.key() == key.as_str(), rehash)
        {
            Entry::Vacant(vacant) => {
                let mut open = Open::default();
                let answer = change(&mut open);
                count(&mut self.owing, false, open.owed.is_owing());
                count(
                    &mut self.untried,
                    false,
                    open.untried && !open.owed.is_empty(),
                );
                if let Some(account) = Account::of(key, open) {
                    vacant.insert(account);
                }
                answer
            }
            Entry::Occupied(mut known) => {
                let account = known.get_mut();
                let (before, answer, after) = match account {
                    Account::Quiet(quiet) => {
                        let mut open = Open::from(&*quiet);
                        let before = totals(&open);
                        let answer = change(&mut open);
                        let after = totals(&open);
                        let smallest = Account::of(key, open);
                        let left = smallest.is_some();
                        if let Some(smallest) = smallest {
                            *account = smallest;
                        }
                        (before, answer, left.then_some(after))
                    }
                    Account::Open(open) => {
                        let open = &mut open.1;
                        let before = totals(open);
                        let answer = change(open);
                        let after = totals(open);
                        let left = !open.owed.is_empty();
                        if let Some(quiet) = open.owed.quiet(open.untried).filter(|_| left) {
                            *account = Account::Quiet(quiet);
                        }
                        (before, answer, left.then_some(after))
                    }
                };
                let (owing, untried) = after.unwrap_or_default();
                count(&mut self.owing, before.0, owing);
                count(&mut self.untried, before.1, untried);
                if after.is_none() {
                    known.remove();
                    self.shrink();
                }
                answer
            }
        }
    }

    /// Gives memory back after many objects have left.
    fn shrink(&mut self) {
        let hasher = &self.hasher;
        shrink_table(&mut self.table, |account| hasher.hash_one(account.key()));
    }

    fn hash(&self, key: &ObjectKey) -> u64 {
        self.hasher.hash_one(key.as_str())
    }
}

/// Whether the account is owing, and whether it is untried.
fn totals(open: &Open) -> (bool, bool) {
    (open.owed.is_owing(), open.untried)
}

fn count(total: &mut usize, before: bool, after: bool) {
    match (before, after) {
        (false, true) => *total += 1,
        (true, false) => *total -= 1,
        _ => {}
    }
}
