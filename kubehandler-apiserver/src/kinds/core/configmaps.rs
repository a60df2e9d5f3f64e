//! Config maps.

use serde_json::Value;

use super::entries::{BYTES, MAX_BYTES, TEXT, frozen, read, size, wrong_keys};
use crate::{failure::Cause, kinds::strategy::Strategy};

#[derive(Debug)]
pub(super) struct ConfigMaps;

impl Strategy for ConfigMaps {
    fn read(&self, map: &mut Value) -> Result<(), String> {
        read(map, "ConfigMap", "data", TEXT)?;
        read(map, "ConfigMap", "binaryData", BYTES)
    }

    fn wrong_change(&self, old: &Value, new: &Value) -> Vec<Cause> {
        let mut causes = frozen(old, new, &["data", "binaryData"]);
        causes.extend(self.wrong_new(new));
        causes
    }

    fn wrong_new(&self, map: &Value) -> Vec<Cause> {
        let mut causes = wrong_keys(map, "data");
        causes.extend(duplicates(map));
        causes.extend(wrong_keys(map, "binaryData"));
        if size(map, "data", TEXT) + size(map, "binaryData", BYTES) > MAX_BYTES {
            // The real server names the map as a whole in this way.
            causes.push(Cause::too_long("[]", MAX_BYTES));
        }
        causes
    }
}

/// A key is of one kind of entry.
fn duplicates(map: &Value) -> Vec<Cause> {
    let entries = |field: &str| map.get(field).and_then(Value::as_object);
    let (Some(texts), Some(bytes)) = (entries("data"), entries("binaryData")) else {
        return Vec::new();
    };
    let shared = texts.keys().filter(|key| bytes.contains_key(*key));
    let detail = "duplicate of key present in binaryData";
    shared
        .map(|key| Cause::invalid(format!("data[{key}]"), key.as_str(), detail))
        .collect()
}
