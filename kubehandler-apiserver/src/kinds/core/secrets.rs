//! Secrets: their type is for ever, and `stringData` is written and never read.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use super::entries::{BYTES, MAX_BYTES, TEXT, frozen, read, size, wrong_keys};
use crate::{
    failure::Cause,
    kinds::{
        defaults::default_text,
        strategy::{Strategy, immutable},
    },
    object,
};

/// Where a secret of `ssh-auth` has its key.
const PRIVATE_KEY: &str = "ssh-privatekey";

#[derive(Debug)]
pub(super) struct Secrets;

impl Strategy for Secrets {
    fn read(&self, secret: &mut Value) -> Result<(), String> {
        read(secret, "Secret", "data", BYTES)?;
        read(secret, "Secret", "stringData", TEXT)?;
        join_string_data(secret);
        Ok(())
    }

    fn default(&self, secret: &mut Value) {
        default_text(object::as_fields(secret), "type", "Opaque");
    }

    fn prepare_changed(&self, old: &Value, new: &mut Value) {
        if object::text(new, &["type"]).is_empty() {
            object::set_field(new, "type", old.get("type").cloned());
        }
    }

    fn wrong_change(&self, old: &Value, new: &Value) -> Vec<Cause> {
        let mut causes: Vec<_> = immutable(old, new, "type").into_iter().collect();
        causes.extend(frozen(old, new, &["data"]));
        causes.extend(self.wrong_new(new));
        causes
    }

    fn wrong_new(&self, secret: &Value) -> Vec<Cause> {
        let mut causes = wrong_keys(secret, "data");
        if size(secret, "data", BYTES) > MAX_BYTES {
            causes.push(Cause::too_long("data", MAX_BYTES));
        }
        causes.extend(missing(secret));
        causes
    }
}

/// Returns what a secret of a type that Kubernetes knows lacks.
///
/// Whether the configuration of Docker is JSON is not looked at.
fn missing(secret: &Value) -> Vec<Cause> {
    const ACCOUNT: &str = "kubernetes.io/service-account.name";
    let has = |key: &str| object::field(secret, &["data", key]).is_some();
    let lacks = |key: &str| {
        let field = format!("data[{key}]");
        (!has(key)).then(|| Cause::required(field, ""))
    };
    let lacks_all = |keys: &[&str]| keys.iter().filter_map(|key| lacks(key)).collect();
    match object::text(secret, &["type"]) {
        "kubernetes.io/service-account-token" => {
            if !object::text(secret, &["metadata", "annotations", ACCOUNT]).is_empty() {
                return Vec::new();
            }
            let field = format!("metadata.annotations[{ACCOUNT}]");
            vec![Cause::required(field, "")]
        }
        "kubernetes.io/dockercfg" => lacks_all(&[".dockercfg"]),
        "kubernetes.io/dockerconfigjson" => lacks_all(&[".dockerconfigjson"]),
        "kubernetes.io/basic-auth" if !has("username") && !has("password") => {
            lacks_all(&["username", "password"])
        }
        "kubernetes.io/ssh-auth" if object::text(secret, &["data", PRIVATE_KEY]).is_empty() => {
            vec![Cause::required(format!("data[{PRIVATE_KEY}]"), "")]
        }
        "kubernetes.io/tls" => lacks_all(&["tls.crt", "tls.key"]),
        _ => Vec::new(),
    }
}

/// What `stringData` says wins over `data`.
fn join_string_data(secret: &mut Value) {
    let fields = object::as_fields(secret);
    let Some(Value::Object(texts)) = fields.remove("stringData") else {
        return;
    };
    let data = fields.entry("data").or_insert(Value::Null);
    if data.is_null() {
        *data = Value::Object(Map::new());
    }
    let data = object::as_fields(data);
    for (key, text) in texts {
        let text = text.as_str().unwrap_or_default();
        data.insert(key, Value::from(STANDARD.encode(text)));
    }
}
