//! What the server's one lock protects, and the one way to change it.

pub(crate) mod clock;
pub(crate) mod storage;
pub(crate) mod watches;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde_json::Value;

use crate::{
    group::GroupResource,
    kinds::{Catalog, Resource, events},
    rules::NamespaceState,
    state::{
        clock::Clock,
        storage::{Retention, Storage, Stored, TableId, View},
    },
};

/// What the server's one lock protects.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) storage: Storage,
    pub(crate) catalog: Catalog,
    pub(crate) clock: Clock,
    /// By the name that messages use: the versions of a resource share one.
    tables: HashMap<String, TableId>,
    random: fastrand::Rng,
    /// Clients whose view of the history stands still.
    views: BTreeMap<String, View>,
    /// Who manages which fields is written down from an object's first write on.
    pub(crate) tracks_managers: bool,
}

impl State {
    pub(crate) fn new(seed: u64, clock: Clock, retention: Retention) -> Self {
        Self {
            storage: Storage::new(retention),
            catalog: Catalog::builtin(),
            clock,
            tables: HashMap::new(),
            random: fastrand::Rng::with_seed(seed),
            views: BTreeMap::new(),
            tracks_managers: true,
        }
    }

    /// Returns where the objects of a resource are.
    pub(crate) fn table(&mut self, resource: &Resource) -> TableId {
        let key = table_key(resource);
        let storage = &mut self.storage;
        *self
            .tables
            .entry(key)
            .or_insert_with(|| storage.add_table())
    }

    /// Returns where the objects of a resource are, if there ever was one.
    pub(crate) fn known_table(&self, resource: &Resource) -> Option<TableId> {
        self.tables.get(&table_key(resource)).copied()
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

    /// Stores an object; [`Cluster::put`](crate::controllers::Cluster::put) also does what follows.
    pub(crate) fn store(&mut self, resource: &Resource, object: &Value) -> Arc<Stored> {
        let table = self.table(resource);
        let stored = self.stored(resource, object);
        self.storage.put(table, stored)
    }

    /// Erases an object, whose last state is `last`.
    pub(crate) fn erase(&mut self, resource: &Resource, last: &Value) -> Arc<Stored> {
        let table = self.table(resource);
        let stored = self.stored(resource, last);
        self.storage.remove(table, stored)
    }

    /// Returns an object in the form in which it is kept, with the next version.
    fn stored(&self, resource: &Resource, object: &Value) -> Stored {
        let mut object = object.clone();
        let revision = self.storage.next_revision();
        let core = self.catalog.find(GroupResource::new("", &resource.plural));
        match core.filter(|_| resource.group == events::GROUP) {
            Some(core) => {
                events::to_stored(&mut object);
                Stored::new(core, object, revision)
            }
            None => Stored::new(resource, object, revision),
        }
    }

    /// Returns what is known of a namespace.
    pub(crate) fn namespace_state(&self, name: &str) -> NamespaceState {
        let namespaces = self.catalog.find(GroupResource::new("", "namespaces"));
        let table = namespaces.and_then(|namespaces| self.known_table(namespaces));
        match table.and_then(|table| self.storage.get(table, name)) {
            None => NamespaceState::Missing,
            Some(stored) if stored.is_terminating() => NamespaceState::Terminating,
            Some(_) => NamespaceState::Active,
        }
    }
}

/// Returns what tells the tables apart. Both groups of events share a table.
fn table_key(resource: &Resource) -> String {
    let group = match &*resource.group {
        events::GROUP => "",
        group => group,
    };
    GroupResource::new(group, &resource.plural).to_string()
}
