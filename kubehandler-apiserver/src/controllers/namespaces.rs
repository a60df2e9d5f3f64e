//! Namespaces that were deleted go with what they hold.

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use serde_json::Value;

use super::{Cluster, is};
use crate::{
    kinds::{Resource, events},
    object,
    rules::{Contents, ObjectId, Part, Termination, World as _, terminate},
    wire::options::{DeleteOptions, Propagation},
};

impl Cluster {
    /// Notes a change of a namespace, or in one.
    pub(super) fn observe_namespace(
        &mut self,
        resource: &Resource,
        id: &ObjectId,
        new: Option<&Value>,
    ) {
        let terminating = &mut self.controllers.terminating;
        if is(resource, "", "namespaces") {
            match new {
                Some(namespace) if object::is_terminating(namespace) => {
                    terminating.insert(id.name.clone(), true);
                }
                _ => {
                    terminating.remove(&id.name);
                }
            }
        } else if let Some(has_changed) = terminating.get_mut(&id.namespace) {
            *has_changed = true;
        }
    }

    /// Brings one namespace that goes a step further.
    pub(super) fn settle_namespace(&mut self) -> bool {
        let mut changed = self.controllers.terminating.iter_mut();
        let Some((name, has_changed)) = changed.find(|(_, has_changed)| **has_changed) else {
            return false;
        };
        *has_changed = false;
        let id = namespace_id(name);
        let Some(namespace) = self.get(&id).map(std::borrow::Cow::into_owned) else {
            return true;
        };
        let contents = self.contents(&id.name);
        match terminate(&namespace, &contents, &self.clock.now()) {
            Termination::Delete(ids) => {
                let options = DeleteOptions {
                    propagation: Some(Propagation::Background),
                    ..DeleteOptions::default()
                };
                for id in &ids {
                    self.delete_as_controller(id, &options);
                }
                // Also if nothing came of it, there may be more to do.
                self.controllers.terminating.entry(id.name).or_insert(true);
            }
            Termination::PutStatus(next) => {
                self.update_as_controller(&id, Part::Status, |_| Some(next));
            }
            Termination::Finalize(next) => {
                self.update_as_controller(&id, Part::Finalize, |_| Some(next));
            }
            Termination::Wait => {}
        }
        true
    }

    fn contents(&mut self, namespace: &str) -> Vec<Contents> {
        let can = |resource: &&Arc<Resource>| {
            let verbs = &resource.versions[0].verbs;
            resource.is_namespaced && verbs.iter().any(|verb| verb == "list")
        };
        let resources: Vec<_> = self.catalog.iter().filter(can).cloned().collect();
        resources
            .iter()
            .map(|resource| self.contents_of(namespace, resource))
            .collect()
    }

    fn contents_of(&mut self, namespace: &str, resource: &Resource) -> Contents {
        let mut contents = Contents {
            group: resource.group.to_string(),
            version: resource.versions[0].name.to_string(),
            plural: resource.plural.to_string(),
            ..Contents::default()
        };
        if resource.group == events::GROUP {
            return contents; // The core group's events are the same ones.
        }
        let Some(table) = self.known_table(resource) else {
            return contents;
        };
        let (first, end) = (format!("{namespace}/"), format!("{namespace}0"));
        let range = (
            Bound::Included(first.as_str()),
            Bound::Excluded(end.as_str()),
        );
        let head = self.storage.revision();
        let Ok(objects) = self.storage.list_at(table, head, range) else {
            return contents;
        };
        let mut finalizers = BTreeMap::new();
        for stored in objects {
            let object = stored.to_value();
            contents.remaining += 1;
            for finalizer in object::finalizers(&object) {
                *finalizers.entry(finalizer.to_owned()).or_default() += 1;
            }
            contents.grace = contents
                .grace
                .max(object::grace_period(&object).unwrap_or_default());
            if !object::is_terminating(&object) {
                contents.live.push(ObjectId {
                    group: resource.group.to_string(),
                    plural: resource.plural.to_string(),
                    namespace: namespace.to_owned(),
                    name: stored.name().to_owned(),
                });
            }
        }
        contents.finalizers = finalizers;
        contents
    }
}

fn namespace_id(name: &str) -> ObjectId {
    ObjectId {
        group: String::new(),
        plural: "namespaces".to_owned(),
        namespace: String::new(),
        name: name.to_owned(),
    }
}
