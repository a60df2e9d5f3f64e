//! What the thread of the watchdog does: it looks, and reports.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use tracing::dispatcher::{self, Dispatch};

use super::{
    Inner, TICK,
    ledger::{Finding, Ledger},
    named::{Named, Origin},
    slot::{Code, Stretch, Subject},
};
use crate::{
    Printable,
    log::{info, warn},
};

/// The number of ticks between two looks at whether the runtime still runs.
const PULSE: u32 = 10;

/// A task: the number of its bench, and its own.
type Task = (usize, usize);

/// The runtime's place among the tasks.
const RUNTIME: Task = (usize::MAX, 0);

/// A runtime that is only busy is not to be reported.
const BUSY: Duration = Duration::from_secs(4);

/// What the watchdog knows from one look to the next.
pub(super) struct Watch<'a> {
    logs: &'a Dispatch,
    ledger: Ledger<Task, Stretch>,
    /// What was reported, in the words of the report.
    reported: HashMap<Task, String>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(logs: &'a Dispatch) -> Self {
        Self {
            logs,
            ledger: Ledger::default(),
            reported: HashMap::new(),
        }
    }

    pub(super) fn run(mut self, shared: &Inner) {
        let mut last = Instant::now();
        for tick in 1_u32.. {
            if !shared.wait() {
                return;
            }
            // A process that was stopped, or got no time, has blocked nothing meanwhile.
            let passed = last.elapsed().min(2 * TICK);
            last = Instant::now();
            if tick.is_multiple_of(PULSE) {
                shared.pulse.ask();
            }
            self.look(shared, passed);
        }
    }

    fn look(&mut self, shared: &Inner, passed: Duration) {
        let mut running: Vec<(Task, Stretch)> = Vec::new();
        for (index, bench) in shared.benches.lock().iter().enumerate() {
            let busy = bench.busy();
            running.extend(busy.map(|(task, stretch)| ((index, task), stretch)));
        }
        let open = shared.pulse.open();
        running.extend(open.map(|question| (RUNTIME, Stretch::nth(question, Code::Poll))));
        for finding in self.ledger.look(passed, running) {
            match finding {
                Finding::Over(task, time) => self.over(task, time),
                Finding::Lasts(RUNTIME, _, time) => self.stands_still(time),
                Finding::Lasts(task, stretch, time) => {
                    let bench = shared.benches.lock().get(task.0).cloned();
                    let subject = bench.as_ref().map(|b| b.slot(task.1).subject_of(stretch));
                    if let Some((bench, subject)) = bench.zip(subject) {
                        self.lasts(task, &bench.origin, stretch.code(), subject.as_ref(), time);
                    }
                }
            }
        }
    }

    fn lasts(
        &mut self,
        task: Task,
        origin: &Origin,
        code: Code,
        subject: Option<&Subject>,
        time: Duration,
    ) {
        if subject.is_none() && code != Code::Poll {
            // It has ended since.
            return;
        }
        let what = Named {
            origin,
            code,
            subject,
        };
        dispatcher::with_default(self.logs, || {
            let object = subject.map(|subject| Printable::new(&subject.object));
            warn!(
                handler = origin.handler(),
                event_type = code.callback().map(crate::EventType::as_str),
                object = object.map(tracing::field::display),
                seconds = time.as_secs(),
                "{what} blocks its thread, and has not returned to the runtime for {}s: other \
                 callbacks and their timeouts may stand still; {}",
                time.as_secs(),
                what.advice()
            );
        });
        self.reported.insert(task, what.to_string());
    }

    /// Reports a runtime that runs no task, if nothing better is known.
    fn stands_still(&mut self, time: Duration) {
        if time < BUSY || self.reported.keys().any(|task| *task != RUNTIME) {
            return;
        }
        dispatcher::with_default(self.logs, || {
            warn!(
                seconds = time.as_secs(),
                "the runtime has run no task for {}s, and no handler's code runs: other code of \
                 the program blocks its threads; run it with `tokio::task::spawn_blocking`",
                time.as_secs()
            );
        });
        self.reported.insert(RUNTIME, "the runtime".to_owned());
    }

    fn over(&mut self, task: Task, time: Duration) {
        let Some(what) = self.reported.remove(&task) else {
            return;
        };
        let seconds = time.as_secs();
        dispatcher::with_default(self.logs, || match task {
            RUNTIME => info!(
                seconds,
                "the runtime goes on, after it stood still for {seconds}s"
            ),
            _ => info!(
                seconds,
                "{what} no longer blocks its thread; it did for {seconds}s"
            ),
        });
    }
}

