//! Fills in defaults, and removes nulls where none may be.
//!
//! Source: `k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting`.

use serde_json::Value;

use super::{Additional, Structural};

impl Structural {
    /// Fills in the defaults of what is missing, and of nulls that may not be there.
    pub(crate) fn fill_defaults(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, property) in &self.properties {
                    let Some(default) = &property.default else {
                        continue;
                    };
                    let is_missing = match fields.get(&**name) {
                        None => true,
                        Some(value) => property.refuses_null(value),
                    };
                    if is_missing {
                        fields.insert(name.to_string(), default.clone());
                    }
                }
                for (name, value) in fields {
                    if let Some(property) = self.properties.get(name.as_str()) {
                        property.fill_defaults(value);
                    } else if let Some(Additional::Schema(schema)) = &self.additional {
                        schema.fill_item(value);
                    }
                }
            }
            Value::Array(items) => {
                if let Some(schema) = &self.items {
                    for item in items {
                        schema.fill_item(item);
                    }
                }
            }
            _ => {}
        }
    }

    fn fill_item(&self, item: &mut Value) {
        if self.refuses_null(item) {
            *item = self.default.clone().unwrap_or_default();
        }
        self.fill_defaults(item);
    }

    /// Removes the nulls that are not allowed and have no default.
    pub(crate) fn drop_nulls(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => fields.retain(|name, value| {
                let Some(schema) = self.field(name) else {
                    return true;
                };
                if schema.refuses_null(value) && schema.default.is_none() {
                    return false;
                }
                schema.drop_nulls(value);
                true
            }),
            Value::Array(items) => {
                if let Some(schema) = &self.items {
                    for item in items {
                        schema.drop_nulls(item);
                    }
                }
            }
            _ => {}
        }
    }

    fn refuses_null(&self, value: &Value) -> bool {
        value.is_null() && !self.nullable
    }
}
