//! What a callback gets.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use kube::Client;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use tracing::Span;

use crate::{
    contained::contained,
    handler::EventHandler,
    informer::{DecodeError, Decoder, Stored, Uid, UidBuffer},
    lane::cause::Causes,
    object_key::ObjectKey,
    outcome::{HandlerError, panicked},
};

/// What happened to the object, as far as one handler is concerned.
///
/// It says which callback is called. `Type` is the word of the watch API, whose `ADDED`, `MODIFIED`
/// and `DELETED` are about the server; a *kind*, in Kubernetes, is the type of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventType {
    /// The object is in the view, and no add of it has succeeded yet.
    Add,
    /// The object may have changed since it was last handled; also resync and requeue.
    Update,
    /// The object left the view.
    Delete,
}

impl EventType {
    /// Returns `add`, `update` or `delete`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is the same for every kind of object: all that the lane knows of one call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) key: ObjectKey,
    pub(crate) event_type: EventType,
    /// The object when the callback started; for a delete, the last state seen.
    pub(crate) snapshot: Stored,
    /// The object as the last successful callback saw it.
    pub(crate) handled: Option<Stored>,
    pub(crate) attempt: u32,
    pub(crate) initial: bool,
    /// Why it is made; none before it starts.
    pub(crate) causes: Causes,
}

/// What the event loop lends to every callback; shared, as a client is costly to clone.
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) stop: CancellationToken,
    /// Decodes the objects of the handler's informer.
    pub(crate) decoder: Arc<Decoder>,
}

/// One call of a callback of the handler `H`: which object, what happened, and the object itself.
///
/// It holds the state of the object when the callback started; changes that come
/// later lead to a further call.
pub struct Event<H: EventHandler> {
    call: Call,
    context: Arc<Context>,
    /// The text of a uid that is kept as a UUID, once it was asked for.
    uid: OnceLock<UidBuffer>,
    handler: std::marker::PhantomData<fn() -> H>,
}

impl<H: EventHandler> Event<H> {
    pub(crate) fn new(call: Call, context: Arc<Context>) -> Self {
        Self {
            call,
            context,
            uid: OnceLock::new(),
            handler: std::marker::PhantomData,
        }
    }

    /// Returns the object's namespace and name.
    #[must_use]
    pub fn key(&self) -> &ObjectKey {
        &self.call.key
    }

