//! Field selectors: `metadata.name=web,status.phase!=Running`.

#[cfg(test)]
mod tests;

use crate::{
    failure::{Failure, quoted},
    kinds::{Resource, Version},
};

const NAME: &str = "metadata.name";
const NAMESPACE: &str = "metadata.namespace";

/// Terms on fields, all of which must hold; they are in the order of their text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FieldSelector {
    terms: Vec<FieldTerm>,
}

/// What one field must be, or must not be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FieldTerm {
    /// Such as `metadata.name`; a path once the selector is resolved.
    pub(crate) field: String,
    /// The value, without escapes.
    pub(crate) value: String,
    /// The field must not have the value.
    pub(crate) is_negated: bool,
}

impl FieldSelector {
    /// Reads a selector as it stands in a URL; the error is the message of the 400.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = split(text);
        parts.sort_unstable();
        let mut terms = Vec::new();
        for part in parts.into_iter().filter(|part| !part.is_empty()) {
            let (field, operator, value) = split_term(part)
                .ok_or_else(|| format!("invalid selector: '{text}'; can't understand '{part}'"))?;
            let value = unescape(value)?;
            if !field.is_empty() || !value.is_empty() {
                let is_negated = operator == "!=";
                terms.push(FieldTerm {
                    field: field.to_owned(),
                    value,
                    is_negated,
                });
            }
        }
        Ok(Self { terms })
    }

    /// Returns the selector with paths of the object in place of the names in the URL.
    ///
    /// Fails if the resource cannot be selected by one of the fields.
    pub(crate) fn resolve(self, resource: &Resource, version: &Version) -> Result<Self, Failure> {
        let resolved = self.terms.into_iter().map(|term| {
            let field = path_of(&term.field, resource, version)
                .ok_or_else(|| Failure::bad_request(refusal(&term.field, resource, version)))?;
            Ok(FieldTerm { field, ..term })
        });
        Ok(Self {
            terms: resolved.collect::<Result<_, _>>()?,
        })
    }

    /// Returns the selector of a request whose path names an object.
    pub(crate) fn restrict_to_name(mut self, name: &str) -> Result<Self, Failure> {
        if self.is_everything() {
            let (field, value) = (NAME.to_owned(), name.to_owned());
            self.terms.push(FieldTerm {
                field,
                value,
                is_negated: false,
            });
        } else if self.exact(NAME) != Some(name) {
            let message = "fieldSelector metadata.name doesn't match requested name";
            return Err(Failure::bad_request(message));
        }
        Ok(self)
    }

    /// Returns whether nothing is required.
    pub(crate) fn is_everything(&self) -> bool {
        self.terms.is_empty()
    }

    /// Returns the value that the field must have, if there is only one.
    pub(crate) fn exact(&self, field: &str) -> Option<&str> {
        let mut exact = self
            .terms
            .iter()
            .filter(|term| !term.is_negated && term.field == field);
        exact.next().map(|term| term.value.as_str())
    }

    /// Returns whether an object whose fields the function looks up is selected.
    ///
    /// A field that is not there is as good as empty.
    pub(crate) fn matches<'a>(&self, field: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.terms.iter().all(|term| {
            let is_equal = field(&term.field).unwrap_or_default() == term.value;
            is_equal != term.is_negated
        })
    }
}

/// Splits at the commas that have no backslash before them.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut is_escaped) = (0, false);
    for (i, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b',' => {
                parts.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// Splits at the first operator. `==` is the same as `=`.
fn split_term(term: &str) -> Option<(&str, &str, &str)> {
    (0..term.len())
        .filter(|&i| term.is_char_boundary(i))
        .find_map(|i| {
            let (field, rest) = term.split_at(i);
            ["!=", "==", "="].into_iter().find_map(|operator| {
                rest.strip_prefix(operator)
                    .map(|value| (field, operator, value))
            })
        })
}

fn unescape(value: &str) -> Result<String, String> {
    let mut out = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some(escaped @ ('\\' | ',' | '=')) => out.push(escaped),
                other => {
                    let sequence: String = [Some('\\'), other].into_iter().flatten().collect();
                    let what = "invalid field selector: invalid escape sequence";
                    return Err(format!("{what}: {sequence}"));
                }
            },
            ',' | '=' => {
                let what = "invalid field selector: unescaped character in value";
                return Err(format!("{what}: {}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    Ok(out)
}

/// Returns the path of a field that objects can be selected by.
fn path_of(field: &str, resource: &Resource, version: &Version) -> Option<String> {
    let rules = &resource.rules;
    if field == NAME || field == NAMESPACE && knows_namespace(resource, version) {
        return Some(field.to_owned());
    }
    let (_, path) = rules.selectable.iter().find(|(name, _)| name == field)?;
    Some(path.to_string())
}

/// A resource with fields of its own knows its namespace only if it has one; the others all do.
fn knows_namespace(resource: &Resource, version: &Version) -> bool {
    let is_special = resource.rules.is_custom || !resource.rules.selectable.is_empty();
    !is_special || resource.is_namespaced && version.kind != "PodCertificateRequest"
}

/// Returns why objects cannot be selected by the field, which each kind says in its own words.
fn refusal(field: &str, resource: &Resource, version: &Version) -> String {
    let (group, rules) = (&resource.group, &resource.rules);
    match (group.as_ref(), version.kind.as_ref()) {
        ("batch", "Job") => format!("field label {} not supported for Job", quoted(field)),
        ("resource.k8s.io", kind @ "ResourceSlice") => {
            let version = &version.name;
            format!("field label not supported for {group}/{version}, Kind={kind}: {field}")
        }
        _ if rules.is_custom || !rules.selectable.is_empty() => {
            format!("field label not supported: {field}")
        }
        _ => format!(
            "{} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
            quoted(field)
        ),
    }
}
