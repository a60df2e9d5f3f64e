//! Text from outside, made fit for a line of a log.

use std::fmt::{self, Write};

/// Text from outside, such as a name, a server's message or an error, made fit for a log line.
///
/// Printed, it is one line of a bounded length, and says what it holds:
///
/// - Characters that are not to be seen, or that change what is seen, are escaped as Rust escapes
///   them (`\n`, `\u{1b}`): line ends, control characters, and those that hide text or change its
///   direction. They can neither forge a line nor command a terminal.
/// - What is longer than [`LIMIT`](Self::LIMIT) is cut, and followed by `…` and the number of
///   characters that are left out.
///
/// All that this crate logs, and all its errors, print text from the cluster so. Names and
/// messages are printed as they are by their own types: the `ObjectKey` of kubehandler, for one.
///
/// `Display` is for the middle of a message, `Debug` puts the text in double quotes. Nothing is
/// done before it is printed, so that a log that is off costs nothing.
///
/// # Examples
///
/// ```
/// use kubehandler_queue::Printable;
///
/// let name = "web\nERROR all is lost \u{1b}[2J";
/// assert_eq!(Printable::new(name).to_string(), r"web\nERROR all is lost \u{1b}[2J");
///
/// let text = Printable::new("a".repeat(1_000)).at_most(3).to_string();
/// assert_eq!(text, "aaa… (997 more characters)");
/// ```
#[derive(Clone, Copy)]
pub struct Printable<T> {
    text: T,
    limit: usize,
}

/// The most characters that are printed, where nothing else is asked for.
const LIMIT: usize = 320;

impl<T> Printable<T> {
    /// The most characters that are printed; no namespace and name of Kubernetes is longer.
    pub const LIMIT: usize = LIMIT;

    /// Wraps `text`.
    #[must_use]
    pub const fn new(text: T) -> Self {
        Self { text, limit: LIMIT }
    }

    /// Prints at most this many characters, instead of [`LIMIT`](Self::LIMIT).
    #[must_use]
    pub const fn at_most(mut self, characters: usize) -> Self {
        self.limit = characters;
        self
    }

    fn print(
        &self,
        f: &mut fmt::Formatter<'_>,
        quotes: bool,
        print: impl FnOnce(&mut Escaping<'_, '_>) -> fmt::Result,
    ) -> fmt::Result {
        let mut escaping = Escaping {
            to: f,
            quotes,
            room: self.limit,
            left_out: 0,
            is_broken: false,
        };
        let printed = print(&mut escaping);
        let Escaping {
            left_out,
            is_broken,
            ..
        } = escaping;
        if is_broken {
            return Err(fmt::Error);
        }
        if left_out > 0 {
            write!(f, "… ({left_out} more characters)")?;
        }
        // The text's own failure must not become that of the log.
        if printed.is_err() {
            f.write_str(" (it cannot be printed)")?;
        }
        Ok(())
    }
}

impl<T: fmt::Display> fmt::Display for Printable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(f, false, |to| write!(to, "{}", self.text))
    }
}

/// As `Display`, in double quotes: those within, and backslashes, are escaped as well.
impl<T: fmt::Display> fmt::Debug for Printable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        self.print(f, true, |to| write!(to, "{}", self.text))?;
        f.write_char('"')
    }
}

/// Escapes what is written, as long as there is room for it, and counts the rest.
struct Escaping<'a, 'f> {
    to: &'a mut fmt::Formatter<'f>,
    /// Double quotes and backslashes are escaped as well.
    quotes: bool,
    /// How many characters may still be printed; none once something was left out.
    room: usize,
    left_out: usize,
    /// The formatter failed, not the text.
    is_broken: bool,
}

impl Escaping<'_, '_> {
    fn put(&mut self, text: &str) -> fmt::Result {
        let put = self.to.write_str(text);
        self.is_broken |= put.is_err();
        put
    }
}

impl fmt::Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Where what is plain, and waits to be written, begins.
        let mut plain = 0;
        for (at, c) in text.char_indices() {
            let is_plain = is_printable(c) && !(self.quotes && matches!(c, '"' | '\\'));
            let width = if is_plain { 1 } else { escape(c).count() };
            if self.left_out > 0 || width > self.room {
                self.room = 0;
                self.put(&text[plain.min(at)..at])?;
                self.left_out += text[at..].chars().count();
                return Ok(());
            }
            self.room -= width;
            if !is_plain {
                self.put(&text[plain..at])?;
                for c in escape(c) {
                    self.put(c.encode_utf8(&mut [0; 4]))?;
                }
                plain = at + c.len_utf8();
            }
        }
        self.put(&text[plain..])
    }
}

