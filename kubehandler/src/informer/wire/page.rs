//! One page of a list, read to its end before anything of it counts.

use std::borrow::Cow;

use crate::{
    Printable,
    budget::BUDGET,
    informer::wire::{
        failure::{ApiStatus, Failure},
        fields::Fields,
        item::{Item, Unreadable},
        scan::{self, Elements, Malformed, Members},
    },
};

/// Kinds that end in `List`, and come from the addresses above those of resources.
const DISCOVERY: [&str; 2] = ["APIGroupList", "APIResourceList"];

/// A page of a list.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    pub(crate) metadata: PageMeta,
    pub(crate) items: Vec<Result<Item<'a>, Unreadable>>,
}

/// Where a page stands in its list.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct PageMeta {
    pub(crate) resource_version: String,
    pub(crate) continue_token: String,
}

/// A page that is being read.
///
/// Null and missing members are empty, and of two members of one name the last counts, as in Go;
/// so nothing of a page is known for sure before its end.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    body: &'a [u8],
    members: Members<'a>,
    /// The items, while they are read.
    elements: Option<Elements<'a>>,
    items: Vec<Result<Item<'a>, Unreadable>>,
    found: PageItems,
    kind: Cow<'a, str>,
    metadata: Option<Metadata<'a>>,
    /// Where this piece ends.
    pause: usize,
}

/// Why an answer is no page of a list.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoPage {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("`{0}` is not of its type")]
    Member(&'static str),
    #[error("it is of the kind `{}`", Printable::new(.0))]
    Kind(String),
    #[error("it has neither `items` nor the `kind` of a list")]
    Nothing,
    #[error("{0}")]
    Status(ApiStatus),
}

impl From<NoPage> for Failure {
    fn from(error: NoPage) -> Self {
        match error {
            NoPage::Status(status) => Self::Status(status),
            other => Self::UnreadableList(other.to_string()),
        }
    }
}

/// What the page has for its items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PageItems {
    Missing,
    /// An array of another name, such as `PageItems`.
    Misspelled,
    Null,
    Array,
}

/// The `metadata` of a page, still encoded.
#[derive(Debug, Default)]
struct Metadata<'a> {
    version: Option<&'a [u8]>,
    token: Option<&'a [u8]>,
}

impl<'a> Reading<'a> {
    /// Begins to read the body of an answer.
    ///
    /// # Errors
    ///
    /// Fails if it is no JSON object.
    pub(crate) fn of(body: &'a [u8]) -> Result<Self, NoPage> {
        let body = scan::without_bom(body);
        Ok(Self {
            body,
            members: Members::of(body)?,
            elements: None,
            items: Vec::new(),
            found: PageItems::Missing,
            kind: Cow::Borrowed(""),
            metadata: None,
            pause: BUDGET,
        })
    }

