//! The objects that a scripted server has, and their history.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::{Asked, Reply};

/// Objects, their one global version, and what happened to them since the last compaction.
#[derive(Debug)]
pub struct Truth {
    version: u64,
    /// By collection, such as `/api/v1/pods`, and then by `namespace/name`.
    objects: BTreeMap<String, BTreeMap<String, Value>>,
    history: Vec<Change>,
    /// Watches from an older version are answered with 410.
    compacted: u64,
    /// What is left of lists that were handed out in part, by continue token.
    pages: HashMap<String, (u64, Vec<Value>)>,
    /// Grows when all open watches are closed.
    pub(super) generation: u64,
    uids: u64,
}

#[derive(Clone, Debug)]
struct Change {
    version: u64,
    collection: String,
    old: Option<Value>,
    new: Option<Value>,
}

/// What one request sees of the truth: a collection, a namespace, labels.
#[derive(Clone, Debug)]
pub struct View {
    collection: String,
    namespace: Option<String>,
    labels: Vec<(String, String)>,
}

impl View {
    /// Returns what this request sees.
    #[must_use]
    pub fn of(asked: &Asked) -> Self {
        let mut collection = asked.path.clone();
        let mut namespace = None;
        if let Some((before, after)) = asked.path.split_once("/namespaces/")
            && let Some((name, plural)) = after.split_once('/')
        {
            collection = format!("{before}/{plural}");
            namespace = Some(name.to_owned());
        }
        let labels = asked
            .param("labelSelector")
            .split(',')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Self {
            collection,
            namespace,
            labels,
        }
    }

    fn sees(&self, object: &Value) -> bool {
        let metadata = &object["metadata"];
        let in_namespace = self
            .namespace
            .as_deref()
            .is_none_or(|namespace| metadata["namespace"] == namespace);
        in_namespace
            && self
                .labels
                .iter()
                .all(|(name, value)| metadata["labels"][name] == *value)
    }
}

impl Default for Truth {
    fn default() -> Self {
        Self {
            // Versions of different lengths, so that comparing them as text fails.
            version: 95,
            objects: BTreeMap::new(),
            history: Vec::new(),
            compacted: 0,
            pages: HashMap::new(),
            generation: 0,
            uids: 0,
        }
    }
}

impl Truth {
    /// Returns the version of the last change.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Returns an object.
    #[must_use]
    pub fn object(&self, collection: &str, key: &str) -> Option<&Value> {
        self.objects.get(collection)?.get(key)
    }

    /// Creates the object, or changes it if there is one of its name; returns its version.
    ///
    /// # Panics
    ///
    /// If the object has no kind and name.
    pub fn put(&mut self, mut object: Value) -> u64 {
        let collection = collection_of(&object);
        let key = key_of(&object);
        self.version += 1;
        let old = self
            .objects
            .get(&collection)
            .and_then(|all| all.get(&key))
            .cloned();
        let uid = old.as_ref().map_or_else(
            || {
                self.uids += 1;
                json!(format!("uid-{}", self.uids))
            },
            |old| old["metadata"]["uid"].clone(),
        );
        object["metadata"]["uid"] = uid;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let all = self.objects.entry(collection.clone()).or_default();
        all.insert(key, object.clone());
        self.record(collection, old, Some(object));
        self.version
    }

    /// Deletes an object, if there is one, and returns it.
    pub fn delete(&mut self, collection: &str, key: &str) -> Option<Value> {
        let old = self.objects.get_mut(collection)?.remove(key)?;
        self.version += 1;
        self.record(collection.to_owned(), Some(old.clone()), None);
        Some(old)
    }

    /// Forgets the history: a watch from before is answered with 410, a page of a list too.
    pub fn compact(&mut self) {
        self.version += 1;
        self.compacted = self.version;
        self.history.clear();
        self.pages.clear();
        self.close_watches();
    }

    /// Closes every open watch.
    pub fn close_watches(&mut self) {
        self.generation += 1;
    }

    /// Goes back to an older state with a lower version, as a server does that is restored from a backup.
    pub fn restore(&mut self, version: u64) {
        let uids = self.uids;
        *self = Self {
            version,
            generation: self.generation + 1,
            uids,
            ..Self::default()
        };
    }

