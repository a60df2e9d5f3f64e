//! What the library logs.

use std::{
    fmt::{self, Write as _},
    sync::{Mutex, OnceLock, PoisonError},
};

use kubehandler::tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
    subscriber::set_global_default,
};

/// The lines that were logged, by whichever thread.
#[derive(Debug, Default)]
pub struct Log(Mutex<Vec<String>>);

/// Returns the log of this process, which begins with the first call.
pub fn log() -> &'static Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    static BEGIN: OnceLock<()> = OnceLock::new();
    let log = LOG.get_or_init(Log::default);
    BEGIN.get_or_init(|| set_global_default(Writer(log)).expect("there is no other"));
    log
}

impl Log {
    /// Takes the lines that were logged since it was asked last.
    pub fn take(&self) -> Vec<String> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut lines)
    }
}

struct Writer(&'static Log);

impl Subscriber for Writer {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let is_ours = metadata.target().starts_with("kubehandler");
        is_ours && metadata.is_event() && *metadata.level() <= Level::INFO
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        let mut lines = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(line.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }
}
