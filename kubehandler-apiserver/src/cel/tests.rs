//! Expressions and objects, compared with what the real server makes of them.

mod objects;
mod runaway;

use serde_json::Value;

use super::{
    program::Program,
    schema::{type_of, with_metadata},
    types::CelType,
    value::{CelValue, Key},
};
use crate::structural::Structural;

/// Returns what an expression about a value is, in the words of `tests/cluster/rules`.
fn answer(schema: &Value, value: &Value, expression: &str) -> String {
    let schema = with_metadata(&Structural::parse(schema), false);
    let this = type_of(&schema, "selfType").expect("the schema has a type");
    let old = CelType::optional(this.clone());
    let (program, ty) = match Program::compile(expression, &this, &old) {
        Ok(compiled) => compiled,
        Err(wrong) => return format!("E {wrong}"),
    };
    if let Some(wrong) = program.wrong_constant() {
        return format!("P {wrong}");
    }
    let this = CelValue::decode(value, &schema);
    let (outcome, _) = program.evaluate(&this, Some(&CelValue::Optional(None)));
    match outcome {
        Ok(value) => format!("T {ty} V {}", show(&value)),
        Err(error) => format!("T {ty} X {}", error.text),
    }
}

fn show(value: &CelValue) -> String {
    match value {
        CelValue::Null => "null".to_owned(),
        CelValue::String(text) => crate::failure::quoted(text),
        CelValue::Bytes(bytes) => {
            let hex = bytes.iter().map(|byte| format!("{byte:02x}"));
            format!("b{}", hex.collect::<String>())
        }
        CelValue::Int(number) => number.to_string(),
        CelValue::Uint(number) => format!("{number}u"),
        CelValue::Double(number) => {
            let text = CelValue::Double(*number).shown();
            format!("d{text}")
        }
        CelValue::Bool(value) => value.to_string(),
        CelValue::Duration(span) => format!("duration {}", go_duration(*span)),
        CelValue::Timestamp(time) => format!("time {time}Z"),
        CelValue::Type(name) => match &**name {
            "list" => "type list(dyn)".to_owned(),
            "map" => "type map(dyn, dyn)".to_owned(),
            "optional_type" => "type optional_type(dyn)".to_owned(),
            name => format!("type {name}"),
        },
        CelValue::Optional(None) => "none".to_owned(),
        CelValue::Optional(Some(value)) => format!("some {}", show(value)),
        CelValue::Map(map) => {
            let entries = map.entries.iter();
            let mut entries: Vec<_> = entries
                .map(|(key, value)| format!("{}: {}", show(&key.value()), show(value)))
                .collect();
            entries.sort();
            format!("{{{}}}", entries.join(", "))
        }
        CelValue::List(list) => {
            let items: Vec<_> = list.items.iter().map(show).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.type_name().to_owned(),
    }
}

/// Returns a duration as Go prints it.
fn go_duration(span: i64) -> String {
    let sign = if span < 0 { "-" } else { "" };
    let nanos = span.unsigned_abs();
    let trimmed = |number: f64| number.to_string();
    #[expect(clippy::cast_precision_loss, reason = "the numbers are small")]
    let part = |unit: u64| nanos as f64 / unit as f64;
    match nanos {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{nanos}ns"),
        1_000..1_000_000 => format!("{sign}{}µs", trimmed(part(1_000))),
        1_000_000..1_000_000_000 => format!("{sign}{}ms", trimmed(part(1_000_000))),
        _ => {
            let seconds = nanos / 1_000_000_000;
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            #[expect(clippy::cast_precision_loss, reason = "the numbers are small")]
            let rest = (nanos % 60_000_000_000) as f64 / 1e9;
            let rest = trimmed(rest);
            match (hours, minutes) {
                (0, 0) => format!("{sign}{rest}s"),
                (0, minutes) => format!("{sign}{minutes}m{rest}s"),
                (hours, minutes) => format!("{sign}{hours}h{minutes}m{rest}s"),
            }
        }
    }
}

#[test]
fn expressions_are_what_they_are_on_the_real_server() {
    let (mut schema, mut value) = (Value::Null, Value::Null);
    let (mut compared, mut wrong) = (0, Vec::new());
    let mut lines = include_str!("tests/expressions.txt").lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(json) = line.strip_prefix("schema ") {
            schema = serde_json::from_str(json).expect("a schema");
            continue;
        }
        if let Some(json) = line.strip_prefix("value ") {
            value = serde_json::from_str(json).expect("a value");
            continue;
        }
        let expected = lines.next().and_then(|line| line.strip_prefix("= "));
        let expected = expected.expect("an answer after each expression");
        let expected: String = serde_json::from_str(expected).expect("an answer");
        let actual = answer(&schema, &value, line);
        let ours = lines.next_if(|line| line.starts_with("! "));
        let ours = ours.map(|line| serde_json::from_str(&line[2..]).expect("an answer"));
        let expected = ours.unwrap_or_else(|| nameless(&expected));
        compared += 1;
        if actual != expected {
            wrong.push(format!("{line}\n  real: {expected}\n  here: {actual}"));
        }
    }

    assert!(
        wrong.is_empty(),
        "{} of {compared} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Drops the random number that the real server has in the names of types.
fn nameless(text: &str) -> String {
    let mut parts = text.split("selfType");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let part = part.trim_start_matches(|c: char| c.is_ascii_digit());
        format!("{text}selfType{part}")
    })
}

/// Keys of one number are one key, whatever their types.
#[test]
fn keys_of_equal_numbers_are_equal() {
    let keys = [CelValue::Int(1), CelValue::Uint(1), CelValue::Double(1.0)];

    let keys = keys.map(|key| Key::of(&key));

    assert!(keys[0].is_some());
    assert!(keys.iter().all(|key| *key == keys[0]));
}
