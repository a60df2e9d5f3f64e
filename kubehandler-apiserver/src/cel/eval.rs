//! Evaluates rules.
//!
//! Each step costs one, and reading a large value more; a rule that costs too much fails, as it does
//! on the real server, whose costs differ a little.
//!
//! Source: `interpreter/{interpretable,attributes}.go` of `github.com/google/cel-go`.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    access::{has, indexed, settled},
    library,
    outcome::{EvalError, Outcome},
    syntax::{CelNode, Fold, ListItem, MapEntry, NodeKind},
    value::{CelValue, Key},
};

/// The most that one evaluation may cost.
pub(super) const CALL_LIMIT: u64 = 1_000_000;

/// The values of variables, and what the evaluation costs.
pub(super) struct Evaluation<'a> {
    pub(super) this: &'a CelValue,
    pub(super) old: Option<&'a CelValue>,
    /// The innermost variable is last.
    locals: Vec<(Arc<str>, Outcome)>,
    pub(super) cost: u64,
    limit: u64,
}

impl<'a> Evaluation<'a> {
    pub(super) fn new(this: &'a CelValue, old: Option<&'a CelValue>) -> Self {
        Self {
            this,
            old,
            locals: Vec::new(),
            cost: 0,
            limit: CALL_LIMIT,
        }
    }

    pub(super) fn evaluate(&mut self, node: &CelNode) -> Outcome {
        self.pay(1)?;
        match &node.kind {
            NodeKind::Literal(value) => Ok(value.clone()),
            NodeKind::Ident(name) => self.variable(name),
            NodeKind::Select {
                operand,
                field,
                is_test,
            } => {
                let operand = self.evaluate(operand)?;
                if *is_test {
                    return has(&operand, field).map(CelValue::Bool);
                }
                let key = CelValue::String(field.clone());
                settled(indexed(&operand, &key)?)
            }
            NodeKind::Call {
                function,
                target,
                arguments,
            } => self.call(function, target.as_deref(), arguments),
            NodeKind::List(items) => self.list(items),
            NodeKind::Map(entries) => self.map(entries),
            NodeKind::Struct(_) => Err(EvalError::no_overload()),
            NodeKind::Fold(fold) => self.fold(fold),
        }
    }

    fn pay(&mut self, cost: usize) -> Result<(), EvalError> {
        self.cost = self.cost.saturating_add(cost as u64);
        if self.cost > self.limit {
            return Err(EvalError::too_costly());
        }
        Ok(())
    }

    fn variable(&self, name: &str) -> Outcome {
        let mut locals = self.locals.iter().rev();
        if let Some((_, value)) = locals.find(|(known, _)| **known == *name) {
            return settled(value.clone()?);
        }
        let value = match name {
            "self" => Some(self.this),
            "oldSelf" => self.old,
            _ => None,
        };
        let value = value.ok_or_else(|| EvalError::new(format!("no such attribute(s): {name}")))?;
        settled(value.clone())
    }

    fn call(&mut self, function: &str, target: Option<&CelNode>, arguments: &[CelNode]) -> Outcome {
        match (function, arguments) {
            ("_&&_", [one, other]) => return self.logic(one, other, false),
            ("_||_", [one, other]) => return self.logic(one, other, true),
            ("_?_:_", [condition, yes, no]) => {
                return match self.evaluate(condition)? {
                    CelValue::Bool(true) => self.evaluate(yes),
                    CelValue::Bool(false) => self.evaluate(no),
                    _ => Err(EvalError::no_overload()),
                };
            }
            ("@not_strictly_false", [condition]) => {
                return match self.evaluate(condition) {
                    Err(error) if error.is_final => Err(error),
                    Ok(CelValue::Bool(false)) => Ok(CelValue::Bool(false)),
                    _ => Ok(CelValue::Bool(true)),
                };
            }
            ("or" | "orValue", [other]) => {
                if let Some(target) = target {
                    return self.otherwise(function == "or", target, other);
                }
            }
            ("_+_", [changed, added]) => {
                if let (NodeKind::Ident(name), NodeKind::List(items)) = (&changed.kind, &added.kind)
                    && &**name == super::syntax::RESULT
                {
                    return self.push(items);
                }
            }
            ("cel.@mapInsert", [_, entry @ ..]) => return self.insert(entry),
            _ => {}
        }
        let mut values = Vec::with_capacity(arguments.len() + 1);
        for node in target.into_iter().chain(arguments) {
            let value = self.evaluate(node)?;
            self.pay(value.weight())?;
            values.push(value);
        }
        let value = library::call(function, &values, &mut self.cost)?;
        self.pay(value.weight())?;
        settled(value)
    }

    /// Evaluates `&&` and `||`: one side can decide even if the other fails.
    fn logic(&mut self, one: &CelNode, other: &CelNode, decisive: bool) -> Outcome {
        let decides =
            |value: &Outcome| matches!(value, Ok(CelValue::Bool(value)) if *value == decisive);
        let one = self.evaluate(one);
        if decides(&one) || one.as_ref().is_err_and(|error| error.is_final) {
            return one;
        }
        let other = self.evaluate(other);
        if decides(&other) || other.as_ref().is_err_and(|error| error.is_final) {
            return other;
        }
        match (one?, other?) {
            (CelValue::Bool(_), CelValue::Bool(_)) => Ok(CelValue::Bool(!decisive)),
            _ => Err(EvalError::no_overload()),
        }
    }

