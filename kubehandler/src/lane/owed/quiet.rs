//! The account of an object that is owed nothing out of the ordinary, in as few bytes as it takes.

use super::{
    Owed,
    life::{Life, LifePhase},
};
use crate::informer::Stored;

/// An account in two words: the object in view, and how far its life is.
///
/// A large store has one for each object and handler, and few others.
#[derive(Clone, Debug)]
pub(crate) struct Quiet {
    object: Stored,
    phase: LifePhase,
    /// A resync is due.
    resync: bool,
    /// It came with the first list, and no callback of it has ended yet.
    untried: bool,
}

impl Quiet {
    pub(crate) fn key(&self) -> &str {
        self.object.key()
    }

    pub(crate) fn object(&self) -> &Stored {
        &self.object
    }

    pub(crate) fn is_untried(&self) -> bool {
        self.untried
    }

    /// Returns true if a callback is due.
    pub(crate) fn is_owing(&self) -> bool {
        self.resync || self.phase == LifePhase::New
    }

    /// Makes a resync due; returns true if nothing was due before.
    pub(crate) fn resync(&mut self) -> bool {
        let was_owing = self.is_owing();
        self.resync = true;
        !was_owing
    }
}

impl Owed {
    /// Returns the account as two words, if they can say it all.
    pub(crate) fn quiet(&self, untried: bool) -> Option<Quiet> {
        if self.ended.is_some() || self.running.is_some() {
            return None;
        }
        let life = self.life.as_ref()?;
        let (phase, resync) = life.phase()?;
        Some(Quiet {
            object: life.current().clone(),
            phase,
            resync,
            untried,
        })
    }
}

impl From<&Quiet> for Owed {
    fn from(quiet: &Quiet) -> Self {
        Self {
            life: Some(Life::at(quiet.object.clone(), quiet.phase, quiet.resync)),
            ended: None,
            running: None,
        }
    }
}
