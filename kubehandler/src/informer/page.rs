//! One page of a list, read item by item.

use crate::informer::{
    codec::{Item, PageMeta, Unreadable},
    decode_error::WithoutValues,
    fields::Fields,
    scan::{Elements, Members},
};

/// A page whose items are still to be read.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    pub(crate) metadata: PageMeta,
    /// `None` where there are none.
    items: Option<Elements<'a>>,
    /// What comes behind the items.
    rest: Members<'a>,
    /// The items came before the metadata, and `rest` is over.
    is_over: bool,
}

impl<'a> Page<'a> {
    /// Reads the body of a list, up to its items if what tells of the page comes first.
    ///
    /// # Errors
    ///
    /// Fails if it is no list: an answer of another kind must not empty the store.
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, String> {
        let mut rest = Members::of(body).map_err(|error| error.to_string())?;
        let (mut metadata, mut items): (Option<PageMeta>, Option<&[u8]>) = (None, None);
        while let Some(member) = rest.next().map_err(|error| error.to_string())? {
            let is_array = rest.first_byte() == Some(b'[');
            if *member.name == *b"items" && is_array && metadata.is_some() {
                let elements = rest.elements().map_err(|error| error.to_string())?;
                let metadata = metadata.ok_or("it has no `metadata`")?;
                return Ok(Self {
                    metadata,
                    items: Some(elements),
                    rest,
                    is_over: false,
                });
            }
            let value = rest.value().map_err(|error| error.to_string())?;
            match &*member.name {
                b"metadata" => {
                    let read = serde_json::from_slice(value);
                    metadata = Some(
                        read.map_err(|error| format!("`metadata`: {}", WithoutValues(&error)))?,
                    );
                }
                b"items" => items = Some(value),
                _ => {}
            }
        }
        rest.ends_the_text().map_err(|error| error.to_string())?;
        let elements = match items {
            None => return Err("it has no `items`".to_owned()),
            Some(b"null") => None,
            Some(items) => Some(Elements::of(items).map_err(|error| format!("`items`: {error}"))?),
        };
        Ok(Self {
            metadata: metadata.ok_or("it has no `metadata`")?,
            items: elements,
            rest,
            is_over: true,
        })
    }

    /// Reads the next item, or `None` once the whole page was read.
    ///
    /// # Errors
    ///
    /// Fails if the rest of the page cannot be read; an item that cannot be is passed over.
    pub(crate) fn next(
        &mut self,
        dropped: &Fields,
    ) -> Result<Option<Result<Item<'a>, Unreadable>>, String> {
        let Some(items) = &mut self.items else {
            return self.finish().map(|()| None);
        };
        if !items.next().map_err(|error| error.to_string())? {
            self.rest.leave(items.at());
            self.items = None;
            return self.finish().map(|()| None);
        }
        if items.first_byte() != Some(b'{') {
            let value = items.value().map_err(|error| error.to_string())?;
            return Ok(Some(Item::read(value, dropped)));
        }
        let mut members = items.members().map_err(|error| error.to_string())?;
        let item = Item::walk(&mut members, dropped).map_err(|error| error.to_string())?;
        items.leave(members.at());
        Ok(Some(item))
    }

    /// Checks what comes behind the items.
    fn finish(&mut self) -> Result<(), String> {
        if self.is_over {
            return Ok(());
        }
        self.is_over = true;
        let mut rest = || {
            while self.rest.next()?.is_some() {
                self.rest.value()?;
            }
            self.rest.ends_the_text()
        };
        rest().map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of a page's items, `None` for one that cannot be read.
    fn names(text: &str) -> Result<Vec<Option<String>>, String> {
        let dropped = Fields::default();
        let mut page = Page::read(text.as_bytes())?;
        let mut names = Vec::new();
        while let Some(item) = page.next(&dropped)? {
            names.push(item.ok().map(|item| item.key().to_string()));
        }
        assert!(matches!(page.next(&dropped), Ok(None)), "it is over");
        Ok(names)
    }

    #[test]
    fn items_are_read_wherever_they_stand() {
        let items = r#""items":[{"metadata":{"name":"a"}}, {"metadata":{"name":"b"}} ]"#;
        let expected = Ok(vec![Some("a".to_owned()), Some("b".to_owned())]);

        assert_eq!(names(&format!(r#"{{"metadata":{{}},{items}}}"#)), expected);
        assert_eq!(names(&format!(r#"{{{items},"metadata":{{}}}}"#)), expected);
        assert_eq!(
            names(&format!(r#"{{"metadata":{{}},{items},"kind":"PodList"}} "#)),
            expected
        );
    }

    #[test]
    fn item_that_is_no_object_hides_no_other() {
        let text = r#"{"metadata":{},"items":[1,{},{"metadata":{"name":"a"}},[]]}"#;

        assert_eq!(
            names(text),
            Ok(vec![None, None, Some("a".to_owned()), None])
        );
    }

    #[test]
    fn page_without_items_is_refused_and_null_items_are_none() {
        for text in [
            r#"{"metadata":{}}"#,
            "{}",
            r#"{"kind":"Status","metadata":{}}"#,
            r#"{"metadata":{},"items":{}}"#,
            r#"{"items":[]}"#,
            r#"{"metadata":{"resourceVersion":1},"items":[]}"#,
        ] {
            assert!(names(text).is_err(), "{text}");
        }
        assert_eq!(names(r#"{"metadata":{},"items":null}"#), Ok(vec![]));
        assert_eq!(names(r#"{"metadata":{},"items":[]}"#), Ok(vec![]));
    }

    #[test]
    fn page_that_is_cut_anywhere_is_refused() {
        let whole =
            r#"{"metadata":{"continue":"x"},"items":[{"metadata":{"name":"a"}}],"kind":"L"}"#;
        assert!(names(whole).is_ok());

        for cut in 0..whole.len() {
            assert!(names(&whole[..cut]).is_err(), "cut at {cut}");
        }
    }
}
