use proptest::prelude::*;

use super::*;

/// A naive copy of the store, kept by the deltas alone, that trusts none of them.
#[derive(Default)]
struct Copy {
    objects: BTreeMap<ObjectKey, Arc<Stored>>,
}

impl Copy {
    fn apply(&mut self, delta: Delta) {
        match delta {
            Delta::Upsert { key, object, .. } => {
                if let Some(known) = self.objects.get(&key) {
                    assert_eq!(
                        known.uid(),
                        object.uid(),
                        "{key}: no Remove between two lives"
                    );
                    assert!(!known.is_same_version(&object), "{key}: no change");
                }
                self.objects.insert(key, object);
            }
            Delta::Remove { key, last } => {
                let known = self
                    .objects
                    .remove(&key)
                    .expect("a Remove of a known object");
                assert_eq!(known.uid(), last.uid(), "{key}: a Remove of another life");
            }
        }
    }

    fn versions(&self) -> Vec<(&ObjectKey, &str, &str)> {
        versions(self.objects.iter())
    }
}

fn versions<'a>(
    objects: impl Iterator<Item = (&'a ObjectKey, &'a Arc<Stored>)>,
) -> Vec<(&'a ObjectKey, &'a str, &'a str)> {
    objects
        .map(|(key, object)| (key, object.uid(), object.resource_version()))
        .collect()
}

fn item(name: u8, uid: u8, version: &str) -> Item {
    Item {
        key: ObjectKey::namespaced("a", &format!("object-{name}")),
        object: Stored::new(&format!("uid-{uid}"), version, false, vec![name, uid]),
    }
}

fn key(name: u8) -> ObjectKey {
    item(name, 0, "").key
}

fn synced(items: Vec<Item>) -> Store {
    let mut store = Store::default();
    list(&mut store, items);
    store
}

fn list(store: &mut Store, items: Vec<Item>) -> Vec<Delta> {
    let mut staging = Staging::default();
    for item in items {
        staging.put(item, store);
    }
    store.commit(staging)
}

fn texts(deltas: &[Delta]) -> Vec<String> {
    let text = |delta: &Delta| match delta {
        Delta::Upsert {
            key,
            object,
            initial,
        } => {
            let mark = if *initial { " initial" } else { "" };
            format!(
                "upsert {key} {}@{}{mark}",
                object.uid(),
                object.resource_version()
            )
        }
        Delta::Remove { key, last } => {
            format!("remove {key} {}@{}", last.uid(), last.resource_version())
        }
    };
    deltas.iter().map(text).collect()
}

#[test]
fn first_list_is_initial_and_later_changes_are_not() {
    let mut store = Store::default();
    assert!(!store.has_synced());

    let first = list(&mut store, vec![item(2, 2, "6"), item(1, 1, "5")]);
    let second = list(
        &mut store,
        vec![item(1, 1, "5"), item(2, 2, "7"), item(3, 3, "8")],
    );
    let third = store.upsert(item(4, 4, "9")).expect("fits");

    assert!(store.has_synced());
    assert_eq!(
        texts(&first),
        [
            "upsert a/object-1 uid-1@5 initial",
            "upsert a/object-2 uid-2@6 initial"
        ]
    );
    assert_eq!(
        texts(&second),
        ["upsert a/object-2 uid-2@7", "upsert a/object-3 uid-3@8"]
    );
    assert_eq!(texts(&third), ["upsert a/object-4 uid-4@9"]);
}

#[test]
fn empty_first_list_counts_as_a_list() {
    let mut store = synced(vec![]);

    assert!(store.has_synced());
    assert_eq!(
        texts(&list(&mut store, vec![item(1, 1, "5")])),
        ["upsert a/object-1 uid-1@5"]
    );
}

#[test]
fn object_that_vanished_from_a_list_is_removed_with_its_last_state() {
    let mut store = synced(vec![item(1, 1, "5"), item(2, 2, "6")]);

    let deltas = list(&mut store, vec![item(2, 2, "6")]);

    assert_eq!(texts(&deltas), ["remove a/object-1 uid-1@5"]);
    assert!(store.get(&key(1)).is_none());
}

#[test]
fn new_uid_ends_one_life_before_it_begins_the_next() {
    let mut store = synced(vec![item(1, 1, "5")]);

    let by_list = list(&mut store, vec![item(1, 2, "6")]);
    let by_event = store.upsert(item(1, 3, "7")).expect("fits");

    assert_eq!(
        texts(&by_list),
        ["remove a/object-1 uid-1@5", "upsert a/object-1 uid-2@6"]
    );
    assert_eq!(
        texts(&by_event),
        ["remove a/object-1 uid-2@6", "upsert a/object-1 uid-3@7"]
    );
}

#[test]
fn list_that_is_not_committed_changes_nothing() {
    let store = synced(vec![item(1, 1, "5")]);

    let mut staging = Staging::default();
    staging.put(item(2, 2, "6"), &store);
    drop(staging);

    assert_eq!(versions(store.iter()), [(&key(1), "uid-1", "5")]);
}

