//! Fields of objects, entries of maps and items of lists.

use std::sync::Arc;

use super::{
    outcome::{EvalError, Outcome},
    value::{CelMap, CelValue, Key},
};

/// Fails for a value that does not fit its schema.
pub(super) fn settled(value: CelValue) -> Outcome {
    match value {
        CelValue::Bad(text) => Err(EvalError {
            text,
            is_final: false,
        }),
        value => Ok(value),
    }
}

/// Returns whether an object or a map has a field.
pub(super) fn has(operand: &CelValue, field: &Arc<str>) -> Result<bool, EvalError> {
    match operand {
        CelValue::Map(map) => Ok(map.entries.contains_key(&Key::String(field.clone()))),
        CelValue::Optional(Some(value)) => has(value, field),
        _ => Ok(false),
    }
}

/// Returns a field, an entry or an item. What an optional value has is optional.
pub(super) fn indexed(operand: &CelValue, key: &CelValue) -> Outcome {
    match operand {
        CelValue::Map(map) => entry(map, key)?.ok_or_else(|| EvalError::no_key(&key.shown())),
        CelValue::List(list) => {
            let index = index_of(key)?;
            let item = usize::try_from(index)
                .ok()
                .and_then(|at| list.items.get(at));
            item.cloned()
                .ok_or_else(|| EvalError::new(format!("index out of bounds: {index}")))
        }
        CelValue::Optional(_) => found(operand, key),
        _ => Err(EvalError::no_key(&key.shown())),
    }
}

/// Returns a field, an entry or an item if it is there.
pub(super) fn found(operand: &CelValue, key: &CelValue) -> Outcome {
    let value = match operand {
        CelValue::Optional(None) => None,
        CelValue::Optional(Some(inner)) => return found(inner, key),
        CelValue::Map(map) => entry(map, key)?,
        CelValue::List(list) => {
            let index = usize::try_from(index_of(key)?).ok();
            index.and_then(|at| list.items.get(at)).cloned()
        }
        _ => return Err(EvalError::no_overload()),
    };
    value.map_or(Ok(CelValue::Optional(None)), |value| {
        settled(value).map(CelValue::some)
    })
}

fn entry(map: &CelMap, key: &CelValue) -> Result<Option<CelValue>, EvalError> {
    let key = Key::of(key).ok_or_else(EvalError::no_overload)?;
    Ok(map.entries.get(&key).cloned())
}

fn index_of(key: &CelValue) -> Result<i128, EvalError> {
    match Key::of(key) {
        Some(Key::Number(index, _)) => Ok(index),
        _ => Err(EvalError::new("unsupported index type")),
    }
}
