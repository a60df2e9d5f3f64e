//! What a callback may answer: an [`Action`], or a [`HandlerError`].

use std::{error::Error, fmt, time::Duration};

use crate::contained::Panic;

use crate::chain::chain;

/// The result of a callback; `Result` alone is `Result<(), HandlerError>`.
pub type Result<T = (), E = HandlerError> = std::result::Result<T, E>;

/// What a callback that succeeded wants next.
///
/// # Examples
///
/// ```
/// use kubehandler::Action;
/// use std::time::Duration;
///
/// assert_eq!(Action::DONE.requeue(), None);
/// let action = Action::requeue_after(Duration::from_secs(60));
/// assert_eq!(action.requeue(), Some(Duration::from_secs(60)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Action {
    requeue: Option<Duration>,
}

impl Action {
    /// Waits for the next change.
    pub const DONE: Self = Self { requeue: None };

    /// Calls `on_update` again after `delay`, or earlier if the object changes.
    ///
    /// The latest answer counts: a callback that runs earlier, for a change,
    /// replaces the delay with its own answer.
    #[must_use]
    pub const fn requeue_after(delay: Duration) -> Self {
        Self {
            requeue: Some(delay),
        }
    }

    /// Returns the delay after which the object is handed out again, if any.
    #[must_use]
    pub const fn requeue(&self) -> Option<Duration> {
        self.requeue
    }
}

/// Why a callback failed, and what becomes of it.
///
/// Made by `?` from every standard error, from `anyhow::Error`, `String` and `&str`.
/// By default the callback runs again after its backoff; [`HandlerError::terminal`]
/// ends the retries until the object changes, [`HandlerError::retry_after`]
/// sets the delay.
/// It is not itself an `Error`, or it could not be made from all of these.
///
/// # Examples
///
/// ```
/// use kubehandler::HandlerError;
///
/// fn port(text: &str) -> kubehandler::Result<u16> {
///     Ok(text.parse::<u16>()?)
/// }
/// assert!(!port("http").unwrap_err().is_terminal());
/// assert!(HandlerError::terminal("the spec asks for 0 replicas").is_terminal());
/// ```
pub struct HandlerError {
    source: Box<dyn Error + Send + Sync>,
    retry: Retrying,
}

/// What the lane does after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retrying {
    /// Run again after the backoff of the object.
    Backoff,
    /// Run again after this time.
    After(Duration),
    /// Do not run again for this change.
    Never,
}

impl HandlerError {
    /// Makes an error that ends the retries: only a new change or a resync calls again.
    ///
    /// A requeue that an earlier call asked for is over with the call that failed; a delete that
    /// fails so is not told again.
    #[must_use]
    pub fn terminal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            source: source.into(),
            retry: Retrying::Never,
        }
    }

    /// Sets the time until the next attempt, instead of the backoff.
    ///
    /// A change that comes earlier is handed out at once. If that call fails too, the retry stays
    /// at its time: an answer of that call can bring it forward, but not put it off, or a stream of
    /// changes would put it off for ever.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry = Retrying::After(delay);
        self
    }

    /// Returns true if the callback is not to be retried.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.retry == Retrying::Never
    }

    /// Returns the cause.
    #[must_use]
    pub fn source(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.source
    }

    pub(crate) fn retrying(&self) -> Retrying {
        self.retry
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for HandlerError {
    fn from(source: E) -> Self {
        Self {
            source: source.into(),
            retry: Retrying::Backoff,
        }
    }
}

/// The message and those of its causes, joined by colons.
///
/// What errors of `kube` quote is left out: the objects of a response that is not of the shape of
/// its Rust type, and what a credentials plugin printed. Messages are printed as they are; use a
/// [`Printable`](crate::Printable) where a line of a log is made of them.
impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&chain(&*self.source))
    }
}

/// As `Display`: it is what `fn main() -> Result` prints.
impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a callback ended without an answer.
#[derive(Debug, thiserror::Error)]
#[error("callback panicked: {0}")]
struct Panicked(Panic);

/// Makes a callback's panic its failure.
pub(crate) fn panicked(panic: Panic) -> HandlerError {
    Panicked(panic).into()
}

/// Says of a result's error what becomes of it.
pub trait ResultExt<T> {
    /// Turns the error into one that is retried after `delay` instead of the backoff.
    ///
    /// # Errors
    ///
    /// Fails if `self` is an error.
    fn retry_after(self, delay: Duration) -> Result<T>;

    /// Turns the error into one that is not retried.
    ///
    /// # Errors
    ///
    /// Fails if `self` is an error.
    fn terminal(self) -> Result<T>;
}

impl<T, E: Into<HandlerError>> ResultExt<T> for std::result::Result<T, E> {
    fn retry_after(self, delay: Duration) -> Result<T> {
        self.map_err(|error| error.into().retry_after(delay))
    }

    fn terminal(self) -> Result<T> {
        self.map_err(|error| {
            let mut error = error.into();
            error.retry = Retrying::Never;
            error
        })
    }
}

/// Returns from a callback with a terminal error, made as by `format!`.
///
/// # Examples
///
/// ```
/// fn check(replicas: u32) -> kubehandler::Result {
///     if replicas > 100 {
///         kubehandler::bail_terminal!("{replicas} replicas; the limit is 100");
///     }
///     Ok(())
/// }
/// assert!(check(101).unwrap_err().is_terminal());
/// ```
#[macro_export]
macro_rules! bail_terminal {
    ($($message:tt)*) => {
        return ::core::result::Result::Err($crate::HandlerError::terminal(::std::format!($($message)*)))
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::fmt::Error);

    #[test]
    fn message_names_every_cause() {
        let error = HandlerError::from(Outer(std::fmt::Error));

        let text = error.to_string();

        assert_eq!(text, format!("outer: {}", std::fmt::Error));
    }

    #[test]
    fn result_ext_sets_what_becomes_of_the_error() {
        let failed = || "no".parse::<u8>();

        let later = failed().retry_after(Duration::from_secs(3)).unwrap_err();
        let never = failed().terminal().unwrap_err();

        assert_eq!(later.retrying(), Retrying::After(Duration::from_secs(3)));
        assert!(never.is_terminal());
    }
}