#[test]
fn unreadable_item_keeps_what_the_store_has_and_adds_nothing() {
    let mut store = synced(vec![item(1, 1, "5"), item(2, 2, "6")]);
    let mut staging = Staging::default();
    staging.keep(key(1), &store);
    staging.keep(key(3), &store);

    let deltas = store.commit(staging);

    assert_eq!(texts(&deltas), ["remove a/object-2 uid-2@6"]);
    assert_eq!(versions(store.iter()), [(&key(1), "uid-1", "5")]);
}

#[test]
fn object_deleted_while_the_list_came_is_not_in_it() {
    let mut store = synced(vec![item(1, 1, "5")]);
    let mut staging = Staging::default();
    staging.put(item(1, 1, "5"), &store);
    staging.put(item(2, 2, "6"), &store);
    staging.remove(&key(1));
    staging.remove(&key(2));

    assert_eq!(texts(&store.commit(staging)), ["remove a/object-1 uid-1@5"]);
}

#[test]
fn unchanged_items_of_a_list_are_staged_without_a_copy() {
    let store = synced(vec![item(1, 1, "5")]);
    let mut staging = Staging::default();

    staging.put(item(1, 1, "5"), &store);

    assert!(staging.objects.values().all(Option::is_none));
}

#[test]
fn event_of_the_known_version_is_no_change() {
    let mut store = synced(vec![item(1, 1, "5")]);

    assert_eq!(
        texts(&store.upsert(item(1, 1, "5")).expect("fits")),
        [""; 0]
    );
}

#[test]
fn removal_carries_the_last_state_of_the_event() {
    let mut store = synced(vec![item(1, 1, "5")]);

    let removed = store.remove(item(1, 1, "9")).expect("fits");
    let again = store.remove(item(1, 1, "9")).expect("fits");

    assert_eq!(texts(&removed), ["remove a/object-1 uid-1@9"]);
    assert_eq!(texts(&again), [""; 0]);
}

#[test]
fn event_older_than_the_object_does_not_fit() {
    let mut store = synced(vec![item(1, 1, "10")]);
    let older = Misfit::Older {
        got: "9".to_owned(),
        seen: "10".to_owned(),
    };

    assert_eq!(store.upsert(item(1, 1, "9")).map(|_| ()), Err(older));
    assert!(store.remove(item(1, 1, "9")).is_err());
    assert_eq!(
        store.remove(item(1, 2, "11")).map(|_| ()),
        Err(Misfit::OtherUid)
    );
    assert_eq!(versions(store.iter()), [(&key(1), "uid-1", "10")]);
}

#[test]
fn object_without_a_version_changes_with_its_content() {
    let bare = |content: u8| Item {
        key: key(1),
        object: Stored::new("uid-1", "", false, vec![content]),
    };
    let mut store = synced(vec![bare(1)]);

    assert!(store.upsert(bare(1)).expect("fits").is_empty());
    assert_eq!(store.upsert(bare(2)).expect("fits").len(), 1);
    assert_eq!(list(&mut store, vec![bare(2)]).len(), 0);
    assert_eq!(list(&mut store, vec![bare(3)]).len(), 1);
}

#[derive(Clone, Debug)]
enum Step {
    Upsert(u8, u8, u16),
    Remove(u8, u8, u16),
    /// Each object of a list as name, uid, version; `None` for one that cannot be read.
    List(Vec<(u8, Option<(u8, u16)>)>, bool),
}

fn step() -> impl Strategy<Value = Step> {
    let name = 0_u8..4;
    let uid = 0_u8..3;
    let version = 1_u16..30;
    let listed = (
        name.clone(),
        proptest::option::weighted(0.9, (uid.clone(), version.clone())),
    );
    prop_oneof![
        4 => (name.clone(), uid.clone(), version.clone()).prop_map(|(n, u, v)| Step::Upsert(n, u, v)),
        2 => (name, uid, version).prop_map(|(n, u, v)| Step::Remove(n, u, v)),
        2 => (proptest::collection::vec(listed, 0..6), proptest::bool::weighted(0.8))
            .prop_map(|(items, is_complete)| Step::List(items, is_complete)),
    ]
}

fn take(store: &mut Store, step: Step) -> Vec<Delta> {
    match step {
        Step::Upsert(name, uid, version) => store
            .upsert(item(name, uid, &version.to_string()))
            .unwrap_or_default(),
        Step::Remove(name, uid, version) => store
            .remove(item(name, uid, &version.to_string()))
            .unwrap_or_default(),
        Step::List(items, is_complete) => {
            let mut staging = Staging::default();
            for (name, readable) in items {
                match readable {
                    Some((uid, version)) => {
                        staging.put(item(name, uid, &version.to_string()), store);
                    }
                    None => staging.keep(key(name), store),
                }
            }
            if is_complete {
                store.commit(staging)
            } else {
                Vec::new()
            }
        }
    }
}

proptest! {
    #[test]
    fn deltas_alone_make_the_same_copy_and_each_is_a_change(steps in proptest::collection::vec(step(), 0..60)) {
        let mut store = Store::default();
        let mut copy = Copy::default();
        for step in steps {
            for delta in take(&mut store, step) {
                copy.apply(delta);
            }

            prop_assert_eq!(copy.versions(), versions(store.iter()));
        }
    }
}
