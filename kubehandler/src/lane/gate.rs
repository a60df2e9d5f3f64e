//! Opens and closes the workers of lanes, while informers, stores and accounts stay warm.
//!
//! While a gate is closed, running callbacks go on, nothing starts, and what is due waits. Once
//! [`Gate::close`] has returned, each call that was let through is among those that
//! [run](super::Lane::running).

use tokio::sync::watch;

/// Whether the lanes that share it start callbacks; all clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate(watch::Sender<bool>);

/// The leave to start one call. The gate does not close while one is held.
pub(super) struct Pass<'a> {
    /// The lock of the gate's state, for reading.
    _open: watch::Ref<'a, bool>,
}

impl Gate {
    /// Makes a gate that is closed.
    #[must_use]
    pub fn closed() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Makes a gate that is open.
    #[must_use]
    pub fn opened() -> Self {
        Self(watch::Sender::new(true))
    }

    /// Lets callbacks start, first those that are due.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Lets no further callback start, and running ones finish.
    ///
    /// The callbacks that run when this returns are all that there will be until the gate opens.
    pub fn close(&self) {
        self.0.send_replace(false);
    }

    /// Returns true if callbacks may start.
    #[must_use]
    pub fn is_open(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until callbacks may start.
    pub(super) async fn until_open(&self) {
        self.until(true).await;
    }

    /// Waits until no further callback may start.
    pub(super) async fn until_closed(&self) {
        self.until(false).await;
    }

    async fn until(&self, is_open: bool) {
        // The sender lives as long as `self`, so that waiting cannot fail.
        let _ = self.0.subscribe().wait_for(|open| *open == is_open).await;
    }

    /// Returns the leave to start a call, if the gate is open.
    pub(super) fn pass(&self) -> Option<Pass<'_>> {
        let open = self.0.borrow();
        open.then_some(Pass { _open: open })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicBool, Ordering},
        thread,
    };

    use futures::FutureExt;

    use super::*;

    #[test]
    fn gate_waits_for_a_call_that_starts_before_it_closes() {
        for _ in 0..100 {
            let gate = Gate::opened();
            let (closes, started) = (AtomicBool::new(false), AtomicBool::new(false));
            let pass = gate.pass().expect("it is open");

            thread::scope(|scope| {
                scope.spawn(|| {
                    closes.store(true, Ordering::Release);
                    gate.close();
                    assert!(started.load(Ordering::Acquire), "it did not wait");
                });
                while !closes.load(Ordering::Acquire) {
                    thread::yield_now();
                }
                thread::yield_now(); // Long enough for a gate that does not wait.
                started.store(true, Ordering::Release);
                drop(pass);
            });

            assert!(gate.pass().is_none());
        }
    }

    #[test]
    fn who_waits_for_an_open_gate_is_told_of_it() {
        let gate = Gate::closed();
        let mut open = Box::pin(gate.until_open());
        assert!(open.as_mut().now_or_never().is_none());

        gate.open();

        assert!(open.now_or_never().is_some());
        assert!(gate.until_closed().now_or_never().is_none());
        assert!(gate.is_open());
    }
}
