//! How an informer keeps its objects.

use std::{fmt, marker::PhantomData, sync::Arc};

use crate::{
    informer::{
        cache::{index::Index, pinning::pinning, view::View},
        object::decoded::Decoder,
        wire::{
            fields::{Fields, Path},
            limits::Limits,
        },
    },
    resource::Resource,
};

/// The form in which an informer keeps its objects.
///
/// Measured with pods of 5.9 KB; PERFORMANCE.md has the figures and how to repeat them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreFormat {
    /// Each object compressed, by what it has in common with the others; decoded when asked for.
    ///
    /// An object of a large store costs a tenth of its JSON, and reading it some tens of
    /// microseconds.
    #[default]
    Compact,
    /// As `Compact`, and decoded as well.
    ///
    /// [`get`](crate::Informer::get) and [`list`](crate::Informer::list) cost next to nothing, an
    /// object costs several times its JSON: use it if you list a whole store often.
    Decoded,
}

/// How an informer keeps its objects: the form, what is dropped, what is indexed.
///
/// # Examples
///
/// ```
/// use kubehandler::{InformerOptions, StoreFormat, k8s::Pod};
///
/// let options: InformerOptions<Pod> = InformerOptions::default()
///     .format(StoreFormat::Decoded)
///     .without("status.conditions")
///     .without("spec.containers.env");
/// ```
pub struct InformerOptions<K> {
    format: StoreFormat,
    without: Vec<String>,
    keeps_managed_fields: bool,
    limits: Limits,
    views: Vec<Arc<dyn View>>,
    kind: PhantomData<fn() -> K>,
}

/// The same, as the informer reads it.
pub(crate) struct Options {
    /// What is dropped of each object before it is stored.
    pub(crate) dropped: Fields,
    pub(crate) decoder: Arc<Decoder>,
    pub(crate) views: Vec<Arc<dyn View>>,
    pub(crate) limits: Limits,
    /// Why the informer cannot run.
    pub(crate) invalid: Option<String>,
}

impl<K> Default for InformerOptions<K> {
    fn default() -> Self {
        Self {
            format: StoreFormat::default(),
            without: Vec::new(),
            keeps_managed_fields: false,
            limits: Limits::default(),
            views: Vec::new(),
            kind: PhantomData,
        }
    }
}

impl<K> InformerOptions<K> {
    /// Sets the form in which the objects are kept.
    #[must_use]
    pub fn format(mut self, format: StoreFormat) -> Self {
        self.format = format;
        self
    }

    /// Drops a field of each object before it is stored, such as `status.conditions`.
    ///
    /// A path goes through arrays into each of their elements. The object that callbacks get
    /// lacks the field, and a change of nothing else is an update still. Fields that name the
    /// object and its version cannot be dropped; an informer with such a path, or with one that
    /// is none, does not run, and says why.
    #[must_use]
    pub fn without(mut self, path: impl Into<String>) -> Self {
        self.without.push(path.into());
        self
    }

    /// Keeps `metadata.managedFields`, which are dropped by default.
    #[must_use]
    pub fn keep_managed_fields(mut self) -> Self {
        self.keeps_managed_fields = true;
        self
    }

    /// Sets how large, and how slow, what the server sends may be.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}

impl<K: Resource> InformerOptions<K> {
    /// Keeps `index` up to date with the store.
    #[must_use]
    pub fn index(mut self, index: &Index<K>) -> Self {
        self.views.push(index.view());
        self
    }

    pub(crate) fn read(self) -> Options {
        let mut dropped = Fields::default();
        let mut invalid = None;
        let managed_fields =
            (!self.keeps_managed_fields).then(|| "metadata.managedFields".to_owned());
        for text in managed_fields.iter().chain(&self.without) {
            match text.parse::<Path>() {
                Ok(path) if path.names_the_object() => {
                    invalid = Some(format!(
                        "`{path}` cannot be dropped: an object is known by it"
                    ));
                }
                Ok(path) => dropped.insert(&path),
                Err(error) => invalid = Some(error.to_string()),
            }
        }
        let mut views = self.views;
        let decoder = match self.format {
            StoreFormat::Compact => Arc::new(Decoder::default()),
            StoreFormat::Decoded => {
                let (decoder, view) = pinning::<K>();
                views.insert(0, view);
                decoder
            }
        };
        Options {
            dropped,
            decoder,
            views,
            limits: self.limits,
            invalid,
        }
    }
}

impl<K> fmt::Debug for InformerOptions<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InformerOptions")
            .field("format", &self.format)
            .field("without", &self.without)
            .field("keeps_managed_fields", &self.keeps_managed_fields)
            .field("limits", &self.limits)
            .field("indexes", &self.views.len())
            .finish_non_exhaustive()
    }
}
