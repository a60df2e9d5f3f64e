//! Gives a map's memory back after a burst.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};

use hashbrown::HashTable;

/// Below this capacity a map is left alone.
pub(super) const SMALL: usize = 64;

/// Says whether so many values use less than an eighth of the room they have.
#[inline]
pub(super) fn is_wasteful(len: usize, capacity: usize) -> bool {
    capacity > SMALL && len < capacity / 8
}

/// Shrinks `map` once it uses less than an eighth of what it holds.
///
/// Half of the room that is left stays free, so that the cost is amortized: the
/// map must lose or gain a large part of its entries before it moves again.
pub(crate) fn shrink<K: Eq + Hash, V, S: BuildHasher>(map: &mut HashMap<K, V, S>) {
    if is_wasteful(map.len(), map.capacity()) {
        map.shrink_to(map.len() * 2);
    }
}

/// Shrinks a table as [`shrink`] does a map; `hash` is that of an entry.
pub(crate) fn shrink_table<T>(table: &mut HashTable<T>, hash: impl Fn(&T) -> u64) {
    if is_wasteful(table.len(), table.capacity()) {
        table.shrink_to(table.len() * 2, hash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
