//! A record of the log made one line, whatever is in it: pure.

use std::{borrow::Cow, fmt::Write as _};

use super::format::Format;
use kubehandler_queue::__private::is_printable;

/// How what is not to be in a line is escaped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Escapes {
    format: Format,
    /// The colors that the formatter writes stay.
    colors: bool,
}

impl Escapes {
    pub(super) fn new(format: Format, colors: bool) -> Self {
        Self { format, colors }
    }

    /// Returns the record with one line end, which is its last character.
    pub(super) fn line(self, record: &[u8]) -> Cow<'_, [u8]> {
        let text = String::from_utf8_lossy(record);
        let body = text.strip_suffix('\n').unwrap_or(&text);
        let is_line = body.len() < text.len();
        if is_line && matches!(text, Cow::Borrowed(_)) && body.chars().all(is_printable) {
            return Cow::Borrowed(record);
        }
        let mut line = String::with_capacity(text.len() + 16);
        let mut rest = body;
        while let Some(c) = rest.chars().next() {
            let color = color(rest).filter(|_| self.colors);
            let taken = color.unwrap_or(c.len_utf8());
            if color.is_some() || is_printable(c) {
                line.push_str(&rest[..taken]);
            } else {
                self.escape(c, &mut line);
            }
            rest = &rest[taken..];
        }
        line.push('\n');
        Cow::Owned(line.into_bytes())
    }

    fn escape(self, c: char, line: &mut String) {
        match self.format {
            Format::Text => line.extend(c.escape_default()),
            Format::Json => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a string does not fail.
                    let _ = write!(line, "\\u{unit:04x}");
                }
            }
        }
    }
}

/// Returns the length of the escape sequence at the start, if it is one of those that the formatter
/// writes: bold, dim, italic, plain, or one of the six colors.
fn color(text: &str) -> Option<usize> {
    let code = text.strip_prefix("\u{1b}[")?;
    let end = code.find('m')?;
    let is_known = matches!(
        &code[..end],
        "0" | "1" | "2" | "3" | "31" | "32" | "33" | "34" | "35" | "36"
    );
    is_known.then_some(end + 3)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(format: Format, colors: bool, record: &str) -> String {
        let line = Escapes::new(format, colors).line(record.as_bytes());
        String::from_utf8(line.into_owned()).expect("text")
    }

    #[test]
    fn plain_record_is_not_copied() {
        let escapes = Escapes::new(Format::Text, false);

        let line = escapes.line("größer\n".as_bytes());

        assert!(matches!(line, Cow::Borrowed(_)));
    }

    #[test]
    fn record_of_several_lines_becomes_one() {
        let text = line(Format::Text, false, "a\nERROR b\r\u{1b}[31m\u{202e}\n");

        assert_eq!(text, "a\\nERROR b\\r\\u{1b}[31m\\u{202e}\n");
    }

    #[test]
    fn record_without_a_line_end_gets_one() {
        assert_eq!(line(Format::Text, false, "a"), "a\n");
        assert_eq!(line(Format::Text, false, ""), "\n");
    }

    #[test]
    fn escaped_json_means_the_same() {
        let record = "{\"message\":\"a\u{202e}b\u{e0041}\u{7f}\"}\n";

        let text = line(Format::Json, false, record);

        assert_eq!(text, "{\"message\":\"a\\u202eb\\udb40\\udc41\\u007f\"}\n");
        let before: serde_json::Value = serde_json::from_str(record).expect("JSON");
        let after: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(before, after);
    }

    #[test]
    fn colors_stay_on_a_terminal_and_other_sequences_do_not() {
        let record = "\u{1b}[2m\u{1b}[32m INFO\u{1b}[0m \u{1b}[8mhidden \u{1b}[2J\u{1b}]0;x\u{7}\n";

        let text = line(Format::Text, true, record);

        assert_eq!(
            text,
            "\u{1b}[2m\u{1b}[32m INFO\u{1b}[0m \\u{1b}[8mhidden \\u{1b}[2J\\u{1b}]0;x\\u{7}\n"
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        let escapes = Escapes::new(Format::Text, false);

        let line = escapes.line(b"a\xffb\n");

        assert_eq!(&*line, "a\u{fffd}b\n".as_bytes());
    }

    proptest! {
        #[test]
        fn whatever_is_logged_is_one_line(record in any::<String>(), json in any::<bool>()) {
            let format = if json { Format::Json } else { Format::Text };

            let text = line(format, false, &record);

            let body = text.strip_suffix('\n').expect("a line");
            prop_assert!(body.chars().all(is_printable));
        }
    }
}
