//! Traps for code that calls the user's: there it panics, asks back, or waits for another thread that
//! asks.

use std::{
    cell::Cell,
    error, fmt,
    panic::panic_any,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use super::seconds;

/// Where code of the user's runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Deserialize,
    IndexOfObject,
    IndexOfMetadata,
    When,
    Changed,
    /// Before the callback has made its future.
    Call,
    Callback,
    ObserverOfStart,
    ObserverOfEnd,
    ObserverOfDue,
    ObserverOfInformer,
    HasSynced,
    DropOfObject,
    DropOfHandler,
    DropOfPredicate,
    DropOfObserver,
    DropOfCallback,
    DropOfPanic,
    DropOfError,
    DisplayOfError,
    SourceOfError,
}

/// What it does there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Panic,
    /// Panics with something that panics when it is dropped.
    PanicWithBomb,
    /// Asks whom it was called by.
    Ask,
    /// Waits until another thread has asked.
    Wait,
}

pub(super) const DEEDS: [Deed; 4] = [Deed::Panic, Deed::PanicWithBomb, Deed::Ask, Deed::Wait];

/// A deed that is done in one place.
pub(super) struct Trap {
    pub(super) place: Place,
    pub(super) deed: Deed,
    asks: OnceLock<Box<dyn Fn() + Send + Sync>>,
    sprung: AtomicUsize,
    stuck: AtomicBool,
}

thread_local! {
    /// The thread asks: what it comes by does not ask again.
    static ASKS: Cell<bool> = const { Cell::new(false) };
}

/// Panics with another of its kind each time that one is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic_any(Self);
    }
}

impl Trap {
    pub(super) fn new(place: Place, deed: Deed) -> Arc<Self> {
        Arc::new(Self {
            place,
            deed,
            asks: OnceLock::new(),
            sprung: AtomicUsize::new(0),
            stuck: AtomicBool::new(false),
        })
    }

    /// Sets what it is to ask.
    pub(super) fn asks(&self, asks: impl Fn() + Send + Sync + 'static) {
        assert!(self.asks.set(Box::new(asks)).is_ok(), "set once");
    }

    /// Does the deed if this is its place.
    pub(super) fn spring(self: &Arc<Self>, place: Place) {
        if self.place != place || ASKS.get() {
            return;
        }
        self.sprung.fetch_add(1, Ordering::Relaxed);
        match self.deed {
            Deed::Panic => panic!("told to panic"),
            Deed::PanicWithBomb => panic_any(Bomb),
            Deed::Ask if self.is_answered() => self.ask(),
            Deed::Ask => {} // It would wait for ever.
            Deed::Wait => {
                self.is_answered();
            }
        }
    }

    /// Waits until another thread has asked; returns false if nobody answers it.
    fn is_answered(self: &Arc<Self>) -> bool {
        let (tell, told) = mpsc::channel();
        let trap = self.clone();
        thread::spawn(move || {
            trap.ask();
            let _ = tell.send(());
        });
        let is_answered = told.recv_timeout(seconds(10)).is_ok();
        self.stuck.fetch_or(!is_answered, Ordering::Relaxed);
        is_answered
    }

    fn ask(&self) {
        ASKS.set(true);
        if let Some(asks) = self.asks.get() {
            asks();
        }
        ASKS.set(false);
    }

    /// Returns how often the deed was done.
    pub(super) fn sprung(&self) -> usize {
        self.sprung.load(Ordering::Relaxed)
    }

    /// Returns true if nobody answered.
    pub(super) fn was_stuck(&self) -> bool {
        self.stuck.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} in {:?}", self.deed, self.place)
    }
}

/// Springs a trap when it is dropped.
pub(super) struct OnDrop(pub(super) Arc<Trap>, pub(super) Place);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.spring(self.1);
    }
}

/// An error whose every piece of code can be a trap.
#[derive(Debug)]
pub(super) struct TouchyError(pub(super) Arc<Trap>);

impl fmt::Display for TouchyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.spring(Place::DisplayOfError);
        f.write_str("told to fail")
    }
}

impl error::Error for TouchyError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.0.spring(Place::SourceOfError);
        None
    }
}

impl Drop for TouchyError {
    fn drop(&mut self) {
        self.0.spring(Place::DropOfError);
    }
}

/// Returns what is wrong.
pub(super) fn complaints(
    case: &str,
    checks: impl IntoIterator<Item = (bool, String)>,
) -> Vec<String> {
    let wrong = checks.into_iter().filter(|(is_right, _)| !is_right);
    wrong.map(|(_, what)| format!("{case}: {what}")).collect()
}