    /// Reads on; returns the page once all of it is read. Its items should be of this `kind`.
    ///
    /// # Errors
    ///
    /// Fails if it is no list: an answer of another kind must not empty the store. An item that
    /// cannot be read is among the items.
    pub(crate) fn go_on(
        &mut self,
        kind: &str,
        dropped: &Fields,
    ) -> Result<Option<Page<'a>>, NoPage> {
        if !self.read_piece(dropped)? {
            return Ok(None);
        }
        self.check(kind)?;
        Ok(Some(Page {
            metadata: self.metadata.take().unwrap_or_default().read()?,
            items: std::mem::take(&mut self.items),
        }))
    }

    /// Reads a piece of the text; returns true at its end.
    fn read_piece(&mut self, dropped: &Fields) -> Result<bool, NoPage> {
        loop {
            if let Some(elements) = &mut self.elements {
                while elements.next()? {
                    self.items.push(read_item(elements, dropped)?);
                    if elements.at() >= self.pause {
                        self.pause = elements.at() + BUDGET;
                        return Ok(false);
                    }
                }
                self.members.leave(elements.at());
                self.elements = None;
            }
            let Some(member) = self.members.next()? else {
                self.members.ends_the_text()?;
                return Ok(true);
            };
            match &*member.name {
                b"metadata" => self.read_metadata()?,
                b"kind" => {
                    let value = self.members.value()?;
                    if value != b"null" {
                        self.kind = scan::text(value).map_err(|_| NoPage::Member("kind"))?;
                    }
                }
                b"items" => self.begin_items(PageItems::Array)?,
                name if name.eq_ignore_ascii_case(b"items") => {
                    self.begin_items(PageItems::Misspelled)?;
                }
                _ => drop(self.members.value()?),
            }
        }
    }

    fn begin_items(&mut self, found: PageItems) -> Result<(), NoPage> {
        let is_array = self.members.first_byte() == Some(b'[');
        let is_right = matches!(self.found, PageItems::Array | PageItems::Null);
        if found == PageItems::Misspelled && (is_right || !is_array) {
            self.members.value()?;
            return Ok(());
        }
        self.items.clear();
        if is_array {
            self.found = found;
            self.elements = Some(self.members.elements()?);
            return Ok(());
        }
        self.found = PageItems::Null;
        match self.members.value()? {
            b"null" => Ok(()),
            _ => Err(NoPage::Member("items")),
        }
    }

    /// Reads a `metadata`, or another one: what it lacks stays as it was.
    fn read_metadata(&mut self) -> Result<(), NoPage> {
        if self.members.first_byte() != Some(b'{') {
            return match self.members.value()? {
                b"null" => Ok(()),
                _ => Err(NoPage::Member("metadata")),
            };
        }
        let metadata = self.metadata.get_or_insert_default();
        let mut members = self.members.members()?;
        while let Some(member) = members.next()? {
            let value = members.value()?;
            match &*member.name {
                _ if value == b"null" => {}
                b"resourceVersion" => metadata.version = Some(value),
                b"continue" => metadata.token = Some(value),
                _ => {}
            }
        }
        self.members.leave(members.at());
        Ok(())
    }

    /// Checks that the answer is a list: by its items, or, if it has none, by its kind.
    fn check(&self, kind: &str) -> Result<(), NoPage> {
        if self.kind == "Status" {
            return match ApiStatus::read(self.body) {
                Some(status) if status.code >= 400 => Err(NoPage::Status(status)),
                _ => Err(NoPage::Kind("Status".to_owned())),
            };
        }
        let is_list = match self.found {
            // A definition may call its lists what it wants, but not as it calls its objects.
            PageItems::Array | PageItems::Misspelled => self.kind != kind,
            PageItems::Null if self.kind.is_empty() => self.metadata.is_some(),
            PageItems::Null | PageItems::Missing => {
                self.kind.ends_with("List") && !DISCOVERY.contains(&&*self.kind)
            }
        };
        match () {
            () if is_list => Ok(()),
            () if self.kind.is_empty() => Err(NoPage::Nothing),
            () => Err(NoPage::Kind(self.kind.chars().take(60).collect())),
        }
    }
}

impl Metadata<'_> {
    fn read(self) -> Result<PageMeta, NoPage> {
        let text = |name, value: Option<&[u8]>| {
            let text = scan::text(value.unwrap_or(b"null")).map_err(|_| NoPage::Member(name))?;
            Ok::<_, NoPage>(text.into_owned())
        };
        Ok(PageMeta {
            resource_version: text("metadata.resourceVersion", self.version)?,
            continue_token: text("metadata.continue", self.token)?,
        })
    }
}

/// Reads the next element.
fn read_item<'a>(
    elements: &mut Elements<'a>,
    dropped: &Fields,
) -> Result<Result<Item<'a>, Unreadable>, Malformed> {
    if elements.first_byte() != Some(b'{') {
        return Ok(Item::read(elements.value()?, dropped));
    }
    let mut members = elements.members()?;
    let item = Item::walk(&mut members, dropped)?;
    elements.leave(members.at());
    Ok(item)
}

#[cfg(test)]
mod tests;
