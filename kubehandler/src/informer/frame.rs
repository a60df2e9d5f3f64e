//! From the bytes of a watch to its events: one JSON document a line.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::informer::{
    codec::{self, Item, TypeMeta, Unreadable},
    failure::ApiStatus,
};

/// The annotation of the bookmark that closes the first events of a streaming list.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// Bytes as they came, cut into lines.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    buffer: Vec<u8>,
    /// Where the next line starts.
    start: usize,
    /// No line ends before this point.
    scanned: usize,
}

impl Lines {
    /// Takes the next bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.start);
        self.scanned -= self.start;
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the next whole line that is not blank, without its end.
    pub(crate) fn next_line(&mut self) -> Option<&[u8]> {
        loop {
            let length = self.buffer[self.scanned..]
                .iter()
                .position(|byte| *byte == b'\n');
            let Some(length) = length else {
                self.scanned = self.buffer.len();
                return None;
            };
            let line = self.start..self.scanned + length;
            self.start = line.end + 1;
            self.scanned = self.start;
            if !self.buffer[line.clone()].trim_ascii().is_empty() {
                return Some(&self.buffer[line]);
            }
        }
    }

    /// Returns what follows the last line end, once no more bytes come.
    pub(crate) fn take_rest(&mut self) -> Vec<u8> {
        let rest = self.buffer.split_off(self.start);
        *self = Self::default();
        rest
    }
}

/// One event of a watch.
#[derive(Debug)]
pub(crate) enum Frame {
    /// `ADDED` or `MODIFIED`: the object is in the view.
    Upsert(Item),
    /// `DELETED`, with the last state of the object.
    Remove(Item),
    /// Nothing older than `version` comes any more.
    Bookmark {
        version: String,
        /// It closes the first events of a streaming list.
        ends_initial_events: bool,
    },
    /// The server gives up; the stream ends.
    Error(ApiStatus),
    /// `ADDED` or `MODIFIED`, with an object that cannot be read.
    Unreadable(Unreadable),
}

impl Frame {
    /// Reads one line.
    ///
    /// # Errors
    ///
    /// Fails if the line is no event, or does not say which object is gone.
    pub(crate) fn read(line: &[u8], types: &TypeMeta) -> Result<Self, String> {
        let event: Event<'_> = match serde_json::from_slice(line) {
            Ok(event) => event,
            // Some servers and proxies send a bare status where an event belongs.
            Err(error) => {
                return ApiStatus::read(line)
                    .map(Self::Error)
                    .ok_or_else(|| error.to_string());
            }
        };
        match event.kind {
            Kind::Added | Kind::Modified => {
                Ok(codec::read(event.object, types).map_or_else(Self::Unreadable, Self::Upsert))
            }
            // What is gone must not be taken for an object that is there and cannot be read.
            Kind::Deleted => codec::read(event.object, types)
                .map(Self::Remove)
                .map_err(|unreadable| unreadable.to_string()),
            Kind::Bookmark => read_bookmark(event.object).map_err(|error| error.to_string()),
            Kind::Error => ApiStatus::read(event.object.get().as_bytes())
                .map(Self::Error)
                .ok_or_else(|| "an ERROR event without a status".to_owned()),
        }
    }
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Kind {
    Added,
    Modified,
    Deleted,
    Bookmark,
    Error,
}

