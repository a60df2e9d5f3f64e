//! How an object is written into an answer: under which version, whole or its metadata alone.

use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::{
    kinds::{Resource, Version, api_version, events},
    state::storage::Stored,
    structural::Structural,
    wire::media::Form,
};

/// How an object is written.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// Only the metadata is written.
    is_partial: bool,
    api_version: String,
    kind: String,
    /// The items of a list carry `apiVersion` and `kind`, too.
    names_items: bool,
    /// What stands before an object's own fields: `{"kind":"Pod","apiVersion":"v1"`.
    head: Bytes,
    /// The fields have other names than the stored ones.
    is_newer_event: bool,
    /// What custom objects are now; those stored before may be something else.
    schema: Option<Arc<Structural>>,
}

impl Shape {
    pub(crate) fn new(resource: &Resource, version: &Version, form: Form) -> Self {
        let partial = match form {
            Form::Metadata(version) | Form::MetadataList(version) => Some(version),
            Form::Whole | Form::AggregatedDiscovery => None,
        };
        let (api_version, kind) = match partial {
            Some(version) => (
                format!("meta.k8s.io/{version}"),
                "PartialObjectMetadata".to_owned(),
            ),
            None => (api_version(resource, version), version.kind.to_string()),
        };
        let head = format!(
            r#"{{"kind":{},"apiVersion":{}"#,
            json!(kind),
            json!(api_version)
        );
        Self {
            is_partial: partial.is_some(),
            names_items: partial.is_some() || resource.rules.is_custom,
            api_version,
            kind,
            head: head.into(),
            is_newer_event: partial.is_none() && resource.group == events::GROUP,
            schema: resource.storage_schema.clone(),
        }
    }

    /// Returns the object as an answer has it.
    pub(crate) fn object(&self, stored: &Stored) -> Bytes {
        let mut out = BytesMut::with_capacity(self.head.len() + stored.body().len() + 16);
        self.write(&mut out, stored, true);
        out.put_u8(b'\n');
        out.freeze()
    }

    /// Returns an object that is not stored, such as the result of a dry run, as an answer has it.
    pub(crate) fn value(&self, mut object: Value) -> Value {
        if self.is_partial {
            object = json!({ "metadata": object["metadata"].take() });
        }
        object["apiVersion"] = self.api_version.clone().into();
        object["kind"] = self.kind.clone().into();
        object
    }

    /// Returns a list. `metadata` is its own.
    pub(crate) fn list(&self, metadata: &Value, items: &[Arc<Stored>]) -> Bytes {
        let size: usize = items
            .iter()
            .map(|item| item.body().len() + self.head.len() + 8)
            .sum();
        let mut out = BytesMut::with_capacity(size + 256);
        let kind = json!(format!("{}List", self.kind));
        let api_version = json!(self.api_version);
        let head = format!(
            r#"{{"kind":{kind},"apiVersion":{api_version},"metadata":{metadata},"items":["#
        );
        out.put_slice(head.as_bytes());
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                out.put_u8(b',');
            }
            self.write(&mut out, item, self.names_items);
        }
        out.put_slice(b"]}\n");
        out.freeze()
    }

    /// Appends one line of a watch.
    pub(crate) fn event(&self, out: &mut BytesMut, kind: &str, stored: &Stored) {
        out.put_slice(br#"{"type":""#);
        out.put_slice(kind.as_bytes());
        out.put_slice(br#"","object":"#);
        self.write(out, stored, true);
        out.put_slice(b"}\n");
    }

    /// Appends a bookmark: an object with nothing but its version.
    pub(crate) fn bookmark(&self, out: &mut BytesMut, revision: u64, ends_initial_events: bool) {
        let mut metadata = json!({ "resourceVersion": revision.to_string() });
        if ends_initial_events {
            metadata["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
        }
        out.put_slice(br#"{"type":"BOOKMARK","object":"#);
        out.put_slice(&self.head);
        out.put_slice(format!(",\"metadata\":{metadata}}}}}\n").as_bytes());
    }

    fn write(&self, out: &mut BytesMut, stored: &Stored, is_named: bool) {
        let (metadata, renamed, body);
        let fields: &[u8] = if self.is_newer_event {
            let mut event = stored.to_value();
            events::to_newer(&mut event);
            renamed = event.to_string();
            renamed.as_bytes()
        } else if self.is_partial {
            metadata = format!(r#"{{"metadata":{}}}"#, metadata_of(stored));
            metadata.as_bytes()
        } else {
            body = stored.body_under(self.schema.as_ref());
            &body
        };
        if is_named {
            out.put_slice(&self.head);
            out.put_u8(b',');
            out.put_slice(&fields[1..]); // Never empty: every object has metadata.
        } else {
            out.put_slice(fields);
        }
    }
}

fn metadata_of(stored: &Stored) -> &str {
    #[derive(Deserialize)]
    struct Object<'a> {
        #[serde(borrow)]
        metadata: &'a RawValue,
    }
    let object: Object<'_> =
        serde_json::from_slice(stored.body()).expect("every object has metadata");
    object.metadata.get()
}
