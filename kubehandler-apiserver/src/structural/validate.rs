//! What is wrong with a value, in the words of the real server.
//!
//! An update tolerates what was wrong before: a part that has not changed has no errors. Where the
//! real server's order depends on chance, fields come in the order of their names.
//!
//! Source: `k8s.io/kube-openapi/pkg/validation/validate`, and `pkg/apiserver/validation` of
//! `k8s.io/apiextensions-apiserver`.

mod junctors;
mod numbers;
mod problem;

use serde_json::{Map, Value};

use self::problem::{Problem, Problems};
use super::{Additional, Old, Pattern, Structural, ValueType, formats};
use crate::{failure::Cause, numbers::go_float};

impl Structural {
    /// Returns what is wrong with a value. Fields are named below `field`, which is empty for a
    /// whole object; `old` is what was there before an update.
    pub(crate) fn wrong_value(
        &self,
        field: &str,
        value: &Value,
        old: Option<Old<'_>>,
    ) -> Vec<Cause> {
        let place = Spot { path: "", old };
        let findings = place.tolerated(value, self.findings(value, place));
        findings.into_causes(field)
    }

    fn findings(&self, value: &Value, place: Spot<'_>) -> Problems {
        let mut found = Problems::default();
        if value.is_null() {
            found.extend(self.wrong_type(value, place.path));
            found.extend(self.wrong_choice(value, place.path));
            return found;
        }
        if self.is_typed() {
            found.matches += 1;
            found.extend(self.wrong_type(value, place.path));
        }
        found.merge(self.junctor_findings(value, place));
        found.matches += 1;
        self.scalar_findings(value, place.path, &mut found);
        if let Value::Array(items) = value {
            found.merge(self.list_findings(items, place));
            found.matches += 1;
        }
        found.extend(self.wrong_choice(value, place.path));
        found.matches += 1;
        if let Value::Object(fields) = value {
            found.merge(self.object_findings(fields, place));
            found.matches += 1;
        }
        found.matches += 1;
        found
    }

    fn is_typed(&self) -> bool {
        self.value_type.is_some()
            || self.extensions.int_or_string
            || !self.validation.format.is_empty()
    }

    fn types(&self) -> Vec<ValueType> {
        if self.extensions.int_or_string {
            return vec![ValueType::Integer, ValueType::String];
        }
        self.value_type.into_iter().collect()
    }

    /// The type is looked at before anything else.
    fn wrong_type(&self, value: &Value, path: &str) -> Option<Problem> {
        let (types, format) = (self.types(), &*self.validation.format);
        let is_one_of = |ty: ValueType| types.contains(&ty);
        let wanted = types
            .iter()
            .map(|ty| ty.name())
            .collect::<Vec<_>>()
            .join(",");
        let (actual, actual_format) = match value {
            Value::Null => {
                let is_wrong = !types.is_empty() && !self.nullable;
                return is_wrong.then(|| Problem::of_type(path, &wanted, "null"));
            }
            Value::Bool(_) => (ValueType::Boolean, ""),
            Value::String(_) => (ValueType::String, ""),
            Value::Array(_) => (ValueType::Array, ""),
            Value::Object(_) => (ValueType::Object, ""),
            Value::Number(number) if number.is_f64() => (ValueType::Number, "float64"),
            Value::Number(_) => (ValueType::Integer, "int64"),
        };
        let is_whole = value.as_f64().is_some_and(|number| number.fract() == 0.0);
        let fits = is_one_of(actual)
            || (actual == ValueType::Number && is_whole && is_one_of(ValueType::Integer))
            || (actual == ValueType::Integer && is_one_of(ValueType::Number));
        let is_text = matches!(actual, ValueType::String | ValueType::Array);
        let is_numeric = is_one_of(ValueType::Number) || is_one_of(ValueType::Integer);
        if !format.is_empty() && is_text && !is_numeric {
            return None; // The format decides.
        }
        if fits || !self.is_typed() {
            return None;
        }
        if !format.is_empty() && !is_text && actual_format != format {
            return Some(Problem::of_type(path, format, actual_format));
        }
        Some(Problem::of_type(path, &wanted, actual.name()))
    }

    fn wrong_choice(&self, value: &Value, path: &str) -> Option<Problem> {
        let allowed = &self.validation.allowed;
        let is_known = allowed.is_empty()
            || (!value.is_null() && allowed.iter().any(|known| is_equal(known, value)));
        (!is_known).then(|| Problem::choice(path, value, allowed))
    }

    fn scalar_findings(&self, value: &Value, path: &str, found: &mut Problems) {
        match value {
            Value::String(text) => {
                let wrong = self.wrong_text(text, path);
                found.extend(wrong);
                found.matches += 1;
                let format = &*self.validation.format;
                if formats::is_text_format(format) {
                    if !formats::is_valid(format, text) {
                        found.push(Problem::of_type(path, format, text));
                    }
                    found.matches += 1;
                }
            }
            Value::Number(number) => {
                found.merge(self.number_findings(number, path));
                found.matches += 1;
            }
            _ => {}
        }
    }

