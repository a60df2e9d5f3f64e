//! Functions of strings. Positions count characters.
//!
//! Source: `ext/strings.go` of `github.com/google/cel-go`, version 2.

use std::sync::Arc;

use super::format;
use crate::cel::{
    outcome::{EvalError, Outcome},
    value::CelValue,
};

pub(super) fn call(function: &str, arguments: &[CelValue]) -> Option<Outcome> {
    use CelValue::{Bool, Int, List, String};
    Some(match (function, arguments) {
        ("contains", [String(text), String(part)]) => Ok(Bool(text.contains(&**part))),
        ("startsWith", [String(text), String(part)]) => Ok(Bool(text.starts_with(&**part))),
        ("endsWith", [String(text), String(part)]) => Ok(Bool(text.ends_with(&**part))),
        ("size", [String(text)]) => Ok(CelValue::count(text.chars().count())),
        ("charAt", [String(text), Int(at)]) => char_at(text, *at),
        ("indexOf", [String(text), String(part)]) => index_of(text, part, 0),
        ("indexOf", [String(text), String(part), Int(from)]) => index_of(text, part, *from),
        ("lastIndexOf", [String(text), String(part)]) => last_index_of(text, part, None),
        ("lastIndexOf", [String(text), String(part), Int(to)]) => {
            last_index_of(text, part, Some(*to))
        }
        ("join", [List(list)]) => join(&list.items, ""),
        ("join", [List(list), String(separator)]) => join(&list.items, separator),
        ("lowerAscii", [String(text)]) => Ok(CelValue::string(&text.to_ascii_lowercase())),
        ("upperAscii", [String(text)]) => Ok(CelValue::string(&text.to_ascii_uppercase())),
        ("replace", [String(text), String(old), String(new)]) => Ok(replace(text, old, new, -1)),
        ("replace", [String(text), String(old), String(new), Int(times)]) => {
            Ok(replace(text, old, new, *times))
        }
        ("split", [String(text), String(separator)]) => Ok(split(text, separator, -1)),
        ("split", [String(text), String(separator), Int(limit)]) => {
            Ok(split(text, separator, *limit))
        }
        ("substring", [String(text), Int(from)]) => substring(text, *from, None),
        ("substring", [String(text), Int(from), Int(to)]) => substring(text, *from, Some(*to)),
        ("trim", [String(text)]) => Ok(CelValue::string(text.trim())),
        ("strings.quote", [String(text)]) => Ok(CelValue::string(&quote(text))),
        ("format", [String(text), List(list)]) => format::format(text, &list.items),
        _ => return None,
    })
}

fn out_of_range(index: i64) -> EvalError {
    EvalError::new(format!("index out of range: {index}"))
}

fn char_at(text: &str, at: i64) -> Outcome {
    let length = text.chars().count();
    let place = usize::try_from(at).map_err(|_| out_of_range(at))?;
    if place == length {
        return Ok(CelValue::string(""));
    }
    let found = text.chars().nth(place).ok_or_else(|| out_of_range(at))?;
    Ok(CelValue::string(found.encode_utf8(&mut [0; 4])))
}

/// Returns the place in bytes of a character, or of the end.
fn byte_of(text: &str, index: usize) -> Option<usize> {
    let ends = text.char_indices().map(|(at, _)| at);
    ends.chain([text.len()]).nth(index)
}

fn index_of(text: &str, part: &str, from: i64) -> Outcome {
    let start = usize::try_from(from).map_err(|_| out_of_range(from))?;
    if part.is_empty() {
        return Ok(CelValue::Int(from));
    }
    let Some(start) = byte_of(text, start) else {
        return Ok(CelValue::Int(-1));
    };
    Ok(place_of(
        text,
        text[start..].find(part).map(|at| start + at),
    ))
}

fn last_index_of(text: &str, part: &str, to: Option<i64>) -> Outcome {
    let length = text.chars().count();
    let last = match to {
        None => length,
        Some(to) => usize::try_from(to).map_err(|_| out_of_range(to))?,
    };
    if part.is_empty() {
        return Ok(CelValue::count(last));
    }
    let Some(last) = byte_of(text, last) else {
        return Ok(CelValue::Int(-1));
    };
    // A match may begin at the last place, and no later.
    let bytes = text.as_bytes();
    let found = (0..=last)
        .rev()
        .find(|at| bytes[*at..].starts_with(part.as_bytes()));
    Ok(place_of(text, found))
}

fn place_of(text: &str, found: Option<usize>) -> CelValue {
    found.map_or(CelValue::Int(-1), |at| {
        CelValue::count(text[..at].chars().count())
    })
}

fn join(items: &[CelValue], separator: &str) -> Outcome {
    let mut joined = std::string::String::new();
    for (index, item) in items.iter().enumerate() {
        let CelValue::String(item) = item else {
            return Err(EvalError::no_overload());
        };
        if index > 0 {
            joined.push_str(separator);
        }
        joined.push_str(item);
    }
    Ok(CelValue::String(joined.into()))
}

fn replace(text: &Arc<str>, old: &str, new: &str, times: i64) -> CelValue {
    let replaced = match usize::try_from(times) {
        Ok(times) => text.replacen(old, new, times),
        Err(_) => text.replace(old, new),
    };
    CelValue::String(replaced.into())
}

fn split(text: &str, separator: &str, limit: i64) -> CelValue {
    if separator.is_empty() {
        return letters(text, limit);
    }
    match usize::try_from(limit) {
        Ok(0) => CelValue::list(Vec::new()),
        Ok(limit) => CelValue::strings(text.splitn(limit, separator)),
        Err(_) => CelValue::strings(text.split(separator)),
    }
}

fn letters(text: &str, limit: i64) -> CelValue {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut parts: Vec<&str> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() && parts.len() < limit {
        let next = rest.chars().next().map_or(0, char::len_utf8);
        let next = if parts.len() + 1 == limit {
            rest.len()
        } else {
            next
        };
        let (part, after) = rest.split_at(next);
        parts.push(part);
        rest = after;
    }
    CelValue::strings(parts)
}

fn substring(text: &str, from: i64, to: Option<i64>) -> Outcome {
    let length = text.chars().count();
    let place = |index: i64| {
        let place = usize::try_from(index).ok().filter(|at| *at <= length);
        place.ok_or_else(|| out_of_range(index))
    };
    let (start, end) = (place(from)?, to.map_or(Ok(length), place)?);
    if start > end {
        let text = format!("invalid substring range. start: {start}, end: {end}");
        return Err(EvalError::new(text));
    }
    let part: std::string::String = text.chars().skip(start).take(end - start).collect();
    Ok(CelValue::String(part.into()))
}

fn quote(text: &str) -> std::string::String {
    let mut quoted = std::string::String::from("\"");
    for c in text.chars() {
        match c {
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            '\\' => quoted.push_str("\\\\"),
            '"' => quoted.push_str("\\\""),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
