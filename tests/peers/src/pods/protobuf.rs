//! Pods in the protobuf of Kubernetes, from the template that the JSON comes from.
//!
//! The bytes are those that the encoder of Kubernetes writes for the same object: the program `same`
//! of the Go module compares them.

mod message;
mod schema;
mod wire;

use self::message::Message;
use super::{Pods, Revision, identity::Identity};

/// What every object of its own begins with.
const MAGIC: &[u8] = b"k8s\0";

/// The end of an envelope: `contentEncoding` and `contentType`, which are empty.
const ENVELOPE_TAIL: &[u8] = &[3 << 3 | 2, 0, 4 << 3 | 2, 0];

/// The translated template.
#[derive(Debug)]
pub(super) struct Template(Message);

impl Template {
    /// Translates the members of a pod, which have no braces around them.
    pub(super) fn new(members: &str) -> anyhow::Result<Self> {
        // The only field that is a number: as text, the template is JSON.
        let members = members.replace(":<restarts>", ":\"<restarts>\"");
        Message::translate(schema::POD, &format!("{{{members}}}")).map(Self)
    }
}

impl Pods {
    /// Appends a pod as an item of a list.
    pub fn write_protobuf_item(&self, index: u32, round: u32, out: &mut Vec<u8>) {
        wire::tag(2, out);
        let identity = Identity::new(&Revision::of(index, round));
        self.protobuf.0.write_delimited(&identity, out);
    }

    /// Appends an event of a watch: its frame.
    pub fn write_protobuf_event(&self, kind: &str, index: u32, round: u32, out: &mut Vec<u8>) {
        let identity = Identity::new(&Revision::of(index, round));
        write_event(kind, "Pod", &self.protobuf.0, &identity, out);
    }
}

