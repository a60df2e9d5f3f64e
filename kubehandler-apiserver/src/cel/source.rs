//! What is wrong with a rule, shown with the place in the rule.
//!
//! Source: `common/error.go` of `github.com/google/cel-go`.

use std::fmt::Write;

/// Something that is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    /// The place in the rule, in characters.
    pub(super) at: usize,
    pub(super) text: String,
}

/// At most this many are reported.
const LIMIT: usize = 100;

/// Longer lines are not shown.
const MAX_LINE: usize = 16_384;

impl Mistake {
    /// Makes one from a line and a column, both counted from one.
    pub(super) fn new(rule: &str, line: isize, column: isize, text: String) -> Self {
        let before = usize::try_from(line - 1).unwrap_or_default();
        let lines = rule.split('\n').take(before);
        let start: usize = lines.map(|line| line.chars().count() + 1).sum();
        let at = start + usize::try_from(column - 1).unwrap_or_default();
        Self { at, text }
    }

    /// Makes one about the rule as a whole, which is shown without a place.
    pub(super) fn nowhere(text: String) -> Self {
        Self {
            at: usize::MAX,
            text,
        }
    }

    fn show(&self, rule: &str) -> String {
        if self.at == usize::MAX {
            return format!("ERROR: <input>:-1:0: {}", self.text);
        }
        let (mut number, mut column) = (1, self.at);
        let mut lines = rule.split('\n');
        let mut line = lines.next().unwrap_or_default();
        loop {
            let length = line.chars().count();
            if column <= length {
                break;
            }
            let Some(next) = lines.next() else {
                break;
            };
            column -= length + 1;
            number += 1;
            line = next;
        }
        let mut shown = format!("ERROR: <input>:{number}:{}: {}", column + 1, self.text);
        if line.len() <= MAX_LINE {
            let line = line.replace('\t', " ");
            let _ = write!(shown, "\n | {line}\n | {}", pointer(&line, column));
        }
        shown
    }
}

/// Returns dots up to a column, and a mark there, each as wide as the character above it.
fn pointer(line: &str, column: usize) -> String {
    let dots = line
        .chars()
        .take(column)
        .map(|c| if c.len_utf8() > 1 { '\u{ff0e}' } else { '.' });
    let mut pointer: String = dots.collect();
    let is_wide = line.chars().nth(column).is_some_and(|c| c.len_utf8() > 1);
    pointer.push(if is_wide { '\u{ff3e}' } else { '^' });
    pointer
}

/// Shows all that is wrong with a rule, in the order of the places.
pub(super) fn show(rule: &str, mut wrong: Vec<Mistake>) -> String {
    wrong.sort_by_key(|mistake| mistake.at);
    wrong.dedup();
    let shown = wrong.iter().take(LIMIT).map(|mistake| mistake.show(rule));
    shown.collect::<Vec<_>>().join("\n")
}
