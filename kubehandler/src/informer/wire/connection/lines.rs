//! The bytes of a watch, cut into lines.
//!
//! No cost is more than linear in the bytes that come, however long a line is and however small
//! the pieces are that it comes in.

use std::ops::Range;

use super::buffer::Buffer;

/// A buffer that grew larger, in a burst, is not kept for a quiet watch.
const MAX_IDLE_BUFFER: usize = 64 * 1024;

/// A buffer that grew larger, for a large object, is not filled again.
const MAX_SPARE: usize = 4 * MAX_IDLE_BUFFER;

/// Bytes as they came, cut into lines.
#[derive(Debug)]
pub(crate) struct Lines {
    buffer: Buffer,
    /// The line that was found last, without its end.
    line: Range<usize>,
    /// Where the next line starts.
    start: usize,
    /// Where the unfinished line starts: after the last line end. Never before `start`.
    rest: usize,
    /// Bytes of the blank lines since the last line that was none.
    blank: usize,
    /// The most bytes of a line, and of blank lines in a row.
    max: usize,
    /// Buffers of lines that were taken out, to be filled again.
    spare: Vec<Buffer>,
    #[cfg(test)]
    work: usize,
}

/// A line has more bytes than it may have, or that many bytes came with blank lines only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl Lines {
    /// Makes an empty buffer for lines of at most `max` bytes.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            buffer: Buffer::default(),
            line: 0..0,
            start: 0,
            rest: 0,
            blank: 0,
            max,
            spare: Vec::new(),
            #[cfg(test)]
            work: 0,
        }
    }

    /// Takes the next bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.line = 0..0;
        self.drop_taken();
        if self.buffer.is_empty() && self.buffer.capacity() > MAX_IDLE_BUFFER {
            self.buffer = Buffer::default();
        }
        self.works(bytes.len());
        if let Some(end) = memchr::memrchr(b'\n', bytes) {
            self.rest = self.buffer.len() + end + 1;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Drops the lines that were taken, if they are at least as much as what has to be moved for it.
    fn drop_taken(&mut self) {
        let kept = self.buffer.len() - self.start;
        if kept <= self.start {
            self.works(kept);
            self.buffer.drop_front(self.start);
            self.rest -= self.start;
            self.start = 0;
        }
    }

    /// Gives the buffer back, if nothing waits in it: what comes next may take long, and be small.
    pub(crate) fn trim(&mut self) {
        if self.start == self.buffer.len() {
            self.buffer = Buffer::default();
            (self.line, self.start, self.rest) = (0..0, 0, 0);
        }
    }

    /// Takes out all whole lines after the one that was found last, if there are any.
    pub(crate) fn take_whole(&mut self) -> Option<Buffer> {
        if self.start == self.rest {
            return None;
        }
        self.works(self.buffer.len() - self.start);
        let mut rest = self.spare.pop().unwrap_or_default();
        rest.extend_from_slice(&self.buffer[self.rest..]);
        self.buffer.truncate(self.rest);
        let mut whole = std::mem::replace(&mut self.buffer, rest);
        whole.drop_front(self.start);
        (self.line, self.start, self.rest) = (0..0, 0, 0);
        let is_blank = whole.trim_ascii_start().is_empty();
        self.blank = if is_blank {
            self.blank + whole.len()
        } else {
            0
        };
        Some(whole)
    }

    /// Takes back the buffer of lines that were taken out.
    ///
    /// While a list comes, the same few buffers are filled again and again: one that is freed
    /// between the objects that stay is a hole, which the next does not fit into.
    pub(crate) fn recycle(&mut self, mut buffer: Buffer) {
        if buffer.capacity() <= MAX_SPARE {
            buffer.truncate(0);
            self.spare.push(buffer);
        }
    }

    /// Returns what follows the last line end: the line that is not finished.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.buffer[self.rest..]
    }

    /// Puts whole lines back in front of those that came after them.
    ///
    /// That is the end of a list: the buffers of its lines are freed.
    pub(crate) fn put_back(&mut self, lines: &[u8]) {
        self.spare = Vec::new();
        self.works(lines.len() + self.buffer.len());
        let mut buffer = Buffer::default();
        buffer.extend_from_slice(lines);
        buffer.extend_from_slice(&self.buffer[self.start..]);
        self.buffer = buffer;
        self.rest = self.rest - self.start + lines.len();
        (self.line, self.start) = (0..0, 0);
    }

    /// Finds the next whole line that is not blank; false if there is none yet.
    ///
    /// # Errors
    ///
    /// Fails if that line, or the one that is to come, is too long.
    pub(crate) fn next_line(&mut self) -> Result<bool, TooLong> {
        while self.start < self.rest {
            let Some(length) = memchr::memchr(b'\n', &self.buffer[self.start..self.rest]) else {
                break; // A line end stands before `rest`.
            };
            self.works(length);
            self.line = self.start..self.start + length;
            self.start = self.line.end + 1;
            self.fits(length)?;
            if !self.line().trim_ascii_start().is_empty() {
                self.blank = 0;
                return Ok(true);
            }
            self.blank += length + 1;
        }
        self.rest_fits().map(|()| false)
    }

    /// Checks that the unfinished line is not too long by now, nor what came without a line.
    ///
    /// # Errors
    ///
    /// Fails if it is.
    pub(crate) fn rest_fits(&self) -> Result<(), TooLong> {
        self.fits(self.rest().len().max(self.blank))
    }

    fn fits(&self, length: usize) -> Result<(), TooLong> {
        if length > self.max {
            Err(TooLong)
        } else {
            Ok(())
        }
    }

    /// Returns the line that was found last.
    pub(crate) fn line(&self) -> &[u8] {
        &self.buffer[self.line.clone()]
    }

    /// Counts the bytes that are looked at or moved.
    /// Returns how many bytes the buffer has room for.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    #[cfg(test)]
    fn works(&mut self, bytes: usize) {
        self.work += bytes;
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self)]
    fn works(&self, _: usize) {}
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Takes all lines that have come.
    fn drain(lines: &mut Lines, found: &mut Vec<Vec<u8>>) {
        while lines.next_line().expect("short enough") {
            found.push(lines.line().to_vec());
        }
    }

    #[test]
    fn work_is_linear_in_the_bytes_of_a_line_however_small_its_pieces_are() {
        const LINE: usize = 16 << 20;
        let piece = [b'x'; 1 << 10];
        for takes_whole in [false, true] {
            let mut lines = Lines::new(LINE);
            for _ in 0..LINE / piece.len() {
                lines.push(&piece);
                if takes_whole {
                    assert!(lines.take_whole().is_none());
                    assert_eq!(lines.rest_fits(), Ok(()));
                } else {
                    assert_eq!(lines.next_line(), Ok(false));
                }
            }
            lines.push(b"\n");

            if takes_whole {
                assert_eq!(lines.take_whole().map(|whole| whole.len()), Some(LINE + 1));
            } else {
                assert_eq!(lines.next_line(), Ok(true));
                assert_eq!(lines.line().len(), LINE);
            }
            assert!(lines.work <= 4 * LINE, "{} bytes of work", lines.work);
        }
    }

    #[test]
    fn work_is_linear_in_the_bytes_that_come_however_they_are_taken() {
        // Many lines wait; of each piece that comes one line is taken.
        let mut lines = Lines::new(1_000);
        let burst = b"{\"a\":1}\n".repeat(10_000);
        lines.push(&burst);
        let mut bytes = burst.len();
        while lines.next_line() == Ok(true) {
            lines.push(b"{");
            lines.push(b"}\n");
            bytes += 3;
            if bytes > 40 * burst.len() {
                break;
            }
        }

        assert!(lines.work <= 6 * bytes, "{} for {bytes} bytes", lines.work);
    }

    #[test]
    fn line_is_too_long_wherever_it_is_cut() {
        for text in [
            "12345678\n",
            "123456789\n",
            "1\n123456789\n",
            "1\n\n123456789",
        ] {
            for cut in 0..=text.len() {
                let mut lines = Lines::new(8);
                let mut result = Ok(true);
                for piece in [&text[..cut], &text[cut..]] {
                    lines.push(piece.as_bytes());
                    while result == Ok(true) {
                        result = lines.next_line();
                    }
                    if result == Ok(false) {
                        result = Ok(true);
                    }
                }

                let fits = text == "12345678\n";
                assert_eq!(result.is_ok(), fits, "{text:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn unfinished_line_that_is_too_long_is_noticed_before_its_end() {
        let mut lines = Lines::new(8);
        lines.push(b"1\n123456789");

        assert!(lines.take_whole().is_some());
        assert_eq!(lines.rest_fits(), Err(TooLong));
    }

    #[test]
    fn blank_lines_without_end_are_too_long() {
        for takes_whole in [false, true] {
            let mut lines = Lines::new(100);
            let mut pushed = 0;
            let blank = loop {
                lines.push(b" \n\n");
                pushed += 3;
                let fits = if takes_whole {
                    lines.take_whole();
                    lines.rest_fits()
                } else {
                    lines.next_line().map(|found| assert!(!found))
                };
                if fits.is_err() {
                    break pushed;
                }
                assert!(pushed < 1_000);
                if pushed == 60 {
                    lines.push(b"{}\n"); // From here on they count anew.
                    lines.take_whole();
                }
            };

            assert_eq!(blank, 60 + 102);
        }
    }

    #[test]
    fn buffers_of_a_list_are_filled_again_until_its_end() {
        let mut lines = Lines::new(1 << 20);
        let mut whole = Vec::new();
        for _ in 0..100 {
            lines.push(b"{}\n{");
            let taken = lines.take_whole().expect("a line");
            whole.push((taken.as_ptr(), taken.to_vec()));
            lines.recycle(taken);
            lines.push(b"}\n");
        }
        let buffers: BTreeSet<_> = whole.iter().map(|(at, _)| *at).collect();
        let spare = lines.spare.len();
        lines.put_back(b"{}\n");
        let mut large = Buffer::default();
        large.extend_from_slice(&vec![0; MAX_SPARE + 1]);
        lines.recycle(large);

        assert_eq!(whole[0].1, b"{}\n");
        assert!(whole[1..].iter().all(|(_, lines)| lines == b"{}\n{}\n"));
        assert!(buffers.len() <= 2, "{} buffers", buffers.len());
        assert_eq!(spare, 1);
        assert!(lines.spare.is_empty());
    }

    #[test]
    fn burst_gives_its_memory_back() {
        let mut lines = Lines::new(1 << 20);
        lines.push(&b"{}\n".repeat(100_000));
        drain(&mut lines, &mut Vec::new());

        lines.push(b"{}\n");
        assert!(lines.buffer.capacity() <= MAX_IDLE_BUFFER);
        drain(&mut lines, &mut Vec::new());
        lines.trim();
        assert_eq!(lines.buffer.capacity(), 0);
    }

    proptest! {
        #[test]
        fn lines_are_the_same_wherever_the_bytes_are_cut(
            text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b' '), Just(b'{'), any::<u8>()], 0..60),
            cuts in proptest::collection::vec(0_usize..60, 0..8),
            // What is done between two pieces: lines are taken one by one, all at once, or later.
            takes in proptest::collection::vec(0_u8..5, 9),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let mut lines = Lines::new(60);
            let mut found: Vec<Vec<u8>> = Vec::new();
            for (pair, take) in cuts.windows(2).zip(takes) {
                lines.push(&text[pair[0]..pair[1]]);
                match take {
                    0 => {}
                    1 => {
                        if lines.next_line() == Ok(true) {
                            found.push(lines.line().to_vec());
                        }
                    }
                    2 => {
                        let whole = lines.take_whole().unwrap_or_default();
                        let taken = whole.split(|byte| *byte == b'\n').map(<[u8]>::to_vec);
                        found.extend(taken.filter(|line| !line.trim_ascii().is_empty()));
                    }
                    3 => {
                        let whole = lines.take_whole().unwrap_or_default();
                        lines.put_back(&whole);
                    }
                    _ => drain(&mut lines, &mut found),
                }
                lines.trim();
            }
            drain(&mut lines, &mut found);

            let mut whole: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
            let rest = whole.pop().unwrap_or_default();
            whole.retain(|line| !line.trim_ascii().is_empty());

            prop_assert_eq!(found, whole);
            prop_assert_eq!(lines.rest(), rest);
        }
    }
}
