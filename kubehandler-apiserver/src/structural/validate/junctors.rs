//! `allOf`, `anyOf`, `oneOf` and `not`.

use serde_json::Value;

use super::{Problem, Problems, Spot, Structural};
use crate::failure::quoted;

impl Structural {
    pub(super) fn junctor_findings(&self, value: &Value, place: Spot<'_>) -> Problems {
        let mut found = Problems::default();
        let rules = &self.validation;
        if !rules.any_of.is_empty() {
            found.merge(any_of(&rules.any_of, value, place));
        }
        if !rules.one_of.is_empty() {
            found.merge(one_of(&rules.one_of, value, place));
        }
        if !rules.all_of.is_empty() {
            found.merge(all_of(&rules.all_of, value, place));
        }
        if let Some(not) = &rules.not
            && not.findings(value, place).is_valid()
        {
            let text = format!("{} must not validate the schema (not)", quoted(place.path));
            found.push(Problem::general(text));
        }
        found.matches += 1;
        found
    }
}

fn any_of(schemas: &[Structural], value: &Value, place: Spot<'_>) -> Problems {
    let mut best: Option<Problems> = None;
    for schema in schemas {
        let found = schema.findings(value, place);
        if found.is_valid() {
            return found;
        }
        keep_better(&mut best, found);
    }
    let path = quoted(place.path);
    let text = format!("{path} must validate at least one schema (anyOf)");
    failed(text, best)
}

fn one_of(schemas: &[Structural], value: &Value, place: Spot<'_>) -> Problems {
    let (mut best, mut first, mut valid) = (None, None, 0);
    for schema in schemas {
        let found = schema.findings(value, place);
        if found.is_valid() {
            valid += 1;
            best = None;
            first.get_or_insert(found);
        } else if valid == 0 {
            keep_better(&mut best, found);
        }
    }
    let which = match (valid, first) {
        (1, Some(found)) => return found,
        (0, _) => "Found none valid".to_owned(),
        (valid, _) => format!("Found {valid} valid alternatives"),
    };
    let path = quoted(place.path);
    let text = format!("{path} must validate one and only one schema (oneOf). {which}");
    failed(text, best)
}

fn all_of(schemas: &[Structural], value: &Value, place: Spot<'_>) -> Problems {
    let (mut found, mut valid) = (Problems::default(), 0);
    for schema in schemas {
        let part = schema.findings(value, place);
        valid += usize::from(part.is_valid());
        found.merge(part);
    }
    if valid != schemas.len() {
        let none = if valid == 0 { ". None validated" } else { "" };
        let path = quoted(place.path);
        let text = format!("{path} must validate all the schemas (allOf){none}");
        found.push(Problem::general(text));
    }
    found
}

fn keep_better(best: &mut Option<Problems>, found: Problems) {
    if best
        .as_ref()
        .is_none_or(|best| found.matches > best.matches)
    {
        *best = Some(found);
    }
}

fn failed(text: String, best: Option<Problems>) -> Problems {
    let mut found = Problems::default();
    found.push(Problem::general(text));
    if let Some(best) = best {
        found.merge(best);
    }
    found
}
