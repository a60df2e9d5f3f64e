//! A type of the schema, in the form that a value has.
//!
//! Source: `Resolve` in `schema/elements.go`, and `typed/helpers.go`, of
//! `sigs.k8s.io/structured-merge-diff`.

use serde_json::Value;

use super::paths::PathElement;
use crate::schema::{ListMerge, Map, Scalar, Schema, TypeRef};

/// What objects of a kind are in one version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ObjectType<'a> {
    schema: &'a Schema,
    ty: TypeRef,
}

/// The one of a type's forms that a value has.
#[derive(Clone, Copy, Debug)]
pub(super) enum Atom<'a> {
    Scalar(Scalar),
    List(ListType<'a>),
    Map(MapType<'a>),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ListType<'a> {
    pub(super) items: ObjectType<'a>,
    pub(super) merge: &'a ListMerge,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct MapType<'a> {
    schema: &'a Schema,
    map: &'a Map,
    pub(super) is_atomic: bool,
}

impl<'a> ObjectType<'a> {
    pub(crate) fn new(schema: &'a Schema, ty: TypeRef) -> Self {
        Self { schema, ty }
    }

    /// Returns the form that fits the value, or the one that is to report that none does.
    ///
    /// `null` is a value of each form; that of a map comes first.
    pub(super) fn atom(self, value: Option<&Value>) -> Option<Atom<'a>> {
        let (scalar, list, map) = (self.scalar(), self.list(), self.map());
        let fitting = match value {
            None | Some(Value::Null) => None,
            Some(Value::Array(_)) => list,
            Some(Value::Object(_)) => map,
            Some(_) => scalar,
        };
        fitting.or(map).or(scalar).or(list)
    }

    fn scalar(self) -> Option<Atom<'a>> {
        let ty = self.schema.get(self.ty.ty);
        // A scalar cannot be said to be atomic or not.
        let is_plain = self.ty.is_atomic.is_none() || ty.list.is_some() || ty.map.is_some();
        ty.scalar.filter(|_| is_plain).map(Atom::Scalar)
    }

    fn list(self) -> Option<Atom<'a>> {
        const ATOMIC: &ListMerge = &ListMerge::Atomic;
        const SET: &ListMerge = &ListMerge::Set;
        let ty = self.schema.get(self.ty.ty);
        let list = ty.list.as_ref()?;
        // Of a type that may be either, the use says what the map is.
        let is_atomic = self.ty.is_atomic.filter(|_| ty.map.is_none());
        let merge = match (is_atomic, &list.merge) {
            (Some(true), _) => ATOMIC,
            (Some(false), ListMerge::Atomic) => SET,
            (_, merge) => merge,
        };
        Some(Atom::List(ListType {
            items: Self::new(self.schema, list.items),
            merge,
        }))
    }

    fn map(self) -> Option<Atom<'a>> {
        let map = self.schema.get(self.ty.ty).map.as_ref()?;
        Some(Atom::Map(MapType {
            schema: self.schema,
            map,
            is_atomic: self.ty.is_atomic.unwrap_or(map.is_atomic),
        }))
    }

    /// Returns whether the step is to a field that the type knows by name.
    pub(super) fn declares(self, element: &PathElement) -> bool {
        match (self.map(), element) {
            (Some(Atom::Map(map)), PathElement::Field(name)) => map.declares(name),
            _ => false,
        }
    }

    /// Returns the type of what is at the end of a step.
    pub(super) fn below(self, element: &PathElement) -> Option<Self> {
        match (element, self.map(), self.list()) {
            (PathElement::Field(name), Some(Atom::Map(map)), _) => map.field(name),
            (PathElement::Key(_), _, Some(Atom::List(list))) => Some(list.items),
            _ => None,
        }
    }

    /// Returns the default of a field that is a key of lists with items of this type.
    pub(super) fn key_default(self, name: &str) -> Result<Option<&'a Value>, String> {
        let Some(Atom::Map(map)) = self.map() else {
            return Err("associative list may not have non-map types".to_owned());
        };
        let field = map.map.fields.get(name);
        let default = field.and_then(|field| field.default.as_ref());
        Ok(default.filter(|default| !default.is_null()))
    }

    /// Returns what to say of a type that has no form.
    pub(super) fn formless(self) -> String {
        let name = self.schema.name_of(self.ty.ty);
        if self.ty.is_atomic.is_some() {
            let name = name.unwrap_or("inlined type");
            return format!("schema error: no type found matching: {name}");
        }
        match name {
            Some(name) => format!("schema error: invalid atom: named type: {name}"),
            None => FORMLESS.to_owned(),
        }
    }

    /// Returns whether anything at all is allowed here, and there is no word on how to merge it.
    fn is_deduced(self) -> bool {
        let id = self.ty.ty;
        self.schema.named(Schema::DEDUCED) == Some(id)
            || (self.schema.get(id).scalar == Some(Scalar::Untyped)
                && self.schema.name_of(id).is_none())
    }
}

/// What to say of a field without a type.
pub(super) const FORMLESS: &str = "schema error: invalid atom: inlined";

impl<'a> MapType<'a> {
    /// Returns whether the type knows the field by name.
    pub(super) fn declares(&self, name: &str) -> bool {
        self.map.fields.contains_key(name)
    }

    /// Returns the type of a field; `None` if there can be no such field.
    pub(super) fn field(&self, name: &str) -> Option<ObjectType<'a>> {
        let declared = self.map.fields.get(name).map(|field| field.ty);
        let ty = declared.or(self.map.others)?;
        Some(ObjectType::new(self.schema, ty))
    }

    /// Returns the type of the fields that it does not know by name.
    pub(super) fn others(&self) -> Option<ObjectType<'a>> {
        let others = self.map.others?;
        Some(ObjectType::new(self.schema, others))
    }

    /// Returns whether it declares nothing and allows everything.
    pub(super) fn is_deduced(&self) -> bool {
        self.map.fields.is_empty() && self.others().is_some_and(ObjectType::is_deduced)
    }
}

impl ListType<'_> {
    pub(super) fn is_atomic(&self) -> bool {
        *self.merge == ListMerge::Atomic
    }
}