    /// Returns the object's namespace, or `None` if its kind is cluster-scoped.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.call.key.namespace()
    }

    /// Returns the object's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.call.key.name()
    }

    /// Returns the object's uid: two objects of one name, one after the other, differ in it.
    #[must_use]
    pub fn uid(&self) -> &str {
        match self.call.snapshot.uid() {
            Uid::Text(text) => text,
            uid @ Uid::Uuid(_) => {
                let text = self.uid.get_or_init(|| {
                    let mut buffer = [0; _];
                    uid.text(&mut buffer);
                    buffer
                });
                std::str::from_utf8(text).unwrap_or_default()
            }
        }
    }

    /// Returns the object's resourceVersion.
    #[must_use]
    pub fn resource_version(&self) -> &str {
        self.call.snapshot.resource_version()
    }

    /// Returns which callback this is for: add, update or delete.
    ///
    /// It is for `reconcile`, which is called for adds and updates.
    #[must_use]
    pub fn event_type(&self) -> EventType {
        self.call.event_type
    }

    /// Returns the object as it was when the callback started; for a delete, its last known state.
    ///
    /// It is decoded when first asked for, and shared by all who hold it.
    ///
    /// # Errors
    ///
    /// Fails, terminally for this version of the object, if the object is not of the shape of
    /// its Rust type; the message names the field. So does an object nested deeper than 768 levels.
    pub fn object(&self) -> Result<Arc<H::Resource>, HandlerError> {
        self.context
            .decoder
            .decode(&self.call.snapshot)
            .map_err(|error: DecodeError| HandlerError::terminal(error))
    }

    /// Returns the object as the last successful callback of this handler saw it.
    ///
    /// `None` until an add has succeeded, or if that state is not of the shape of the Rust type.
    /// However many changes were merged into this call, `old()` and
    /// [`object`](Self::object) are the two ends of them.
    #[must_use]
    pub fn old(&self) -> Option<Arc<H::Resource>> {
        let handled = self.call.handled.as_ref()?;
        self.context.decoder.decode(handled).ok()
    }

    /// Returns true if what `part` shows has changed since the object was last handled.
    ///
    /// True also when there is no [`old`](Self::old) to compare with.
    #[must_use]
    pub fn changed<T: PartialEq + ?Sized>(&self, part: impl Fn(&H::Resource) -> &T) -> bool {
        match (self.old(), self.object()) {
            (Some(old), Ok(new)) => part(&old) != part(&new),
            _ => true,
        }
    }

    /// Returns how many tries for this object have failed in a row before this call.
    ///
    /// A try is a call that was due: the first one, and each [retry](crate::Retry). It is 0 in the
    /// first call, and after a success. A call that a change or a resync brought before the retry
    /// was due shows the same number as that retry will: if it fails, it does not count. Adds and
    /// updates of one life of the object are counted together, its deletes by themselves.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.call.attempt
    }

    /// Returns true if the object came with the first list and its add has not yet succeeded.
    #[must_use]
    pub fn is_initial(&self) -> bool {
        self.call.initial
    }

    /// Returns why this call is made: what has happened since the last call started, merged.
    ///
    /// Causes are a hint for logs and metrics. What is to be done must follow from the state alone: a
    /// controller that starts sees adds, whatever has happened before. What came from another object is a
    /// cause until a call succeeds.
    #[doc(hidden)]
    #[must_use]
    pub fn causes(&self) -> &Causes {
        &self.call.causes
    }

    /// Waits until the event loop is told to stop: the time left is the drain deadline.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    pub async fn cancelled(&self) {
        self.context.stop.cancelled().await;
    }

    /// Returns true once the event loop is told to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.context.stop.is_cancelled()
    }

    /// Runs code that blocks, or computes for long, on a thread where that harms nothing.
    ///
    /// A callback that blocks its thread holds up whatever waits for that thread: other callbacks,
    /// their timeouts, the watches. The event loop notices, and names it in the log.
    ///
    /// `work` runs as `tokio::task::spawn_blocking` does, in the span of the callback. It takes
    /// what it needs with it: clones of fields, and of the event, which is cheap to clone.
    ///
    /// # Errors
    ///
    /// Fails if `work` panics, or if the runtime shuts down before it starts. What `work` returns
    /// is passed on, a `Result` of its own too: `ev.blocking(..).await??`.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime; a callback is always in one.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, as by the handler's `timeout` or at the drain deadline, `work` goes
    /// on if it has started, and what it returns is lost. The event loop does not wait for it, and
    /// the next call of the object may run beside it. `EventLoop::main` and `run_blocking` leave it
    /// behind; a runtime of your own waits for it when it is dropped: end that with
    /// `Runtime::shutdown_timeout`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kubehandler::{k8s::ConfigMap, prelude::*};
    /// use std::{fs, path::PathBuf};
    ///
    /// #[derive(EventHandler)]
    /// #[handler(resource = ConfigMap)]
    /// struct Mirror {
    ///     directory: PathBuf,
    /// }
    ///
    /// impl Callbacks for Mirror {
    ///     async fn reconcile(&self, ev: Event<Self>) -> Result<Action> {
    ///         let map = ev.object()?;
    ///         let directory = self.directory.join(ev.name());
    ///         ev.blocking(move || {
    ///             fs::create_dir_all(&directory)?;
    ///             for (name, text) in map.data.iter().flatten() {
    ///                 fs::write(directory.join(name), text)?;
    ///             }
    ///             std::io::Result::Ok(())
    ///         })
    ///         .await??;
    ///         Ok(Action::DONE)
    ///     }
    /// }
    /// ```
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HandlerError> {
        let span = Span::current();
        let work = spawn_blocking(move || span.in_scope(|| contained(work)));
        match work.await {
            Ok(answer) => answer.map_err(panicked),
            Err(_) => Err("the runtime shuts down, and runs no blocking code any more".into()),
        }
    }

    /// Returns the client of the event loop.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.context.client
    }
}

impl<H: EventHandler> Clone for Event<H> {
    fn clone(&self) -> Self {
        Self::new(self.call.clone(), self.context.clone())
    }
}

impl<H: EventHandler> fmt::Debug for Event<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("event_type", &self.call.event_type)
            .field("key", &self.call.key)
            .field("uid", &self.uid())
            .field("resource_version", &self.resource_version())
            .field("attempt", &self.call.attempt)
            .finish_non_exhaustive()
    }
}
