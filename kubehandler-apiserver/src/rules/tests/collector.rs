//! The collector drives a small storage, as the real one does.

use std::{borrow::Cow, collections::BTreeMap};

use super::*;
use crate::wire::options::{DeleteOptions, Propagation};

/// Config maps in `default` and nodes in no namespace, and what was done to them.
#[derive(Default)]
struct Cluster {
    objects: BTreeMap<ObjectId, Value>,
    log: Vec<String>,
}

impl World for Cluster {
    fn owner_kind(&self, api_version: &str, kind: &str) -> Option<OwnerKind> {
        let (group, plural, is_namespaced) = match (api_version, kind) {
            ("v1", "ConfigMap") => ("", "configmaps", true),
            ("v1", "Node") => ("", "nodes", false),
            _ => return None,
        };
        Some(OwnerKind {
            group: group.to_owned(),
            plural: plural.to_owned(),
            is_namespaced,
        })
    }

    fn get(&self, id: &ObjectId) -> Option<Cow<'_, Value>> {
        self.objects.get(id).map(Cow::Borrowed)
    }

    fn dependents(&self, uid: &str) -> Vec<ObjectId> {
        let is_owned =
            |object: &Value| object::owner_references(object).any(|owner| owner.uid == uid);
        let owned = self.objects.iter().filter(|(_, object)| is_owned(object));
        owned.map(|(id, _)| id.clone()).collect()
    }
}

impl Cluster {
    /// Creates a config map, or a node if the name begins with `node`; its uid is `uid-NAME`.
    fn create(&mut self, name: &str, owners: &[(&str, bool)], finalizers: &[&str]) {
        let (id, resource) = place(name);
        let owners = owners.iter().map(|(owner, blocks)| {
            let kind = if owner.starts_with("node") {
                "Node"
            } else {
                "ConfigMap"
            };
            json!({"apiVersion": "v1", "kind": kind, "name": owner, "uid": format!("uid-{owner}"),
                "blockOwnerDeletion": blocks})
        });
        let owners: Value = owners.collect();
        let mut object = stored(
            &resource,
            json!({"metadata": {"name": name, "ownerReferences": owners, "finalizers": finalizers}}),
        );
        object["metadata"]["uid"] = json!(format!("uid-{name}"));
        self.commit(&mut Collector::default(), &id, Some(object));
    }

    /// Deletes an object and does all that follows.
    fn delete(&mut self, name: &str, propagation: Propagation) -> Vec<String> {
        self.log.clear();
        let mut collector = Collector::default();
        let options = DeleteOptions {
            propagation: Some(propagation),
            ..DeleteOptions::default()
        };
        self.act(&mut collector, Action::Delete(place(name).0, options));
        self.settle(&mut collector);
        std::mem::take(&mut self.log)
    }

    fn settle(&mut self, collector: &mut Collector) {
        for _ in 0..1000 {
            let Some(action) = collector.next(self) else {
                return;
            };
            self.act(collector, action);
        }
        panic!("the collector comes to no end");
    }

    fn act(&mut self, collector: &mut Collector, action: Action) {
        let (Action::Delete(id, _) | Action::Edit(id, _)) = &action;
        let id = id.clone();
        let Some(old) = self.objects.get(&id).cloned() else {
            return;
        };
        let (_, resource) = place(&id.name);
        let write = write(&resource, &id.name);
        match action {
            Action::Delete(_, options) => {
                match write.delete(&old, &options).expect("the uid is right") {
                    Deletion::Remove => self.commit(collector, &id, None),
                    Deletion::Put(object) => self.commit(collector, &id, Some(object)),
                    Deletion::PutAndRemove(_) | Deletion::Unchanged => {}
                }
            }
            Action::Edit(_, edit) => {
                let Some(new) = edit.apply(&old) else {
                    return;
                };
                match write.update(&old, new).expect("an edit is valid") {
                    Updated::Remove(_) => self.commit(collector, &id, None),
                    Updated::Put(object) => self.commit(collector, &id, Some(object)),
                    Updated::Create(_) | Updated::Unchanged => {}
                }
            }
        }
    }

