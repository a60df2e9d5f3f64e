use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// A naive copy of the store, kept by the deltas alone, that trusts none of them.
#[derive(Default)]
struct Copy {
    objects: BTreeMap<String, Stored>,
}

impl Copy {
    fn apply(&mut self, delta: Delta) {
        match delta {
            Delta::Upsert { object, .. } => {
                let key = object.key().to_owned();
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
            Delta::Remove { last } => {
                let key = last.key();
                let known = self
                    .objects
                    .remove(key)
                    .expect("a Remove of a known object");
                assert_eq!(known.uid(), last.uid(), "{key}: a Remove of another life");
            }
        }
    }

    fn versions(&self) -> Vec<Version<'_>> {
        versions(self.objects.values())
    }
}

type Version<'a> = (&'a str, String, &'a str);

fn versions<'a>(objects: impl Iterator<Item = &'a Stored>) -> Vec<Version<'a>> {
    let versions = objects.map(|object| {
        (
            object.key(),
            object.uid().to_string(),
            object.resource_version(),
        )
    });
    let mut versions: Vec<_> = versions.collect();
    versions.sort_unstable();
    versions
}

fn object(name: u8, uid: u8, version: &str) -> Stored {
    Stored::of(&key(name), &format!("uid-{uid}"), version, false, "{}")
}

fn key(name: u8) -> String {
    format!("a/object-{name}")
}

fn synced(objects: Vec<Stored>) -> Store {
    let mut store = Store::default();
    list(&mut store, objects);
    store
}

fn list(store: &mut Store, objects: Vec<Stored>) -> Vec<Delta> {
    let mut deltas = begin(store, objects);
    deltas.extend(commit(store));
    deltas
}

/// Ends a list: what it did not have vanishes.
fn commit(store: &mut Store) -> Vec<Delta> {
    let missing = store.missing();
    let vanished = missing.iter().flat_map(|object| store.vanish(object));
    let vanished = vanished.collect();
    store.commit();
    vanished
}

/// Begins a list that has these objects so far.
fn begin(store: &mut Store, objects: Vec<Stored>) -> Vec<Delta> {
    store.begin_list();
    let mut deltas = Vec::new();
    for object in objects {
        deltas.extend(store.list(object, false).expect("fits"));
    }
    deltas
}

fn short(object: &Stored) -> String {
    let (uid, version) = (object.uid(), object.resource_version());
    format!("{} {uid}@{version}", object.key())
}

fn texts(deltas: &[Delta]) -> Vec<String> {
    let text = |delta: &Delta| match delta {
        Delta::Upsert { object, initial } => {
            let mark = if *initial { " initial" } else { "" };
            format!("upsert {}{mark}", short(object))
        }
        Delta::Remove { last } => format!("remove {}", short(last)),
    };
    deltas.iter().map(text).collect()
}

