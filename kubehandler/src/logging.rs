//! Logging that can do no harm: what [`EventLoop::main`](crate::EventLoop::main) sets up.
//!
//! - Lines are written by a thread of their own. A pipe that nobody reads, a closed one or a full
//!   disk delays no callback and no shutdown, and ends nothing: lines that find no room are lost,
//!   and counted in the log once it goes on.
//! - A record is one line. Line ends, escape sequences and invisible characters in names and
//!   messages are escaped, also in other people's log lines; see [`Printable`].
//! - `RUST_LOG=debug` is about the program and this library: what logs each connection and request
//!   stays at `info`, unless `RUST_LOG` names it, as in `debug,hyper=debug`.
//! - Responses of the API server that cannot be read, which `kube` logs whole, are left out with
//!   what else `kube_client::client` logs, unless `RUST_LOG` names `kube_client`.
//!
//! # Examples
//!
//! A program with an own `main` that logs as [`EventLoop::main`](crate::EventLoop::main) does:
//!
//! ```no_run
//! use kubehandler::{k8s::Pod, logging, prelude::*};
//!
//! # #[derive(EventHandler)]
//! # #[handler(resource = Pod)]
//! # struct PodLogger;
//! # impl Callbacks for PodLogger {}
//! fn main() -> Result {
//!     let _log = logging::init();
//!     info!("starting");
//!     Ok(EventLoop::new("pods").register(PodLogger).run_blocking()?)
//! }
//! ```

mod format;
mod line;
mod writer;

use std::{
    io::{self, IsTerminal},
    sync::OnceLock,
};

use tracing::Level;
use tracing_subscriber::{EnvFilter, filter::Directive, fmt};

pub use self::format::{Format, Stream};
use self::writer::{Destination, Writer};
use crate::{Printable, log::warn};

/// What is logged unless `RUST_LOG` says otherwise.
const LOGGED: &str = "info,kube_client::client::auth=info,kube_client::client::tls=info";

/// What is not logged unless `RUST_LOG` names `kube_client`.
///
/// Of each failed request the informers say more, and once; of a response that it cannot read,
/// `kube` logs the whole text, whatever is in it.
const NOT_LOGGED: &str = "kube_client::client=off";

/// What logs each connection, request and frame; at `debug` that hides what the program itself says.
const NOISY: [&str; 8] = [
    "h2",
    "hyper",
    "hyper_util",
    "kube_client",
    "mio",
    "rustls",
    "tokio_util",
    "tower",
];

/// The writer of this process: it is flushed before the process ends.
static WRITER: OnceLock<Writer> = OnceLock::new();

/// Logs as text to standard error, at `info` or as `RUST_LOG` says.
///
/// If a `tracing` subscriber is set already, it stays. Keep what is returned until the end of
/// `main`: its drop writes what is still to be written.
pub fn init() -> LogGuard {
    Logging::new().init()
}

/// How to log.
///
/// # Examples
///
/// ```
/// use kubehandler::logging::{Format, Logging, Stream};
///
/// let _log = Logging::new().format(Format::Json).stream(Stream::Stdout).init();
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "logging starts with `init`"]
pub struct Logging {
    format: Format,
    stream: Stream,
    hides_targets: bool,
}

impl Logging {
    /// Logs as [`init`] does, unless something else is set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what a line looks like; text by default.
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// Sets where the log is written; standard error by default.
    pub fn stream(mut self, stream: Stream) -> Self {
        self.stream = stream;
        self
    }

    /// Leaves out the module that logs, which is in each line by default.
    pub fn without_targets(mut self) -> Self {
        self.hides_targets = true;
        self
    }

    /// Starts logging; see [`init`](init()).
    pub fn init(self) -> LogGuard {
        let wanted = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_default();
        let (filter, refused) = filter(&wanted);
        let is_terminal = match self.stream {
            Stream::Stderr => io::stderr().is_terminal(),
            Stream::Stdout => io::stdout().is_terminal(),
        };
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let has_colors = is_terminal && !no_color && self.format == Format::Text;
        let escapes = line::Escapes::new(self.format, has_colors);
        let writer = Writer::start(Destination::of(self.stream), escapes);
        let log = fmt()
            .with_env_filter(filter)
            .with_target(!self.hides_targets)
            .with_ansi(has_colors)
            .log_internal_errors(false)
            .with_writer(writer.clone());
        let started = match self.format {
            Format::Text => log.try_init(),
            // Among the spans is the current one, which would be there twice.
            Format::Json => log
                .json()
                .flatten_event(true)
                .with_current_span(false)
                .try_init(),
        };
        if started.is_err() {
            // The program has set up logging of its own, which stays.
            return LogGuard { writer: None };
        }
        for (directive, why) in refused {
            let directive = Printable::new(directive);
            warn!("`RUST_LOG` is not followed in `{directive}`: {why}");
        }
        // There is but one subscriber in a process.
        let _ = WRITER.set(writer.clone());
        LogGuard {
            writer: Some(writer),
        }
    }
}

