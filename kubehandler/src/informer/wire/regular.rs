//! JSON that Go's decoder reads and serde's may not, made into what both read.
//!
//! No server that is in order sends such a text, so that this may take its time. However deep the
//! text is nested, it takes no stack.

use std::{borrow::Cow, collections::HashMap};

use crate::informer::wire::scan::{self, Elements, Malformed, Members};

/// The members of `metadata` that are strings.
const STRINGS: [&[u8]; 6] = [
    b"name",
    b"generateName",
    b"namespace",
    b"selfLink",
    b"uid",
    b"resourceVersion",
];

/// Returns an object's text with one member of each name, and no half of a surrogate pair.
///
/// Of two members of one name the last counts. Two `metadata` are merged, and so are the objects
/// in them: Go's decoder reads both into one struct, in which `null` leaves a string as it is.
///
/// `None` if that is what it is, or if it is not a JSON object throughout.
pub(crate) fn regular(text: &str) -> Option<String> {
    let tree = Tree::read(text.as_bytes()).ok()?;
    let mut written = Written {
        text: vec![b'{'],
        is_regular: !tree.is_ambiguous,
    };
    tree.write(&mut written);
    let text = String::from_utf8(written.text).ok()?;
    (!written.is_regular).then_some(text)
}

/// The values of a text.
struct Tree<'a> {
    /// The first is the whole.
    nodes: Vec<Node<'a>>,
    /// A name came twice.
    is_ambiguous: bool,
}

enum Node<'a> {
    /// Neither an object nor an array.
    Scalar(&'a [u8]),
    Array(Vec<usize>),
    Object(Object<'a>),
}

struct Object<'a> {
    within: Within,
    members: Vec<Member<'a>>,
    /// Where in `members` a name is.
    places: HashMap<Cow<'a, [u8]>, usize>,
}

struct Member<'a> {
    name: Cow<'a, [u8]>,
    /// `None` until it is read.
    value: Option<usize>,
}

/// Where an object stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Root,
    Metadata,
    /// In `metadata`, and not in an array.
    DeepInMetadata,
    Elsewhere,
}

impl Within {
    fn child(self, name: &[u8]) -> Self {
        match self {
            Self::Root if name == b"metadata" => Self::Metadata,
            Self::Metadata | Self::DeepInMetadata => Self::DeepInMetadata,
            Self::Root | Self::Elsewhere => Self::Elsewhere,
        }
    }

    /// Returns true if `null` leaves the member of this name as it was.
    fn ignores_null(self, name: &[u8]) -> bool {
        match self {
            Self::Root => name == b"metadata",
            Self::Metadata => STRINGS.contains(&name),
            Self::DeepInMetadata | Self::Elsewhere => false,
        }
    }
}

/// A place for a value: in which object or array, and the how manyth.
#[derive(Clone, Copy)]
struct InParent {
    parent: usize,
    at: usize,
}

impl<'a> Tree<'a> {
    fn read(text: &'a [u8]) -> Result<Self, Malformed> {
        let mut tree = Self {
            nodes: vec![Node::object(Within::Root)],
            is_ambiguous: false,
        };
        let mut open = vec![(RegularWalk::Members(Members::of(text)?), 0)];
        while let Some((walk, parent)) = open.last_mut() {
            if let Some(place) = tree.next_place(walk, *parent)? {
                if let Some(inner) = walk.inner()? {
                    let node = tree.open(place, matches!(inner, RegularWalk::Members(_)));
                    open.push((inner, node));
                } else {
                    tree.set(place, walk.value()?);
                }
                continue;
            }
            let over = open.pop();
            match (open.last_mut(), over) {
                (Some((outer, _)), Some((inner, _))) => outer.leave(inner.at()),
                (None, Some((whole, _))) => whole.ends_the_text()?,
                (_, None) => {}
            }
        }
        Ok(tree)
    }

    /// Returns the place of the next value of an object or array, or `None` at its end.
    fn next_place(
        &mut self,
        walk: &mut RegularWalk<'a>,
        parent: usize,
    ) -> Result<Option<InParent>, Malformed> {
        let at = match (walk, &mut self.nodes[parent]) {
            (RegularWalk::Members(members), Node::Object(object)) => {
                members.next()?.map(|member| {
                    let known = object.members.len();
                    let at = object.place(member.name);
                    self.is_ambiguous |= at < known;
                    at
                })
            }
            (RegularWalk::Elements(elements), Node::Array(array)) => {
                elements.next()?.then_some(array.len())
            }
            _ => None,
        };
        Ok(at.map(|at| InParent { parent, at }))
    }

    /// Puts an object or an array into its place; returns the node that is to be filled.
    fn open(&mut self, place: InParent, is_object: bool) -> usize {
        if !is_object {
            return self.put(place, Node::Array(Vec::new()));
        }
        let Some((object, member)) = self.member(place) else {
            return self.put(place, Node::object(Within::Elsewhere));
        };
        let within = object.within.child(&member.name);
        match member.value {
            Some(known)
                if within != Within::Elsewhere && matches!(self.nodes[known], Node::Object(_)) =>
            {
                known
            }
            _ => self.put(place, Node::object(within)),
        }
    }

    /// Puts any other value into its place.
    fn set(&mut self, place: InParent, value: &'a [u8]) {
        let is_ignored = self.member(place).is_some_and(|(object, member)| {
            value == b"null" && member.value.is_some() && object.within.ignores_null(&member.name)
        });
        if !is_ignored {
            self.put(place, Node::Scalar(value));
        }
    }

