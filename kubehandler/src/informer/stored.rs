//! One object as the store keeps it: encoded, small and whole.

use std::{
    any::Any,
    fmt,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use crate::resource::Resource;

/// An object in the store: its JSON, and the few fields that are needed without decoding it.
pub(crate) struct Stored {
    uid: Box<str>,
    resource_version: Box<str>,
    deleting: bool,
    json: Box<[u8]>,
    /// The decoded object, as long as somebody holds it.
    decoded: Mutex<Weak<dyn Any + Send + Sync>>,
}

/// Why an object could not be decoded into its Rust type.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the object is not a valid `{kind}`: {message}")]
pub struct DecodeError {
    kind: &'static str,
    message: Arc<str>,
}

impl DecodeError {
    /// Decodes once more, as slowly as it takes to learn which field it is.
    fn new<K: Resource>(json: &[u8], error: &serde_json::Error) -> Self {
        let mut json = serde_json::Deserializer::from_slice(json);
        let message = match serde_path_to_error::deserialize::<_, K>(&mut json) {
            Err(error) => format!("`{}`: {}", error.path(), error.inner()),
            Ok(_) => error.to_string(),
        };
        Self {
            kind: short_name::<K>(),
            message: message.into(),
        }
    }
}

impl Stored {
    pub(crate) fn new(uid: &str, resource_version: &str, deleting: bool, json: Vec<u8>) -> Self {
        Self {
            uid: uid.into(),
            resource_version: resource_version.into(),
            deleting,
            json: json.into(),
            decoded: Mutex::new(Weak::<()>::new()),
        }
    }

    pub(crate) fn uid(&self) -> &str {
        &self.uid
    }

    pub(crate) fn resource_version(&self) -> &str {
        &self.resource_version
    }

    /// Returns the object as it is kept.
    #[cfg(test)]
    pub(crate) fn json(&self) -> &[u8] {
        &self.json
    }

    /// Returns true if the object has a deletionTimestamp.
    pub(crate) fn is_deleting(&self) -> bool {
        self.deleting
    }

    /// Returns true if both are one version of one object; without a version, its content decides.
    pub(crate) fn is_same_version(&self, other: &Self) -> bool {
        self.uid == other.uid
            && self.resource_version == other.resource_version
            && (!self.resource_version.is_empty() || self.json == other.json)
    }

    /// Returns the decoded object, shared with all who hold it now.
    pub(crate) fn decode<K: Resource>(&self) -> Result<Arc<K>, DecodeError> {
        let mut decoded = self.decoded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = decoded.upgrade()
            && let Ok(object) = shared.downcast::<K>()
        {
            return Ok(object);
        }
        let object: Arc<K> = match serde_json::from_slice(&self.json) {
            Ok(object) => Arc::new(object),
            Err(error) => return Err(DecodeError::new::<K>(&self.json, &error)),
        };
        let shared: Arc<dyn Any + Send + Sync> = object.clone();
        *decoded = Arc::downgrade(&shared);
        Ok(object)
    }
}

/// The type's name without its path.
fn short_name<K>() -> &'static str {
    let name = std::any::type_name::<K>();
    let path = name.split('<').next().unwrap_or(name);
    path.rsplit("::").next().unwrap_or(path)
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored")
            .field("uid", &self.uid)
            .field("resource_version", &self.resource_version)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::k8s::Pod;

    fn stored(json: &str) -> Stored {
        Stored::new("u", "1", false, json.as_bytes().to_vec())
    }

    #[test]
    fn decode_error_names_the_kind_and_the_field() {
        let object = stored(r#"{"metadata":{},"spec":{"containers":[{"name":"a","tty":"yes"}]}}"#);

        let error = object.decode::<Pod>().expect_err("tty is a bool");

        let text = error.to_string();
        let start = "the object is not a valid `Pod`: `spec.containers[0].tty`: invalid type";
        assert!(text.starts_with(start), "{text}");
    }

    #[test]
    fn decoded_object_is_shared_and_not_kept() {
        let object = stored(r#"{"metadata":{"name":"a"}}"#);

        let first = object.decode::<Pod>().expect("a pod");
        let second = object.decode::<Pod>().expect("a pod");

        assert!(Arc::ptr_eq(&first, &second));
        drop((first, second));
        assert!(object.decoded.lock().expect("no panic").upgrade().is_none());
    }
}
