//! The pods of the load, made when they are sent: 1,000,000 of them need no memory here.

mod identity;
pub mod protobuf;
mod random;

use std::io::Write as _;

use anyhow::Context as _;

use self::identity::{Field, Identity};
use crate::version;

/// A pod without `kind` and `apiVersion`, one piece a line; `<name>` is a [`Field`].
const TEMPLATE: &str = include_str!("pods/pod.json");

/// How many pods there are, and how one is written.
#[derive(Debug)]
pub struct Pods {
    count: u32,
    pieces: Vec<Piece>,
    protobuf: protobuf::Template,
}

/// A pod as it is after an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Which pod it is: name and uid follow from it.
    pub index: u32,
    /// How many updates there were.
    pub round: u32,
    /// Its resourceVersion.
    pub version: u64,
    /// How many random characters an annotation ends with.
    pub note: u32,
}

impl Revision {
    /// Returns the pod in a round of the load, which has no note.
    #[must_use]
    pub fn of(index: u32, round: u32) -> Self {
        Self {
            index,
            round,
            version: version::of(round, index.into()),
            note: 0,
        }
    }
}

#[derive(Debug)]
enum Piece {
    Text(Box<[u8]>),
    Field(Field),
}

impl Pods {
    /// Reads the template.
    ///
    /// # Errors
    ///
    /// Fails if the template is not sound.
    pub fn new(count: u32) -> anyhow::Result<Self> {
        // A server sends no white space between tokens.
        let template: String = TEMPLATE.lines().map(str::trim).collect();
        Ok(Self {
            count,
            pieces: pieces(&template)?,
            protobuf: protobuf::Template::new(&template)?,
        })
    }

    /// Returns how many pods there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Appends the fields of a pod in a round, without the braces around them.
    pub fn write(&self, index: u32, round: u32, out: &mut Vec<u8>) {
        self.write_revision(&Revision::of(index, round), out);
    }

    /// Appends the fields of a pod, without the braces around them.
    pub fn write_revision(&self, revision: &Revision, out: &mut Vec<u8>) {
        let identity = Identity::new(revision);
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Field(field) => identity.write(*field, out),
            }
        }
    }

    /// Appends an event of a watch: its line.
    pub fn write_event(&self, kind: &str, index: u32, round: u32, out: &mut Vec<u8>) {
        self.write_revision_event(kind, &Revision::of(index, round), out);
    }

    /// Appends an event of a watch with a pod in any revision.
    pub fn write_revision_event(&self, kind: &str, revision: &Revision, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"type\":\"");
        out.extend_from_slice(kind.as_bytes());
        out.extend_from_slice(b"\",\"object\":{\"kind\":\"Pod\",\"apiVersion\":\"v1\",");
        self.write_revision(revision, out);
        out.extend_from_slice(b"}}\n");
    }
}

/// Splits a text at its fields.
fn pieces(text: &str) -> anyhow::Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((text, field)) = rest.split_once('<') {
        let (name, after) = field
            .split_once('>')
            .context("the template has a field without an end")?;
        let field = Field::named(name)
            .with_context(|| format!("the template has an unknown field `{name}`"))?;
        pieces.push(Piece::Text(text.as_bytes().into()));
        pieces.push(Piece::Field(field));
        rest = after;
    }
    pieces.push(Piece::Text(rest.as_bytes().into()));
    pieces.retain(|piece| !matches!(piece, Piece::Text(text) if text.is_empty()));
    Ok(pieces)
}

/// Returns the value of the label `shard`, by which the idle informers share the pods out.
#[must_use]
pub fn shard(index: u32) -> u32 {
    index % 100
}

/// Appends a bookmark, which may end the initial events of a watch.
pub fn write_bookmark(version: u64, ends_initial_events: bool, out: &mut Vec<u8>) {
    let annotations = if ends_initial_events {
        ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}"
    } else {
        ""
    };
    // Writing into memory cannot fail.
    let _ = writeln!(
        out,
        "{{\"type\":\"BOOKMARK\",\"object\":{{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{{\"resourceVersion\":\"{version}\"{annotations}}},\"spec\":{{\"containers\":null}},\"status\":{{}}}}}}"
    );
}

/// Appends the end of a watch, as a server writes it that no longer knows what came after the version.
pub fn write_expired(from: &str, now: u64, out: &mut Vec<u8>) {
    let _ = writeln!(
        out,
        "{{\"type\":\"ERROR\",\"object\":{{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{{}},\"status\":\"Failure\",\"message\":\"too old resource version: {from} ({now})\",\"reason\":\"Expired\",\"code\":410}}}}"
    );
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use k8s_openapi::api::core::v1::Pod;

    fn text(index: u32, round: u32) -> String {
        let mut out = b"{".to_vec();
        Pods::new(1)
            .expect("the template is sound")
            .write(index, round, &mut out);
        out.push(b'}');
        String::from_utf8(out).expect("JSON is text")
    }

    fn pod(index: u32, round: u32) -> Pod {
        serde_json::from_str(&text(index, round)).expect("a pod")
    }

    #[test]
    fn pod_is_as_large_as_said() {
        for index in [0, 49_999, 999_999] {
            let len = text(index, 3).len();
            assert!((5_900..=6_100).contains(&len), "{len} bytes");
        }
    }

    #[test]
    fn pod_is_whole() {
        let pod = pod(17, 2);

        let metadata = pod.metadata;
        assert_eq!(
            metadata.resource_version,
            Some(version::of(2, 17).to_string())
        );
        assert!(metadata.name.is_some_and(|name| name.ends_with("-17")));
        assert_eq!(metadata.managed_fields.map(|fields| fields.len()), Some(2));
        let status = pod.status.expect("a status");
        assert_eq!(
            status.conditions.map(|conditions| conditions.len()),
            Some(5)
        );
        let containers = status.container_statuses.expect("containers");
        assert_eq!(containers[0].restart_count, 2);
    }

    #[test]
    fn identifiers_are_unique_and_the_same_each_time() {
        let mut uids = HashSet::new();
        let mut addresses = HashSet::new();
        for index in 0..2_000 {
            let pod = pod(index, 0);
            assert!(uids.insert(pod.metadata.uid));
            assert!(addresses.insert(pod.status.and_then(|status| status.pod_ip)));
        }
        assert_eq!(text(5, 1), text(5, 1));
    }

    #[test]
    fn revision_has_its_version_and_a_note() {
        let revision = Revision {
            version: 7,
            note: 100,
            ..Revision::of(5, 1)
        };
        let mut out = b"{".to_vec();

        let pods = Pods::new(1).expect("the template is sound");
        pods.write_revision(&revision, &mut out);

        out.push(b'}');
        let noted: Pod = serde_json::from_slice(&out).expect("a pod");
        assert_eq!(noted.metadata.resource_version.as_deref(), Some("7"));
        assert_eq!(out.len() - 100, text(5, 1).len() - "20000005".len() + 1);
    }

    #[test]
    fn update_changes_version_and_status_only() {
        let (mut old, mut new) = (pod(5, 1), pod(5, 2));

        assert_ne!(old.status, new.status);
        for pod in [&mut old, &mut new] {
            pod.status = None;
            pod.metadata.resource_version = None;
            pod.metadata.managed_fields = None; // Tells when the status was written.
        }
        assert_eq!(old, new);
    }
}