#[test]
fn first_list_is_initial_and_later_changes_are_not() {
    let mut store = Store::default();
    assert!(!store.has_synced());

    let first = list(&mut store, vec![object(2, 2, "6"), object(1, 1, "5")]);
    let second = list(
        &mut store,
        vec![object(1, 1, "5"), object(2, 2, "7"), object(3, 3, "8")],
    );
    let third = store.upsert(object(4, 4, "9")).expect("fits");

    assert!(store.has_synced());
    assert_eq!(
        texts(&first),
        [
            "upsert a/object-2 uid-2@6 initial",
            "upsert a/object-1 uid-1@5 initial"
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
        texts(&list(&mut store, vec![object(1, 1, "5")])),
        ["upsert a/object-1 uid-1@5"]
    );
}

#[test]
fn object_that_vanished_from_a_list_is_removed_with_its_last_state() {
    let mut store = synced(vec![object(1, 1, "5"), object(2, 2, "6")]);

    let deltas = list(&mut store, vec![object(2, 2, "6")]);

    assert_eq!(texts(&deltas), ["remove a/object-1 uid-1@5"]);
    assert!(store.get(&key(1)).is_none());
}

#[test]
fn new_uid_ends_one_life_before_it_begins_the_next() {
    let mut store = synced(vec![object(1, 1, "5")]);

    let by_list = list(&mut store, vec![object(1, 2, "6")]);
    let by_event = store.upsert(object(1, 3, "7")).expect("fits");

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
fn list_that_is_not_committed_removes_nothing_and_counts_for_no_other() {
    let mut store = synced(vec![object(1, 1, "5"), object(2, 2, "6")]);

    let aborted = begin(&mut store, vec![object(1, 1, "7"), object(3, 3, "8")]);
    assert_eq!(
        texts(&aborted),
        ["upsert a/object-1 uid-1@7", "upsert a/object-3 uid-3@8"]
    );
    assert_eq!(store.len(), 3);

    let whole = list(&mut store, vec![object(1, 1, "7"), object(2, 2, "6")]);
    assert_eq!(texts(&whole), ["remove a/object-3 uid-3@8"]);
}

#[test]
fn aborted_first_list_leaves_the_store_unsynced_and_the_next_one_initial() {
    let mut store = Store::default();
    begin(&mut store, vec![object(1, 1, "5"), object(2, 2, "5")]);
    assert!(!store.has_synced());

    let deltas = list(&mut store, vec![object(2, 2, "6"), object(3, 3, "6")]);

    assert_eq!(
        texts(&deltas),
        [
            "upsert a/object-2 uid-2@6 initial",
            "upsert a/object-3 uid-3@6 initial",
            "remove a/object-1 uid-1@5"
        ]
    );
}

#[test]
fn unreadable_item_keeps_what_the_store_has_and_adds_nothing() {
    let mut store = synced(vec![object(1, 1, "5"), object(2, 2, "6")]);
    store.begin_list();
    store.keep(&key(1));
    store.keep(&key(3));

    let deltas = commit(&mut store);

    assert_eq!(texts(&deltas), ["remove a/object-2 uid-2@6"]);
    assert_eq!(store.len(), 1);
}

#[test]
fn object_deleted_while_the_list_came_is_removed_at_once() {
    let mut store = synced(vec![object(1, 1, "5")]);
    begin(&mut store, vec![object(1, 1, "5"), object(2, 2, "6")]);

    let deltas = store.remove(object(1, 1, "7")).expect("fits");

    assert_eq!(texts(&deltas), ["remove a/object-1 uid-1@7"]);
    assert_eq!(texts(&commit(&mut store)), [""; 0]);
    assert_eq!(store.len(), 1);
}

#[test]
fn object_of_a_list_older_than_the_store_does_not_fit_unless_the_list_is_the_truth() {
    let mut store = synced(vec![object(1, 1, "10")]);
    store.begin_list();

    assert!(store.list(object(1, 1, "9"), false).is_err());
    assert!(store.list(object(1, 2, "9"), false).is_err());
    let truth = store.list(object(1, 1, "9"), true).expect("fits");

    assert_eq!(texts(&truth), ["upsert a/object-1 uid-1@9"]);
}

#[test]
fn event_of_the_known_version_is_no_change() {
    let mut store = synced(vec![object(1, 1, "5")]);

    assert_eq!(
        texts(&store.upsert(object(1, 1, "5")).expect("fits")),
        [""; 0]
    );
}

#[test]
fn removal_carries_the_last_state_of_the_event() {
    let mut store = synced(vec![object(1, 1, "5")]);

    let removed = store.remove(object(1, 1, "9")).expect("fits");
    let again = store.remove(object(1, 1, "9")).expect("fits");

    assert_eq!(texts(&removed), ["remove a/object-1 uid-1@9"]);
    assert_eq!(texts(&again), [""; 0]);
}

#[test]
fn event_older_than_the_object_does_not_fit() {
    let mut store = synced(vec![object(1, 1, "10")]);
    let older = Misfit::Older {
        got: "9".to_owned(),
        seen: "10".to_owned(),
    };

    assert_eq!(store.upsert(object(1, 1, "9")).map(|_| ()), Err(older));
    assert!(store.remove(object(1, 1, "9")).is_err());
    assert_eq!(
        store.remove(object(1, 2, "11")).map(|_| ()),
        Err(Misfit::OtherUid)
    );
    assert_eq!(
        store.iter().map(short).collect::<Vec<_>>(),
        ["a/object-1 uid-1@10"]
    );
}

#[test]
fn object_without_a_version_changes_with_its_content() {
    let bare = |content: u8| Stored::of(&key(1), "uid-1", "", false, &content.to_string());
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
            .upsert(object(name, uid, &version.to_string()))
            .unwrap_or_default()
            .into_vec(),
        Step::Remove(name, uid, version) => store
            .remove(object(name, uid, &version.to_string()))
            .unwrap_or_default()
            .into_vec(),
        Step::List(items, is_complete) => {
            store.begin_list();
            let mut deltas = Vec::new();
            for (name, readable) in items {
                match readable {
                    Some((uid, version)) => {
                        let listed = object(name, uid, &version.to_string());
                        deltas.extend(store.list(listed, version % 2 == 0).unwrap_or_default());
                    }
                    None => store.keep(&key(name)),
                }
            }
            if is_complete {
                deltas.extend(commit(store));
            }
            deltas
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
