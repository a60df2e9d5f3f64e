//! What one task does: written by the task, read by the watchdog.

use std::{
    fmt,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;

use crate::{event::EventType, object_key::ObjectKey};

/// A kind of code that a task runs, and that may be the user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    Add,
    Update,
    Delete,
    /// `when` or `changed`, and the decoding for it.
    Predicate,
    /// The observer, and the printing of errors.
    Report,
    /// Whatever one poll of the task runs.
    Poll,
}

impl Code {
    const ALL: [Self; 6] = [
        Self::Add,
        Self::Update,
        Self::Delete,
        Self::Predicate,
        Self::Report,
        Self::Poll,
    ];

    /// Returns the callback that it is, if it is one.
    pub(crate) fn callback(self) -> Option<EventType> {
        match self {
            Self::Add => Some(EventType::Add),
            Self::Update => Some(EventType::Update),
            Self::Delete => Some(EventType::Delete),
            Self::Predicate | Self::Report | Self::Poll => None,
        }
    }

    fn bits(self) -> u64 {
        self as u64 + 1
    }
}

impl From<EventType> for Code {
    fn from(event_type: EventType) -> Self {
        match event_type {
            EventType::Add => Self::Add,
            EventType::Update => Self::Update,
            EventType::Delete => Self::Delete,
        }
    }
}

/// One stretch of code, from where a task enters it to where it leaves it or awaits: no two of a
/// slot are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch(u64);

/// The bits of a stretch that say which code it is; they are 0 between two stretches.
const CODE: u64 = 0xf;

impl Stretch {
    /// Returns which code it is.
    pub(crate) fn code(self) -> Code {
        let codes = Code::ALL.into_iter();
        let mut codes = codes.filter(|code| code.bits() == self.0 & CODE);
        codes.next().unwrap_or(Code::Poll)
    }

    /// Returns the stretch of this number.
    pub(super) fn nth(number: u64, code: Code) -> Self {
        Self((number * (CODE + 1)) | code.bits())
    }
}

/// What the code runs for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    /// The kind, where the origin serves several.
    pub(crate) kind: Option<Arc<str>>,
    pub(crate) object: ObjectKey,
}

/// What one task does. Only the task itself writes to it.
#[derive(Default)]
pub(crate) struct Slot {
    /// The last stretch, and whether it runs.
    state: AtomicU64,
    /// What the stretches to come run for.
    subject: Mutex<Option<Subject>>,
}

impl Slot {
    /// Notes what the stretches to come run for.
    pub(crate) fn hold(&self, object: &ObjectKey) {
        self.hold_of(None, object);
    }

    /// Notes what the stretches to come run for, of a kind.
    pub(crate) fn hold_of(&self, kind: Option<&Arc<str>>, object: &ObjectKey) {
        *self.subject.lock() = Some(Subject {
            kind: kind.cloned(),
            object: object.clone(),
        });
    }

    /// Begins a stretch, which lasts until the guard is dropped.
    pub(crate) fn enter(&self, code: Code) -> InsideCode<'_> {
        let last = self.state.load(Ordering::Relaxed) | CODE;
        self.state
            .store(last.wrapping_add(1) | code.bits(), Ordering::Release);
        InsideCode(self)
    }

    fn leave(&self) {
        let last = self.state.load(Ordering::Relaxed);
        self.state.store(last & !CODE, Ordering::Release);
    }

    /// Runs `future`, each poll of which is a stretch of its own, as is its drop.
    pub(crate) async fn watch<F: Future>(&self, code: Code, future: F) -> F::Output {
        // Dropped in reverse order, also where the future is dropped before it is done.
        let _leaves = Leaves(self);
        let mut future = pin!(future);
        let _enters = Enters(self, code);
        std::future::poll_fn(|context| {
            let _inside = self.enter(code);
            future.as_mut().poll(context)
        })
        .await
    }

    /// Returns the stretch that runs now.
    pub(crate) fn stretch(&self) -> Option<Stretch> {
        let state = self.state.load(Ordering::Acquire);
        (state & CODE != 0).then_some(Stretch(state))
    }

    /// Returns what `stretch` runs for, as long as it runs.
    pub(crate) fn subject_of(&self, stretch: Stretch) -> Option<Subject> {
        let subject = self.subject.lock().clone();
        // The task may have gone on in between, with another object.
        subject.filter(|_| self.stretch() == Some(stretch))
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.stretch().map(Stretch::code);
        f.debug_struct("Slot").field("code", &code).finish()
    }
}

