//! Manifests: YAML or JSON, many in a text, created or replaced one after the other.

#[cfg(test)]
mod tests;
mod texts;

use bytes::Bytes;
use http::{Method, Request as HttpRequest, header};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::group::GroupVersion;
use crate::server::ApiServer;

/// Manifests that could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The text is neither YAML nor JSON.
    #[error("the manifests are not valid YAML: {0}")]
    Syntax(String),
    /// A document is no object of the API.
    #[error("document {document}: {why}")]
    NotAnObject {
        /// Which document, from 1.
        document: usize,
        /// What is missing or of another type.
        why: String,
    },
    /// The server has no such kind.
    #[error(
        "document {document}: no kind `{kind}` in `{api_version}`: load its CustomResourceDefinition before it"
    )]
    UnknownKind {
        /// Which document, from 1.
        document: usize,
        /// Its `kind`.
        kind: String,
        /// Its `apiVersion`.
        api_version: String,
    },
    /// The server refused the object.
    #[error("document {document}: {message}")]
    Refused {
        /// Which document, from 1.
        document: usize,
        /// The server's words.
        message: String,
    },
}

impl ApiServer {
    /// Creates the objects of `manifests`, or replaces those that are there; returns how many.
    ///
    /// The text is YAML or JSON, with one or many documents; `List`s are taken apart. An object
    /// without namespace goes to `default`. A status is written too, as if a controller had.
    ///
    /// YAML reads some words as something else than text: `n`, `no`, `1` and `~` are a bool, a bool, a
    /// number and null. The error names the field, whose value needs quotes.
    ///
    /// # Errors
    ///
    /// Fails at the first document that is wrong; those before it are there.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the objects that were written before.
    pub async fn load(&self, manifests: &str) -> Result<usize, LoadError> {
        let documents: Vec<Value> = serde_saphyr::from_multiple(manifests)
            .map_err(|error| LoadError::Syntax(error.to_string()))?;
        let mut count = 0;
        for (index, document) in documents.into_iter().enumerate() {
            for object in items(document) {
                self.load_one(index + 1, object).await?;
                count += 1;
            }
        }
        Ok(count)
    }

    async fn load_one(&self, document: usize, mut object: Value) -> Result<(), LoadError> {
        texts::check(&object).map_err(|why| LoadError::NotAnObject { document, why })?;
        let text = |object: &Value, path: &str| {
            object
                .pointer(path)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let (api_version, kind) = (text(&object, "/apiVersion"), text(&object, "/kind"));
        let name = text(&object, "/metadata/name");
        let Some((plural, is_namespaced)) = self.find(&api_version, &kind) else {
            return Err(LoadError::UnknownKind {
                document,
                kind,
                api_version,
            });
        };
        let root = if api_version.contains('/') {
            "apis"
        } else {
            "api"
        };
        let mut url = format!("/{root}/{api_version}");
        if is_namespaced {
            let namespace = text(&object, "/metadata/namespace");
            let namespace = if namespace.is_empty() {
                "default".to_owned()
            } else {
                namespace
            };
            object["metadata"]["namespace"] = namespace.clone().into();
            url = format!("{url}/namespaces/{namespace}");
        }
        url = format!("{url}/{plural}");

        let wanted_status = object.get("status").cloned();
        let refused = |message| LoadError::Refused { document, message };
        let mut answer = self
            .send(Method::POST, &url, &object)
            .await
            .map_err(refused)?;
        if answer["reason"] == "AlreadyExists" {
            answer = self
                .send(Method::PUT, &format!("{url}/{name}"), &object)
                .await
                .map_err(refused)?;
        }
        if answer["kind"] == "Status" {
            return Err(refused(text(&answer, "/message")));
        }
        if let Some(status) = wanted_status {
            // Where there is no such subresource the status was written with the rest.
            let patch = json!({ "status": status });
            let of_status = format!("{url}/{name}/status");
            self.send(Method::PATCH, &of_status, &patch)
                .await
                .map_err(refused)?;
        }
        Ok(())
    }

    /// Returns the plural of a kind, and whether its objects live in namespaces.
    fn find(&self, api_version: &str, kind: &str) -> Option<(String, bool)> {
        let state = self.pipeline.engine().cluster();
        let resource = state.catalog.by_kind(GroupVersion::of(api_version), kind)?;
        Some((resource.plural.to_string(), resource.is_namespaced))
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Result<Value, String> {
        let content_type = if method == Method::PATCH {
            "application/merge-patch+json"
        } else {
            "application/json"
        };
        let request = HttpRequest::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, content_type)
            .header(header::USER_AGENT, "load")
            .body(Full::new(Bytes::from(body.to_string())))
            .map_err(|error| error.to_string())?;
        let answer = self
            .service()
            .oneshot(request)
            .await
            .map_err(|error| error.to_string())?;
        let answer = answer
            .into_body()
            .collect()
            .await
            .map_err(|error| error.to_string())?;
        let answer = answer.to_bytes();
        Ok(serde_json::from_slice(&answer)
            .unwrap_or_else(|_| String::from_utf8_lossy(&answer).into_owned().into()))
    }
}

/// The items of a `List`, or the object itself; nothing for an empty document.
fn items(document: Value) -> Vec<Value> {
    match document {
        Value::Null => Vec::new(),
        Value::Object(mut map) if map.get("kind").is_some_and(|kind| kind == "List") => {
            match map.remove("items") {
                Some(Value::Array(items)) => items,
                _ => Vec::new(),
            }
        }
        other => vec![other],
    }
}
