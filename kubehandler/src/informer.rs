//! List and watch of one kind into a cache; changes to subscribers.
//!
//! [`Informer`] is the typed handle, `Source` what it stands for, without the type. Data moves one way through
//! four rooms, each of which imports only those before it: `wire` (requests, bytes, limits; events and
//! lists, read no deeper than `metadata`) → `object` (one object, packed and decoded) → `cache` (the
//! local copy; a change in, changes out to subscribers) → `reflector` (the loop; its `plan` says what to
//! ask for next).

mod cache;
mod object;
mod options;
mod reflector;
mod set;
mod source;
mod wire;

use std::{fmt, marker::PhantomData, sync::Arc};

use kube::Client;
use tokio_util::sync::CancellationToken;

pub(crate) use cache::delta::{Delta, Subscriber};
pub use cache::index::Index;
pub use object::decode_error::DecodeError;
pub(crate) use object::{
    decode_error::WithoutValues,
    decoded::Decoder,
    stored::{Stored, Uid, UidBuffer},
};
pub use options::{InformerOptions, StoreFormat};
pub(crate) use reflector::news::InformerObserver;
pub use reflector::news::{InformerStage, ListCause};
pub use set::Informers;
pub(crate) use source::Source;
pub use wire::{filter::Filter, limits::Limits};

use self::{cache::store::Store, wire::target::Target};
use crate::{object_key::ObjectKey, resource::Resource};

/// A local copy of the objects of one kind that match a filter, kept up to date.
///
/// The handle is cheap to clone; all clones share one watch and one store. An event loop runs
/// the informers of its handlers; one that stands alone is run with [`run`](Self::run).
///
/// The store never goes back, and an object is in it exactly as long as the server has it in
/// view, as far as the server can be reached. Objects are kept encoded, without their
/// `managedFields`, and decoded when asked for.
///
/// # Examples
///
/// ```no_run
/// # async fn example(client: kubehandler::kube::Client) -> kubehandler::Result {
/// use kubehandler::{CancellationToken, Filter, Informer, k8s::Pod, tokio};
///
/// let pods = Informer::<Pod>::new(client, Filter::default().namespace("web"));
/// let stop = CancellationToken::new();
/// tokio::spawn({
///     let (pods, stop) = (pods.clone(), stop.clone());
///     async move { pods.run(stop).await }
/// });
///
/// pods.synced().await;
/// if let Some(pod) = pods.get(&"web/front".parse()?)? {
///     println!("{:?}", pod.spec);
/// }
/// stop.cancel();
/// # Ok(())
/// # }
/// ```
pub struct Informer<K> {
    source: Arc<Source>,
    kind: PhantomData<fn() -> K>,
}

impl<K: Resource> Informer<K> {
    /// Makes an informer of its own for a kind known at compile time.
    ///
    /// It does nothing before it is run.
    #[must_use]
    pub fn new(client: Client, filter: Filter) -> Self
    where
        K::DynamicType: Default,
    {
        Self::with_type(client, &K::DynamicType::default(), filter)
    }

    /// Makes an informer for a kind known at run time, such as a `DynamicObject` with its `ApiResource`.
    #[must_use]
    pub fn with_type(client: Client, kind: &K::DynamicType, filter: Filter) -> Self {
        Self::with_options(client, kind, filter, InformerOptions::default())
    }

    /// Makes an informer that keeps its objects as `options` say.
    ///
    /// `kind` is `&()` for a kind known at compile time.
    #[must_use]
    pub fn with_options(
        client: Client,
        kind: &K::DynamicType,
        filter: Filter,
        options: InformerOptions<K>,
    ) -> Self {
        let target = Target::new::<K>(kind, filter);
        Self::from_source(Arc::new(Source::new(client, target, options.read())))
    }

    /// Returns the object of this name, decoded, or `None` if the store has none.
    ///
    /// An object that was decoded a moment ago is not decoded again, but shared.
    ///
    /// # Errors
    ///
    /// Fails if the object is not of the shape of its Rust type.
    pub fn get(&self, key: &ObjectKey) -> Result<Option<Arc<K>>, DecodeError> {
        let stored = self.source.cache().get(key.as_str());
        let decoder = self.source.cache().decoder();
        stored.map(|object| decoder.decode(&object)).transpose()
    }

