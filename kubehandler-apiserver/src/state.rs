//! Everything behind the server's one lock, and the one way to change it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde_json::{Value, json};

use crate::{
    clock::Clock,
    controllers::Controllers,
    kinds::{Catalog, Resource},
    rules::NamespaceState,
    storage::{RackId, Retention, Storage, Stored, View},
};

/// The namespaces that every cluster has.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// Everything behind the server's one lock.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) storage: Storage,
    pub(crate) catalog: Catalog,
    pub(crate) clock: Clock,
    /// By group and plural: the versions of a resource share one.
    racks: HashMap<(String, String), RackId>,
    random: fastrand::Rng,
    /// Clients whose view of the history stands still.
    views: BTreeMap<String, View>,
    pub(crate) controllers: Controllers,
}

impl State {
    pub(crate) fn new(
        seed: u64,
        clock: Clock,
        retention: Retention,
        has_controllers: bool,
    ) -> Self {
        let mut state = Self {
            storage: Storage::new(retention),
            catalog: Catalog::builtin(),
            clock,
            racks: HashMap::new(),
            random: fastrand::Rng::with_seed(seed),
            views: BTreeMap::new(),
            controllers: Controllers::new(!has_controllers),
        };
        for name in NAMESPACES {
            state.add_namespace(name);
        }
        state
    }

    fn add_namespace(&mut self, name: &str) {
        let Some(namespaces) = self.catalog.find("", "namespaces").cloned() else {
            return;
        };
        let namespace = json!({
            "metadata": {
                "name": name,
                "uid": self.uid(),
                "creationTimestamp": self.clock.now(),
                "labels": { "kubernetes.io/metadata.name": name },
            },
            "spec": { "finalizers": ["kubernetes"] },
            "status": { "phase": "Active" },
        });
        self.put(&namespaces, None, &namespace);
    }

    /// Returns where the objects of a resource are.
    pub(crate) fn rack(&mut self, resource: &Resource) -> RackId {
        let key = (resource.group.to_string(), resource.plural.to_string());
        let storage = &mut self.storage;
        *self.racks.entry(key).or_insert_with(|| storage.add_rack())
    }

    /// Returns where the objects of a resource are, if there ever was one.
    pub(crate) fn known_rack(&self, resource: &Resource) -> Option<RackId> {
        let key = (resource.group.to_string(), resource.plural.to_string());
        self.racks.get(&key).copied()
    }

    /// Returns what a client sees.
    pub(crate) fn view(&self, client: &str) -> View {
        self.views.get(client).copied().unwrap_or(View::LIVE)
    }

    /// Lets a client see only what has happened until now.
    pub(crate) fn freeze_view(&mut self, client: &str) {
        let view = View::frozen_at(self.storage.revision());
        self.views.insert(client.to_owned(), view);
    }

    /// Lets a client see everything again.
    pub(crate) fn release_view(&mut self, client: &str) {
        self.views.remove(client);
        self.storage.wake_all();
    }

    /// Lets every client see everything again.
    pub(crate) fn release_views(&mut self) {
        self.views.clear();
        self.storage.wake_all();
    }

    /// Makes a uid in the form of a random UUID.
    pub(crate) fn uid(&mut self) -> String {
        let bits = self.random.u128(..);
        let bits = bits & !(0xf << 76) | (4 << 76); // Version 4,
        let bits = bits & !(0x3 << 62) | (2 << 62); // of RFC 9562.
        let hex = format!("{bits:032x}");
        let [a, b, c, d] = [8, 12, 16, 20];
        format!(
            "{}-{}-{}-{}-{}",
            &hex[..a],
            &hex[a..b],
            &hex[b..c],
            &hex[c..d],
            &hex[d..]
        )
    }

    /// Makes the five characters that follow a `generateName`.
    pub(crate) fn suffix(&mut self) -> String {
        // No vowels, and nothing that looks like one: k8s.io/apimachinery/pkg/util/rand.
        const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        let random = &mut self.random;
        let letters = (0..5).map(|_| char::from(ALPHABET[random.usize(..ALPHABET.len())]));
        letters.collect()
    }

    /// Returns a number below `limit`.
    pub(crate) fn random(&mut self, limit: u64) -> u64 {
        self.random.u64(..limit)
    }

    /// Creates or replaces an object.
    ///
    /// What follows from it is done by [`State::settle`].
    pub(crate) fn put(
        &mut self,
        resource: &Arc<Resource>,
        old: Option<&Value>,
        object: &Value,
    ) -> Arc<Stored> {
        let rack = self.rack(resource);
        let stored = Stored::new(resource, object.clone(), self.storage.next_revision());
        let stored = self.storage.put(rack, stored);
        self.observe(resource, &stored, old, Some(object));
        stored
    }

    /// Removes an object; `last` is its last state.
    ///
    /// What follows from it is done by [`State::settle`].
    pub(crate) fn remove(&mut self, resource: &Arc<Resource>, last: &Value) -> Arc<Stored> {
        let rack = self.rack(resource);
        let stored = Stored::new(resource, last.clone(), self.storage.next_revision());
        let stored = self.storage.remove(rack, stored);
        self.observe(resource, &stored, Some(last), None);
        stored
    }

    /// Returns what is known of a namespace.
    pub(crate) fn namespace_state(&self, name: &str) -> NamespaceState {
        let namespaces = self.catalog.find("", "namespaces");
        let rack = namespaces.and_then(|namespaces| self.known_rack(namespaces));
        match rack.and_then(|rack| self.storage.get(rack, name)) {
            None => NamespaceState::Missing,
            Some(stored) if stored.is_terminating() => NamespaceState::Terminating,
            Some(_) => NamespaceState::Active,
        }
    }
}