    /// Returns `namespace/name`, uid and resourceVersion of every object of a collection, in order.
    #[must_use]
    pub fn summary(&self, collection: &str) -> Vec<(String, String, String)> {
        let text = |object: &Value, name: &str| {
            object["metadata"][name]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        let objects = self.objects.get(collection).into_iter().flatten();
        objects
            .map(|(key, object)| {
                (
                    key.clone(),
                    text(object, "uid"),
                    text(object, "resourceVersion"),
                )
            })
            .collect()
    }

    /// Returns the objects of a view.
    #[must_use]
    pub fn objects(&self, view: &View) -> Vec<Value> {
        let objects = self.objects.get(&view.collection).into_iter().flatten();
        objects
            .map(|(_, object)| object)
            .filter(|object| view.sees(object))
            .cloned()
            .collect()
    }

    /// Returns the events of a view after `version`, and the version they lead to.
    #[must_use]
    pub fn events(&self, view: &View, version: u64) -> (Vec<Value>, u64) {
        let changes = self
            .history
            .iter()
            .filter(|change| change.version > version && change.collection == view.collection);
        (
            changes.filter_map(|change| change.event(view)).collect(),
            self.version,
        )
    }

    /// Returns true if the history no longer reaches back to the version of this watch.
    #[must_use]
    pub fn has_forgotten(&self, asked: &Asked) -> bool {
        let version = asked.param("resourceVersion").parse::<u64>();
        asked.is_watch() && version.is_ok_and(|version| version < self.compacted)
    }

    /// Returns the events that a watch asks for, and the version they lead to.
    #[must_use]
    pub fn missed(&self, asked: &Asked) -> (Vec<Value>, u64) {
        let version = asked.param("resourceVersion").parse().unwrap_or(0);
        self.events(&View::of(asked), version)
    }

    /// Returns the honest answer to a request.
    pub fn answer(&mut self, asked: &Asked) -> Reply {
        let version = asked.param("resourceVersion");
        let Ok(wanted) = (if version.is_empty() { "0" } else { version }).parse::<u64>() else {
            return Reply::status(400, "BadRequest");
        };
        if !asked.is_watch() && wanted > self.version {
            return Reply::too_large(wanted, self.version);
        }
        if asked.is_list() {
            return self.page(asked);
        }
        if asked.is_streaming_list() {
            return self.streaming_list(asked);
        }
        if version.is_empty() || version == "0" {
            return self.initial_events(asked).watch(self.version);
        }
        if self.has_forgotten(asked) {
            return Reply::status(410, "Expired");
        }
        Reply::stream().watch(wanted)
    }

    /// Returns the objects of the view as events.
    #[must_use]
    pub fn initial_events(&self, asked: &Asked) -> Reply {
        let objects = self.objects(&View::of(asked));
        objects.into_iter().fold(Reply::stream(), |reply, object| {
            reply.event("ADDED", &object)
        })
    }

    /// Returns the honest answer to a streaming list.
    #[must_use]
    pub fn streaming_list(&self, asked: &Asked) -> Reply {
        self.initial_events(asked)
            .closing_bookmark(self.version)
            .watch(self.version)
    }

    fn page(&mut self, asked: &Asked) -> Reply {
        let token = asked.param("continue");
        let (version, mut objects) = if token.is_empty() {
            (self.version, self.objects(&View::of(asked)))
        } else {
            match self.pages.remove(token) {
                Some(rest) => rest,
                None => return Reply::status(410, "Expired"),
            }
        };
        let limit = asked.param("limit").parse().unwrap_or(usize::MAX);
        let rest = objects.split_off(limit.min(objects.len()));
        let mut metadata = json!({"resourceVersion": version.to_string()});
        if !rest.is_empty() {
            let token = format!("{version}-{}", self.pages.len() + rest.len());
            metadata["continue"] = json!(token);
            self.pages.insert(token, (version, rest));
        }
        // The items of a list of a built-in kind do not say what they are.
        for object in &mut objects {
            if let Some(members) = object.as_object_mut() {
                members.remove("kind");
                members.remove("apiVersion");
            }
        }
        Reply::json(&json!({"kind": "List", "metadata": metadata, "items": objects}))
    }

    fn record(&mut self, collection: String, old: Option<Value>, new: Option<Value>) {
        self.history.push(Change {
            version: self.version,
            collection,
            old,
            new,
        });
    }
}

impl Change {
    /// What a watch of this view gets to see of the change.
    fn event(&self, view: &View) -> Option<Value> {
        let seen = |object: &Option<Value>| object.clone().filter(|object| view.sees(object));
        let (kind, mut object) = match (seen(&self.old), seen(&self.new)) {
            (None, None) => return None,
            (None, Some(new)) => ("ADDED", new),
            (Some(_), Some(new)) => ("MODIFIED", new),
            (Some(old), None) => ("DELETED", old),
        };
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        Some(json!({"type": kind, "object": object}))
    }
}

/// `/api/v1/pods` for a pod: the plural is the kind with an `s`, which does for tests.
fn collection_of(object: &Value) -> String {
    let version = object["apiVersion"].as_str().expect("an apiVersion");
    let kind = object["kind"].as_str().expect("a kind").to_lowercase();
    let root = if version.contains('/') { "apis" } else { "api" };
    format!("/{root}/{version}/{kind}s")
}

fn key_of(object: &Value) -> String {
    let name = object["metadata"]["name"].as_str().expect("a name");
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name.to_owned(),
    }
}
