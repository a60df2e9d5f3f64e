//! What must hold for `x-kubernetes-list-type`, its keys, and `x-kubernetes-map-type`.

use std::collections::HashSet;

use serde_json::Value;

use super::{child, fields, flag, items, text};
use crate::{failure::Cause, object};

/// A schema and its path.
struct Checking<'a> {
    schema: &'a Value,
    path: &'a str,
    causes: &'a mut Vec<Cause>,
}

pub(super) fn check(schema: &Value, path: &str, causes: &mut Vec<Cause>) {
    let mut place = Checking {
        schema,
        path,
        causes,
    };
    place.check_map_type();
    place.check_list_type();
    place.check_map_list();
    place.check_items();
}

impl<'a> Checking<'a> {
    fn field(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    fn list_type(&self) -> Option<&'a str> {
        self.schema["x-kubernetes-list-type"].as_str()
    }

    /// Adds a cause if the schema has not the type that `name` needs.
    fn check_type(&mut self, wanted: &str, name: &str) {
        let detail = format!("must be {wanted} if {name} is specified");
        match text(self.schema, "type") {
            "" => self
                .causes
                .push(Cause::required(self.field("type"), &detail)),
            ty if ty != wanted => self
                .causes
                .push(Cause::invalid(self.field("type"), ty, &detail)),
            _ => {}
        }
    }

    fn check_map_type(&mut self) {
        const NAME: &str = "x-kubernetes-map-type";
        let Some(map_type) = self.schema[NAME].as_str() else {
            return;
        };
        self.check_type("object", NAME);
        let known = ["atomic", "granular"];
        if !known.contains(&map_type) {
            let cause = Cause::not_supported(self.field(NAME), map_type, &known);
            self.causes.push(cause);
        }
    }

    fn check_list_type(&mut self) {
        const NAME: &str = "x-kubernetes-list-type";
        let has_keys = items(self.schema, "x-kubernetes-list-map-keys")
            .next()
            .is_some();
        let keyed = "must be map if x-kubernetes-list-map-keys is non-empty";
        let Some(list_type) = self.schema[NAME].as_str() else {
            if has_keys {
                self.causes.push(Cause::required(self.field(NAME), keyed));
            }
            return;
        };
        if text(self.schema, "type") != "array" {
            self.check_type("array", NAME);
        } else if list_type == "set" {
            self.check_set_items();
        }
        let known = ["atomic", "set", "map"];
        if !known.contains(&list_type) {
            let cause = Cause::not_supported(self.field(NAME), list_type, &known);
            self.causes.push(cause);
        }
        if has_keys && list_type != "map" {
            self.causes
                .push(Cause::invalid(self.field(NAME), list_type, keyed));
        }
    }

    /// The items of a set are compared as a whole.
    fn check_set_items(&mut self) {
        let Some(item) = child(self.schema, "items") else {
            return;
        };
        let detail = "must be atomic as item of a list with x-kubernetes-list-type=set";
        let list_type = item["x-kubernetes-list-type"].as_str();
        let name = match text(item, "type") {
            "array" if list_type.is_some_and(|list_type| list_type != "atomic") => {
                "x-kubernetes-list-type"
            }
            "object" if text(item, "x-kubernetes-map-type") != "atomic" => "x-kubernetes-map-type",
            _ => return,
        };
        // The real server shows the list type for both.
        let shown = list_type.map_or(Value::Null, Value::from);
        let field = self.field(&format!("items.{name}"));
        self.causes.push(Cause::invalid(field, shown, detail));
    }

    fn check_map_list(&mut self) {
        const KEYS: &str = "x-kubernetes-list-map-keys";
        if self.list_type() != Some("map") {
            return;
        }
        if items(self.schema, KEYS).next().is_none() {
            let detail = "must not be empty if x-kubernetes-list-type is map";
            self.causes.push(Cause::required(self.field(KEYS), detail));
        }
        let Some(item) = child(self.schema, "items") else {
            let detail = "must have a schema if x-kubernetes-list-type is map";
            self.causes
                .push(Cause::required(self.field("items"), detail));
            return;
        };
        let ty = text(item, "type");
        if ty == "object" {
            self.check_keys(item);
        } else {
            let detail = "must be object if parent array's x-kubernetes-list-type is map";
            self.causes
                .push(Cause::invalid(self.field("items.type"), ty, detail));
        }
    }

    fn check_keys(&mut self, item: &Value) {
        const KEYS: &str = "x-kubernetes-list-map-keys";
        let shown = &self.schema[KEYS];
        let mut seen = HashSet::new();
        for key in object::texts(Some(shown)) {
            let property = fields(item, "properties").and_then(|known| known.get(key));
            let Some(property) = property else {
                let detail = "entries must all be names of item properties";
                self.causes
                    .push(Cause::invalid(self.field(KEYS), shown.clone(), detail));
                continue;
            };
            if ["array", "object"].contains(&text(property, "type")) {
                let detail =
                    "must be a scalar type if parent array's x-kubernetes-list-type is map";
                let field = self.field(&format!("items.properties[{key}].type"));
                self.causes
                    .push(Cause::invalid(field, text(item, "type"), detail));
            }
            if !seen.insert(key) {
                let detail = "must not contain duplicate entries";
                self.causes
                    .push(Cause::invalid(self.field(KEYS), shown.clone(), detail));
            }
        }
    }

    /// Items of sets and map lists, and their keys, are always there.
    fn check_items(&mut self) {
        let (Some(list_type), Some(item)) = (self.list_type(), child(self.schema, "items")) else {
            return;
        };
        if !["set", "map"].contains(&list_type) {
            return;
        }
        if flag(item, "nullable") {
            let detail = format!("cannot be nullable when x-kubernetes-list-type is {list_type}");
            self.causes
                .push(Cause::forbidden(self.field("items.nullable"), &detail));
        }
        if list_type != "map" {
            return;
        }
        let keys = self.schema.get("x-kubernetes-list-map-keys");
        for key in object::texts(keys) {
            let Some(property) = fields(item, "properties").and_then(|known| known.get(key)) else {
                continue;
            };
            let field = self.field(&format!("items.properties[{key}]"));
            let is_required = object::texts(item.get("required")).any(|name| name == key);
            if !is_required && property.get("default").is_none_or(Value::is_null) {
                let detail = "this property is in x-kubernetes-list-map-keys, so it must have a \
                              default or be a required property";
                self.causes
                    .push(Cause::required(format!("{field}.default"), detail));
            }
            if flag(property, "nullable") {
                let detail =
                    "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
                self.causes
                    .push(Cause::forbidden(format!("{field}.nullable"), detail));
            }
        }
    }
}