    fn member(&self, place: InParent) -> Option<(&Object<'a>, &Member<'a>)> {
        match &self.nodes[place.parent] {
            Node::Object(object) => Some((object, &object.members[place.at])),
            _ => None,
        }
    }

    fn put(&mut self, place: InParent, node: Node<'a>) -> usize {
        let value = self.nodes.len();
        self.nodes.push(node);
        match &mut self.nodes[place.parent] {
            Node::Object(object) => object.members[place.at].value = Some(value),
            Node::Array(array) => array.push(value),
            Node::Scalar(_) => {}
        }
        value
    }

    fn write(&self, written: &mut Written) {
        // What is open, and how much of it is written.
        let mut open = vec![(0, 0)];
        while let Some((node, next)) = open.last_mut() {
            let at = *next;
            *next += 1;
            let (child, close) = match &self.nodes[*node] {
                Node::Object(object) => {
                    let member = object.members.get(at);
                    if let Some(member) = member {
                        written.comma(at);
                        written.name(&member.name);
                    }
                    (member.and_then(|member| member.value), b'}')
                }
                Node::Array(array) => {
                    let element = array.get(at).copied();
                    if element.is_some() {
                        written.comma(at);
                    }
                    (element, b']')
                }
                Node::Scalar(value) => {
                    written.scalar(value);
                    open.pop();
                    continue;
                }
            };
            if let Some(child) = child {
                match self.nodes[child] {
                    Node::Object(_) => written.text.push(b'{'),
                    Node::Array(_) => written.text.push(b'['),
                    Node::Scalar(_) => {}
                }
                open.push((child, 0));
            } else {
                written.text.push(close);
                open.pop();
            }
        }
    }
}

impl Node<'_> {
    fn object(within: Within) -> Self {
        Self::Object(Object {
            within,
            members: Vec::new(),
            places: HashMap::new(),
        })
    }
}

impl<'a> Object<'a> {
    /// Returns the place of the member of this name, which is made if there is none.
    fn place(&mut self, name: Cow<'a, [u8]>) -> usize {
        let next = self.members.len();
        let place = *self.places.entry(name.clone()).or_insert(next);
        if place == next {
            self.members.push(Member { name, value: None });
        }
        place
    }
}

/// A walk through an object or an array.
enum RegularWalk<'a> {
    Members(Members<'a>),
    Elements(Elements<'a>),
}

impl<'a> RegularWalk<'a> {
    /// Begins to walk the next value, if that is an object or an array.
    fn inner(&self) -> Result<Option<Self>, Malformed> {
        let (first, members, elements) = match self {
            Self::Members(walk) => (walk.first_byte(), walk.members(), walk.elements()),
            Self::Elements(walk) => (walk.first_byte(), walk.members(), walk.elements()),
        };
        match first {
            Some(b'{') => members.map(|members| Some(Self::Members(members))),
            Some(b'[') => elements.map(|elements| Some(Self::Elements(elements))),
            _ => Ok(None),
        }
    }

    fn value(&mut self) -> Result<&'a [u8], Malformed> {
        match self {
            Self::Members(members) => members.value(),
            Self::Elements(elements) => elements.value(),
        }
    }

    fn at(&self) -> usize {
        match self {
            Self::Members(members) => members.at(),
            Self::Elements(elements) => elements.at(),
        }
    }

    fn leave(&mut self, at: usize) {
        match self {
            Self::Members(members) => members.leave(at),
            Self::Elements(elements) => elements.leave(at),
        }
    }

    fn ends_the_text(&self) -> Result<(), Malformed> {
        match self {
            Self::Members(members) => members.ends_the_text(),
            Self::Elements(_) => Ok(()),
        }
    }
}

/// What is written of a text.
struct Written {
    text: Vec<u8>,
    /// Nothing had to be changed.
    is_regular: bool,
}

impl Written {
    fn comma(&mut self, at: usize) {
        if at > 0 {
            self.text.push(b',');
        }
    }

    #[expect(clippy::ptr_arg, reason = "what is borrowed needs no new escapes")]
    fn name(&mut self, name: &Cow<'_, [u8]>) {
        match name {
            Cow::Borrowed(raw) => {
                self.text.push(b'"');
                self.text.extend_from_slice(raw);
                self.text.push(b'"');
            }
            Cow::Owned(name) => {
                let name = scan::lossy(name);
                self.is_regular &= !name.contains(char::REPLACEMENT_CHARACTER);
                self.string(&name);
            }
        }
        self.text.push(b':');
    }

    fn scalar(&mut self, value: &[u8]) {
        match scan::text(value) {
            Ok(string) if value.contains(&b'\\') => {
                let may_be_half = |it: &[u8]| matches!(it, b"\\ud" | b"\\uD");
                self.is_regular &= !string.contains(char::REPLACEMENT_CHARACTER)
                    || !value.windows(3).any(may_be_half);
                self.string(&string);
            }
            _ => self.text.extend_from_slice(value),
        }
    }

    /// Writes a string that had escapes.
    fn string(&mut self, string: &str) {
        let json = serde_json::Value::from(string).to_string();
        self.text.extend_from_slice(json.as_bytes());
    }
}

#[cfg(test)]
mod tests;