    fn commit(&mut self, collector: &mut Collector, id: &ObjectId, new: Option<Value>) {
        let old = self.objects.remove(id);
        let verb = match (&old, &new) {
            (_, None) => "DELETED",
            (None, _) => "ADDED",
            (Some(_), Some(_)) => "MODIFIED",
        };
        self.log.push(format!("{verb} {}", id.name));
        let new = new.map(|new| {
            self.objects
                .entry(id.clone())
                .insert_entry(new)
                .get()
                .clone()
        });
        collector.observe(
            Seen {
                id,
                old: old.as_ref(),
                new: new.as_ref(),
            },
            self,
        );
    }

    fn owners(&self, name: &str) -> Vec<&str> {
        object::owner_references(&self.objects[&place(name).0])
            .map(|owner| owner.name)
            .collect()
    }
}

fn place(name: &str) -> (ObjectId, Resource) {
    let is_node = name.starts_with("node");
    let resource = if is_node {
        resource("", "nodes", "Node")
    } else {
        config_maps()
    };
    let namespace = if is_node { "" } else { "default" };
    let id = ObjectId {
        group: String::new(),
        plural: resource.plural.to_string(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    };
    (id, resource)
}

#[test]
fn dependents_go_after_their_owner_in_the_background() {
    let mut cluster = Cluster::default();
    cluster.create("a", &[], &[]);
    cluster.create("b", &[("a", true)], &[]);
    cluster.create("c", &[("b", false)], &[]);

    let log = cluster.delete("a", Propagation::Background);

    assert_eq!(log, ["DELETED a", "DELETED b", "DELETED c"]);
}

#[test]
fn blocking_dependents_go_before_their_owner_in_the_foreground() {
    let mut cluster = Cluster::default();
    cluster.create("a", &[], &[]);
    cluster.create("b", &[("a", true)], &[]);
    cluster.create("c", &[("b", true)], &[]);
    cluster.create("d", &[("a", false)], &[]);

    let log = cluster.delete("a", Propagation::Foreground);

    // As on the real server, in one of the orders that it may take.
    assert_eq!(
        log,
        [
            "MODIFIED a",
            "MODIFIED b",
            "DELETED d",
            "DELETED c",
            "DELETED b",
            "DELETED a"
        ]
    );
}

#[test]
fn an_owner_does_not_wait_for_dependents_that_do_not_block_it() {
    let mut cluster = Cluster::default();
    cluster.create("a", &[], &[]);
    cluster.create("b", &[("a", false)], &["x/y"]);

    let log = cluster.delete("a", Propagation::Foreground);

    assert_eq!(log, ["MODIFIED a", "MODIFIED b", "DELETED a"]);
}

#[test]
fn an_owner_waits_for_a_dependent_that_something_else_holds() {
    let mut cluster = Cluster::default();
    cluster.create("a", &[], &[]);
    cluster.create("b", &[("a", true)], &["x/y"]);
    let log = cluster.delete("a", Propagation::Foreground);
    assert_eq!(log, ["MODIFIED a", "MODIFIED b"]);

    let mut collector = Collector::default();
    cluster.commit(&mut collector, &place("b").0, None);
    cluster.settle(&mut collector);

    assert!(cluster.objects.is_empty(), "{:?}", cluster.objects.keys());
}

#[test]
fn an_owner_goes_on_when_a_dependent_leaves_it() {
    let mut cluster = Cluster::default();
    cluster.create("a", &[], &[]);
    cluster.create("b", &[("a", true)], &["x/y"]);
    cluster.delete("a", Propagation::Foreground);

    let mut collector = Collector::default();
    let edit = Action::Edit(place("b").0, Edit::DropOwners(vec!["uid-a".to_owned()]));
    cluster.act(&mut collector, edit);
    cluster.settle(&mut collector);

    assert_eq!(
        cluster
            .objects
            .keys()
            .map(|id| &*id.name)
            .collect::<Vec<_>>(),
        ["b"]
    );
}

#[test]
fn orphans_lose_their_owner_and_stay() {
    let mut cluster = Cluster::default();
    cluster.create("a", &[], &[]);
    cluster.create("b", &[("a", true)], &[]);
    cluster.create("c", &[("a", false)], &[]);

    let log = cluster.delete("a", Propagation::Orphan);

    assert_eq!(log, ["MODIFIED a", "MODIFIED b", "MODIFIED c", "DELETED a"]);
    assert!(cluster.owners("b").is_empty() && cluster.owners("c").is_empty());
}

#[test]
fn a_dependent_with_another_owner_stays_and_forgets_the_one_that_went() {
    for (propagation, expected) in [
        (Propagation::Background, vec!["DELETED a", "MODIFIED c"]),
        (
            Propagation::Foreground,
            vec!["MODIFIED a", "MODIFIED c", "DELETED a"],
        ),
    ] {
        let mut cluster = Cluster::default();
        cluster.create("a", &[], &[]);
        cluster.create("b", &[], &[]);
        cluster.create("c", &[("a", true), ("b", false)], &[]);

        let log = cluster.delete("a", propagation);

        assert_eq!(log, expected);
        assert_eq!(cluster.owners("c"), ["b"]);
    }
}

#[test]
fn an_object_whose_owner_is_absent_goes() {
    let mut cluster = Cluster::default();
    cluster.create("b", &[("a", true)], &[]);
    let (id, _) = place("b");
    let object = cluster.objects[&id].clone();

    let mut collector = Collector::default();
    collector.observe(
        Seen {
            id: &id,
            old: None,
            new: Some(&object),
        },
        &cluster,
    );
    cluster.settle(&mut collector);

    assert!(cluster.objects.is_empty());
}

#[test]
fn an_owner_of_the_same_name_and_another_uid_is_absent() {
    let mut cluster = Cluster::default();
    cluster.create("a", &[], &[]);
    cluster.create("b", &[("a", true)], &[]);
    let (a, _) = place("a");
    cluster.objects.get_mut(&a).expect("created")["metadata"]["uid"] = json!("other");

    let mut collector = Collector::default();
    let (id, object) = (place("b").0, cluster.objects[&place("b").0].clone());
    collector.observe(
        Seen {
            id: &id,
            old: None,
            new: Some(&object),
        },
        &cluster,
    );

    assert!(matches!(collector.next(&cluster), Some(Action::Delete(gone, _)) if gone == id));
}

#[test]
fn owners_that_make_no_sense_are_left_alone() {
    let mut cluster = Cluster::default();
    // A node is in no namespace, its owner is in one; a widget is of a kind that nobody knows.
    cluster.create("node-a", &[("a", true)], &[]);
    cluster.create("b", &[("a", true)], &[]);
    let (id, _) = place("b");
    let object = cluster.objects.get_mut(&id).expect("created");
    object["metadata"]["ownerReferences"][0]["kind"] = json!("Widget");

    for name in ["node-a", "b"] {
        let (id, _) = place(name);
        let object = cluster.objects[&id].clone();
        let mut collector = Collector::default();
        collector.observe(
            Seen {
                id: &id,
                old: None,
                new: Some(&object),
            },
            &cluster,
        );
        assert_eq!(collector.next(&cluster), None, "{name}");
    }
}

#[test]
fn a_namespaced_object_can_belong_to_one_that_is_not() {
    let mut cluster = Cluster::default();
    cluster.create("node-a", &[], &[]);
    cluster.create("b", &[("node-a", true)], &[]);

    assert_eq!(
        cluster.delete("node-a", Propagation::Background),
        ["DELETED node-a", "DELETED b"]
    );
}

#[test]
fn owners_in_a_circle_go() {
    for propagation in [Propagation::Foreground, Propagation::Background] {
        let mut cluster = Cluster::default();
        cluster.create("a", &[("c", true)], &[]);
        cluster.create("b", &[("a", true)], &[]);
        cluster.create("c", &[("b", true)], &[]);

        cluster.delete("a", propagation);

        assert!(
            cluster.objects.is_empty(),
            "{propagation:?} {:?}",
            cluster.objects
        );
    }
}

#[test]
fn many_dependents_go_in_one_pass() {
    for propagation in [Propagation::Foreground, Propagation::Background] {
        let mut cluster = Cluster::default();
        cluster.create("a", &[], &[]);
        for index in 0..300 {
            cluster.create(&format!("b{index}"), &[("a", true)], &[]);
        }

        let log = cluster.delete("a", propagation);

        assert_eq!(
            log.iter()
                .filter(|line| line.starts_with("DELETED"))
                .count(),
            301
        );
    }
}

#[test]
fn an_edit_that_changes_nothing_is_none() {
    let object = stored(
        &config_maps(),
        json!({"metadata": {"name": "a", "finalizers": ["x/y"]}}),
    );

    for edit in [
        Edit::RemoveFinalizer("orphan"),
        Edit::DropOwners(vec!["1".to_owned()]),
        Edit::UnblockOwners,
    ] {
        assert_eq!(edit.apply(&object), None, "{edit:?}");
    }
}
