//! The schemas of custom resources: what a definition says that its objects are.
//!
//! [`Structural`] is a schema as data. [`Structural::parse`] reads it from a version's
//! `openAPIV3Schema`, which [`wrong_schema`] has checked when the definition was written. What
//! stands below `allOf`, `anyOf`, `oneOf` and `not` is of the same type, but has no defaults, rules
//! or extensions. The rules of `x-kubernetes-validations` are held here and evaluated elsewhere.
//!
//! A written object is pruned ([`Structural::prune`]), loses nulls that may not be there
//! ([`Structural::drop_nulls`]), gets its defaults ([`Structural::fill_defaults`]), and is then
//! validated ([`Structural::wrong_value`], [`Structural::wrong_lists`]).
//!
//! Source: `k8s.io/apiextensions-apiserver/pkg/apiserver/schema`.

mod check;
mod correlate;
mod defaults;
mod formats;
mod lists;
mod merging;
mod parse;
mod prune;
#[cfg(test)]
mod tests;
mod validate;

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

pub(crate) use self::{check::wrong_schema, correlate::Old};

/// The schema of a value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Structural {
    /// Absent where `x-kubernetes-int-or-string` or `x-kubernetes-preserve-unknown-fields` stands
    /// in for it, and below `allOf` and the like.
    pub(crate) value_type: Option<ValueType>,
    /// `null` is a value of its own here.
    pub(crate) nullable: bool,
    pub(crate) default: Option<Value>,
    pub(crate) properties: BTreeMap<Box<str>, Structural>,
    pub(crate) items: Option<Box<Structural>>,
    /// What the properties that are not listed may be.
    pub(crate) additional: Option<Additional>,
    pub(crate) extensions: Extensions,
    pub(crate) validation: Validation,
    /// `x-kubernetes-validations`.
    pub(crate) rules: Vec<ValidationRule>,
}

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ValueType {
    Object,
    Array,
    String,
    Integer,
    Number,
    Boolean,
}

/// `additionalProperties`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Additional {
    /// Anything, or nothing, may be there.
    Any(bool),
    Schema(Box<Structural>),
}

/// The `x-kubernetes-…` fields that say what a value is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Extensions {
    pub(crate) preserve_unknown_fields: bool,
    pub(crate) embedded_resource: bool,
    pub(crate) int_or_string: bool,
    /// `atomic`, `set` or `map`.
    pub(crate) list_type: Option<Box<str>>,
    pub(crate) list_map_keys: Vec<Box<str>>,
    /// `atomic` or `granular`.
    pub(crate) map_type: Option<Box<str>>,
}

/// What must hold for a value of the right type.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Validation {
    pub(crate) format: Box<str>,
    pub(crate) maximum: Option<f64>,
    pub(crate) exclusive_maximum: bool,
    pub(crate) minimum: Option<f64>,
    pub(crate) exclusive_minimum: bool,
    pub(crate) multiple_of: Option<f64>,
    pub(crate) max_length: Option<i64>,
    pub(crate) min_length: Option<i64>,
    pub(crate) pattern: Option<Pattern>,
    pub(crate) max_items: Option<i64>,
    pub(crate) min_items: Option<i64>,
    pub(crate) unique_items: bool,
    pub(crate) max_properties: Option<i64>,
    pub(crate) min_properties: Option<i64>,
    pub(crate) required: Vec<Box<str>>,
    pub(crate) allowed: Vec<Value>,
    pub(crate) all_of: Vec<Structural>,
    pub(crate) any_of: Vec<Structural>,
    pub(crate) one_of: Vec<Structural>,
    pub(crate) not: Option<Box<Structural>>,
}

/// A regular expression, compiled once.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    pub(crate) text: Box<str>,
    /// Absent if the text is no expression that this server can evaluate; then everything matches.
    pub(crate) regex: Option<Regex>,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// One rule of `x-kubernetes-validations`, as the definition has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ValidationRule {
    /// `rule`.
    pub(crate) expression: Box<str>,
    pub(crate) message: Box<str>,
    pub(crate) message_expression: Box<str>,
    pub(crate) reason: Option<Box<str>>,
    pub(crate) field_path: Box<str>,
    pub(crate) optional_old_self: Option<bool>,
}

impl ValueType {
    /// Returns the type of that name, such as `object`.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let all = [
            Self::Object,
            Self::Array,
            Self::String,
            Self::Integer,
            Self::Number,
            Self::Boolean,
        ];
        all.into_iter().find(|ty| ty.name() == name)
    }

    /// Returns its name, such as `object`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
        }
    }
}

impl Structural {
    /// Returns the schema of a field, whether it is listed or not.
    pub(crate) fn field(&self, name: &str) -> Option<&Structural> {
        self.properties.get(name).or(match &self.additional {
            Some(Additional::Schema(schema)) => Some(schema),
            _ => None,
        })
    }
}