/// Writes what is still to be written when it is dropped, if somebody reads it.
///
/// That takes at most a second, and nothing if the log was found to be stuck before. Logging goes
/// on after that.
#[derive(Debug)]
#[must_use = "the end of `main` is the place to drop it, so that no line is lost"]
pub struct LogGuard {
    writer: Option<Writer>,
}

impl LogGuard {
    /// Waits until all is written that was logged by now; false if the log is not being read.
    pub fn flush(&self) -> bool {
        self.writer.as_ref().is_none_or(Writer::flush)
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Writes what was logged by now, before the process ends.
pub(crate) fn flush() {
    if let Some(writer) = WRITER.get() {
        writer.flush();
    }
}

/// Makes the filter of what `RUST_LOG` says; returns too what of it is none.
fn filter(wanted: &str) -> (EnvFilter, Vec<(&str, String)>) {
    let (mut directives, mut refused) = (Vec::new(), Vec::new());
    for directive in split(wanted) {
        match directive.parse::<Directive>() {
            Ok(_) => directives.push(directive),
            Err(error) => refused.push((directive, error.to_string())),
        }
    }
    if directives.is_empty() {
        directives.push(LOGGED);
    }
    let quiet = quiet(&directives);
    if !wanted.contains("kube_client") {
        directives.push(NOT_LOGGED);
    }
    let all: Vec<&str> = quiet.iter().map(String::as_str).chain(directives).collect();
    let filter = EnvFilter::builder().with_default_directive(Level::INFO.into());
    (filter.parse_lossy(all.join(",")), refused)
}

/// Returns what keeps noisy modules at `info` that no directive names, if all would log more than that.
fn quiet(directives: &[&str]) -> Vec<String> {
    let mut levels = directives
        .iter()
        .filter_map(|all| all.parse::<Level>().ok());
    if !levels.any(|level| level > Level::INFO) {
        return Vec::new();
    }
    let is_named = |module: &str| {
        let mut named = directives
            .iter()
            .map(|all| all.split(['=', '[', ':']).next());
        named.any(|first| first == Some(module))
    };
    let quiet = NOISY.into_iter().filter(|module| !is_named(module));
    quiet.map(|module| format!("{module}=info")).collect()
}

/// The directives, which commas separate outside of brackets.
fn split(wanted: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    let parts = wanted.split(move |c| {
        depth += i32::from(matches!(c, '[' | '{')) - i32::from(matches!(c, ']' | '}'));
        c == ',' && depth <= 0
    });
    parts.map(str::trim).filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(wanted: &str) -> String {
        filter(wanted).0.to_string()
    }

    #[test]
    fn responses_that_kube_cannot_read_are_logged_only_where_they_are_asked_for() {
        for wanted in ["", "info", "debug,h2=off", "trace"] {
            let filter = shown(wanted);
            assert!(filter.contains("kube_client::client=off"), "{filter}");
        }
        for wanted in ["kube_client=warn", "info,kube_client::client=debug"] {
            let filter = shown(wanted);
            assert!(!filter.contains("kube_client::client=off"), "{filter}");
        }
    }

    #[test]
    fn filter_says_what_rust_log_says_and_info_without_it() {
        assert!(shown("").contains("info"));
        assert!(!shown("kubehandler=debug").contains("info"));
        assert!(shown("kubehandler=debug").contains("kubehandler=debug"));
        assert!(shown("off").contains("off"));
    }

    #[test]
    fn modules_that_log_each_request_stay_at_info_unless_they_are_named() {
        for wanted in ["debug", "trace", "kubehandler=trace,debug"] {
            let filter = shown(wanted);
            assert!(filter.contains("tower=info"), "{filter}");
        }
        let named = shown("debug,tower=trace");
        assert!(named.contains("tower=trace") && !named.contains("tower=info"));
        assert!(named.contains("hyper=info"), "{named}");
        for wanted in ["", "info", "tower=debug", "kubehandler=debug"] {
            assert!(!shown(wanted).contains("hyper=info"), "{wanted}");
        }
    }

    #[test]
    fn directive_that_is_none_is_named_and_the_others_count() {
        let (filter, refused) = filter("kubehandler=debug,a=b=c,hyper=warn");

        let names: Vec<&str> = refused.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["a=b=c"]);
        assert!(filter.to_string().contains("hyper=warn"), "{filter}");
    }

    #[test]
    fn commas_within_a_span_separate_nothing() {
        let parts: Vec<&str> = split("a[s{x=1,y=2}]=debug, b=info,,").collect();

        assert_eq!(parts, ["a[s{x=1,y=2}]=debug", "b=info"]);
    }
}
