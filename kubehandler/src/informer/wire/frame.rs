//! From the lines of a watch to its events: one JSON document a line.

use crate::informer::wire::{
    failure::ApiStatus,
    fields::Fields,
    item::{Item, Unreadable},
    scan::{self, Malformed, Members},
};

/// The annotation of the bookmark that closes the first events of a streaming list.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// One event of a watch.
#[derive(Debug)]
pub(crate) enum Frame<'a> {
    /// `ADDED` or `MODIFIED`: the object is in the view.
    Upsert(Item<'a>),
    /// `DELETED`, with the last state of the object.
    Remove(Item<'a>),
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

impl<'a> Frame<'a> {
    /// Reads one line, less the fields of the object that are `dropped`.
    ///
    /// # Errors
    ///
    /// Fails if the line is no event, or does not say which object is gone.
    pub(crate) fn read(line: &'a [u8], dropped: &Fields) -> Result<Self, String> {
        let line = scan::without_bom(line);
        match RawEvent::read(line, dropped) {
            Ok(event) => event.frame(dropped),
            // Some servers and proxies send a bare status where an event belongs.
            Err(error) => ApiStatus::read(line)
                .map(Self::Error)
                .ok_or_else(|| error.to_string()),
        }
    }
}

/// The two members of an event.
struct RawEvent<'a> {
    kind: Kind,
    object: &'a [u8],
    /// The object, if it was read already in the one pass through the line.
    item: Option<Result<Item<'a>, Unreadable>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Added,
    Modified,
    Deleted,
    Bookmark,
    Error,
}

/// Why a line is no event.
#[derive(Debug, thiserror::Error)]
enum NoEvent {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("an event of the unknown type {0}")]
    UnknownType(String),
    #[error("an event without a `{0}`")]
    Lacks(&'static str),
}

impl Kind {
    fn read(value: &[u8]) -> Result<Self, NoEvent> {
        // As a rule nothing in it is escaped.
        match value {
            b"\"ADDED\"" => Ok(Self::Added),
            b"\"MODIFIED\"" => Ok(Self::Modified),
            b"\"DELETED\"" => Ok(Self::Deleted),
            b"\"BOOKMARK\"" => Ok(Self::Bookmark),
            b"\"ERROR\"" => Ok(Self::Error),
            escaped => match &*scan::text(escaped).unwrap_or_default() {
                "ADDED" => Ok(Self::Added),
                "MODIFIED" => Ok(Self::Modified),
                "DELETED" => Ok(Self::Deleted),
                "BOOKMARK" => Ok(Self::Bookmark),
                "ERROR" => Ok(Self::Error),
                _ => Err(NoEvent::UnknownType(
                    String::from_utf8_lossy(escaped).into_owned(),
                )),
            },
        }
    }

    fn has_item(self) -> bool {
        matches!(self, Self::Added | Self::Modified | Self::Deleted)
    }
}

impl<'a> RawEvent<'a> {
    /// Reads the members of an event. Of two of one name the last counts that is not null, as in Go.
    fn read(line: &'a [u8], dropped: &Fields) -> Result<Self, NoEvent> {
        let (mut kind, mut object, mut item) = (None, None, None);
        let mut members = Members::of(line)?;
        while let Some(member) = members.next()? {
            match &*member.name {
                b"type" => {
                    let value = members.value()?;
                    if value != b"null" {
                        kind = Some(Kind::read(value));
                    }
                }
                b"object" => {
                    let start = members.at();
                    let has_item = matches!(kind, Some(Ok(kind)) if Kind::has_item(kind));
                    if has_item && members.first_byte() == Some(b'{') {
                        let mut inner = members.members()?;
                        item = Some(Item::walk(&mut inner, dropped)?);
                        members.leave(inner.at());
                        object = Some(&line[start..inner.at()]);
                        continue;
                    }
                    let value = members.value()?;
                    if value != b"null" {
                        (object, item) = (Some(value), None);
                    }
                }
                _ => drop(members.value()?),
            }
        }
        members.ends_the_text()?;
        Ok(Self {
            kind: kind.ok_or(NoEvent::Lacks("type"))??,
            object: object.ok_or(NoEvent::Lacks("object"))?,
            item,
        })
    }

    fn frame(self, dropped: &Fields) -> Result<Frame<'a>, String> {
        // Not read yet if the type came last, or if it is no object.
        let item = || {
            self.item
                .unwrap_or_else(|| Item::read(self.object, dropped))
        };
        match self.kind {
            Kind::Added | Kind::Modified => {
                Ok(item().map_or_else(Frame::Unreadable, Frame::Upsert))
            }
            // What is gone must not be taken for an object that is there and cannot be read.
            Kind::Deleted => item()
                .map(Frame::Remove)
                .map_err(|unreadable| unreadable.to_string()),
            Kind::Bookmark => read_bookmark(self.object),
            Kind::Error => ApiStatus::of_event(self.object)
                .map(Frame::Error)
                .ok_or_else(|| "an ERROR event without a status".to_owned()),
        }
    }
}