fn read_bookmark(raw: &RawValue) -> Result<Frame, serde_json::Error> {
    #[derive(Deserialize)]
    struct Bookmark {
        metadata: Metadata,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Metadata {
        resource_version: String,
        #[serde(default)]
        annotations: Option<std::collections::BTreeMap<String, String>>,
    }

    let Bookmark { metadata } = serde_json::from_str(raw.get())?;
    let annotations = metadata.annotations.unwrap_or_default();
    Ok(Frame::Bookmark {
        version: metadata.resource_version,
        ends_initial_events: annotations
            .get(INITIAL_EVENTS_END)
            .is_some_and(|end| end == "true"),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn types() -> TypeMeta {
        TypeMeta {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
        }
    }

    fn read(line: &str) -> Result<Frame, String> {
        Frame::read(line.as_bytes(), &types())
    }

    #[test]
    fn events_are_read_by_their_type() {
        let added = read(r#"{"type":"ADDED","object":{"metadata":{"name":"a"}}}"#);
        let modified = read(r#"{"object":{"metadata":{"name":"a"}},"type":"MODIFIED"}"#);
        let deleted = read(r#"{"type":"DELETED","object":{"metadata":{"name":"a"}}}"#);

        assert!(matches!(added, Ok(Frame::Upsert(item)) if item.key.as_str() == "a"));
        assert!(matches!(modified, Ok(Frame::Upsert(_))));
        assert!(matches!(deleted, Ok(Frame::Remove(_))));
    }

    #[test]
    fn only_the_annotated_bookmark_ends_the_initial_events() {
        let bookmark = |annotations: &str| {
            let metadata = format!(r#"{{"resourceVersion":"9","annotations":{annotations}}}"#);
            match read(&format!(
                r#"{{"type":"BOOKMARK","object":{{"kind":"Pod","metadata":{metadata}}}}}"#
            )) {
                Ok(Frame::Bookmark {
                    version,
                    ends_initial_events,
                }) if version == "9" => ends_initial_events,
                other => panic!("{other:?}"),
            }
        };

        assert!(bookmark(r#"{"k8s.io/initial-events-end":"true"}"#));
        assert!(!bookmark(r#"{"k8s.io/initial-events-end":"false"}"#));
        assert!(!bookmark("{}"));
        assert!(!bookmark("null"));
    }

    #[test]
    fn error_event_and_bare_status_are_the_server_s_error() {
        let status = r#"{"kind":"Status","code":410,"reason":"Expired","message":"too old"}"#;

        let event = read(&format!(r#"{{"type":"ERROR","object":{status}}}"#));
        let bare = read(status);

        assert!(matches!(event, Ok(Frame::Error(status)) if status.code == 410));
        assert!(matches!(bare, Ok(Frame::Error(status)) if status.code == 410));
    }

    #[test]
    fn line_that_is_no_event_is_refused() {
        for line in [
            "",
            "<html>",
            "{}",
            r#"{"type":"ADDED"}"#,
            r#"{"type":"PURPLE","object":{}}"#,
            r#"{"type":"BOOKMARK","object":{}}"#,
            r#"{"type":"ERROR","object":[]}"#,
            r#"{"type":"DELETED","object":{"metadata":{"name":"a","uid":[]}}}"#,
            r#"{"type":"ADDED","object":{"metadata":{"name":"a"}}"#,
        ] {
            assert!(read(line).is_err(), "{line}");
        }
    }

    #[test]
    fn event_with_an_unreadable_object_says_so() {
        let frame = read(r#"{"type":"MODIFIED","object":{"metadata":{"name":"a","uid":[]}}}"#);

        assert!(matches!(
            frame,
            Ok(Frame::Unreadable(Unreadable { key: Some(_), .. }))
        ));
    }

    proptest! {
        #[test]
        fn lines_are_the_same_wherever_the_bytes_are_cut(
            text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b' '), Just(b'{'), any::<u8>()], 0..60),
            cuts in proptest::collection::vec(0_usize..60, 0..8),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let mut lines = Lines::default();
            let mut found = Vec::new();
            for pair in cuts.windows(2) {
                lines.push(&text[pair[0]..pair[1]]);
                while let Some(line) = lines.next_line() {
                    found.push(line.to_vec());
                }
            }

            let mut whole: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
            let rest = whole.pop().unwrap_or_default();
            whole.retain(|line| !line.trim_ascii().is_empty());

            prop_assert_eq!(found, whole);
            prop_assert_eq!(lines.take_rest(), rest);
        }
    }
}
