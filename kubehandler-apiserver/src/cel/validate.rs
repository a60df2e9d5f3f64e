//! Evaluates the rules of a schema over an object.
//!
//! A rule that speaks of `oldSelf` is evaluated only where there is an old value. A part that an
//! update has not changed may break the rules that do not.
//!
//! Source: `pkg/apiserver/schema/cel/validation.go` of `k8s.io/apiextensions-apiserver`, and KEP-4008.

mod place;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use self::place::RulePlace;
use super::{
    field_path,
    outcome::EvalError,
    program::CompiledRule,
    schema::{TYPE_NAME, type_of, with_metadata},
    value::CelValue,
};
use crate::{
    failure::{Cause, quoted},
    structural::{Additional, Old, Structural, ValueType},
};

/// The most that all rules of an object may cost.
const BUDGET: u64 = 10_000_000;

/// The longest message that an expression may give, in bytes.
const MAX_MESSAGE: usize = 5 * 1024;

/// The rules of a schema, ready to be evaluated.
#[derive(Debug)]
pub(crate) struct CompiledRules {
    /// As the definition has it: it tells what has changed.
    schema: Arc<Structural>,
    root: RuleLevel,
}

/// The rules about one value, and those about its parts. Parts without any are left out.
#[derive(Debug, Default)]
struct RuleLevel {
    /// With the metadata of resources.
    schema: Structural,
    /// Each with the path of the field that its failure is reported for.
    rules: Vec<(CompiledRule, String)>,
    properties: BTreeMap<Box<str>, RuleLevel>,
    items: Option<Box<RuleLevel>>,
    additional: Option<Box<RuleLevel>>,
}

impl CompiledRules {
    /// Compiles the rules of an object's schema; returns `None` if there are none.
    ///
    /// A rule that is wrong is left out: the definition was refused.
    pub(crate) fn compile(schema: &Arc<Structural>) -> Option<Self> {
        let root = RuleLevel::compile(&with_metadata(schema, true))?;
        let schema = schema.clone();
        Some(Self { schema, root })
    }

    /// Returns what is wrong with an object; `old` is what it was before an update.
    pub(crate) fn wrong(&self, object: &Value, old: Option<&Value>) -> Vec<Cause> {
        let mut run = RuleRun {
            causes: Vec::new(),
            budget: BUDGET,
        };
        let correlated = old.map(|value| Old {
            value,
            schema: &self.schema,
        });
        let place = RulePlace {
            path: "",
            old,
            correlated,
            parent: None,
        };
        // What is left after the budget is spent is not evaluated.
        let _ = run.look(&self.root, object, place);
        run.causes
    }
}

/// Returns which rules the default of a schema breaks, if it has one.
pub(super) fn wrong_default(schema: &Structural, path: &str) -> Vec<Cause> {
    let rules = schema.default.as_ref().zip(RuleLevel::compile(schema));
    let Some((default, level)) = rules else {
        return Vec::new();
    };
    let wrong = |old| {
        let mut run = RuleRun {
            causes: Vec::new(),
            budget: BUDGET,
        };
        let place = RulePlace {
            path,
            old,
            correlated: None,
            parent: None,
        };
        let _ = run.look(&level, default, place);
        run.causes
    };
    let kept = wrong(Some(default));
    if kept.is_empty() { wrong(None) } else { kept }
}

impl RuleLevel {
    fn compile(schema: &Structural) -> Option<Self> {
        let this = type_of(schema, TYPE_NAME);
        let rules = this.iter().flat_map(|this| {
            let rules = schema.rules.iter();
            rules.filter_map(|rule| CompiledRule::compile(rule, this).ok())
        });
        let rules = rules.map(|rule| {
            let path = field_path::normalized(&rule.rule.field_path, schema);
            (rule, path.unwrap_or_default())
        });
        let properties = schema.properties.iter();
        let properties = properties.filter_map(|(name, property)| {
            let level = Self::compile(property)?;
            Some((name.clone(), level))
        });
        let additional = match &schema.additional {
            Some(Additional::Schema(schema)) => Self::compile(schema).map(Box::new),
            _ => None,
        };
        let mut level = Self {
            rules: rules.collect(),
            properties: properties.collect(),
            items: schema
                .items
                .as_deref()
                .and_then(Self::compile)
                .map(Box::new),
            additional,
            schema: Structural::default(),
        };
        if level.rules.is_empty()
            && level.properties.is_empty()
            && level.items.is_none()
            && level.additional.is_none()
        {
            return None;
        }
        level.schema = schema.clone();
        Some(level)
    }

    fn type_name(&self) -> &'static str {
        self.schema.value_type.map_or("", ValueType::name)
    }
}

/// What ends the evaluation of all rules.
struct OutOfBudget;

struct RuleRun {
    causes: Vec<Cause>,
    budget: u64,
}