/// A stretch that runs; it ends when this is dropped, by a panic as well.
pub(crate) struct InsideCode<'a>(&'a Slot);

impl Drop for InsideCode<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// Begins a stretch when it is dropped.
struct Enters<'a>(&'a Slot, Code);

impl Drop for Enters<'_> {
    fn drop(&mut self) {
        std::mem::forget(self.0.enter(self.1)); // `Leaves` ends it.
    }
}

/// Ends a stretch when it is dropped.
struct Leaves<'a>(&'a Slot);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn stretch_runs_from_enter_to_leave_and_is_like_no_other() {
        let slot = Slot::default();

        let first = {
            let _inside = slot.enter(Code::Predicate);
            slot.stretch().expect("it runs")
        };
        let between = slot.stretch();
        let _inside = slot.enter(Code::Predicate);
        let second = slot.stretch().expect("it runs");

        assert_eq!(between, None);
        assert_ne!(first, second);
        assert_eq!(second.code(), Code::Predicate);
    }

    #[test]
    fn every_code_is_found_again_in_its_stretch() {
        let slot = Slot::default();

        for code in Code::ALL {
            let _inside = slot.enter(code);
            assert_eq!(slot.stretch().map(Stretch::code), Some(code));
        }
    }

    #[test]
    fn panic_ends_a_stretch() {
        let slot = Slot::default();

        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _inside = slot.enter(Code::Poll);
            panic!("told to panic")
        }));

        assert!(panicked.is_err());
        assert_eq!(slot.stretch(), None);
    }

    #[test]
    fn future_that_waits_runs_no_code() {
        let slot = Slot::default();
        let (send, receive) = tokio::sync::oneshot::channel();
        let seen = || slot.stretch().map(Stretch::code);

        let mut watched = Box::pin(slot.watch(Code::Add, async {
            let before = seen();
            let answer = receive.await;
            (before, answer, seen())
        }));
        assert!(watched.as_mut().now_or_never().is_none());
        assert_eq!(seen(), None, "it waits");
        send.send(7).expect("it is waited for");
        let done = watched.as_mut().now_or_never();

        assert_eq!(done, Some((Some(Code::Add), Ok(7), Some(Code::Add))));
        assert_eq!(seen(), None, "it is done");
    }

    #[test]
    fn drop_of_a_future_is_code_too() {
        struct Sees<'a>(&'a Slot, &'a Mutex<Option<Code>>);
        impl Drop for Sees<'_> {
            fn drop(&mut self) {
                *self.1.lock() = self.0.stretch().map(Stretch::code);
            }
        }
        let (slot, seen) = (Slot::default(), Mutex::default());

        let looks = Sees(&slot, &seen);
        let mut watched = Box::pin(slot.watch(Code::Delete, async move {
            let _looks = looks;
            std::future::pending::<()>().await;
        }));
        assert!(watched.as_mut().now_or_never().is_none());
        drop(watched);

        assert_eq!(*seen.lock(), Some(Code::Delete));
        assert_eq!(slot.stretch(), None);
    }

    #[test]
    fn subject_is_that_of_the_stretch_asked_for() {
        let slot = Slot::default();
        slot.hold(&ObjectKey::namespaced("default", "a"));
        let first = {
            let _inside = slot.enter(Code::Add);
            slot.stretch().expect("it runs")
        };
        slot.hold(&ObjectKey::namespaced("default", "b"));
        let _inside = slot.enter(Code::Add);
        let second = slot.stretch().expect("it runs");

        assert_eq!(slot.subject_of(first), None);
        let subject = slot.subject_of(second).expect("it runs");
        assert_eq!(subject.object.as_str(), "default/b");
    }
}