#[cfg(all(test, feature = "main"))]
mod tests {
    use std::{io, sync::Arc};

    use futures::FutureExt;
    use parking_lot::Mutex;

    use super::*;
    use crate::{object_key::ObjectKey, watchdog::Bench};

    /// What was logged, a line each.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<String>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let line = String::from_utf8_lossy(bytes).into_owned();
            self.0.lock().push(line);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Lines {
        fn dispatch(&self) -> Dispatch {
            let lines = self.clone();
            let subscriber = tracing_subscriber::fmt()
                .with_ansi(false)
                .with_writer(move || lines.clone());
            subscriber.finish().into()
        }

        fn taken(&self) -> Vec<String> {
            std::mem::take(&mut self.0.lock())
        }
    }

    /// What is watched: one worker of the handler `pods`, which has `default/a`.
    fn watched() -> (Inner, Arc<Bench>) {
        let shared = Inner::default();
        let bench = Bench::of_handler("pods".into(), 1);
        bench.slot(0).hold(&ObjectKey::namespaced("default", "a"));
        shared.benches.lock().push(bench.clone());
        (shared, bench)
    }

    #[test]
    fn code_that_blocks_is_named_with_what_to_do_and_so_is_its_end() {
        for (code, name, advice) in [
            (
                Code::Add,
                "add of `default/a` by `pods`",
                "`ev.blocking(..)`",
            ),
            (
                Code::Predicate,
                "a predicate of `pods`, for `default/a`,",
                "predicates must be quick",
            ),
            (
                Code::Report,
                "the observer or an error of `pods`, for `default/a`,",
                "must be quick",
            ),
        ] {
            let (lines, (shared, bench)) = (Lines::default(), watched());
            let logs = lines.dispatch();
            let mut watch = Watch::new(&logs);

            let inside = bench.slot(0).enter(code);
            for _ in 0..5 {
                watch.look(&shared, TICK);
            }
            let while_it_blocks = lines.taken();
            drop(inside);
            watch.look(&shared, TICK);
            let over = lines.taken();

            assert_eq!(while_it_blocks.len(), 2, "{while_it_blocks:?}");
            for (line, seconds) in while_it_blocks.iter().zip([1, 2]) {
                let said = format!(
                    "{name} blocks its thread, and has not returned to the runtime for {seconds}s"
                );
                for part in [&said, advice, "handler=\"pods\"", "object=default/a"] {
                    assert!(line.contains(part), "no `{part}` in {line}");
                }
            }
            assert_eq!(over.len(), 1, "{over:?}");
            let said = format!("{name} no longer blocks its thread; it did for 2s");
            assert!(over[0].contains(&said), "{over:?}");
        }
    }

    #[test]
    fn runtime_that_runs_no_task_is_reported_unless_it_is_known_why() {
        let (lines, (shared, bench)) = (Lines::default(), watched());
        let logs = lines.dispatch();
        let mut watch = Watch::new(&logs);
        let stands_still = "the runtime has run no task for 4s";

        shared.pulse.ask();
        for _ in 0..9 {
            watch.look(&shared, TICK);
        }
        let reported = lines.taken();
        assert_eq!(reported.len(), 1, "{reported:?}");
        assert!(reported[0].contains(stands_still), "{reported:?}");

        assert!(shared.pulse.answer().now_or_never().is_none());
        watch.look(&shared, TICK);
        let over = lines.taken();
        assert!(over[0].contains("the runtime goes on"), "{over:?}");

        let _inside = bench.slot(0).enter(Code::Add);
        shared.pulse.ask();
        for _ in 0..9 {
            watch.look(&shared, TICK);
        }
        let reported = lines.taken();
        assert!(
            reported.iter().all(|line| line.contains("`default/a`")),
            "{reported:?}"
        );
    }
}
