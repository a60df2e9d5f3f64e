//! Whether the pages of a list lead anywhere.
//!
//! Pure: no clock and no I/O. A list may be as long as it is; each page brings an object that it
//! did not have yet, or is one of few in a row that do not.

use std::{collections::HashSet, fmt, hash::BuildHasher, time::Duration};

use foldhash::quality::RandomState;

/// Pages in a row without a new object. Servers that select after they have cut the pages may send
/// some that are empty.
const MAX_FRUITLESS: u32 = 100;

/// The most bytes of a continue token: with each of them escaped, it still fits into an address.
pub(crate) const MAX_TOKEN: usize = 16 * 1024;

/// How long such pages may take together.
const MAX_FRUITLESS_TIME: Duration = Duration::from_secs(300);

/// The pages of one list, as far as they have come.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    /// A number for each continue token: eight bytes a page.
    tokens: HashSet<u64, RandomState>,
    items: usize,
    /// The items that came more than once, as far as can be told from their number.
    surplus: usize,
    fruitless: u32,
    fruitless_time: Duration,
}

/// Why a list does not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endless {
    /// A continue token came for the second time.
    TokenAgain,
    /// Page after page brings nothing new.
    NothingNew,
}

impl Pages {
    /// Notes a page that is not the last: its items, the time it took, and where it leads.
    ///
    /// `known` is the number of objects that are known once it was read; those of an earlier
    /// list count as well, so that a list of known objects is progress until it has as many.
    ///
    /// # Errors
    ///
    /// Fails if the pages lead nowhere.
    pub(crate) fn page(
        &mut self,
        items: usize,
        known: usize,
        took: Duration,
        token: &str,
    ) -> Result<(), Endless> {
        let hash = self.tokens.hasher().hash_one(token);
        if !self.tokens.insert(hash) {
            return Err(Endless::TokenAgain);
        }
        self.items += items;
        let surplus = self.items.saturating_sub(known);
        let brings_something = surplus < self.surplus + items;
        self.surplus = surplus;
        if brings_something {
            self.fruitless = 0;
            self.fruitless_time = Duration::ZERO;
            return Ok(());
        }
        self.fruitless += 1;
        self.fruitless_time = self.fruitless_time.saturating_add(took);
        if self.fruitless >= MAX_FRUITLESS || self.fruitless_time >= MAX_FRUITLESS_TIME {
            return Err(Endless::NothingNew);
        }
        Ok(())
    }
}

impl fmt::Display for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TokenAgain => "its continue token repeats",
            Self::NothingNew => "page after page brings nothing new",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const QUICK: Duration = Duration::from_millis(5);

    /// Plays pages of these items; returns how many were taken, and why no more.
    fn play<'a>(
        before: usize,
        pages: impl IntoIterator<Item = (Vec<usize>, &'a str)>,
    ) -> (usize, Option<Endless>) {
        let mut known: HashSet<usize> = (0..before).collect();
        let mut list = Pages::default();
        for (taken, (items, token)) in pages.into_iter().enumerate() {
            let number = items.len();
            known.extend(items);
            if let Err(endless) = list.page(number, known.len(), QUICK, token) {
                return (taken, Some(endless));
            }
        }
        (usize::MAX, None)
    }

    #[test]
    fn token_that_comes_again_ends_the_list_whatever_came_between() {
        for tokens in ["aa", "aba", "abca", "abcdefghijklb"] {
            let pages = tokens
                .char_indices()
                .map(|(at, _)| (vec![at], &tokens[at..=at]));

            let (taken, endless) = play(0, pages);

            assert_eq!(
                (taken, endless),
                (tokens.len() - 1, Some(Endless::TokenAgain))
            );
        }
    }

    #[test]
    fn pages_that_bring_nothing_new_end_the_list_whatever_their_tokens_are() {
        let tokens: Vec<String> = (0..1_000).map(|number| number.to_string()).collect();
        for items in [vec![], vec![7], vec![1, 2, 3]] {
            // The first time that they come they may be new.
            for before in [0, 10] {
                let pages = tokens.iter().map(|token| (items.clone(), token.as_str()));

                let (taken, endless) = play(before, pages);

                assert!((99..=110).contains(&taken), "{items:?} {before}: {taken}");
                assert_eq!(endless, Some(Endless::NothingNew));
            }
        }
    }

    #[test]
    fn slow_pages_that_bring_nothing_are_fewer() {
        let mut list = Pages::default();
        let slow = Duration::from_secs(30);

        let taken =
            (0..100).take_while(|page: &u32| list.page(0, 0, slow, &page.to_string()).is_ok());

        assert_eq!(taken.count(), 9);
    }

    proptest! {
        #[test]
        fn list_of_whatever_length_is_taken_if_few_pages_in_a_row_bring_nothing(
            sizes in proptest::collection::vec(prop_oneof![Just(0_usize), 0_usize..4], 0..99),
            rounds in 1_usize..20,
            before in 0_usize..500,
            repeats in any::<bool>(),
        ) {
            let mut next = 0;
            let mut pages = Vec::new();
            for _ in 0..rounds {
                for size in sizes.iter().copied().chain([1]) {
                    // Some servers count pages by offset: the last object comes again if one was deleted.
                    let start: usize = if repeats && size > 1 { next.max(1) - 1 } else { next };
                    pages.push((start..start + size).collect::<Vec<_>>());
                    next = next.max(start + size);
                }
            }
            let tokens: Vec<String> = (0..pages.len()).map(|page| page.to_string()).collect();
            let pages = pages.into_iter().zip(tokens.iter().map(String::as_str));

            // Without repetitions, a list before this one may have had the same objects.
            let before = if repeats { 0 } else { before.min(next) };
            let (taken, endless) = play(before, pages);

            prop_assert_eq!((taken, endless), (usize::MAX, None));
        }
    }
}