    /// Returns every object of the store, decoded, in the order of the keys.
    ///
    /// Each has a result of its own, so that one which is not of the shape of its Rust type
    /// does not hide the others; collect into a `Result<Vec<_>, _>` to have all or none.
    /// Who lists a large store often does better with [`StoreFormat::Decoded`].
    #[must_use]
    pub fn list(&self) -> Vec<Result<Arc<K>, DecodeError>> {
        let decoder = self.source.cache().decoder();
        let stored = self.stored();
        stored.iter().map(|object| decoder.peek(object)).collect()
    }
}

impl<K> Informer<K> {
    pub(crate) fn from_source(source: Arc<Source>) -> Self {
        Self {
            source,
            kind: PhantomData,
        }
    }

    /// Returns the keys of the objects of the store, in their order.
    #[must_use]
    pub fn keys(&self) -> Vec<ObjectKey> {
        let stored = self.stored();
        stored.iter().map(Stored::to_key).collect()
    }

    /// Returns the objects of the store, in the order of their keys.
    fn stored(&self) -> Vec<Stored> {
        let mut stored: Vec<_> = self
            .source
            .cache()
            .read(|store| store.iter().cloned().collect());
        stored.sort_unstable_by(|one, other| one.key().cmp(other.key()));
        stored
    }

    /// Returns the number of objects in the store.
    #[must_use]
    pub fn len(&self) -> usize {
        self.source.cache().read(Store::len)
    }

    /// Returns true if the store has no objects.
    ///
    /// Before [`has_synced`](Self::has_synced) that says nothing of the server: the store may
    /// hold a part of the first list by then.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns true once the store holds its first complete list.
    ///
    /// # Examples
    ///
    /// A callback that reads the objects of another handler's informer. The event loop runs the
    /// informer, and no handler waits for that of another:
    ///
    /// ```no_run
    /// use kubehandler::{Cluster, DefaultHandler, Filter, Informer, k8s::{Node, Pod}, prelude::*};
    /// use std::time::Duration;
    ///
    /// #[derive(EventHandler)]
    /// #[handler(resource = Pod)]
    /// struct Placements {
    ///     nodes: Informer<Node>,
    /// }
    ///
    /// impl Callbacks for Placements {
    ///     async fn reconcile(&self, ev: Event<Self>) -> Result<Action> {
    ///         if !self.nodes.has_synced() {
    ///             return Ok(Action::requeue_after(Duration::from_secs(1)));
    ///         }
    ///         let pod = ev.object()?;
    ///         let name = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
    ///         if let Some(name) = name {
    ///             info!(has_node = self.nodes.get(&name.parse()?)?.is_some(), "placed");
    ///         }
    ///         Ok(Action::DONE)
    ///     }
    /// }
    ///
    /// # async fn example() -> Result {
    /// let client = Cluster::find().connect().await?;
    /// let nodes = Informer::<Node>::new(client.clone(), Filter::default());
    /// EventLoop::new("placements")
    ///     .client(client)
    ///     .register(DefaultHandler::<Node>::new("nodes").with_informer(nodes.clone()))
    ///     .register(Placements { nodes })
    ///     .run()
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn has_synced(&self) -> bool {
        self.source.cache().has_synced()
    }

    /// Waits until the store holds its first complete list.
    ///
    /// That never comes if the informer is not run.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    pub async fn synced(&self) {
        self.source.cache().synced().await;
    }

    /// Returns the last failure to list or watch, with what to do about it.
    ///
    /// `None` while all is well.
    #[must_use]
    pub fn last_error(&self) -> Option<String> {
        self.source.upstream().last_error()
    }

    /// Lists and watches until `stop` is cancelled, whatever the server does.
    ///
    /// An event loop does this for the informers of its handlers. Of several who run one
    /// informer, one lists and watches; when it stops, the next goes on from there.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the watch, as `stop` does; the store stays as it is.
    pub async fn run(&self, stop: CancellationToken) {
        self.source.run(stop).await;
    }

    pub(crate) fn source(&self) -> &Arc<Source> {
        &self.source
    }
}

impl<K> Clone for Informer<K> {
    fn clone(&self) -> Self {
        Self::from_source(self.source.clone())
    }
}

impl<K> fmt::Debug for Informer<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Informer")
            .field("watches", &self.source.upstream().describe())
            .field("has_synced", &self.has_synced())
            .finish_non_exhaustive()
    }
}
