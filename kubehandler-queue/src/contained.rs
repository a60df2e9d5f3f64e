//! Runs code of the user's, whose panics end here.
//!
//! Callbacks and predicates are code of the user's, and so are `Deserialize`, `Display`, `Drop`,
//! `Hash` and the like of the user's types. All of it goes through this module, and none of it runs
//! while a lock of ours is held: it may block, or come back to what called it.

use std::{
    any::Any,
    fmt,
    ops::{Deref, DerefMut},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::task::JoinSet;
use tracing::error;

use crate::{log::logged, printable::Printable};

/// A panic of the user's code: its message, if it had one.
///
/// What the code panicked with is dropped already, so that the panic of that `Drop` is over too.
#[derive(Debug)]
pub struct Panic {
    message: Option<Box<str>>,
}

impl Panic {
    fn of(payload: Box<dyn Any + Send>) -> Self {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let message = text.map(Into::into);
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            // It could go on for ever.
            std::mem::forget(payload);
        }
        Self { message }
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message.as_deref().unwrap_or("no message"))
    }
}

/// Returns what `code` of the user's returns, or its panic.
///
/// # Errors
///
/// Fails if `code` panics.
#[inline]
pub fn contained<T>(code: impl FnOnce() -> T) -> Result<T, Panic> {
    catch_unwind(AssertUnwindSafe(code)).map_err(Panic::of)
}

/// Drops a value of the user's; a panic of its `Drop` is logged.
#[inline]
pub fn dropped<T>(value: T) {
    if std::mem::needs_drop::<T>()
        && let Err(panic) = contained(|| drop(value))
    {
        let panic = Printable::new(&panic);
        logged(|| error!(%panic, "a value panicked when it was dropped"));
    }
}

/// Returns the text of a value of the user's, such as an error, fit for a line of a log.
pub fn printed(value: &impl fmt::Display) -> String {
    contained(|| Printable::new(value).to_string())
        .unwrap_or_else(|panic| format!("the error panicked when it was printed: {panic}"))
}

/// Waits until all tasks have ended, and drops what they panicked with.
pub async fn all_ended(tasks: &mut JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        dropped(ended);
    }
}

/// A value of the user's that is [`dropped`] wherever it goes out of scope.
///
/// A future in it panics neither when it is polled nor when it is dropped before it ends.
#[derive(Clone)]
pub struct Contained<T>(Option<T>);

impl<T> Contained<T> {
    /// Wraps a value of the user's.
    #[inline]
    pub fn new(value: T) -> Self {
        Self(Some(value))
    }

    /// Takes the value out; there is none from then on.
    #[inline]
    pub fn take(&mut self) -> Option<T> {
        self.0.take()
    }

    /// Changes the value with code that does not panic.
    #[must_use]
    pub fn map<U>(mut self, change: impl FnOnce(T) -> U) -> Contained<U> {
        Contained(self.take().map(change))
    }
}

impl<T> Deref for Contained<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.0.as_ref().expect("what was taken out is not used")
    }
}

impl<T> DerefMut for Contained<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect("what was taken out is not used")
    }
}

impl<T: fmt::Debug> fmt::Debug for Contained<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T> Drop for Contained<T> {
    #[inline]
    fn drop(&mut self) {
        dropped(self.take());
    }
}

impl<F: Future + Unpin> Future for Contained<F> {
    type Output = Result<F::Output, Panic>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let future = &mut **self;
        let polled = match contained(|| Pin::new(future).poll(cx)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(panic) => Err(panic),
        };
        dropped(self.take());
        Poll::Ready(polled)
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, panic::panic_any, pin::pin, sync::Arc};

    use futures::FutureExt;

    use super::*;

    /// Panics with another of its kind each time that one is dropped.
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic_any(Self);
        }
    }

    #[test]
    fn panic_is_returned_with_its_message() {
        let text = contained(|| panic!("told to panic")).map_err(|panic: Panic| panic.to_string());
        let number = 7;
        let string = contained(|| panic!("told {number} times")).map_err(|panic| panic.to_string());
        let other = contained(|| panic_any(7)).map_err(|panic| panic.to_string());

        assert_eq!(text, Err::<(), _>("told to panic".to_owned()));
        assert_eq!(string, Err::<(), _>("told 7 times".to_owned()));
        assert_eq!(other, Err::<(), _>("no message".to_owned()));
    }

    #[test]
    fn payload_that_panics_when_it_is_dropped_ends_here_too() {
        assert!(contained::<()>(|| panic_any(Bomb)).is_err());
    }

    #[test]
    fn values_that_panic_when_they_are_dropped_end_here() {
        dropped(Bomb);
        dropped(Contained::new(Bomb));
        dropped(vec![Contained::new(Bomb), Contained::new(Bomb)]);
    }

    #[test]
    fn value_may_be_dropped_during_another_panic() {
        let both = contained(|| {
            let _held = Contained::new(Bomb);
            panic!("told to panic");
        });

        assert_eq!(
            both.map_err(|panic: Panic| panic.to_string()),
            Err::<(), _>("told to panic".to_owned())
        );
    }

    #[test]
    fn future_panics_neither_when_polled_nor_when_dropped() {
        let panics = Contained::new(async { panic_any(Bomb) }.boxed());
        let panics_late = Contained::new(
            async {
                let _held = Bomb;
                pending::<()>().await;
            }
            .boxed(),
        );
        let mut panics_late = pin!(panics_late);

        let ended: Option<Result<(), Panic>> = panics.now_or_never();
        let waits = panics_late.as_mut().now_or_never();

        assert!(ended.expect("it ended").is_err());
        assert!(waits.is_none());
    }

    #[test]
    fn text_of_a_value_that_panics_says_so() {
        struct Unprintable;
        impl fmt::Display for Unprintable {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                panic_any(Bomb)
            }
        }

        assert_eq!(printed(&7), "7");
        assert!(printed(&Unprintable).contains("panicked"));
    }

    #[test]
    fn contained_value_is_no_larger_than_a_pointer_is() {
        assert_eq!(size_of::<Contained<Arc<Bomb>>>(), size_of::<Arc<Bomb>>());
    }
}
