//! Code that runs, in words.

use std::{fmt, sync::Arc};

use super::slot::{Code, Subject};
use crate::Printable;

/// Whose code it is.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// A handler of this name.
    Handler(Arc<str>),
    /// A work queue of this name.
    Queue(Arc<str>),
    /// An informer, described as in its messages.
    Informer(Arc<str>),
    /// An event loop of this name.
    Loop(Arc<str>),
}

impl Origin {
    pub(super) fn handler(&self) -> Option<&str> {
        match self {
            Self::Handler(name) => Some(name),
            _ => None,
        }
    }
}

/// Code that runs, in words.
pub(super) struct Named<'a> {
    pub(super) origin: &'a Origin,
    pub(super) code: Code,
    pub(super) subject: Option<&'a Subject>,
}

impl Named<'_> {
    /// Says what to do about code that blocks.
    pub(super) fn advice(&self) -> &'static str {
        match (self.origin, self.code) {
            (Origin::Queue(_), _) => "run code that blocks with `tokio::task::spawn_blocking`",
            (Origin::Handler(_), Code::Predicate) => {
                "predicates must be quick: leave to the callback what takes long, there with \
                 `ev.blocking(..)` or `tokio::task::spawn_blocking`"
            }
            (Origin::Handler(_), Code::Report) => {
                "observers, and the printing of errors, must be quick"
            }
            (Origin::Handler(_), _) => {
                "run code that blocks with `ev.blocking(..)` or `tokio::task::spawn_blocking`"
            }
            (Origin::Informer(_), _) => {
                "index functions, `Deserialize`, `Drop` and layers of the client must be quick, \
                 and the credentials plugin of a kubeconfig should be"
            }
            (Origin::Loop(_), _) => {
                "what makes the client must be quick, such as the credentials plugin of a \
                 kubeconfig"
            }
        }
    }
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let object = self.subject.map(|subject| &subject.object);
        let kind = self.subject.and_then(|subject| subject.kind.as_deref());
        match (self.origin, self.code.callback(), object) {
            (Origin::Handler(name), Some(event), Some(object)) => {
                write!(f, "{event} of `{}` by `{name}`", Printable::new(object))
            }
            (Origin::Handler(name), _, Some(object)) => {
                let code = match self.code {
                    Code::Predicate => "a predicate",
                    _ => "the observer or an error",
                };
                write!(f, "{code} of `{name}`, for `{}`,", Printable::new(object))
            }
            (Origin::Queue(name), _, Some(object)) => {
                if let Some(event) = self.code.callback() {
                    write!(f, "{event} of ")?;
                }
                if let Some(kind) = kind {
                    write!(f, "{} ", Printable::new(kind))?;
                }
                let (object, name) = (Printable::new(object), Printable::new(name));
                write!(f, "`{object}` by the work queue `{name}`")
            }
            (Origin::Handler(name), ..) => write!(f, "code of `{name}`"),
            (Origin::Queue(name), ..) => write!(f, "code of `{}`", Printable::new(name)),
            (Origin::Informer(informer), ..) => write!(f, "the informer of {informer}"),
            (Origin::Loop(name), ..) => write!(f, "the event loop `{}`", Printable::new(name)),
        }
    }
}