/// Appends a bookmark, which may end the initial events of a watch.
pub fn write_bookmark(version: u64, ends_initial_events: bool, out: &mut Vec<u8>) {
    let annotations = if ends_initial_events {
        r#","annotations":{"k8s.io/initial-events-end":"true"}"#
    } else {
        ""
    };
    let json = format!(r#"{{"metadata":{{"resourceVersion":"{version}"{annotations}}}}}"#);
    let pod = known(schema::POD, &json);
    write_event(
        "BOOKMARK",
        "Pod",
        &pod,
        &Identity::new(&Revision::of(0, 0)),
        out,
    );
}

/// Appends the end of a watch, as a server writes it that no longer knows what came after the version.
pub fn write_expired(from: &str, now: u64, out: &mut Vec<u8>) {
    let json = format!(
        r#"{{"status":"Failure","message":"too old resource version: {from} ({now})","reason":"Expired","code":410}}"#
    );
    let status = known(schema::STATUS, &json);
    write_event(
        "ERROR",
        "Status",
        &status,
        &Identity::new(&Revision::of(0, 0)),
        out,
    );
}

/// Appends what comes before the items of a list, which are `items` bytes.
///
/// `next` is the token of the next page, and how many objects are left for it.
pub fn write_list_head(version: u64, next: Option<(&str, usize)>, items: usize, out: &mut Vec<u8>) {
    let next = next.map_or_else(String::new, |(token, left)| {
        format!(r#","continue":"{token}","remainingItemCount":{left}"#)
    });
    let json = format!(r#"{{"resourceVersion":"{version}"{next}}}"#);
    let metadata = known(schema::LIST_META, &json);
    let mut head = Vec::new();
    wire::tag(1, &mut head);
    metadata.write_delimited(&Identity::new(&Revision::of(0, 0)), &mut head);

    write_envelope_head("PodList", out);
    wire::varint((head.len() + items) as u64, out);
    out.extend_from_slice(&head);
}

/// Appends what comes after the items of a list.
pub fn write_list_tail(out: &mut Vec<u8>) {
    out.extend_from_slice(ENVELOPE_TAIL);
}

/// Translates what this file writes.
fn known(members: &[schema::Member], json: &str) -> Message {
    Message::translate(members, json).expect("the schema has the members that this file writes")
}

/// Appends a frame with an event, and in it an envelope with an object.
fn write_event(
    kind: &str,
    object: &str,
    message: &Message,
    identity: &Identity,
    out: &mut Vec<u8>,
) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    wire::text(1, kind, out);
    wire::tag(2, out);
    wire::delimited(message.least(), out, |out| {
        wire::tag(1, out);
        wire::delimited(message.least(), out, |out| {
            write_envelope_head(object, out);
            message.write_delimited(identity, out);
            out.extend_from_slice(ENVELOPE_TAIL);
        });
    });
    let len = u32::try_from(out.len() - start - 4).unwrap_or(u32::MAX);
    out[start..start + 4].copy_from_slice(&len.to_be_bytes());
}

/// Appends an envelope up to the length of what is in it.
fn write_envelope_head(kind: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(MAGIC);
    wire::tag(1, out);
    wire::delimited(0, out, |out| {
        wire::text(1, "v1", out);
        wire::text(2, kind, out);
    });
    wire::tag(2, out);
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn pod(index: u32, round: u32) -> Value {
        let mut json = b"{".to_vec();
        let pods = Pods::new(1).expect("the template is sound");
        pods.write(index, round, &mut json);
        json.push(b'}');
        serde_json::from_slice(&json).expect("a pod")
    }

    /// Collects the texts of an object, keys of maps included, but neither times nor managed fields.
    fn texts<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::String(text) if text.len() != 20 || !text.ends_with('Z') => found.push(text),
            Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
            Value::Object(members) => {
                for (name, value) in members.iter().filter(|(name, _)| *name != "fieldsV1") {
                    if ["labels", "annotations", "limits", "requests"].contains(&name.as_str()) {
                        let keys = value.as_object().into_iter().flatten();
                        found.extend(keys.map(|(key, _)| key.as_str()));
                    }
                    texts(value, found);
                }
            }
            _ => {}
        }
    }

    #[test]
    fn every_text_of_the_json_is_there_with_its_length() {
        let mut frame = Vec::new();
        let pods = Pods::new(1).expect("the template is sound");

        pods.write_protobuf_event("MODIFIED", 17, 2, &mut frame);

        let pod = pod(17, 2);
        let mut expected = vec!["MODIFIED", "Pod", "v1"];
        texts(&pod, &mut expected);
        assert!(expected.len() > 100);
        for text in expected {
            let mut field = Vec::new();
            wire::varint(text.len() as u64, &mut field);
            field.extend_from_slice(text.as_bytes());
            let is_there = frame.windows(field.len()).any(|window| window == field);
            assert!(is_there, "{text}");
        }
    }

    #[test]
    fn frame_tells_its_length() {
        let mut out = vec![1, 2, 3];

        write_bookmark(20_000_007, true, &mut out);

        let (head, frame) = out[3..].split_first_chunk().expect("a head");
        assert_eq!(u32::from_be_bytes(*head) as usize, frame.len());
    }

    #[test]
    fn status_is_what_kubernetes_writes() {
        let mut frame = Vec::new();

        write_expired("7", 9, &mut frame);

        let expected = b"\0\0\0\x61\x0A\x05ERROR\x12\x58\x0A\x56k8s\0\x0A\x0C\x0A\x02v1\x12\x06Status\
            \x12\x3E\x0A\x06\x0A\0\x12\0\x1A\0\x12\x07Failure\x1A\x1Ftoo old resource version: 7 (9)\
            \x22\x07Expired\x30\x9A\x03\x1A\0\x22\0";
        assert_eq!(frame, expected);
    }

    #[test]
    fn member_without_a_number_is_refused() {
        let refused = Message::translate(schema::POD, r#"{"spec":{"hostnam":"web"}}"#);

        let message = format!("{:#}", refused.expect_err("there is no such member"));
        assert_eq!(message, "in `spec`: the schema has no `hostnam`");
    }
}
