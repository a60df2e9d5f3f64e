//! What is wrong with the versions of a definition: their schemas, subresources, columns and selectable
//! fields.
//!
//! What all versions have alike the real server keeps in one place, and names there.
//!
//! Source: `k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation`.

use serde_json::Value;

use super::versions;
use crate::{
    cel::wrong_rules,
    failure::Cause,
    object,
    structural::{Structural, wrong_schema},
};

const COLUMN_TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
const COLUMN_FORMATS: [&str; 9] = [
    "byte",
    "date",
    "date-time",
    "double",
    "float",
    "int32",
    "int64",
    "password",
    "",
];

/// Returns what is wrong with one version; `field` is its path.
pub(super) fn wrong_version(definition: &Value, version: &Value, field: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    let is_own = |name: &str| shared(definition, name).is_none();
    causes.extend(wrong_deprecation(version, field));
    if is_own("schema") {
        let subresources = shared(definition, "subresources").unwrap_or(&version["subresources"]);
        causes.extend(wrong_validation(
            &version["schema"],
            &format!("{field}.schema"),
            has_status(subresources),
        ));
    }
    if is_own("subresources") {
        let field = format!("{field}.subresources");
        causes.extend(super::validate::wrong_scale(
            &version["subresources"],
            &field,
        ));
    }
    if is_own("additionalPrinterColumns") {
        causes.extend(wrong_columns(version, field));
    }
    if is_own("selectableFields") {
        causes.extend(wrong_selectable(version, field));
    }
    causes
}

/// Returns what is wrong with what all versions have alike.
pub(super) fn wrong_shared(definition: &Value) -> Vec<Cause> {
    let Some(first) = versions(definition).first() else {
        return Vec::new();
    };
    let mut causes = Vec::new();
    if let Some(schema) = shared(definition, "schema") {
        let mut all = versions(definition).iter();
        let is_enabled = all.any(|version| has_status(&version["subresources"]));
        causes.extend(wrong_validation(schema, "spec.validation", is_enabled));
    }
    if let Some(subresources) = shared(definition, "subresources") {
        causes.extend(super::validate::wrong_scale(
            subresources,
            "spec.subresources",
        ));
    }
    if shared(definition, "additionalPrinterColumns").is_some() {
        causes.extend(wrong_columns(first, "spec"));
    }
    if shared(definition, "selectableFields").is_some() {
        causes.extend(wrong_selectable(first, "spec"));
    }
    causes
}

/// Returns a field that all versions have alike.
fn shared<'a>(definition: &'a Value, name: &str) -> Option<&'a Value> {
    let mut all = versions(definition).iter().map(|version| &version[name]);
    let first = all.next()?;
    all.all(|other| other == first).then_some(first)
}

fn has_status(subresources: &Value) -> bool {
    subresources["status"].is_object()
}

fn wrong_validation(validation: &Value, field: &str, has_status: bool) -> Vec<Cause> {
    match validation.get("openAPIV3Schema") {
        Some(schema) if schema.is_object() => {
            let field = format!("{field}.openAPIV3Schema");
            let wrong = wrong_schema(schema, &field, has_status);
            if wrong.is_empty() {
                wrong_rules(&Structural::parse(schema), &field)
            } else {
                wrong
            }
        }
        _ => Vec::new(),
    }
}

fn wrong_deprecation(version: &Value, field: &str) -> Option<Cause> {
    let warning = version["deprecationWarning"].as_str()?;
    let detail = if version["deprecated"] != true {
        "can only be set for deprecated versions"
    } else if warning.len() > 256 {
        "must be <= 256 characters long"
    } else if warning.is_empty() {
        "must not be an empty string"
    } else {
        return None;
    };
    Some(Cause::invalid(
        format!("{field}.deprecationWarning"),
        warning,
        detail,
    ))
}

fn wrong_columns(version: &Value, field: &str) -> Vec<Cause> {
    let columns = version["additionalPrinterColumns"].as_array();
    let columns = columns.into_iter().flatten().enumerate();
    let causes = columns.flat_map(|(index, column)| {
        wrong_column(
            column,
            &format!("{field}.additionalPrinterColumns[{index}]"),
        )
    });
    causes.collect()
}

fn wrong_column(column: &Value, field: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    let text = |name: &str| object::text(column, &[name]);
    if text("name").is_empty() {
        causes.push(Cause::required(format!("{field}.name"), ""));
    }
    let types = format!("must be one of {}", COLUMN_TYPES.join(","));
    match text("type") {
        "" => causes.push(Cause::required(format!("{field}.type"), &types)),
        ty if !COLUMN_TYPES.contains(&ty) => {
            causes.push(Cause::invalid(format!("{field}.type"), ty, &types));
        }
        _ => {}
    }
    let format = text("format");
    if !COLUMN_FORMATS.contains(&format) {
        let known = COLUMN_FORMATS[..8].join(",");
        let detail = format!("must be one of {known}");
        causes.push(Cause::invalid(format!("{field}.format"), format, &detail));
    }
    let path = text("jsonPath");
    let field = format!("{field}.JSONPath");
    if path.is_empty() {
        causes.push(Cause::required(field, ""));
    } else if !path.starts_with('.') {
        let detail = "must be a simple json path starting with .";
        causes.push(Cause::invalid(field, path, detail));
    }
    causes
}

fn wrong_selectable(version: &Value, field: &str) -> Vec<Cause> {
    const MAX: usize = 8;
    let schema = &version["schema"]["openAPIV3Schema"];
    let fields = version["selectableFields"].as_array();
    let (mut seen, mut causes) = (Vec::new(), Vec::new());
    for (index, selectable) in fields.into_iter().flatten().enumerate() {
        let path = object::text(selectable, &["jsonPath"]);
        let field = format!("{field}.selectableFields[{index}].jsonPath");
        if path.is_empty() {
            causes.push(Cause::required(field, ""));
            continue;
        }
        if path.starts_with(".metadata.") {
            let detail = "must not point to fields in metadata";
            causes.push(Cause::invalid(&field, path, detail));
        }
        let found = type_at(schema, path);
        if found.is_some_and(|ty| !["string", "boolean", "integer"].contains(&ty)) {
            let detail = "must point to a field of type string, boolean or integer. Enum string \
                          fields and strings with formats are allowed.";
            causes.push(Cause::invalid(&field, path, detail));
        }
        if seen.contains(&path) {
            causes.push(Cause::duplicate(field, path));
        } else {
            seen.push(path);
        }
    }
    if seen.len() > MAX {
        causes.push(Cause::too_many(
            format!("{field}.selectableFields"),
            seen.len(),
            8,
        ));
    }
    causes
}

/// Returns the type of the field at a path, if the schema has it.
fn type_at<'a>(schema: &'a Value, path: &str) -> Option<&'a str> {
    let mut names = path.trim_start_matches('.').split('.');
    let found = names.try_fold(schema, |schema, name| schema.get("properties")?.get(name))?;
    Some(object::text(found, &["type"]))
}
