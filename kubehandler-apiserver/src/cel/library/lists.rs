//! Functions of lists and sets.
//!
//! Source: `pkg/cel/library/lists.go` of `k8s.io/apiserver`, and `ext/{lists,sets}.go` of
//! `github.com/google/cel-go`.

use std::cmp::Ordering;

use super::operators;
use crate::cel::{
    outcome::{EvalError, Outcome},
    value::{CelList, CelValue},
};

pub(super) fn call(function: &str, arguments: &[CelValue]) -> Option<Outcome> {
    use CelValue::{Bool, Int, List};
    Some(match (function, arguments) {
        ("isSorted", [List(list)]) => is_sorted(&list.items).map(Bool),
        ("sum", [List(list)]) => sum(&list.items),
        ("min", [List(list)]) => extreme(&list.items, "min", Ordering::Less),
        ("max", [List(list)]) => extreme(&list.items, "max", Ordering::Greater),
        ("indexOf", [List(list), item]) => Ok(place(
            list.items.iter().position(|known| known.equals(item)),
        )),
        ("lastIndexOf", [List(list), item]) => Ok(place(
            list.items.iter().rposition(|known| known.equals(item)),
        )),
        ("slice", [List(list), Int(from), Int(to)]) => slice(list, *from, *to),
        ("flatten", [List(list)]) => Ok(CelValue::list(flat(list, 1))),
        ("flatten", [List(_), Int(depth)]) if *depth < 0 => {
            Err(EvalError::new("level must be non-negative"))
        }
        ("flatten", [List(list), Int(depth)]) => Ok(CelValue::list(flat(list, *depth))),
        ("lists.range", [Int(end)]) => range(*end),
        ("distinct", [List(list)]) => Ok(CelValue::list(distinct(&list.items))),
        ("reverse", [List(list)]) => Ok(CelValue::list(list.items.iter().rev().cloned().collect())),
        ("sort", [List(list)]) => sorted(&list.items, &list.items),
        ("@sortByAssociatedKeys", [List(list), List(keys)]) => sorted(&list.items, &keys.items),
        ("sets.contains", [List(list), List(part)]) => Ok(Bool(has_all(list, part))),
        ("sets.equivalent", [List(one), List(other)]) => {
            Ok(Bool(has_all(one, other) && has_all(other, one)))
        }
        ("sets.intersects", [List(one), List(other)]) => {
            let is_shared = |item| has_item(other, item);
            Ok(Bool(one.items.iter().any(is_shared)))
        }
        _ => return None,
    })
}

fn has_item(list: &CelList, item: &CelValue) -> bool {
    list.items.iter().any(|known| known.equals(item))
}

fn has_all(list: &CelList, part: &CelList) -> bool {
    part.items.iter().all(|item| has_item(list, item))
}

fn place(found: Option<usize>) -> CelValue {
    found.map_or(CelValue::Int(-1), CelValue::count)
}

fn ordered(one: &CelValue, other: &CelValue) -> Result<Ordering, EvalError> {
    one.compared(other).ok_or_else(EvalError::no_overload)
}

fn is_sorted(items: &[CelValue]) -> Result<bool, EvalError> {
    for pair in items.windows(2) {
        if ordered(&pair[0], &pair[1])?.is_gt() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn sum(items: &[CelValue]) -> Outcome {
    let Some((first, rest)) = items.split_first() else {
        return Ok(CelValue::Int(0));
    };
    let mut sum = first.clone();
    for item in rest {
        sum = operators::add(&sum, item)?;
    }
    Ok(sum)
}

fn extreme(items: &[CelValue], name: &str, wanted: Ordering) -> Outcome {
    let Some((mut best, rest)) = items.split_first() else {
        return Err(EvalError::new(format!("{name} called on empty list")));
    };
    for item in rest {
        if ordered(item, best)? == wanted {
            best = item;
        }
    }
    Ok(best.clone())
}

fn slice(list: &CelList, from: i64, to: i64) -> Outcome {
    let size = list.items.len();
    if from < 0 || to < 0 {
        let text = format!("cannot slice({from}, {to}), negative indexes not supported");
        return Err(EvalError::new(text));
    }
    if from > to {
        let text = format!(
            "cannot slice({from}, {to}), start index must be less than or equal to end index"
        );
        return Err(EvalError::new(text));
    }
    let (start, end) = (usize::try_from(from), usize::try_from(to));
    let items = start.ok().zip(end.ok());
    let items = items.and_then(|(start, end)| list.items.get(start..end));
    let items = items.ok_or_else(|| {
        EvalError::new(format!("cannot slice({from}, {to}), list is length {size}"))
    })?;
    Ok(CelValue::list(items.to_vec()))
}

fn flat(list: &CelList, depth: i64) -> Vec<CelValue> {
    let mut items = Vec::new();
    for item in &list.items {
        match item {
            CelValue::List(inner) if depth > 0 => items.extend(flat(inner, depth - 1)),
            item => items.push(item.clone()),
        }
    }
    items
}

/// The longest list that is made from nothing.
const MAX_RANGE: i64 = 1_000_000;

fn range(end: i64) -> Outcome {
    if end < 0 {
        let text = format!("lists.range: size must be non-negative, got {end}");
        return Err(EvalError::new(text));
    }
    if end > MAX_RANGE {
        let text = "operation cancelled: actual cost limit exceeded".into();
        let is_final = true;
        return Err(EvalError { text, is_final });
    }
    Ok(CelValue::list((0..end).map(CelValue::Int).collect()))
}

fn distinct(items: &[CelValue]) -> Vec<CelValue> {
    let mut found: Vec<CelValue> = Vec::new();
    for item in items {
        if !found.iter().any(|known| known.equals(item)) {
            found.push(item.clone());
        }
    }
    found
}

fn sorted(items: &[CelValue], keys: &[CelValue]) -> Outcome {
    if let Some(first) = keys.first() {
        let is_like_first = |key: &CelValue| key.type_name() == first.type_name();
        if !keys.iter().all(is_like_first) {
            return Err(EvalError::new("list elements must have the same type"));
        }
        if first.compared(first).is_none() {
            return Err(EvalError::new("list elements must be comparable"));
        }
    }
    let mut pairs: Vec<_> = keys.iter().zip(items).collect();
    pairs.sort_by(|one, other| one.0.compared(other.0).unwrap_or(Ordering::Equal));
    let items = pairs.into_iter().map(|(_, item)| item.clone());
    Ok(CelValue::list(items.collect()))
}
