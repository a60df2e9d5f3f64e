//! Definitions become resources, and go with the objects of those.

use std::borrow::Cow;

use serde_json::Value;

use super::Cluster;
use crate::{
    group::GroupResource,
    kinds::{
        Resource,
        apiextensions::definitions::{self, FINALIZER},
    },
    object,
    rules::{ObjectId, Part, World as _},
    wire::options::DeleteOptions,
};

const GROUP: &str = "apiextensions.k8s.io";
const PLURAL: &str = "customresourcedefinitions";

impl Cluster {
    /// Notes a change of a definition, or of an object that a definition waits for.
    pub(super) fn observe_definition(
        &mut self,
        resource: &Resource,
        id: &ObjectId,
        new: Option<&Value>,
    ) {
        let controllers = &mut self.controllers;
        if definitions::are(resource) {
            if new.is_some_and(|new| definitions::is_true(new, "Terminating")) {
                controllers.ending.insert(id.name.clone());
            } else {
                controllers.ending.remove(&id.name);
            }
            controllers.definitions.insert(id.name.clone());
        } else if resource.rules.is_custom && self.is_ending(resource) {
            self.controllers
                .definitions
                .insert(resource.group_resource().to_string());
        }
    }

    /// Returns whether the definition of a resource goes.
    pub(crate) fn is_ending(&self, resource: &Resource) -> bool {
        let ending = &self.controllers.ending;
        !ending.is_empty() && ending.contains(&resource.group_resource().to_string())
    }

    /// Brings one definition a step further.
    pub(super) fn settle_definition(&mut self) -> bool {
        let Some(name) = self.controllers.definitions.pop_first() else {
            return false;
        };
        let id = definition_id(name);
        let Some(definition) = self.get(&id).map(Cow::into_owned) else {
            if let Some((plural, group)) = id.name.split_once('.') {
                self.catalog.remove(GroupResource::new(group, plural));
                self.reconsider_names(group);
            }
            return true;
        };
        let now = self.clock.now();
        let group = object::text(&definition, &["spec", "group"]);
        if let Some(next) =
            definitions::accept_names(&definition, &self.definitions_of(group), &now)
        {
            self.update_as_controller(&id, Part::Status, |_| Some(next));
            self.reconsider_names(group);
        } else if let Some(next) = definitions::establish(&definition, &now) {
            self.update_as_controller(&id, Part::Status, |_| Some(next));
        } else {
            self.serve(&definition);
            if object::has_finalizer(&definition, FINALIZER) && object::is_terminating(&definition)
            {
                self.end_definition(&id, &definition);
            }
        }
        true
    }

    /// Serves what an established definition defines.
    fn serve(&mut self, definition: &Value) {
        if !definitions::is_true(definition, "Established") {
            return;
        }
        if let Some(resource) = Resource::from_definition(definition) {
            self.catalog.put(resource);
        } else {
            let spec = |path: &[&str]| object::text(&definition["spec"], path).to_owned();
            let (group, plural) = (spec(&["group"]), spec(&["names", "plural"]));
            self.catalog.remove(GroupResource::new(&group, &plural));
        }
    }

    /// A name may be free now that another definition of the group wants.
    fn reconsider_names(&mut self, group: &str) {
        for definition in self.definitions_of(group) {
            let name = object::name(&definition).to_owned();
            self.controllers.definitions.insert(name);
        }
    }

    fn definitions_of(&self, group: &str) -> Vec<Value> {
        let resource = self.catalog.find(GroupResource::new(GROUP, PLURAL));
        let table = resource.and_then(|resource| self.known_table(resource));
        let all = table.into_iter().flat_map(|table| self.storage.iter(table));
        all.map(|stored| stored.to_value())
            .filter(|definition| object::text(definition, &["spec", "group"]) == group)
            .collect()
    }

    /// Deletes the objects of a definition that goes, then lets it go.
    fn end_definition(&mut self, id: &ObjectId, definition: &Value) {
        let now = self.clock.now();
        self.update_as_controller(id, Part::Status, |old| Some(definitions::empty(old, &now)));
        let objects = self.objects_of(definition);
        for object in &objects {
            self.delete_as_controller(object, &DeleteOptions::default());
        }
        if objects.is_empty() || self.objects_of(definition).is_empty() {
            self.update_as_controller(id, Part::Status, |old| {
                Some(definitions::release(old, &now))
            });
        }
    }

    fn objects_of(&self, definition: &Value) -> Vec<ObjectId> {
        let group = object::text(definition, &["spec", "group"]);
        let plural = object::text(definition, &["spec", "names", "plural"]);
        let resource = self.catalog.find(GroupResource::new(group, plural));
        let table = resource.and_then(|resource| self.known_table(resource));
        let objects = table.into_iter().flat_map(|table| self.storage.iter(table));
        let objects = objects.map(|stored| ObjectId {
            group: group.to_owned(),
            plural: plural.to_owned(),
            namespace: stored.namespace().to_owned(),
            name: stored.name().to_owned(),
        });
        objects.collect()
    }
}

fn definition_id(name: String) -> ObjectId {
    ObjectId {
        group: GROUP.to_owned(),
        plural: PLURAL.to_owned(),
        namespace: String::new(),
        name,
    }
}
