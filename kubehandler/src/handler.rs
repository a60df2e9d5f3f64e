//! What a user implements: [`EventHandler`], the plumbing, and [`Callbacks`], the functions.
//!
//! The derive writes the first; the second has do-nothing bodies for all of its methods.

mod future;

use std::{borrow::Cow, fmt};

pub use future::{ActionFuture, DeleteFuture};

use crate::{
    event::Event,
    informer::{Filter, Informer, Informers},
    outcome::Action,
    resource::Resource,
    settings::Settings,
};

/// The plumbing of a handler: its name, its informer, its settings.
///
/// `#[derive(EventHandler)]` writes it; it can also be written by hand.
///
/// # Examples
///
/// ```
/// use kubehandler::{EventHandler, Filter, Informer, Informers, k8s::Pod};
/// use std::borrow::Cow;
///
/// struct Web;
///
/// impl EventHandler for Web {
///     type Resource = Pod;
///
///     fn name(&self) -> Cow<'_, str> {
///         "web".into()
///     }
///
///     fn informer(&self, informers: &Informers) -> Informer<Pod> {
///         informers.informer(Filter::default().labels("app=web"))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event handler",
    label = "not an event handler",
    note = "add `#[derive(EventHandler)]` and `#[handler(resource = Kind)]` to `{Self}`"
)]
pub trait EventHandler: Send + Sync + Sized + 'static {
    /// The kind of object that the callbacks are called for.
    type Resource: Resource;

    /// Returns the handler's name: a DNS label, unique within its event loop.
    fn name(&self) -> Cow<'_, str>;

    /// Returns the informer whose objects the callbacks are called for.
    ///
    /// Called once, when the event loop starts. Return one of `informers`, or a clone of one that
    /// the handler holds. Its [`has_synced`](Informer::has_synced) is true once the store holds the
    /// first complete list; [`EventLoopHandle::handlers`](crate::EventLoopHandle::handlers) shows
    /// which handlers have seen all of it.
    fn informer(&self, informers: &Informers) -> Informer<Self::Resource>;

    /// Returns workers, timeout, retries, resync and predicates.
    ///
    /// Called once, when the handler is registered; so is [`name`](Self::name).
    fn settings(&self) -> Settings<Self> {
        Settings::default()
    }
}

/// The callbacks of a handler; those that are not overridden do nothing.
///
/// For one handler and one object, never two callbacks run at once, and the calls
/// that succeed in the life of an object are one `on_add`, any number of
/// `on_update`, one `on_delete`. A callback that fails, panics or times out is
/// called again after its backoff.
///
/// Callbacks run on the threads of the runtime, and must not block them: code that blocks, or
/// computes for long, belongs in [`Event::blocking`].
///
/// # Cancel safety
///
/// A callback's future is dropped at its timeout, and at the drain deadline of a
/// shutdown. What it had done by then stays done, and it is called again (after a
/// timeout) or not (after a shutdown; the next run starts with an add of every object).
#[diagnostic::on_unimplemented(
    message = "`{Self}` overrides no callback",
    label = "needs `impl Callbacks for {Self}`",
    note = "write `impl Callbacks for {Self} {{}}` and override `on_add`, `on_update`, `on_delete` or `reconcile`"
)]
pub trait Callbacks: EventHandler {
    /// Brings the world in line with the object; `on_add` and `on_update` call it.
    ///
    /// # Errors
    ///
    /// An error has the callback run again after its backoff, unless it is terminal.
    fn reconcile(&self, ev: Event<Self>) -> impl ActionFuture + Send {
        let _ = ev;
        async { Ok(Action::DONE) }
    }

    /// Handles an object that entered the view of this handler; by default, `reconcile`.
    ///
    /// Called until it succeeds once for this life of the object.
    ///
    /// # Errors
    ///
    /// An error has the callback run again after its backoff, unless it is terminal.
    fn on_add(&self, ev: Event<Self>) -> impl ActionFuture + Send {
        self.reconcile(ev)
    }

    /// Handles changes of an object whose add has succeeded, resync and requeue; by default, `reconcile`.
    ///
    /// Changes that came while it could not be called are merged into one call.
    ///
    /// # Errors
    ///
    /// An error has the callback run again after its backoff, unless it is terminal.
    fn on_update(&self, ev: Event<Self>) -> impl ActionFuture + Send {
        self.reconcile(ev)
    }

    /// Handles the end of an object: deleted, replaced, or no longer matching the filter.
    ///
    /// Best effort, as in every informer: a delete while no controller runs is not seen.
    ///
    /// # Errors
    ///
    /// An error has the callback run again after its backoff, unless it is terminal. After a
    /// [day](crate::Retry::delete_deadline) of failures it is given up.
    fn on_delete(&self, ev: Event<Self>) -> impl DeleteFuture + Send {
        let _ = ev;
        async { Ok(()) }
    }
}

/// A handler with a name, an informer, and callbacks that do nothing.
///
/// It keeps an informer running and synced, or stands in for a handler in a test.
///
/// # Examples
///
/// ```
/// use kubehandler::{DefaultHandler, EventLoop, Filter, k8s::Pod};
///
/// let pods = DefaultHandler::<Pod>::new("pods").filter(Filter::default().namespace("web"));
/// let event_loop = EventLoop::new("demo").register(pods);
/// ```
///
/// A kind that is known at run time only:
///
/// ```
/// use kubehandler::{DefaultHandler, EventLoop};
/// use kubehandler::kube::core::{ApiResource, DynamicObject, GroupVersionKind};
///
/// let sites = ApiResource::from_gvk(&GroupVersionKind::gvk("demo.dev", "v1", "Site"));
/// let sites = DefaultHandler::<DynamicObject>::with_type("sites", sites);
/// let event_loop = EventLoop::new("demo").register(sites);
/// ```
pub struct DefaultHandler<K: Resource> {
    name: String,
    kind: K::DynamicType,
    filter: Filter,
    informer: Option<Informer<K>>,
}

impl<K: Resource> DefaultHandler<K> {
    /// Makes a handler of this name for every object of a kind known at compile time.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self
    where
        K::DynamicType: Default,
    {
        Self::with_type(name, K::DynamicType::default())
    }

    /// Makes a handler of this name for every object of a kind known at run time, such as a
    /// `DynamicObject` with its `ApiResource`.
    #[must_use]
    pub fn with_type(name: impl Into<String>, kind: K::DynamicType) -> Self {
        Self {
            name: name.into(),
            kind,
            filter: Filter::default(),
            informer: None,
        }
    }

    /// Takes only the objects that match `filter`.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// Uses this informer instead of the event loop's own.
    #[must_use]
    pub fn with_informer(mut self, informer: Informer<K>) -> Self {
        self.informer = Some(informer);
        self
    }
}

impl<K: Resource> EventHandler for DefaultHandler<K> {
    type Resource = K;

    fn name(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.name)
    }

    fn informer(&self, informers: &Informers) -> Informer<K> {
        self.informer
            .clone()
            .unwrap_or_else(|| informers.informer_with_type(&self.kind, self.filter.clone()))
    }
}

impl<K: Resource> Callbacks for DefaultHandler<K> {}

impl<K: Resource> fmt::Debug for DefaultHandler<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DefaultHandler")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