    fn otherwise(&mut self, is_optional: bool, target: &CelNode, other: &CelNode) -> Outcome {
        match self.evaluate(target)? {
            CelValue::Optional(None) => self.evaluate(other),
            CelValue::Optional(Some(value)) if !is_optional => Ok((*value).clone()),
            value @ CelValue::Optional(Some(_)) => Ok(value),
            _ => Err(EvalError::no_overload()),
        }
    }

    fn list(&mut self, items: &[ListItem]) -> Outcome {
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            let value = self.evaluate(&item.value)?;
            if let Some(value) = present(value, item.is_optional)? {
                values.push(value);
            }
        }
        Ok(CelValue::list(values))
    }

    fn map(&mut self, entries: &[MapEntry]) -> Outcome {
        let mut values = BTreeMap::new();
        for entry in entries {
            let key = self.evaluate(&entry.key)?;
            let key = Key::of(&key).ok_or_else(|| EvalError::new("unsupported key type"))?;
            let value = self.evaluate(&entry.value)?;
            if let Some(value) = present(value, entry.is_optional)? {
                values.insert(key, value);
            }
        }
        Ok(CelValue::map(values))
    }

    fn fold(&mut self, fold: &Fold) -> Outcome {
        let range = self.evaluate(&fold.range)?;
        let pairs = pairs_of(&range)?;
        let first = self.evaluate(&fold.first);
        let depth = self.locals.len();
        self.locals.push((fold.changed.clone(), first));
        for (key, item) in pairs {
            let one = match (&fold.second, &range) {
                (None, CelValue::List(_)) => item.clone(),
                _ => key,
            };
            self.locals.push((fold.variable.clone(), Ok(one)));
            if let Some(second) = &fold.second {
                self.locals.push((second.clone(), Ok(item)));
            }
            let goes_on = self.evaluate(&fold.condition)?;
            if matches!(goes_on, CelValue::Bool(false)) {
                break;
            }
            let changed = self.evaluate(&fold.step);
            if let Err(error) = &changed
                && error.is_final
            {
                return changed;
            }
            self.locals.truncate(depth + 1);
            self.locals[depth].1 = changed;
        }
        self.locals.truncate(depth + 1);
        let result = self.evaluate(&fold.result);
        self.locals.truncate(depth);
        result
    }

    /// Takes the list or map that the innermost loop makes.
    fn made(&mut self) -> Outcome {
        let mut locals = self.locals.iter_mut().rev();
        let made = locals.find(|(name, _)| &**name == super::syntax::RESULT);
        made.map_or(Err(EvalError::no_overload()), |(_, value)| {
            std::mem::replace(value, Ok(CelValue::Null))
        })
    }

    /// Adds an item to the list that a loop makes, without a copy of the list.
    fn push(&mut self, items: &[ListItem]) -> Outcome {
        let CelValue::List(items) = self.list(items)? else {
            return Err(EvalError::no_overload());
        };
        let CelValue::List(mut list) = self.made()? else {
            return Err(EvalError::no_overload());
        };
        Arc::make_mut(&mut list)
            .items
            .extend(items.items.iter().cloned());
        Ok(CelValue::List(list))
    }

    /// Adds an entry, or all of a map, to the map that a loop makes.
    fn insert(&mut self, entry: &[CelNode]) -> Outcome {
        let mut added = Vec::new();
        match entry {
            [key, value] => {
                let key = self.evaluate(key)?;
                added.push((key, self.evaluate(value)?));
            }
            [map] => {
                let CelValue::Map(map) = self.evaluate(map)? else {
                    return Err(EvalError::no_overload());
                };
                let entries = map.entries.iter();
                added.extend(entries.map(|(key, value)| (key.value(), value.clone())));
            }
            _ => return Err(EvalError::no_overload()),
        }
        let CelValue::Map(mut map) = self.made()? else {
            return Err(EvalError::no_overload());
        };
        for (key, value) in added {
            let key = Key::of(&key).ok_or_else(EvalError::no_overload)?;
            let shown = key.value().shown();
            if Arc::make_mut(&mut map).entries.insert(key, value).is_some() {
                let text = format!("insert failed: key {shown} already exists");
                return Err(EvalError::new(text));
            }
        }
        Ok(CelValue::Map(map))
    }
}

/// Returns the value of an item; none if the item is optional and has no value.
fn present(value: CelValue, is_optional: bool) -> Result<Option<CelValue>, EvalError> {
    match value {
        value if !is_optional => Ok(Some(value)),
        CelValue::Optional(value) => Ok(value.map(|value| (*value).clone())),
        _ => Err(EvalError::new(
            "cannot initialize optional list element from non-optional value",
        )),
    }
}

/// Returns what a loop runs over: indexes and items, or keys and values.
fn pairs_of(range: &CelValue) -> Result<Vec<(CelValue, CelValue)>, EvalError> {
    match range {
        CelValue::List(list) => {
            let items = list.items.iter().enumerate();
            Ok(items
                .map(|(index, item)| (CelValue::count(index), item.clone()))
                .collect())
        }
        CelValue::Map(map) => {
            let entries = map.entries.iter();
            Ok(entries
                .map(|(key, value)| (key.value(), value.clone()))
                .collect())
        }
        other => {
            let name = match other {
                CelValue::Int(_) => "types.Int",
                CelValue::Uint(_) => "types.Uint",
                CelValue::Double(_) => "types.Double",
                CelValue::Bool(_) => "types.Bool",
                CelValue::String(_) => "types.String",
                CelValue::Bytes(_) => "types.Bytes",
                CelValue::Null => "types.Null",
                other => other.type_name(),
            };
            let text = format!("got '{name}', expected iterable type");
            Err(EvalError::new(text))
        }
    }
}
