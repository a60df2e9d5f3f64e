//! Why an event loop ended.

use std::fmt;

use super::registry::RunningCallback;
use crate::{Printable, cluster::ClusterError};

/// Why [`EventLoop::run`](crate::EventLoop::run) returned other than by being told to stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// No handler was registered.
    #[error("event loop `{}` has no handler: call `register` before it runs", Printable::new(.0))]
    NoHandler(String),
    /// A handler's name is no DNS label.
    #[error(
        "the handler `{type_name}` has the name `{}`, which is not a DNS label: use at most 63 of a-z, \
         0-9 and `-`, without `-` at the ends",
        Printable::new(name)
    )]
    #[non_exhaustive]
    InvalidName {
        /// The Rust type of the handler.
        type_name: &'static str,
        /// The name.
        name: String,
    },
    /// Two handlers were registered under one name.
    #[error("handler `{name}` is registered twice, {}", twice(.type_names))]
    #[non_exhaustive]
    DuplicateHandler {
        /// The Rust types of the two handlers.
        type_names: [&'static str; 2],
        /// The name.
        name: String,
    },
    /// A handler's settings contradict themselves.
    #[error("handler `{handler}` has invalid settings: {reason}")]
    #[non_exhaustive]
    InvalidSettings {
        /// The handler's name.
        handler: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// What a handler wants to list and watch cannot exist.
    #[error("handler `{handler}` has an invalid informer: {reason}")]
    #[non_exhaustive]
    InvalidInformer {
        /// The handler's name.
        handler: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// No cluster is configured, or its configuration cannot be used.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The configuration that the program was to find was not found.
    #[error("cannot make a client for the cluster")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The process cannot listen for its signals.
    #[error("cannot listen for signals")]
    Signals(#[source] std::io::Error),
    /// `main` or `run_blocking` was called from async code of a tokio runtime.
    #[error(
        "a tokio runtime is running already: in async code, call `run().await` in place of `main()` or `run_blocking()`"
    )]
    InsideRuntime,
    /// The runtime could not be made.
    #[error("cannot start a runtime")]
    Runtime(#[source] std::io::Error),
    /// The sync timeout ran out; each informer that has no first list, or cannot watch, is named with its
    /// last error.
    #[error("failed to wait for caches to sync: {}", names(.0))]
    NotSynced(Vec<Unsynced>),
    /// Callbacks were still running when the drain deadline came; none is named if the loop itself was stuck.
    #[error("callbacks were still running at the drain deadline: {}", names(.0))]
    CutOff(Vec<CutOff>),
}

/// An informer that had no complete list at the sync timeout, or could not watch from there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unsynced {
    /// What is listed and watched.
    pub informer: String,
    /// The last failure, with what to do about it, or what has come of the list by then; none if
    /// nothing has.
    pub cause: Option<String>,
}

impl fmt::Display for Unsynced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = self.cause.as_deref().unwrap_or("the server did not answer");
        write!(f, "{}: {cause}", self.informer)
    }
}

/// A callback that was dropped at the drain deadline.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CutOff {
    /// What was running.
    pub callback: RunningCallback,
    /// It blocks its thread: it cannot be dropped, and still runs.
    pub is_blocking: bool,
}

impl fmt::Display for CutOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.callback)?;
        if self.is_blocking {
            write!(f, " (it blocks its thread)")?;
        }
        Ok(())
    }
}

/// Says of which types two handlers of one name are, and what to do.
fn twice([first, second]: &[&str; 2]) -> String {
    if first == second {
        return format!(
            "both times as `{first}`: give each a name of its own, as with `#[handler(name = self.name)]`"
        );
    }
    format!("as `{first}` and as `{second}`: give one of them another name")
}

/// The items, joined by semicolons.
pub(super) fn names<T: ToString>(items: &[T]) -> String {
    if items.is_empty() {
        return "none is known; the event loop itself did not stop".to_owned();
    }
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join("; ")
}
