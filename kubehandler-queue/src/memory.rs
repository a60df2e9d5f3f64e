//! Gives a map's memory back after a burst.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};

use hashbrown::HashTable;

/// Below this capacity a map is left alone.
pub(crate) const SMALL: usize = 64;

/// Returns true if this number of values uses less than an eighth of its room.
#[inline]
pub(crate) fn is_wasteful(len: usize, capacity: usize) -> bool {
    capacity > SMALL && len < capacity / 8
}

/// Shrinks `map` once it uses less than an eighth of what it holds.
///
/// Half of the room that is left stays free, so that the cost is amortized: the
/// map must lose or gain a large part of its entries before it moves again.
pub fn shrink<K: Eq + Hash, V, S: BuildHasher>(map: &mut HashMap<K, V, S>) {
    if is_wasteful(map.len(), map.capacity()) {
        map.shrink_to(map.len() * 2);
    }
}

/// Shrinks a table as [`shrink`] does a map; `hash` is that of an entry.
pub fn shrink_table<T>(table: &mut HashTable<T>, hash: impl Fn(&T) -> u64) {
    if is_wasteful(table.len(), table.capacity()) {
        table.shrink_to(table.len() * 2, hash);
    }
}

/// Frees the room of entries that have left a table; to be called before one is added.
///
/// A table marks most places that become free, and counts them as taken. In one that stays half full, but
/// whose entries come and go, the marks use up the room in the end, and it would double. `hash` is that of
/// an entry.
#[inline]
pub fn reuse_room<T>(table: &mut HashTable<T>, hash: impl Fn(&T) -> u64) {
    if table.len() == table.capacity() {
        clear_marks(table, hash);
    }
}

#[cold]
fn clear_marks<T>(table: &mut HashTable<T>, hash: impl Fn(&T) -> u64) {
    let room = table.num_buckets() / 8 * 7;
    // A table that is nearly full soon needs more room anyway.
    if table.len() >= room - room / 8 {
        return;
    }
    let entries: Vec<T> = table.drain().collect();
    for entry in entries {
        table.insert_unique(hash(&entry), entry, &hash);
    }
}

#[cfg(test)]
mod tests {
    use std::hash::RandomState;

    use super::*;

    #[test]
    fn table_whose_entries_come_and_go_does_not_grow() {
        let hasher = RandomState::new();
        let hash = |entry: &u64| hasher.hash_one(entry);
        let mut table: HashTable<u64> = HashTable::with_capacity(28_000);
        let buckets = table.num_buckets();
        for entry in 0..20_000 {
            table.insert_unique(hash(&entry), entry, hash);
        }

        for entry in 20_000..2_000_000 {
            let last = entry - 20_000;
            let found = table.find_entry(hash(&last), |it| *it == last);
            found.expect("it is there").remove();
            reuse_room(&mut table, hash);
            table.insert_unique(hash(&entry), entry, hash);
        }

        assert_eq!(table.num_buckets(), buckets);
        assert_eq!(table.len(), 20_000);
        let entries = 1_980_000..2_000_000;
        assert!(
            entries
                .into_iter()
                .all(|entry| table.find(hash(&entry), |it| *it == entry).is_some())
        );
    }

    #[test]
    fn table_that_is_full_grows() {
        let hash = |entry: &u64| *entry;
        let mut table: HashTable<u64> = HashTable::new();

        for entry in 0..1_000 {
            reuse_room(&mut table, hash);
            table.insert_unique(entry, entry, hash);
        }

        assert_eq!(table.len(), 1_000);
        assert!(table.num_buckets() < 4_000);
    }

    #[test]
    fn map_gives_its_memory_back_after_a_burst() {
        let mut map: HashMap<u32, u32> = (0..10_000).map(|item| (item, item)).collect();

        for item in 0..10_000 {
            map.remove(&item);
            shrink(&mut map);
        }

        assert!(map.capacity() <= SMALL, "{} left", map.capacity());
    }
}
