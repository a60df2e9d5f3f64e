//! `fieldPath`: which field a rule's failure is reported for.
//!
//! Source: `ValidFieldPath` in `pkg/apiserver/schema/cel/validation.go` of
//! `k8s.io/apiextensions-apiserver`.

use std::fmt::Write;

use crate::structural::{Additional, Structural};

/// Returns the path as messages show it; `None` if the schema has no such field.
pub(super) fn normalized(path: &str, schema: &Structural) -> Option<String> {
    let mut shown = String::new();
    let mut schema = schema;
    let mut rest = path;
    while !rest.is_empty() {
        let (name, after) = if let Some(rest) = rest.strip_prefix('.') {
            let end = rest.find(['.', '[', ']']).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            (name.to_owned(), after)
        } else {
            quoted_name(rest)?
        };
        let is_named = !schema.properties.is_empty();
        schema = if is_named {
            schema.properties.get(&*name)?
        } else {
            match &schema.additional {
                Some(Additional::Schema(schema)) => schema,
                _ => return None,
            }
        };
        if !is_named {
            let _ = write!(shown, "[{name}]");
        } else if shown.is_empty() {
            shown.push_str(&name);
        } else {
            let _ = write!(shown, ".{name}");
        }
        rest = after;
    }
    Some(shown)
}

/// Reads `['name']`; returns the name and what follows.
fn quoted_name(path: &str) -> Option<(String, &str)> {
    let inner = path.strip_prefix("['")?;
    let mut name = String::new();
    let mut chars = inner.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\'' => return Some((name, inner[at + 1..].strip_prefix(']')?)),
            '\\' => name.push(match chars.next()?.1 {
                'a' => '\u{7}',
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'v' => '\u{b}',
                '\'' => '\'',
                '\\' => '\\',
                _ => return None,
            }),
            c => name.push(c),
        }
    }
    None
}
