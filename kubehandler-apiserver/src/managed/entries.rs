//! The entries of `metadata.managedFields`: who manages which fields, since when.
//!
//! Source: `managedfields.go` below `k8s.io/apimachinery/pkg/util/managedfields/internal`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    merge::{FieldSet, Managed, Managers},
    object,
};

/// Who manages fields, as far as it tells two managers apart.
///
/// Its JSON is what the merge knows a manager by: it orders managers, and conflicts, as the real
/// server does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Identity {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) manager: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) operation: String,
    /// Empty for those who apply: they are the same manager in every version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) api_version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) subresource: String,
}

pub(super) const APPLY: &str = "Apply";
pub(super) const UPDATE: &str = "Update";

impl Identity {
    /// Returns the manager of that name which updates objects in a version.
    pub(super) fn updating(manager: &str, api_version: &str, subresource: &str) -> Self {
        Self {
            manager: or_unknown(manager),
            operation: UPDATE.to_owned(),
            api_version: api_version.to_owned(),
            subresource: subresource.to_owned(),
        }
    }

    /// Returns the manager of that name which applies objects.
    pub(super) fn applying(manager: &str, subresource: &str) -> Self {
        Self {
            manager: or_unknown(manager),
            operation: APPLY.to_owned(),
            api_version: String::new(),
            subresource: subresource.to_owned(),
        }
    }

    /// Returns what the merge knows the manager by.
    pub(super) fn key(&self) -> String {
        serde_json::to_string(self).expect("it is text alone")
    }

    /// Returns the manager that the merge knows by this.
    pub(super) fn of_key(key: &str) -> Self {
        serde_json::from_str(key).unwrap_or_else(|_| Self {
            manager: key.to_owned(),
            ..Self::default()
        })
    }
}

fn or_unknown(manager: &str) -> String {
    let manager = if manager.is_empty() {
        "unknown"
    } else {
        manager
    };
    manager.to_owned()
}

/// Who manages which fields of an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ManagedEntries {
    pub(super) managers: Managers,
    /// When each last changed anything, by key.
    pub(super) times: BTreeMap<String, String>,
}

impl ManagedEntries {
    /// Reads the entries of an object; none if one of them cannot be read.
    pub(super) fn of(object: &Value) -> Self {
        object::meta(object, "managedFields").map_or_else(Self::default, |entries| {
            Self::read(entries).unwrap_or_default()
        })
    }

    /// Reads `metadata.managedFields`; the error is for people.
    pub(super) fn read(entries: &Value) -> Result<Self, String> {
        let mut read = Self::default();
        for (place, entry) in entries.as_array().into_iter().flatten().enumerate() {
            let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
            let operation = text("operation");
            if operation != APPLY && operation != UPDATE {
                return Err("operation must be `Apply` or `Update`".to_owned());
            }
            let api_version = text("apiVersion");
            if api_version.is_empty() {
                return Err("apiVersion must not be empty".to_owned());
            }
            match text("fieldsType") {
                "FieldsV1" => {}
                "" => {
                    return Err(format!(
                        "missing fieldsType in managed fields entry {place}"
                    ));
                }
                other => {
                    return Err(format!(
                        "invalid fieldsType {other:?} in managed fields entry {place}"
                    ));
                }
            }
            let is_applied = operation == APPLY;
            let identity = Identity {
                manager: text("manager").to_owned(),
                operation: operation.to_owned(),
                api_version: if is_applied { "" } else { api_version }.to_owned(),
                subresource: text("subresource").to_owned(),
            };
            let fields = match entry.get("fieldsV1") {
                None | Some(Value::Null) => FieldSet::default(),
                Some(fields) => FieldSet::from_fields_v1(fields)?,
            };
            let key = identity.key();
            if let Some(time) = object::canonical(text("time")) {
                read.times.insert(key.clone(), time);
            }
            let managed = Managed {
                fields,
                api_version: api_version.to_owned(),
                is_applied,
            };
            read.managers.insert(key, managed);
        }
        Ok(read)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.managers.is_empty()
    }

    /// Returns `metadata.managedFields`; `null` if no field has a manager.
    pub(super) fn to_value(&self) -> Value {
        if self.is_empty() {
            return Value::Null;
        }
        let mut entries: Vec<(Identity, &Managed, Option<&String>)> = self
            .managers
            .iter()
            .map(|(key, managed)| {
                let mut identity = Identity::of_key(key);
                identity.api_version.clone_from(&managed.api_version);
                if managed.is_applied {
                    APPLY.clone_into(&mut identity.operation);
                }
                (identity, managed, self.times.get(key))
            })
            .collect();
        // Times have one form, and no time is before any.
        entries.sort_by(|(one, _, at), (other, _, other_at)| {
            let rank = |entry: &Identity| {
                (
                    entry.manager.clone(),
                    entry.api_version.clone(),
                    entry.subresource.clone(),
                )
            };
            (&one.operation, at)
                .cmp(&(&other.operation, other_at))
                .then_with(|| rank(one).cmp(&rank(other)))
        });
        let entries = entries.into_iter().map(|(identity, managed, time)| {
            let mut entry = json!({
                "manager": identity.manager,
                "operation": identity.operation,
                "apiVersion": identity.api_version,
                "fieldsType": "FieldsV1",
                "fieldsV1": managed.fields.to_fields_v1(),
            });
            if let Some(time) = time {
                entry["time"] = Value::from(time.as_str());
            }
            if !identity.subresource.is_empty() {
                entry["subresource"] = Value::from(identity.subresource);
            }
            entry
        });
        entries.collect()
    }
}
