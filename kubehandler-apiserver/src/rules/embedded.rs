//! Resources within custom objects: what `x-kubernetes-embedded-resource` asks for.
//!
//! Source: `k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta`. The rules for labels,
//! annotations and names of embedded metadata are not asked.

use serde_json::{Map, Value};

use super::metadata;
use crate::{
    failure::Cause,
    kinds::{NameRule, name_errors},
    structural::Structural,
};

/// Reads the `apiVersion`, `kind` and `metadata` of each embedded resource; the error is for people.
pub(super) fn coerce(object: &mut Value, schema: &Structural) -> Result<(), String> {
    coerce_at("", object, schema)
}

fn coerce_at(path: &str, value: &mut Value, schema: &Structural) -> Result<(), String> {
    match value {
        Value::Object(fields) => {
            if schema.extensions.embedded_resource {
                coerce_resource(path, fields)?;
            }
            for (name, value) in fields {
                if let Some(schema) = schema.field(name) {
                    coerce_at(&child(path, name), value, schema)?;
                }
            }
        }
        Value::Array(items) => {
            let Some(schema) = &schema.items else {
                return Ok(());
            };
            for (index, item) in items.iter_mut().enumerate() {
                coerce_at(&format!("{path}[{index}]"), item, schema)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn coerce_resource(path: &str, fields: &mut Map<String, Value>) -> Result<(), String> {
    for name in ["apiVersion", "kind"] {
        if let Some(value) = fields.get(name).filter(|value| !value.is_string()) {
            let cause = Cause::invalid(child(path, name), value.clone(), "must be a string");
            return Err(cause.sentence());
        }
    }
    let Some(value) = fields.get_mut("metadata") else {
        return Ok(());
    };
    let read = match &*value {
        Value::Null => Ok(Map::new()),
        Value::Object(metadata) => metadata::read(metadata, ""),
        other => Err(format!(
            "json: cannot unmarshal {} into Go value of type v1.ObjectMeta",
            crate::object::type_name(other)
        )),
    };
    match read {
        Ok(metadata) => *value = Value::Object(metadata),
        Err(why) => {
            let cause = Cause::invalid(child(path, "metadata"), value.clone(), &why);
            return Err(cause.sentence());
        }
    }
    Ok(())
}

/// Returns what is wrong with the embedded resources of an object.
pub(super) fn wrong(object: &Value, schema: &Structural) -> Vec<Cause> {
    let mut causes = Vec::new();
    check("", object, schema, &mut causes);
    causes
}

fn check(path: &str, value: &Value, schema: &Structural, causes: &mut Vec<Cause>) {
    match value {
        Value::Object(fields) => {
            if schema.extensions.embedded_resource {
                causes.extend(wrong_resource(path, fields));
            }
            for (name, value) in fields {
                if let Some(schema) = schema.field(name) {
                    check(&child(path, name), value, schema, causes);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                if let Some(schema) = &schema.items {
                    check(&format!("{path}[{index}]"), item, schema, causes);
                }
            }
        }
        _ => {}
    }
}

fn wrong_resource(path: &str, fields: &Map<String, Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    for name in ["apiVersion", "kind"] {
        let field = child(path, name);
        let Some(value) = fields.get(name) else {
            causes.push(Cause::required(field, ""));
            continue;
        };
        match (name, value.as_str()) {
            (_, None) => causes.push(Cause::invalid(field, value.clone(), "must be a string")),
            (_, Some("")) => causes.push(Cause::invalid(field, "", "must not be empty")),
            ("apiVersion", Some(version)) if version.matches('/').count() > 1 => {
                let detail = format!("unexpected GroupVersion string: {version}");
                causes.push(Cause::invalid(field, version, &detail));
            }
            ("kind", Some(kind)) => causes.extend(wrong_kind(field, kind)),
            _ => {}
        }
    }
    causes
}

fn wrong_kind(field: String, kind: &str) -> Option<Cause> {
    let errors = name_errors(NameRule::Label1035, &kind.to_lowercase(), false);
    let detail = format!(
        "may have mixed case, but should otherwise match: {}",
        errors.join(",")
    );
    (!errors.is_empty()).then(|| Cause::invalid(field, kind, &detail))
}

fn child(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}