/// How a character that is not printed itself is shown.
fn escape(c: char) -> impl Iterator<Item = char> {
    let (short, long) = match c {
        '\n' | '\r' | '\t' | '"' | '\\' => (Some(c.escape_default()), None),
        _ => (None, Some(c.escape_unicode())),
    };
    let (short, long) = (short.into_iter().flatten(), long.into_iter().flatten());
    short.chain(long)
}

/// Returns false for a character that ends a line, commands a terminal, cannot be seen, or changes
/// how others are seen.
#[must_use]
pub fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    !matches!(
        c,
        // Controls, among them the 8-bit forms of escape sequences.
        '\u{80}'..='\u{9f}'
        // Line and paragraph separators.
        | '\u{2028}' | '\u{2029}'
        // Directions: marks, embeddings, overrides, isolates.
        | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        // No width: spaces, joiners, hyphens, fillers, deprecated formats, annotations, tags.
        | '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}'
        | '\u{206a}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
        // Noncharacters.
        | '\u{fdd0}'..='\u{fdef}' | '\u{fffe}' | '\u{ffff}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        Printable::new(text).to_string()
    }

    #[test]
    fn plain_text_of_any_language_is_printed_as_it_is() {
        for text in [
            "",
            "default/web",
            r#"say "no" to C:\n"#,
            "größer 東京 กำ हिन्दी e\u{301}",
        ] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn longest_name_of_an_object_is_printed_whole() {
        let key = format!("{}/{}", "n".repeat(63), "o".repeat(253));

        assert_eq!(shown(&key), key);
    }

    #[test]
    fn what_ends_lines_commands_terminals_hides_or_turns_text_is_escaped() {
        assert_eq!(shown("a\r\n\tb\0"), r"a\r\n\tb\u{0}");
        assert_eq!(shown("\u{1b}[2J\u{9b}2J\u{7f}"), r"\u{1b}[2J\u{9b}2J\u{7f}");
        for c in "\u{85}\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}\u{200b}\u{200f}\u{feff}\u{ad}\u{e0041}"
            .chars()
        {
            assert_eq!(shown(&c.to_string()), format!("\\u{{{:x}}}", u32::from(c)));
        }
    }

    #[test]
    fn long_text_is_cut_at_a_character_and_says_how_much_is_missing() {
        let text = "ü".repeat(1_200_000);

        let shown = shown(&text);

        let rest = shown.trim_start_matches('ü');
        assert_eq!(shown.chars().filter(|c| *c == 'ü').count(), LIMIT);
        assert_eq!(rest, "… (1199680 more characters)");
    }

    #[test]
    fn escapes_count_by_what_is_printed_and_are_not_cut_apart() {
        let text = Printable::new("ab\u{202e}cd").at_most(9);

        assert_eq!(text.to_string(), "ab… (3 more characters)");
    }

    #[test]
    fn text_written_in_pieces_is_cut_once() {
        let text = Printable::new(format_args!("{}{}{}", "abc", '\n', "def"))
            .at_most(4)
            .to_string();

        assert_eq!(text, "abc… (4 more characters)");
    }

    #[test]
    fn debug_is_quoted_so_that_its_end_is_plain() {
        assert_eq!(
            format!("{:?}", Printable::new("a\" b=\\\n")),
            r#""a\" b=\\\n""#
        );
    }

    #[test]
    fn text_that_fails_to_print_does_not_fail_the_log() {
        struct Fails;
        impl fmt::Display for Fails {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("half")?;
                Err(fmt::Error)
            }
        }

        assert_eq!(
            Printable::new(Fails).to_string(),
            "half (it cannot be printed)"
        );
    }

    proptest! {
        #[test]
        fn whatever_is_printed_is_one_bounded_line(text in any::<String>(), limit in 0_usize..40) {
            let shown = Printable::new(&text).at_most(limit).to_string();
            let quoted = format!("{:?}", Printable::new(&text));

            prop_assert!(shown.chars().chain(quoted.chars()).all(is_printable));
            prop_assert!(shown.chars().count() <= limit + 30);
            // What was printed is not escaped again.
            prop_assert_eq!(Printable::new(&shown).to_string(), shown);
        }
    }
}
