//! List and watch of one kind into a store; deltas to subscribers.
//!
//! [`Informer`] is the typed handle, `Shared` the untyped whole behind it. Data moves one way:
//! `connection` (requests, bytes, limits) → `frame` and `codec` (events and lists, read no
//! deeper than `metadata`) → `reflector` (the loop; `plan` says what to ask for next) → `store`
//! (the local copy; a change in, deltas out) → `delta` (subscribers).

mod ahead;
mod arrived;
mod backoff;
mod codec;
mod config;
mod connection;
mod decode;
mod decode_error;
mod decoded;
mod delta;
mod dictionary;
mod failure;
mod fields;
mod frame;
mod index;
mod limits;
mod lines;
mod listing;
mod opening;
mod options;
mod pace;
mod packer;
mod page;
mod pages;
mod plan;
mod reflector;
mod regular;
mod scan;
mod set;
mod shared;
mod store;
mod stored;
mod target;
mod version;
mod view;
mod whole;

use std::{fmt, marker::PhantomData, sync::Arc};

use kube::Client;
use tokio_util::sync::CancellationToken;

pub use config::Filter;
pub use decode_error::DecodeError;
pub(crate) use decode_error::WithoutValues;
pub(crate) use decoded::Decoder;
pub(crate) use delta::{Delta, Subscriber};
pub use index::Index;
pub use limits::Limits;
pub use options::{InformerOptions, StoreFormat};
pub use set::Informers;
pub(crate) use shared::Shared;
pub(crate) use stored::{Stored, Uid, UidBuffer};

use self::target::Target;
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
    shared: Arc<Shared>,
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
        Self::of(Arc::new(Shared::new(client, target, options.read())))
    }

    /// Returns the object of this name, decoded, or `None` if the store has none.
    ///
    /// An object that was decoded a moment ago is not decoded again, but shared.
    ///
    /// # Errors
    ///
    /// Fails if the object is not of the shape of its Rust type.
    pub fn get(&self, key: &ObjectKey) -> Result<Option<Arc<K>>, DecodeError> {
        let stored = self.shared.get(key.as_str());
        let decoder = &self.shared.options.decoder;
        stored.map(|object| decoder.decode(&object)).transpose()
    }

    /// Returns every object of the store, decoded, in the order of the keys.
    ///
    /// Each has a result of its own, so that one which is not of the shape of its Rust type
    /// does not hide the others; collect into a `Result<Vec<_>, _>` to have all or none.
    /// Who lists a large store often does better with [`StoreFormat::Decoded`].
    #[must_use]
    pub fn list(&self) -> Vec<Result<Arc<K>, DecodeError>> {
        let decoder = &self.shared.options.decoder;
        let stored = self.stored();
        stored.iter().map(|object| decoder.peek(object)).collect()
    }
}

impl<K> Informer<K> {
    pub(crate) fn of(shared: Arc<Shared>) -> Self {
        Self {
            shared,
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
        let mut stored: Vec<_> = self.shared.read(|store| store.iter().cloned().collect());
        stored.sort_unstable_by(|one, other| one.key().cmp(other.key()));
        stored
    }

    /// Returns the number of objects in the store.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.read(store::Store::len)
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
    #[must_use]
    pub fn has_synced(&self) -> bool {
        self.shared.has_synced()
    }

    /// Waits until the store holds its first complete list.
    ///
    /// That never comes if nobody runs the informer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    pub async fn synced(&self) {
        self.shared.synced().await;
    }

    /// Returns the last failure to list or watch, with what to do about it.
    ///
    /// `None` while all is well.
    #[must_use]
    pub fn last_error(&self) -> Option<String> {
        self.shared.last_error()
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
        self.shared.run(stop).await;
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl<K> Clone for Informer<K> {
    fn clone(&self) -> Self {
        Self::of(self.shared.clone())
    }
}

impl<K> fmt::Debug for Informer<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Informer")
            .field("watches", &self.shared.describe())
            .field("has_synced", &self.has_synced())
            .finish_non_exhaustive()
    }
}