/// Reads the object of a bookmark, of which no more than `metadata` is of interest.
fn read_bookmark(object: &[u8]) -> Result<Frame<'static>, String> {
    let bookmark = Bookmark::of(object).map_err(|error| error.to_string())?;
    let version = scan::text(bookmark.version.unwrap_or(b"null"));
    let version = version.map_err(|error| format!("`metadata.resourceVersion` is {error}"))?;
    Ok(Frame::Bookmark {
        version: version.into_owned(),
        ends_initial_events: bookmark.ends_initial_events,
    })
}

/// What is found in the `metadata` of a bookmark.
#[derive(Default)]
struct Bookmark<'a> {
    version: Option<&'a [u8]>,
    ends_initial_events: bool,
}

impl<'a> Bookmark<'a> {
    fn of(object: &'a [u8]) -> Result<Self, Malformed> {
        let mut bookmark = Self::default();
        let mut members = Members::of(object)?;
        while let Some(member) = members.next()? {
            if *member.name == *b"metadata" && members.first_byte() == Some(b'{') {
                let mut metadata = members.members()?;
                bookmark.walk(&mut metadata)?;
                members.leave(metadata.at());
            } else {
                members.value()?;
            }
        }
        members.ends_the_text().map(|()| bookmark)
    }

    fn walk(&mut self, metadata: &mut Members<'a>) -> Result<(), Malformed> {
        while let Some(member) = metadata.next()? {
            if *member.name == *b"annotations" && metadata.first_byte() == Some(b'{') {
                let mut annotations = metadata.members()?;
                while let Some(annotation) = annotations.next()? {
                    let value = annotations.value()?;
                    if *annotation.name == *INITIAL_EVENTS_END.as_bytes() {
                        let end = scan::text(value).unwrap_or_default();
                        self.ends_initial_events = end == "true";
                    }
                }
                metadata.leave(annotations.at());
                continue;
            }
            let value = metadata.value()?;
            if *member.name == *b"resourceVersion" && value != b"null" {
                self.version = Some(value);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Frame<'_>, String> {
        Frame::read(line.as_bytes(), &Fields::default())
    }

    #[test]
    fn events_are_read_by_their_type() {
        let added = read(r#"{"type":"ADDED","object":{"metadata":{"name":"a"}}}"#);
        let modified = read(r#"{"object":{"metadata":{"name":"a"}},"type":"MODIFIED"}"#);
        let deleted = read(r#"{"type":"DELETED","object":{"metadata":{"name":"a"}}}"#);

        assert!(matches!(added, Ok(Frame::Upsert(item)) if item.key().as_str() == "a"));
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

        let event = format!(r#"{{"type":"ERROR","object":{status}}}"#);
        let event = read(&event);
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
            r#"{"type":"BOOKMARK","object":null}"#,
            r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":7}}}"#,
            r#"{"type":"BOOKMARK"}"#,
            r#"{"type":null,"object":{}}"#,
            r#"{"Type":"ADDED","object":{}}"#,
            r#"{"type":"ADDED","object":null}"#.trim_end_matches('}'),
            r#"{"type":"ERROR","object":[]}"#,
            r#"{"type":"ERROR","object":{}}"#,
            r#"{"type":"ERROR","object":{"kind":"Pod","code":410}}"#,
            r#"{"type":"DELETED","object":{"metadata":{"name":"a","uid":[]}}}"#,
            r#"{"type":"ADDED","object":{"metadata":{"name":"a"}}"#,
        ] {
            assert!(read(line).is_err(), "{line}");
        }
    }

    /// What is read of a line: the type, and the object's name or version.
    fn told(line: &str) -> String {
        match read(line) {
            Ok(Frame::Upsert(item)) => format!("upsert {}", item.key()),
            Ok(Frame::Remove(item)) => format!("remove {}", item.key()),
            Ok(Frame::Bookmark { version, .. }) => format!("bookmark {version}"),
            Ok(Frame::Error(status)) => format!("error {}", status.code),
            Ok(Frame::Unreadable(_)) => "unreadable".to_owned(),
            Err(error) => error,
        }
    }

    /// Each was given to client-go 0.37, but for the byte order mark, which it refuses.
    #[test]
    fn event_is_read_as_go_reads_it() {
        let [a, b] = ["a", "b"].map(|name| format!(r#"{{"metadata":{{"name":"{name}"}}}}"#));
        for (line, expected) in [
            (format!(r#"{{"\u0074ype":"\u0041DDED","ob\u006aect":{a}}}"#), "upsert a"),
            (format!(r#"{{"type":"ADDED","object":{a},"type":"DELETED"}}"#), "remove a"),
            (format!(r#"{{"type":"DELETED","object":{a},"type":"MODIFIED"}}"#), "upsert a"),
            (format!(r#"{{"type":"PURPLE","object":{a},"type":"ADDED"}}"#), "upsert a"),
            (format!(r#"{{"type":"ADDED","object":{a},"type":null}}"#), "upsert a"),
            (format!(r#"{{"type":"ADDED","object":{a},"object":{b}}}"#), "upsert b"),
            (format!(r#"{{"object":{a},"type":"ADDED","object":{b}}}"#), "upsert b"),
            (format!(r#"{{"type":"ADDED","object":{a},"object":null}}"#), "upsert a"),
            (format!(r#"{{"type":"ADDED","object":null,"object":{b}}}"#), "upsert b"),
            (format!(r#"{{"object":null,"object":{b},"type":"ADDED"}}"#), "upsert b"),
            (format!(r#"{{"type":"BOOKMARK","object":{a},"type":"ADDED"}}"#), "upsert a"),
            (format!(r#"{{"type":"ADDED","object":{a},"object":7}}"#), "unreadable"),
            (r#"{"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"9"}},"type":"BOOKMARK"}"#.to_owned(), "bookmark 9"),
            (format!("\u{feff} {{ \"type\" : \"ADDED\" ,\t\"object\" : {a}\r}}\r"), "upsert a"),
        ] {
            assert_eq!(told(&line), expected, "{line}");
        }
    }

    #[test]
    fn null_and_missing_members_of_a_bookmark_are_empty() {
        for (object, expected) in [
            ("{}", "bookmark "),
            (r#"{"metadata":null}"#, "bookmark "),
            (
                r#"{"metadata":{"resourceVersion":null,"annotations":null}}"#,
                "bookmark ",
            ),
            (
                r#"{"metadata":{"resourceVersion":"7","annotations":{"k8s.io/initial-events-end":null,"x":[]}}}"#,
                "bookmark 7",
            ),
            (
                r#"{"metadata":{"resourceVersion":"7"},"metadata":{"resourceVersion":null}}"#,
                "bookmark 7",
            ),
        ] {
            let line = format!(r#"{{"type":"BOOKMARK","object":{object}}}"#);
            assert_eq!(told(&line), expected, "{line}");
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
}
