//! Finds the objects of a store by what is in them.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::Arc,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use parking_lot::{Mutex, MutexGuard};
use serde::Deserialize;

use crate::{
    contained::contained,
    informer::{
        decode::decode,
        decoded::Decoder,
        delta::Delta,
        stored::Stored,
        view::{Garbage, View},
    },
    log::error,
    object_key::ObjectKey,
    printable::Printable,
    resource::Resource,
};

/// Finds the objects of an [`Informer`](crate::Informer) by values that a function makes of each.
///
/// It is made first, then given to [`InformerOptions::index`](crate::InformerOptions::index),
/// and belongs to that one informer. The handle is cheap to clone. The function runs once for
/// each version of an object, before the version is stored: a callback that is told of a change
/// finds it in the index. An object for which the function panics, or which is not of the shape
/// of its Rust type, has no values.
///
/// # Examples
///
/// ```no_run
/// # async fn example(client: kubehandler::kube::Client) -> kubehandler::Result {
/// use kubehandler::{Filter, Index, Informer, InformerOptions, k8s::Pod};
///
/// let by_node = Index::of_object(|pod: &Pod| pod.spec.as_ref()?.node_name.clone());
/// let options = InformerOptions::default().index(&by_node);
/// let pods = Informer::<Pod>::with_options(client, &(), Filter::default(), options);
/// // Once it runs and has synced:
/// for key in by_node.keys("node-1") {
///     println!("{key}");
/// }
/// # Ok(())
/// # }
/// ```
pub struct Index<K> {
    shared: Arc<Shared<K>>,
}

struct Shared<K> {
    values: Values<K>,
    content: Mutex<Content>,
}

/// How the values of an object are made.
enum Values<K> {
    OfObject(Box<Function<K>>),
    OfMetadata(Box<Function<ObjectMeta>>),
}

type Function<T> = dyn Fn(&T) -> Vec<String> + Send + Sync;

#[derive(Default)]
struct Content {
    by_value: HashMap<String, BTreeSet<ObjectKey>>,
    by_key: HashMap<ObjectKey, Vec<String>>,
    /// The values of objects that come next: of one, unless several informers share the index.
    prepared: Vec<(Stored, Vec<String>)>,
}

/// So many values at most are kept for objects that come next: those of others never came.
const MAX_PREPARED: usize = 8;

impl<K: Resource> Index<K> {
    /// Makes an index by a function of the whole object, which is decoded for it.
    ///
    /// Decoding costs several times as much as storing the object does: where its metadata says
    /// enough, [`of_metadata`](Self::of_metadata) is cheaper.
    #[must_use]
    pub fn of_object<V: IntoIterator<Item = String>>(
        values: impl Fn(&K) -> V + Send + Sync + 'static,
    ) -> Self {
        let values = Box::new(move |object: &K| values(object).into_iter().collect());
        Self::of(Values::OfObject(values))
    }
}

impl<K> Index<K> {
    /// Makes an index by a function of the object's metadata, such as its labels or owners.
    #[must_use]
    pub fn of_metadata<V: IntoIterator<Item = String>>(
        values: impl Fn(&ObjectMeta) -> V + Send + Sync + 'static,
    ) -> Self {
        let values = Box::new(move |metadata: &ObjectMeta| values(metadata).into_iter().collect());
        Self::of(Values::OfMetadata(values))
    }

    fn of(values: Values<K>) -> Self {
        let content = Mutex::default();
        Self {
            shared: Arc::new(Shared { values, content }),
        }
    }

    /// Returns the keys of the objects that have this value, in their order.
    #[must_use]
    pub fn keys(&self, value: &str) -> Vec<ObjectKey> {
        let content = self.shared.content();
        let keys = content.by_value.get(value);
        keys.map_or_else(Vec::new, |keys| keys.iter().cloned().collect())
    }

    /// Returns all values that objects have, in no order.
    #[must_use]
    pub fn values(&self) -> Vec<String> {
        self.shared.content().by_value.keys().cloned().collect()
    }
}

impl<K: Resource> Index<K> {
    pub(crate) fn view(&self) -> Arc<dyn View> {
        self.shared.clone()
    }
}

impl<K: Resource> Shared<K> {
    fn values(&self, object: &Stored) -> Vec<String> {
        #[derive(Deserialize)]
        struct Partial {
            metadata: ObjectMeta,
        }

        let values = || match &self.values {
            Values::OfObject(values) => {
                let object = Decoder::default().peek::<K>(object).ok()?;
                Some(values(&object))
            }
            Values::OfMetadata(values) => {
                let partial = object.with_json(|json| decode(json, |_| ()).ok());
                let Partial { metadata } = partial.ok()??;
                Some(values(&metadata))
            }
        };
        contained(values)
            .inspect_err(|_| error!(object = %Printable::new(object.key()), "the function of an index panicked"))
            .ok()
            .flatten()
            .unwrap_or_default()
    }
}

impl<K> Shared<K> {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock()
    }
}

impl<K: Resource> View for Shared<K> {
    fn prepare(&self, object: &Stored) {
        let values = self.values(object);
        let mut content = self.content();
        if content.prepared.len() == MAX_PREPARED {
            content.prepared.remove(0);
        }
        content.prepared.push((object.clone(), values));
    }

