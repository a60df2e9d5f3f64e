//! What the callbacks of all handlers did, in order.

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kubehandler::EventType;

/// What a call is about.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) handler: &'static str,
    pub(crate) key: String,
    /// None where a predicate panicked in place of the call.
    pub(crate) event_type: Option<EventType>,
    pub(crate) uid: String,
    pub(crate) version: u64,
    /// The version of `old()`; not known where a predicate panicked.
    pub(crate) old: Option<u64>,
    pub(crate) attempt: u32,
    /// When it started, since the beginning of the run.
    pub(crate) at: Duration,
    /// The server's version when it started.
    pub(crate) head: u64,
    /// When and how it ended; none while it runs, and if it was dropped at a shutdown.
    pub(crate) end: Option<(Duration, Outcome)>,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It succeeded, and perhaps wants to be called again after a time.
    Done(Option<Duration>),
    /// It failed, panicked or timed out.
    Failed,
    /// It failed, and wants to be retried after this time.
    FailedFor(Duration),
    /// It failed for good.
    FailedForGood,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event_type = self.event_type.map_or("refused", EventType::as_str);
        let Self {
            handler,
            key,
            version,
            attempt,
            at,
            head,
            end,
            ..
        } = self;
        let (uid, old) = (&self.uid[..self.uid.len().min(4)], self.old);
        write!(
            f,
            "{at:?} {handler}: {event_type} {key}@{version} uid {uid} old {old:?} attempt {attempt} head {head}"
        )?;
        match end {
            None => write!(f, ", runs"),
            Some((at, outcome)) => write!(f, ", {outcome:?} at {at:?}"),
        }
    }
}

/// Which call of a [`Log`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallId(usize);

/// The calls of a run; all clones are one log.
#[derive(Clone, Default)]
pub(crate) struct Log {
    lines: Arc<Mutex<Lines>>,
}

#[derive(Default)]
struct Lines {
    calls: Vec<Call>,
    running: HashSet<(&'static str, String)>,
    overlaps: Vec<String>,
}

impl Log {
    pub(crate) fn start(&self, call: Call) -> CallId {
        let mut lines = self.lock();
        if !lines.running.insert((call.handler, call.key.clone())) {
            lines.overlaps.push(call.to_string());
        }
        lines.calls.push(call);
        CallId(lines.calls.len() - 1)
    }

    pub(crate) fn end(&self, id: CallId, at: Duration, outcome: Outcome) {
        let mut lines = self.lock();
        let call = &mut lines.calls[id.0];
        call.end = Some((at, outcome));
        let object = (call.handler, call.key.clone());
        lines.running.remove(&object);
    }

    /// Notes a panic of a predicate.
    pub(crate) fn refuse(&self, call: Call) {
        self.lock().calls.push(call);
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// Returns the calls since the log had `from`.
    pub(crate) fn since(&self, from: usize) -> Vec<Call> {
        self.lock().calls[from..].to_vec()
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().calls.len()
    }

    /// Returns the calls that started while another of the same handler and object ran.
    pub(crate) fn overlaps(&self) -> Vec<String> {
        self.lock().overlaps.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