impl RuleRun {
    fn look(
        &mut self,
        level: &RuleLevel,
        value: &Value,
        place: RulePlace<'_>,
    ) -> Result<(), OutOfBudget> {
        if value.is_null() {
            return Ok(());
        }
        self.check(level, value, place)?;
        match value {
            Value::Array(items) => {
                let Some(of) = &level.items else {
                    return Ok(());
                };
                for (index, item) in items.iter().enumerate() {
                    let path = format!("{}[{index}]", place.path);
                    let place = place.item(&path, value, item, &level.schema);
                    self.look(of, item, place)?;
                }
            }
            Value::Object(fields) => {
                for (name, field) in fields {
                    if let Some(of) = &level.additional {
                        let path = format!("{}[{name}]", place.path);
                        self.look(of, field, place.field(&path, value, name))?;
                    }
                    if let Some(of) = level.properties.get(name.as_str()) {
                        let path = child(place.path, name);
                        self.look(of, field, place.field(&path, value, name))?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Evaluates the rules about one value.
    fn check(
        &mut self,
        level: &RuleLevel,
        value: &Value,
        place: RulePlace<'_>,
    ) -> Result<(), OutOfBudget> {
        if level.rules.is_empty() {
            return Ok(());
        }
        let field = if place.path.is_empty() {
            "<nil>"
        } else {
            place.path
        };
        let this = CelValue::decode(value, &level.schema);
        let uses_old = level
            .rules
            .iter()
            .any(|(rule, _)| rule.program.uses_old_self);
        let old = place.old.filter(|old| uses_old && !old.is_null());
        let old = old.map(|old| CelValue::decode(old, &level.schema));
        for (rule, path) in &level.rules {
            let is_optional = rule.rule.optional_old_self == Some(true);
            if rule.program.uses_old_self && old.is_none() && !is_optional {
                continue;
            }
            let optional = is_optional.then(|| CelValue::Optional(old.clone().map(Into::into)));
            let old_self = optional.as_ref().or(old.as_ref());
            let (outcome, cost) = rule.program.evaluate(&this, old_self);
            if let Err(EvalError {
                text,
                is_final: true,
            }) = &outcome
            {
                let detail = format!(
                    "'{text}': no further validation rules will be run due to call cost exceeds limit \
                     for rule: {}",
                    name_of(rule)
                );
                self.causes
                    .push(Cause::invalid(field, level.type_name(), &detail));
                return Err(OutOfBudget);
            }
            self.pay(cost, field, level)?;
            match outcome {
                Ok(CelValue::Bool(true)) => continue,
                Ok(_) => {}
                Err(error) => {
                    let detail = failed_words(&error, rule);
                    self.causes
                        .push(Cause::invalid(field, level.type_name(), &detail));
                    continue;
                }
            }
            let cause = self.broken(level, rule, path, value, (&this, old.as_ref()), place.path)?;
            if rule.program.uses_old_self || !place.is_unchanged(value) {
                self.causes.push(cause);
            }
        }
        Ok(())
    }

    fn pay(&mut self, cost: u64, field: &str, level: &RuleLevel) -> Result<(), OutOfBudget> {
        if let Some(left) = self.budget.checked_sub(cost) {
            self.budget = left;
            return Ok(());
        }
        let detail = "validation failed due to running out of cost budget, no further validation rules will be run";
        self.causes
            .push(Cause::invalid(field, level.type_name(), detail));
        Err(OutOfBudget)
    }

    /// Returns the cause for a rule that does not hold.
    fn broken(
        &mut self,
        level: &RuleLevel,
        rule: &CompiledRule,
        path: &str,
        value: &Value,
        (this, old): (&CelValue, Option<&CelValue>),
        here: &str,
    ) -> Result<Cause, OutOfBudget> {
        let field = match (here, path) {
            ("", "") => "<nil>".to_owned(),
            (here, "") => here.to_owned(),
            (here, path) => child(here, path),
        };
        let mut detail = None;
        if let Some(message) = &rule.message {
            let (outcome, cost) = message.evaluate(this, old);
            if let Err(EvalError { is_final: true, .. }) = &outcome {
                let detail = format!(
                    "no further validation rules will be run due to call cost exceeds limit for \
                     messageExpression: {}",
                    quoted(&rule.rule.message_expression)
                );
                self.causes
                    .push(Cause::invalid(field, level.type_name(), &detail));
                return Err(OutOfBudget);
            }
            self.pay(cost, &field, level)?;
            detail = outcome.ok().and_then(|value| usable(&value));
        }
        let detail = detail.unwrap_or_else(|| match &*rule.rule.message {
            "" => format!("failed rule: {}", name_of(rule)),
            message => message.trim().to_owned(),
        });
        let has_parts = matches!(
            level.schema.value_type,
            Some(ValueType::Object | ValueType::Array)
        );
        Ok(match rule.rule.reason.as_deref() {
            Some("FieldValueForbidden") => Cause::forbidden(field, &detail),
            Some("FieldValueRequired") => Cause::required(field, &detail),
            Some("FieldValueDuplicate") if has_parts => Cause::duplicate_without_value(field),
            Some("FieldValueDuplicate") => Cause::duplicate(field, value.clone()),
            _ if has_parts => Cause::invalid_without_value(field, &detail),
            _ => Cause::invalid(field, value.clone(), &detail),
        })
    }
}

fn child(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    }
}

/// Returns the message that an expression gave, if it can be shown.
fn usable(value: &CelValue) -> Option<String> {
    let CelValue::String(text) = value else {
        return None;
    };
    let text = text.trim();
    let is_usable = !text.is_empty() && text.len() <= MAX_MESSAGE && !text.contains('\n');
    is_usable.then(|| text.to_owned())
}

fn failed_words(error: &EvalError, rule: &CompiledRule) -> String {
    let (text, name) = (&error.text, name_of(rule));
    if text.starts_with("no such overload") {
        format!(
            "'{text}': call arguments did not match a supported operator, function or macro signature \
             for rule: {name}"
        )
    } else {
        format!("{text} evaluating rule: {name}")
    }
}

/// Returns what messages call a rule.
fn name_of(rule: &CompiledRule) -> &str {
    match rule.rule.message.trim() {
        "" => rule.rule.expression.trim(),
        message => message,
    }
}
