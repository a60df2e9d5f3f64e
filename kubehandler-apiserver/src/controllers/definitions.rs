//! Definitions become resources, and go with the objects of those.

use std::borrow::Cow;

use serde_json::Value;

use crate::{
    definitions::{self, FINALIZER},
    kinds::Resource,
    object,
    options::DeleteOptions,
    rules::{ObjectId, Part, World as _},
    state::State,
};

const GROUP: &str = "apiextensions.k8s.io";
const PLURAL: &str = "customresourcedefinitions";

impl State {
    /// A definition that goes waits for the objects of its resource.
    pub(super) fn observe_definition_of(&mut self, resource: &Resource) {
        if resource.rules.is_custom {
            self.controllers.definitions.insert(resource.qualified());
        }
    }

    /// Brings one definition a step further.
    pub(super) fn settle_definition(&mut self) -> bool {
        let Some(name) = self.controllers.definitions.pop_first() else {
            return false;
        };
        let id = ObjectId {
            group: GROUP.to_owned(),
            plural: PLURAL.to_owned(),
            namespace: String::new(),
            name,
        };
        let Some(definition) = self.get(&id).map(Cow::into_owned) else {
            if let Some((plural, group)) = id.name.split_once('.') {
                self.catalog.remove(group, plural);
            }
            return true;
        };
        if object::is_terminating(&definition) {
            self.end_definition(&id, &definition);
            return true;
        }
        let now = self.clock.now();
        if let Some(next) = definitions::accept(&definition, &now) {
            self.update_as_controller(&id, Part::Status, |_| Some(next));
        }
        if let Some(resource) = Resource::from_definition(&definition) {
            self.catalog.put(resource);
        }
        true
    }

    /// Deletes the objects of a definition that goes, then lets it go.
    fn end_definition(&mut self, id: &ObjectId, definition: &Value) {
        let group = object::text(definition, &["spec", "group"]);
        let plural = object::text(definition, &["spec", "names", "plural"]);
        let mut left = false;
        if let Some(resource) = self.catalog.find(group, plural).cloned() {
            let rack = self.rack(&resource);
            let objects = self.storage.iter(rack).map(|stored| ObjectId {
                group: group.to_owned(),
                plural: plural.to_owned(),
                namespace: stored.namespace().to_owned(),
                name: stored.name().to_owned(),
            });
            let objects: Vec<_> = objects.collect();
            for object in objects {
                self.delete_as_controller(&object, &DeleteOptions::default());
            }
            left = self.storage.len(rack) > 0;
        }
        let now = self.clock.now();
        if left {
            self.update_as_controller(id, Part::Status, |old| {
                let mut next = old.clone();
                let message = "CustomResource deletion is in progress";
                definitions::terminate(&mut next, "InstanceDeletionInProgress", message, &now);
                Some(next)
            });
        } else {
            self.update_as_controller(id, Part::Main, |old| {
                let kept = object::finalizers(old).filter(|name| *name != FINALIZER);
                let kept: Value = kept.map(Value::from).collect();
                let mut next = old.clone();
                object::set_meta(&mut next, "finalizers", kept);
                Some(next)
            });
        }
    }
}
