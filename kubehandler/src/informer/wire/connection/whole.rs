//! The body of a list, which may be large: no step of it takes a thread for long.

use std::{collections::TryReserveError, mem::take, ops::Deref};

use bytes::Bytes;
use tokio::runtime::Handle;

use crate::budget::{BUDGET, Budget};

/// A buffer of this size takes the kernel milliseconds to free.
const LARGE: usize = 8 << 20;

/// The bytes that have come of a body of at most `max` bytes.
#[derive(Debug)]
pub(crate) struct WholeBody {
    /// The only piece so far: often it is all there is.
    first: Bytes,
    bytes: Vec<u8>,
    max: usize,
}

/// Why bytes were not taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoRoom {
    /// They are more than there may be.
    TooLong,
    /// There is no memory for them.
    NoMemory(TryReserveError),
}

impl WholeBody {
    /// Makes an empty body of at most `max` bytes.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            first: Bytes::new(),
            bytes: Vec::new(),
            max,
        }
    }

    /// Appends a piece, and lets other tasks run while what is there is moved for it.
    ///
    /// # Errors
    ///
    /// Fails if the body is too long then, or there is no memory for it.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, a part of the body may be lost.
    pub(crate) async fn push(&mut self, piece: Bytes) -> Result<(), NoRoom> {
        let length = self.len().saturating_add(piece.len());
        if length > self.max {
            return Err(NoRoom::TooLong);
        }
        if self.is_empty() {
            self.first = piece;
            return Ok(());
        }
        if self.bytes.capacity() < length {
            self.grow(length).await?;
        }
        self.bytes.extend_from_slice(&piece);
        Ok(())
    }

    /// Makes room for twice this number of bytes, but for no more than may come.
    async fn grow(&mut self, length: usize) -> Result<(), NoRoom> {
        let capacity = self.len().saturating_mul(2).clamp(length, self.max);
        let mut larger = Vec::new();
        larger
            .try_reserve_exact(capacity)
            .map_err(NoRoom::NoMemory)?;
        let mut budget = Budget::default();
        for piece in self.chunks(BUDGET) {
            larger.extend_from_slice(piece);
            budget.spend(piece.len()).await;
        }
        self.first = Bytes::new();
        give_back(std::mem::replace(&mut self.bytes, larger));
        Ok(())
    }
}

impl Deref for WholeBody {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        if self.bytes.is_empty() {
            &self.first
        } else {
            &self.bytes
        }
    }
}

impl Drop for WholeBody {
    fn drop(&mut self) {
        give_back(take(&mut self.bytes));
    }
}

/// Drops a large buffer on a thread for blocking work.
fn give_back(bytes: Vec<u8>) {
    if bytes.capacity() >= LARGE
        && let Ok(runtime) = Handle::try_current()
    {
        runtime.spawn_blocking(move || drop(bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn of(pieces: &[&'static [u8]], max: usize) -> Result<WholeBody, NoRoom> {
        let mut whole = WholeBody::new(max);
        for piece in pieces {
            whole.push(Bytes::from_static(piece)).await?;
            assert!(whole.bytes.capacity() <= max);
        }
        Ok(whole)
    }

    #[tokio::test]
    async fn pieces_stand_one_behind_the_other() {
        for (pieces, expected) in [
            (&[][..], ""),
            (&[b"a".as_slice()], "a"),
            (&[b"ab", b"", b"cde", b"f"], "abcdef"),
        ] {
            let whole = of(pieces, 6).await.expect("it fits");
            assert_eq!(&*whole, expected.as_bytes());
        }
    }

    #[tokio::test]
    async fn body_in_one_piece_is_not_copied() {
        let piece = Bytes::from(vec![b'x'; 1_000]);
        let mut whole = WholeBody::new(1_000);

        whole.push(piece.clone()).await.expect("it fits");

        assert_eq!(whole.as_ptr(), piece.as_ptr());
    }

    #[tokio::test]
    async fn body_is_at_most_as_long_as_it_may_be_and_takes_no_more_memory() {
        let pieces = [[b'x'; 1_000].as_slice(); 100];
        assert_eq!(
            of(&pieces, 100_000).await.map(|whole| whole.len()),
            Ok(100_000)
        );
        assert_eq!(of(&pieces, 99_999).await.err(), Some(NoRoom::TooLong));
        assert_eq!(of(&[b"abc"], 2).await.err(), Some(NoRoom::TooLong));
    }

    #[tokio::test]
    async fn others_run_while_a_large_body_is_moved() {
        let mut whole = WholeBody::new(usize::MAX);
        let large = Bytes::from(vec![b'x'; 20 * BUDGET]);
        whole.push(large.clone()).await.expect("it fits");

        let mut turns = 0;
        let mut push = std::pin::pin!(whole.push(large));
        let pushed = std::future::poll_fn(|context| {
            turns += 1;
            push.as_mut().poll(context)
        });

        pushed.await.expect("it fits");
        assert!(turns >= 20, "{turns}");
    }
}
