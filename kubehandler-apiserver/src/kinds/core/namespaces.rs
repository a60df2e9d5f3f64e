//! Namespaces: their name is a label, and they hold content.

use serde_json::{Value, json};

use crate::{
    kinds::strategy::{Deletes, Strategy},
    object,
};

#[derive(Debug)]
pub(super) struct Namespaces;

impl Strategy for Namespaces {
    fn read(&self, namespace: &mut Value) -> Result<(), String> {
        if !object::name(namespace).is_empty() {
            label_with_name(namespace);
        }
        Ok(())
    }

    fn first_status(&self, _: &Value, _: &str) -> Option<Value> {
        Some(json!({ "phase": "Active" }))
    }

    fn prepare_new(&self, namespace: &mut Value) {
        label_with_name(namespace);
        let spec = object::fields_of(namespace, "spec");
        let mut finalizers: Vec<_> = object::texts(spec.get("finalizers"))
            .map(Value::from)
            .collect();
        if !finalizers.contains(&json!("kubernetes")) {
            finalizers.push(json!("kubernetes"));
        }
        spec.insert("finalizers".to_owned(), Value::Array(finalizers));
    }

    fn prepare_changed(&self, old: &Value, new: &mut Value) {
        let finalizers = object::field(old, &["spec", "finalizers"]).cloned();
        let spec = object::fields_of(new, "spec");
        match finalizers {
            Some(finalizers) => spec.insert("finalizers".to_owned(), finalizers),
            None => spec.remove("finalizers"),
        };
    }

    fn prepare_always(&self, namespace: &mut Value) {
        label_with_name(namespace);
    }

    fn deletes(&self) -> Deletes {
        Deletes::Namespace
    }

    fn returns_deleted(&self) -> bool {
        true
    }

    fn is_held(&self, namespace: &Value) -> bool {
        let finalizers = object::field(namespace, &["spec", "finalizers"]);
        object::texts(finalizers).next().is_some()
    }
}

/// Every namespace has its name as a label.
fn label_with_name(namespace: &mut Value) {
    let name = Value::from(object::name(namespace));
    let mut labels = object::meta(namespace, "labels")
        .cloned()
        .unwrap_or_default();
    object::as_fields(&mut labels).insert("kubernetes.io/metadata.name".to_owned(), name);
    object::set_meta(namespace, "labels", labels);
}
