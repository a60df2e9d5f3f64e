//! Whatever owners, namespaces and definitions look like, settling ends.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::{
    controllers::Cluster,
    group::GroupResource,
    state::{clock::Clock, storage::Retention},
    wire::options::Propagation,
};

/// More than any graph here can need; one that goes round for ever exceeds it.
const ENOUGH: usize = 100_000;

struct World {
    state: Cluster,
    maps: Arc<Resource>,
    random: fastrand::Rng,
}

impl World {
    fn new(seed: u64) -> Self {
        let retention = Retention {
            changes: 1_000,
            age: Duration::from_secs(300),
        };
        let state = Cluster::new(State::new(seed, Clock::fixed(), retention), true);
        let maps = state
            .catalog
            .find(GroupResource::new("", "configmaps"))
            .cloned();
        Self {
            state,
            maps: maps.expect("a built-in resource"),
            random: fastrand::Rng::with_seed(seed),
        }
    }

    /// Puts a config map with this name as its uid.
    fn put(&mut self, name: &str, owners: &[String], finalizers: &[&str]) {
        let owners: Vec<_> = owners
            .iter()
            .map(|owner| {
                json!({
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "name": owner,
                    "uid": owner,
                    "blockOwnerDeletion": self.random.bool(),
                })
            })
            .collect();
        let mut object =
            json!({ "metadata": { "name": name, "namespace": "default", "uid": name } });
        object::set_meta(&mut object, "ownerReferences", owners.into());
        object::set_meta(&mut object, "finalizers", finalizers.to_vec().into());
        let table = self.state.table(&self.maps);
        let old = self.state.storage.get(table, &key("default", name));
        let old = old.map(|stored| stored.to_value());
        self.state.put(&self.maps, old.as_ref(), &object);
    }

    fn delete(&mut self, name: &str, propagation: Propagation) {
        let id = self.id(name);
        let options = DeleteOptions {
            propagation: Some(propagation),
            ..DeleteOptions::default()
        };
        self.state.delete_as_controller(&id, &options);
    }

    fn id(&self, name: &str) -> ObjectId {
        ObjectId {
            group: String::new(),
            plural: self.maps.plural.to_string(),
            namespace: "default".to_owned(),
            name: name.to_owned(),
        }
    }

    /// Settles, and returns the names that are left.
    fn settle(&mut self) -> Vec<String> {
        let mut steps = 0;
        while self.state.settle_one() {
            steps += 1;
            assert!(steps < ENOUGH, "it goes on for ever");
        }
        let table = self.state.table(&self.maps);
        let left = self.state.storage.iter(table);
        left.map(|stored| stored.name().to_owned()).collect()
    }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("m{index}")).collect()
}

#[test]
fn owners_in_a_ring_go_with_the_first_of_them() {
    for propagation in [Propagation::Background, Propagation::Foreground] {
        let mut world = World::new(1);
        let names = names(5);
        for (index, name) in names.iter().enumerate() {
            let owner = names[(index + 1) % names.len()].clone();
            world.put(name, &[owner], &[]);
        }

        world.delete("m0", propagation);

        assert_eq!(world.settle(), [""; 0], "{propagation:?}");
    }
}

#[test]
fn object_that_owns_itself_is_no_reason_to_go_on_for_ever() {
    for propagation in [
        Propagation::Background,
        Propagation::Foreground,
        Propagation::Orphan,
    ] {
        let mut world = World::new(1);
        world.put("m0", &["m0".to_owned()], &[]);

        world.delete("m0", propagation);

        world.settle();
    }
}

#[test]
fn thousands_of_dependents_go_with_their_owner() {
    for propagation in [Propagation::Background, Propagation::Foreground] {
        let mut world = World::new(1);
        let names = names(2_000);
        world.put(&names[0], &[], &[]);
        for name in &names[1..] {
            world.put(name, &names[..1], &[]);
        }

        world.delete("m0", propagation);

        assert_eq!(world.settle(), [""; 0], "{propagation:?}");
    }
}

#[test]
fn long_chain_of_owners_goes_to_its_end() {
    let mut world = World::new(1);
    let names = names(500);
    world.put(&names[0], &[], &[]);
    for pair in names.windows(2) {
        world.put(&pair[1], &pair[..1], &[]);
    }

    world.delete("m0", Propagation::Foreground);

    assert_eq!(world.settle(), [""; 0]);
}

#[test]
fn any_graph_of_owners_settles() {
    for seed in 0..60 {
        let mut world = World::new(seed);
        let names = names(8);
        for _ in 0..40 {
            let name = world.random.choice(&names).cloned().unwrap_or_default();
            if world.random.u8(..4) == 0 {
                let policies = [
                    Propagation::Background,
                    Propagation::Foreground,
                    Propagation::Orphan,
                ];
                let policy = policies[world.random.usize(..policies.len())];
                world.delete(&name, policy);
            } else {
                let count = world.random.usize(..3);
                let owners = world.random.choose_multiple(names.iter().cloned(), count);
                let holds = [
                    &[][..],
                    &["example.com/hold"],
                    &["orphan"],
                    &["foregroundDeletion"],
                ];
                let holds = holds[world.random.usize(..holds.len())];
                world.put(&name, &owners, holds);
            }
            if world.random.bool() {
                world.settle();
            }
        }
        world.settle();
    }
}
