//! The storage against a naive one that keeps a full copy for each version.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::kinds::{NameRule, Resource, Rules};

fn config_maps() -> Resource {
    Resource {
        group: "".into(),
        plural: "configmaps".into(),
        singular: "configmap".into(),
        short_names: [].as_slice().into(),
        categories: [].as_slice().into(),
        is_namespaced: true,
        storage_schema: None,
        versions: [].as_slice().into(),
        rules: Rules {
            names: NameRule::Subdomain,
            has_generation: false,
            creates_on_update: false,
            updates_unconditionally: true,
            selectable: [].as_slice().into(),
            scale: None,
            is_custom: false,
        },
    }
}

fn storage(changes: usize) -> (Storage, TableId) {
    let age = Duration::from_secs(300);
    let mut storage = Storage::new(Retention { changes, age });
    let table = storage.add_table();
    (storage, table)
}

fn put(storage: &mut Storage, table: TableId, name: &str) {
    let object = json!({ "metadata": { "namespace": "default", "name": name } });
    let revision = storage.next_revision();
    storage.put(table, Stored::new(&config_maps(), object, revision));
}

fn remove(storage: &mut Storage, table: TableId, name: &str) {
    let last = storage.get(table, &format!("default/{name}"));
    let last = last.expect("it is there").at(storage.next_revision());
    storage.remove(table, last);
}

fn everything(storage: &Storage, table: TableId, revision: u64) -> Vec<(String, u64)> {
    let range = (Bound::Unbounded, Bound::Unbounded);
    let list = storage.list_at(table, revision, range);
    let list = list.unwrap_or_else(|_| panic!("{revision} is not compacted"));
    list.map(|object| (object.key().to_owned(), object.revision()))
        .collect()
}

/// Each version listed later is what it was when it was the last one, and the changes after it lead
/// from there to now.
#[test]
fn any_version_that_is_not_compacted_lists_as_it_was() {
    for seed in 0..200 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut storage, table) = storage(random.usize(5..60));
        let other = storage.add_table();
        let mut truth = BTreeMap::from([(storage.revision(), Vec::new())]);
        for _ in 0..80 {
            let name = ["a", "b", "c", "d"][random.usize(..4)];
            let exists = storage.get(table, &format!("default/{name}")).is_some();
            match random.u8(..4) {
                0 => put(&mut storage, other, name),
                1 if exists => remove(&mut storage, table, name),
                _ => put(&mut storage, table, name),
            }
            if random.u8(..20) == 0 {
                let revision = random.u64(..=storage.revision());
                storage.compact(revision);
            }
            let now = storage.iter(table);
            let now = now.map(|object| (object.key().to_owned(), object.revision()));
            truth.insert(storage.revision(), now.collect());
        }

        for (&revision, then) in truth.range(storage.compacted()..) {
            assert_eq!(&everything(&storage, table, revision), then, "seed {seed}");
            let changes = storage.changes_after(table, revision);
            let changes = changes.unwrap_or_else(|_| panic!("seed {seed}: {revision} is there"));
            let mut replayed: BTreeMap<_, _> = then.iter().cloned().collect();
            for change in changes {
                let key = change.object.key().to_owned();
                match change.kind {
                    ChangeKind::Put => replayed.insert(key, change.revision()),
                    ChangeKind::Remove => replayed.remove(&key),
                };
            }
            let replayed: Vec<_> = replayed.into_iter().collect();
            let now = &truth[&storage.revision()];
            assert_eq!(&replayed, now, "seed {seed} from {revision}");
        }
    }
}

#[test]
fn compacted_version_is_neither_listed_nor_watched() {
    let (mut storage, table) = storage(100);
    for name in ["a", "b", "c"] {
        put(&mut storage, table, name);
    }
    let [first, second] = [storage.revision() - 2, storage.revision() - 1];

    storage.compact(second);

    let range = (Bound::Unbounded, Bound::Unbounded);
    assert!(storage.list_at(table, first, range).is_err());
    assert!(storage.changes_after(table, first).is_err());
    assert_eq!(
        storage.changes_after(table, second).map(Iterator::count),
        Ok(1)
    );
}

#[test]
fn history_is_bounded_by_its_size() {
    let (mut storage, table) = storage(10);

    for _ in 0..1_000 {
        put(&mut storage, table, "a");
    }

    assert_eq!(storage.compacted(), storage.revision() - 10);
    assert_eq!(
        storage
            .changes_after(table, storage.compacted())
            .map(Iterator::count),
        Ok(10)
    );
}

#[tokio::test(start_paused = true)]
async fn history_is_bounded_by_its_age() {
    let (mut storage, table) = storage(10);
    put(&mut storage, table, "a");
    tokio::time::advance(Duration::from_secs(200)).await;
    put(&mut storage, table, "b");

    tokio::time::advance(Duration::from_secs(200)).await;
    storage.expire(Instant::now());

    assert_eq!(storage.compacted(), storage.revision() - 1);
}

#[test]
fn frozen_view_shows_an_object_as_it_was() {
    let (mut storage, table) = storage(10);
    put(&mut storage, table, "a");
    let view = View::frozen_at(storage.revision());

    put(&mut storage, table, "a");
    remove(&mut storage, table, "a");

    let seen = storage
        .get_in(table, "default/a", view)
        .expect("not compacted");
    assert_eq!(seen.map(|object| object.revision()), Some(2));
    assert_eq!(
        storage
            .get_in(table, "default/a", View::LIVE)
            .map(|seen| seen.is_some()),
        Ok(false)
    );
}

#[test]
fn crossing_keeps_the_state_under_another_version() {
    let (mut storage, table) = storage(10);
    put(&mut storage, table, "a");

    let moved = storage.get(table, "default/a").expect("it is there").at(9);

    assert_eq!(moved.revision(), 9);
    assert_eq!(moved.to_value()["metadata"]["resourceVersion"], "9");
    assert_eq!(moved.name(), "a");
    assert_eq!(moved.namespace(), "default");
}
