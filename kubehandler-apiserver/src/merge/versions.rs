//! One object in several versions of its kind.

use std::{
    borrow::Cow,
    fmt::{self, Display, Formatter},
};

use serde_json::Value;

use super::{
    field_set::FieldSet,
    object_type::ObjectType,
    typed::{Duplicates, TypeErrors},
};

/// Why an object is not there in a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ConvertError {
    /// The kind has no such version any more.
    Gone,
    /// The object cannot be converted; for people.
    Failed(String),
}

impl From<TypeErrors> for ConvertError {
    fn from(errors: TypeErrors) -> Self {
        Self::Failed(errors.to_string())
    }
}

/// The versions of a kind.
#[derive(Clone, Copy)]
pub(crate) struct Versions<'a> {
    /// Returns the type that the kind has in a version; `None` if there is no such version.
    pub(crate) type_of: &'a dyn Fn(&str) -> Option<ObjectType<'a>>,
    /// Converts an object to a version that is not its own.
    pub(crate) convert: &'a dyn Fn(&Value, &str) -> Result<Value, ConvertError>,
}

impl Display for ConvertError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "there is no such version",
            Self::Failed(why) => why,
        })
    }
}

/// An object in one version.
#[derive(Clone)]
pub(super) struct Versioned<'v, 'a> {
    pub(super) value: Cow<'v, Value>,
    pub(super) version: &'v str,
    pub(super) ty: ObjectType<'a>,
}

impl<'a> Versions<'a> {
    /// Returns whether the kind has the version.
    pub(super) fn has(&self, version: &str) -> bool {
        (self.type_of)(version).is_some()
    }

    /// Returns the object in another version.
    pub(super) fn to<'v>(
        &self,
        object: &'v Versioned<'_, 'a>,
        version: &'v str,
    ) -> Result<Versioned<'v, 'a>, ConvertError> {
        let borrowed = Versioned {
            value: Cow::Borrowed(&*object.value),
            version: object.version,
            ty: object.ty,
        };
        self.turn(borrowed, version)
    }

    /// Turns the object into one of another version.
    pub(super) fn turn<'v>(
        &self,
        object: Versioned<'v, 'a>,
        version: &'v str,
    ) -> Result<Versioned<'v, 'a>, ConvertError> {
        if object.version == version {
            return Ok(object);
        }
        let ty = (self.type_of)(version).ok_or(ConvertError::Gone)?;
        let value = (self.convert)(&object.value, version)?;
        ty.validate(&value, Duplicates::Allowed)?;
        Ok(Versioned {
            value: Cow::Owned(value),
            version,
            ty,
        })
    }
}

impl Versioned<'_, '_> {
    /// Returns the fields that the object sets, and those around them that its type knows by name.
    pub(super) fn named_fields(&self) -> FieldSet {
        let fields = self.ty.field_set(&self.value);
        fields.with_named_fields(Some(self.ty))
    }
}
