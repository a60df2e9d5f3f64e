//! Faults on command: the handle that sets them, and the filter that applies them.

use std::{fmt, io, sync::Arc};

use tokio::time::sleep;

use crate::{
    faults::{Command, Fault, FaultId, Line, ScriptError, When, parse},
    pipeline::Pipeline,
    state::watches::End,
    wire::{
        reply::{self, Reply},
        request::Request,
    },
};

/// Applies the fault that a request meets, if any; the rest of the pipeline gets both.
pub(super) async fn filter<N, F>(
    pipeline: &Pipeline,
    request: Request,
    next: N,
) -> io::Result<Reply>
where
    N: FnOnce(Request, Option<Fault>) -> F,
    F: Future<Output = io::Result<Reply>>,
{
    let broken = || io::Error::from(io::ErrorKind::ConnectionReset);
    let fault = pipeline.script().strike(&request.asked);
    match fault {
        Some(Fault::Refuse) => return Err(broken()),
        Some(Fault::Hang) => return std::future::pending().await,
        Some(Fault::Delay(time)) => sleep(time).await,
        Some(Fault::Status { code, retry_after }) => {
            return Ok(reply::failure(&request.refused(code, retry_after)));
        }
        _ => {}
    }
    let reply = next(request, fault).await?;
    match fault {
        Some(Fault::LoseResponse) => return Err(broken()),
        Some(Fault::HangResponse) => return std::future::pending().await,
        Some(Fault::DelayResponse(time)) => sleep(time).await,
        Some(Fault::Truncate(bytes)) => return Ok(reply::truncated(reply, bytes)),
        _ => {}
    }
    Ok(reply)
}

/// The faults of a server: a handle on them.
#[derive(Clone)]
pub struct Faults {
    pipeline: Arc<Pipeline>,
}

impl Faults {
    pub(crate) fn new(pipeline: Arc<Pipeline>) -> Self {
        Self { pipeline }
    }

    /// Lets `fault` happen to the requests that `when` picks.
    ///
    /// A request meets the first fault, in the order they were added, that picks it and has times
    /// left.
    #[expect(
        clippy::must_use_candidate,
        reason = "most faults are never taken back"
    )]
    pub fn add(&self, when: When, fault: Fault) -> FaultId {
        self.pipeline.script().add(when, fault)
    }

    /// Does what a script says, in order: one JSON object a line, such as
    /// `{"when": {"verb": "watch", "resource": "pods", "times": 2}, "fault": {"cut": 3}}` for a fault.
    ///
    /// What happens at once is called as its method is: `{"now": "compact"}`,
    /// `{"now": {"cutWatches": {"resource": "pods"}}}`, `breakWatches`,
    /// `{"now": {"freezeView": "CLIENT"}}`, `releaseView`, `{"now": {"jumpClock": 3600}}`.
    ///
    /// # Errors
    ///
    /// Fails if a line is not such an object, and does nothing then.
    pub fn load(&self, script: &str) -> Result<Vec<FaultId>, ScriptError> {
        let mut added = Vec::new();
        for line in parse(script)? {
            match line {
                Line::Fault(when, fault) => added.push(self.add(when, fault)),
                Line::Now(action) => self.act(action),
            }
        }
        Ok(added)
    }

    fn act(&self, action: Command) {
        match action {
            Command::Compact => self.compact(),
            Command::CutWatches(when) => self.cut_watches(&when),
            Command::BreakWatches(when) => self.break_watches(&when),
            Command::FreezeView(client) => self.freeze_view(&client),
            Command::ReleaseView(client) => self.release_view(&client),
            Command::JumpClock(seconds) => self.jump_clock(seconds),
        }
    }

    /// Takes a fault back. Returns false if it was gone already.
    #[expect(clippy::must_use_candidate, reason = "it is gone either way")]
    pub fn remove(&self, fault: FaultId) -> bool {
        self.pipeline.script().remove(fault)
    }

    /// Takes every fault back and releases every view: from here on the server is well again.
    ///
    /// What a fault has done already (a frozen watch, a request that hangs) stays done.
    pub fn clear(&self) {
        self.pipeline.script().clear();
        self.pipeline.engine().cluster().release_views();
    }

    /// Returns how many requests a fault has struck so far.
    #[must_use]
    pub fn struck(&self, fault: FaultId) -> u64 {
        self.pipeline.script().struck(fault)
    }

    /// Ends every watch that is open and that `when` picks, as when its time is over.
    ///
    /// `skip` and `times` do not count here.
    pub fn cut_watches(&self, when: &When) {
        self.end_watches(when, End::Cut);
    }

    /// Breaks the connection of every watch that is open and that `when` picks.
    ///
    /// `skip` and `times` do not count here.
    pub fn break_watches(&self, when: &When) {
        self.end_watches(when, End::Break);
    }

    fn end_watches(&self, when: &When, end: End) {
        self.pipeline
            .engine()
            .watches
            .end(|asked| when.picks(asked), end);
        self.pipeline.engine().cluster().storage.wake_all();
    }

    /// Forgets the history: older versions are neither listed nor watched.
    pub fn compact(&self) {
        let mut state = self.pipeline.engine().cluster();
        let revision = state.storage.revision();
        state.storage.compact(revision);
    }

    /// Lets a client see the objects as they are now until its view is released, as if it were
    /// served by a server that lags.
    ///
    /// A client's name is the one of [`ApiServer::client_named`](crate::ApiServer::client_named), or its user agent.
    pub fn freeze_view(&self, client: &str) {
        self.pipeline.engine().cluster().freeze_view(client);
    }

    /// Lets a client see everything again.
    pub fn release_view(&self, client: &str) {
        self.pipeline.engine().cluster().release_view(client);
        self.pipeline.engine().advanced.notify_waiters();
    }

    /// Moves the server's wall clock by this number of seconds, forwards or backwards.
    pub fn jump_clock(&self, seconds: i64) {
        self.pipeline.engine().cluster().clock.jump(seconds);
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::{Request as HttpRequest, StatusCode};

    use super::*;
    use crate::{ApiServer, Verb};

    async fn through(faults: &Faults, fault: Fault) -> (io::Result<u16>, bool) {
        let id = faults.add(When::any().verb(Verb::List), fault);
        let get = HttpRequest::get("/api/v1/pods").body(());
        let (parts, ()) = get.expect("a path").into_parts();
        let request = Request::new(parts, bytes::Bytes::default(), "client");
        let mut is_answered = false;
        let next = async |_, given| {
            is_answered = given == Some(fault);
            Ok(reply::text(StatusCode::OK, "ok"))
        };
        let reply = filter(&faults.pipeline, request, next).await;
        faults.remove(id);
        (reply.map(|reply| reply.status().as_u16()), is_answered)
    }

    #[tokio::test(start_paused = true)]
    async fn fault_strikes_before_or_after_the_answer() {
        let faults = ApiServer::new().faults();
        let status = Fault::Status {
            code: 503,
            retry_after: None,
        };
        let second = std::time::Duration::from_secs(1);
        for (fault, code, is_answered) in [
            (Fault::Refuse, None, false),
            (status, Some(503), false),
            (Fault::Delay(second), Some(200), true),
            (Fault::DelayResponse(second), Some(200), true),
            (Fault::LoseResponse, None, true),
            (Fault::Cut(1), Some(200), true),
        ] {
            let (reply, answered) = through(&faults, fault).await;

            assert_eq!((reply.ok(), answered), (code, is_answered), "{fault:?}");
        }
    }
}