    fn wrong_text(&self, text: &str, path: &str) -> Option<Problem> {
        let rules = &self.validation;
        let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
        if let Some(max) = rules.max_length.filter(|max| length > *max) {
            return Some(Problem::too_long(path, max));
        }
        if let Some(min) = rules.min_length.filter(|min| length < *min) {
            let detail = format!("{path} in body should be at least {min} chars long");
            return Some(Problem::invalid(path, Value::from(text), detail));
        }
        let pattern: &Pattern = rules.pattern.as_ref()?;
        let matches = pattern
            .regex
            .as_ref()
            .is_none_or(|regex| regex.is_match(text));
        let detail = || format!("{path} in body should match '{}'", pattern.text);
        (!matches).then(|| Problem::invalid(path, Value::from(text), detail()))
    }

    fn list_findings(&self, items: &[Value], place: Spot<'_>) -> Problems {
        let mut found = Problems::default();
        if let Some(schema) = &self.items {
            for (index, item) in items.iter().enumerate() {
                let path = format!("{}[{index}]", place.path);
                let old = place.old.and_then(|old| old.item(item));
                found.merge(schema.part_findings(item, Spot { path: &path, old }));
            }
        }
        let (rules, path) = (&self.validation, place.path);
        let size = i64::try_from(items.len()).unwrap_or(i64::MAX);
        if let Some(min) = rules.min_items.filter(|min| size < *min) {
            let detail = format!("{path} in body should have at least {min} items");
            found.push(Problem::invalid(path, Value::from(size), detail));
        }
        if let Some(max) = rules.max_items.filter(|max| size > *max) {
            found.push(Problem::too_many(path, items.len(), max, "items"));
        }
        let is_repeated = |index: usize| items[..index].contains(&items[index]);
        if rules.unique_items && (1..items.len()).any(is_repeated) {
            let detail = format!("{path} in body shouldn't contain duplicates");
            found.push(Problem::invalid(path, Value::from(""), detail));
        }
        found.matches += 1;
        found
    }

    fn object_findings(&self, fields: &Map<String, Value>, place: Spot<'_>) -> Problems {
        let mut found = Problems::default();
        let (rules, path) = (&self.validation, place.path);
        let size = i64::try_from(fields.len()).unwrap_or(i64::MAX);
        if let Some(min) = rules.min_properties.filter(|min| size < *min) {
            let detail = format!("{path} in body should have at least {min} properties");
            found.push(Problem::invalid(path, Value::from(size), detail));
        }
        if let Some(max) = rules.max_properties.filter(|max| size > *max) {
            found.push(Problem::too_many(path, fields.len(), max, "properties"));
        }
        let is_other = |name: &str| !self.properties.contains_key(name);
        for (name, value) in fields.iter().filter(|(name, _)| is_other(name)) {
            match &self.additional {
                Some(Additional::Any(false)) => {
                    let detail = format!("{path}.{name} in body is a forbidden property");
                    found.push(Problem::invalid(path, Value::from(name.as_str()), detail));
                }
                Some(Additional::Schema(schema)) => {
                    let path = format!("{path}.{name}");
                    found.merge(schema.part_findings(value, place.field(&path, name)));
                }
                Some(Additional::Any(true)) | None => {}
            }
        }
        for (name, schema) in &self.properties {
            if let Some(value) = fields.get(&**name) {
                let path = super::lists::child(path, name);
                found.merge(schema.part_findings(value, place.field(&path, name)));
            }
        }
        for name in &rules.required {
            if !fields.contains_key(&**name) {
                found.push(Problem::required(&format!("{path}.{name}")));
            }
        }
        found
    }

    fn part_findings(&self, value: &Value, place: Spot<'_>) -> Problems {
        place.tolerated(value, self.findings(value, place))
    }
}

/// Where a value stands, and what was there before.
#[derive(Clone, Copy)]
struct Spot<'a> {
    path: &'a str,
    old: Option<Old<'a>>,
}

impl<'a> Spot<'a> {
    /// Returns the place of a field. `apiVersion` and `kind` of the whole object have no old value.
    fn field<'b>(self, path: &'b str, name: &str) -> Spot<'b>
    where
        'a: 'b,
    {
        let is_type = self.path.is_empty() && ["apiVersion", "kind"].contains(&name);
        Spot {
            path,
            old: self
                .old
                .filter(|_| !is_type)
                .and_then(|old| old.field(name)),
        }
    }

    /// Drops what is wrong with a part that has not changed.
    fn tolerated(self, value: &Value, mut found: Problems) -> Problems {
        if self.old.is_some_and(|old| old.value == value) {
            found.problems.clear();
        }
        found
    }
}

fn is_equal(known: &Value, value: &Value) -> bool {
    match (known.as_f64(), value.as_f64()) {
        (Some(known), Some(value)) => go_float(known) == go_float(value),
        _ => known == value,
    }
}