    fn apply(&self, delta: &Delta) -> Option<Garbage> {
        let mut content = self.content();
        match delta {
            Delta::Remove { last } => content.remove(&last.to_key()),
            Delta::Upsert { object, .. } => {
                let mut prepared = content.prepared.iter();
                let at = prepared.rposition(|(known, _)| known.is(object));
                let values = at.map(|at| content.prepared.swap_remove(at).1);
                content.put(&object.to_key(), values.unwrap_or_default());
            }
        }
        None
    }
}

impl Content {
    fn put(&mut self, key: &ObjectKey, values: Vec<String>) {
        if self.by_key.get(key).is_some_and(|known| *known == values) {
            return;
        }
        self.remove(key);
        if values.is_empty() {
            return;
        }
        for value in &values {
            let keys = self.by_value.entry(value.clone()).or_default();
            keys.insert(key.clone());
        }
        self.by_key.insert(key.clone(), values);
    }

    fn remove(&mut self, key: &ObjectKey) {
        for value in self.by_key.remove(key).unwrap_or_default() {
            if let Some(keys) = self.by_value.get_mut(&value) {
                keys.remove(key);
                if keys.is_empty() {
                    self.by_value.remove(&value);
                }
            }
        }
    }
}

impl<K> Clone for Index<K> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<K> fmt::Debug for Index<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index")
            .field("values", &self.shared.content().by_value.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::k8s::Pod;

    fn pod(name: &str, node: &str, labels: &str) -> Stored {
        let json = format!(
            r#"{{"metadata":{{"name":"{name}","labels":{labels}}},"spec":{{"nodeName":{node},"containers":[]}}}}"#
        );
        Stored::of(name, name, "1", false, &json)
    }

    fn by_node() -> Index<Pod> {
        Index::of_object(|pod: &Pod| {
            let node = pod.spec.as_ref()?.node_name.clone()?;
            assert_ne!(node, "bad");
            Some(node)
        })
    }

    fn put<K: Resource>(index: &Index<K>, object: &Stored) {
        index.shared.prepare(object);
        index.shared.apply(&Delta::Upsert {
            object: object.clone(),
            initial: false,
        });
    }

    fn names<K>(index: &Index<K>, value: &str) -> Vec<String> {
        let keys = index.keys(value);
        keys.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn object_is_found_by_its_value_until_it_has_another_or_is_gone() {
        let index = by_node();
        put(&index, &pod("b", r#""n1""#, "{}"));
        put(&index, &pod("a", r#""n1""#, "{}"));
        assert_eq!(names(&index, "n1"), ["a", "b"]);

        put(&index, &pod("a", r#""n2""#, "{}"));
        assert_eq!(names(&index, "n1"), ["b"]);
        assert_eq!(names(&index, "n2"), ["a"]);

        let last = pod("a", r#""n2""#, "{}");
        index.shared.apply(&Delta::Remove { last });
        assert_eq!(names(&index, "n2"), [""; 0]);
        assert_eq!(index.values(), ["n1"]);
    }

    #[test]
    fn object_that_cannot_be_indexed_has_no_values_and_breaks_nothing() {
        let index = by_node();
        put(&index, &pod("a", r#""n1""#, "{}"));

        put(&index, &pod("a", "7", "{}"));
        put(&index, &pod("b", r#""bad""#, "{}"));
        put(&index, &pod("c", r#""n1""#, "{}"));

        assert_eq!(names(&index, "n1"), ["c"]);
        assert_eq!(names(&index, "bad"), [""; 0]);
    }

    #[test]
    fn function_does_not_run_for_an_object_that_was_not_prepared() {
        let index = Index::<Pod>::of_metadata(|_| -> Vec<String> {
            unreachable!("it would run under the informer's lock")
        });
        let object = pod("a", r#""n1""#, "{}");

        let garbage = index.shared.apply(&Delta::Upsert {
            object,
            initial: false,
        });

        assert!(garbage.is_none());
        assert_eq!(index.values(), [""; 0]);
    }

    #[test]
    fn index_of_two_informers_has_the_objects_of_both() {
        let index = by_node();
        let objects = [pod("a", r#""n1""#, "{}"), pod("b", r#""n2""#, "{}")];

        for object in &objects {
            index.shared.prepare(object);
        }
        for object in objects {
            index.shared.apply(&Delta::Upsert {
                object,
                initial: false,
            });
        }

        assert_eq!(names(&index, "n1"), ["a"]);
        assert_eq!(names(&index, "n2"), ["b"]);
    }

    #[test]
    fn values_of_objects_that_never_come_are_few() {
        let index = by_node();

        for _ in 0..2 * MAX_PREPARED {
            index.shared.prepare(&pod("a", r#""n1""#, "{}"));
        }

        assert_eq!(index.shared.content().prepared.len(), MAX_PREPARED);
    }

    #[test]
    fn index_of_metadata_needs_no_valid_spec() {
        let index = Index::<Pod>::of_metadata(|metadata| {
            let labels = metadata.labels.iter().flatten();
            let labels = labels.map(|(name, value)| format!("{name}={value}"));
            labels.collect::<Vec<_>>()
        });

        put(&index, &pod("a", "7", r#"{"app":"web","tier":"front"}"#));

        assert_eq!(names(&index, "app=web"), ["a"]);
        assert_eq!(names(&index, "tier=front"), ["a"]);
    }
}
