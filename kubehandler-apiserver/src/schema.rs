//! The types of objects: which fields there are, and how lists and maps are merged.
//!
//! A schema is data. It comes from the table of the built-in kinds or from a CRD; without either, a type
//! is deduced from the value at hand.
//!
//! Source: KEP-555 (server-side apply), and `schema/elements.go` of `sigs.k8s.io/structured-merge-diff`.

pub(crate) mod builtin;
pub(crate) mod decode;
pub(crate) mod quantity;

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::Value;

/// The types of some kinds, which refer to each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Schema {
    types: Vec<Type>,
    names: BTreeMap<Box<str>, TypeId>,
}

/// The place of a type in its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TypeId(u32);

/// What a value may be. Several at once are allowed: a number or text, or anything at all.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Type {
    pub(crate) scalar: Option<Scalar>,
    pub(crate) list: Option<List>,
    pub(crate) map: Option<Map>,
}

/// What a value without parts may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    Numeric,
    String,
    Boolean,
    /// Any of them.
    Untyped,
}

/// A list, and what one item is to the others.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct List {
    pub(crate) items: TypeRef,
    pub(crate) merge: ListMerge,
}

/// How two lists become one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ListMerge {
    /// One takes the place of the other.
    Atomic,
    /// Items are values, each there once.
    Set,
    /// Items are objects, told apart by these fields. Never empty.
    Map(Box<[Box<str>]>),
}

/// An object with known fields, a map with any, or both.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Map {
    /// In the order of their names.
    pub(crate) fields: BTreeMap<Box<str>, Field>,
    /// The type of every other field; absent if there is none.
    pub(crate) others: Option<TypeRef>,
    /// One takes the place of the other, as a whole.
    pub(crate) is_atomic: bool,
}

/// A field of an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) ty: TypeRef,
    /// What the field is where it is left out; keys of lists need it.
    pub(crate) default: Option<Value>,
}

/// A use of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TypeRef {
    pub(crate) ty: TypeId,
    /// This use is atomic although the type is not, or the reverse.
    pub(crate) is_atomic: Option<bool>,
    /// `null` is a value of its own here.
    pub(crate) is_nullable: bool,
}

impl TypeId {
    /// Returns a plain use of the type.
    pub(crate) fn plain(self) -> TypeRef {
        TypeRef {
            ty: self,
            is_atomic: None,
            is_nullable: false,
        }
    }
}

impl Type {
    /// Returns the type of anything, with lists that are atomic.
    fn anything(items: TypeId, others: TypeId, is_atomic: bool) -> Self {
        Self {
            scalar: Some(Scalar::Untyped),
            list: Some(List {
                items: items.plain(),
                merge: ListMerge::Atomic,
            }),
            map: Some(Map {
                fields: BTreeMap::new(),
                others: Some(others.plain()),
                is_atomic,
            }),
        }
    }
}

impl Schema {
    /// Adds a type without a name.
    pub(crate) fn add(&mut self, ty: Type) -> TypeId {
        let id = TypeId(u32::try_from(self.types.len()).expect("a schema has few types"));
        self.types.push(ty);
        id
    }

    /// Adds a type under a name, or returns the place that the name has already; [`set`](Self::set)
    /// says later what it is.
    pub(crate) fn declare(&mut self, name: &str) -> TypeId {
        if let Some(&id) = self.names.get(name) {
            return id;
        }
        let id = self.add(Type::default());
        self.names.insert(name.into(), id);
        id
    }

    /// Says what a type is.
    pub(crate) fn set(&mut self, id: TypeId, ty: Type) {
        self.types[id.0 as usize] = ty;
    }

    /// Returns the type of that name, such as `io.k8s.api.core.v1.Pod`.
    pub(crate) fn named(&self, name: &str) -> Option<TypeId> {
        self.names.get(name).copied()
    }

    /// Returns the name of a type; `None` for a type without one.
    pub(crate) fn name_of(&self, id: TypeId) -> Option<&str> {
        let mut names = self.names.iter();
        names
            .find(|(_, named)| **named == id)
            .map(|(name, _)| &**name)
    }

    /// The name of the type that [`untyped`](Self::untyped) adds.
    pub(crate) const UNTYPED: &str = "__untyped_atomic_";

    /// The name of the type that [`deduced`](Self::deduced) adds.
    pub(crate) const DEDUCED: &str = "__untyped_deduced_";

    /// Adds the type of anything that is merged as a whole, or returns it.
    pub(crate) fn untyped(&mut self) -> TypeId {
        let untyped = self.declare(Self::UNTYPED);
        self.set(untyped, Type::anything(untyped, untyped, true));
        untyped
    }

    /// Adds the type of objects without a schema, or returns it: every map is merged by its fields,
    /// and every list is atomic.
    pub(crate) fn deduced(&mut self) -> TypeId {
        let untyped = self.untyped();
        let deduced = self.declare(Self::DEDUCED);
        self.set(deduced, Type::anything(untyped, deduced, false));
        deduced
    }

    /// Returns a type as it was added.
    pub(crate) fn get(&self, id: TypeId) -> &Type {
        &self.types[id.0 as usize]
    }
}

/// Returns the type of objects without a schema, and the schema that it is in.
pub(crate) fn deduced() -> (&'static Schema, TypeRef) {
    static DEDUCED: LazyLock<(Schema, TypeId)> = LazyLock::new(|| {
        let mut schema = Schema::default();
        let deduced = schema.deduced();
        (schema, deduced)
    });
    (&DEDUCED.0, DEDUCED.1.plain())
}
