//! A buffer that has pages of its own once it is large.
//!
//! A large buffer that is freed between the objects of a store leaves a hole in the heap. Objects then
//! fill the hole in part, the next buffer needs new room, and the heap grows with each list. glibc maps
//! large buffers itself, but only until the first of them is freed.

use std::ops::Deref;

use memmap2::MmapMut;

/// The most bytes that a buffer has on the heap.
const MAX_ON_HEAP: usize = 32 * 1024;

/// Bytes that come one after the other, and go from the front.
#[derive(Debug)]
pub(crate) enum Buffer {
    Heap(Vec<u8>),
    Pages { pages: MmapMut, length: usize },
}

impl Default for Buffer {
    fn default() -> Self {
        Self::Heap(Vec::new())
    }
}

impl Buffer {
    /// Appends bytes.
    pub(crate) fn extend_from_slice(&mut self, bytes: &[u8]) {
        let needed = self.len() + bytes.len();
        if needed > self.capacity() && needed > MAX_ON_HEAP {
            self.grow(needed);
        }
        match self {
            Self::Heap(heap) => heap.extend_from_slice(bytes),
            Self::Pages { pages, length } => {
                pages[*length..needed].copy_from_slice(bytes);
                *length = needed;
            }
        }
    }

    /// Moves to pages with room for this number of bytes, and then some; to the heap if there are none.
    fn grow(&mut self, needed: usize) {
        *self = match MmapMut::map_anon(needed.next_power_of_two()) {
            Ok(mut pages) => {
                let length = self.len();
                pages[..length].copy_from_slice(self);
                Self::Pages { pages, length }
            }
            Err(_) => Self::Heap(self.to_vec()),
        };
    }

    /// Drops the bytes after this number of them.
    pub(crate) fn truncate(&mut self, length: usize) {
        match self {
            Self::Heap(heap) => heap.truncate(length),
            Self::Pages { length: own, .. } => *own = length.min(*own),
        }
    }

    /// Drops this number of bytes at the front, of which there must be so many.
    pub(crate) fn drop_front(&mut self, count: usize) {
        match self {
            Self::Heap(heap) => drop(heap.drain(..count)),
            Self::Pages { pages, length } => {
                pages.copy_within(count..*length, 0);
                *length -= count;
            }
        }
    }

    /// Returns how many bytes there is room for.
    pub(crate) fn capacity(&self) -> usize {
        match self {
            Self::Heap(heap) => heap.capacity(),
            Self::Pages { pages, .. } => pages.len(),
        }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Heap(heap) => heap,
            Self::Pages { pages, length } => &pages[..*length],
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn large_buffer_is_not_on_the_heap() {
        let mut buffer = Buffer::default();

        buffer.extend_from_slice(&vec![1; MAX_ON_HEAP]);
        assert!(matches!(buffer, Buffer::Heap(_)));
        buffer.extend_from_slice(&[2]);

        assert!(matches!(buffer, Buffer::Pages { .. }));
        assert_eq!(buffer.len(), MAX_ON_HEAP + 1);
        assert_eq!(buffer[MAX_ON_HEAP - 1..], [1, 2]);
    }

    proptest! {
        #[test]
        fn bytes_are_those_of_a_vector(
            steps in proptest::collection::vec((0_u8..3, 0_usize..60_000), 1..20),
        ) {
            let (mut buffer, mut vector) = (Buffer::default(), Vec::new());
            for (number, (step, count)) in steps.into_iter().enumerate() {
                let at = count.min(vector.len());
                match step {
                    0 => {
                        let bytes = vec![u8::try_from(number).unwrap_or_default(); count];
                        buffer.extend_from_slice(&bytes);
                        vector.extend_from_slice(&bytes);
                    }
                    1 => {
                        buffer.truncate(at);
                        vector.truncate(at);
                    }
                    _ => {
                        buffer.drop_front(at);
                        vector.drain(..at);
                    }
                }
                prop_assert_eq!(&buffer[..], &vector[..]);
            }
        }
    }
}
