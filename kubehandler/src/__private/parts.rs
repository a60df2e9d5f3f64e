//! What each type within a custom resource must be, and a check that has one error for it.

use std::{fmt::Debug, marker::PhantomData, ops::Deref};

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

/// A type that can be a part of a custom resource.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a part of a custom resource: mark it `#[schema]`",
    label = "not marked `#[schema]`",
    note = "`#[kubehandler::schema]` derives what is missing; a type of another crate needs `Clone`, `Debug`, `PartialEq`, `Serialize`, `Deserialize` and `JsonSchema`"
)]
pub trait Part: Clone + Debug + PartialEq + Serialize + DeserializeOwned + JsonSchema {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Debug + PartialEq + Serialize + DeserializeOwned + JsonSchema> Part for T {}

/// A type marked `#[schema]` or `#[custom_resource(..)]`: its own parts are checked there.
///
/// Types may contain each other: if the check of one looked at the traits of the other, which
/// depend on the check of the other, they would wait for each other.
pub trait Marked {}

/// What the check of a type is called on; [`check`](Self::check) is found here if the type is marked.
#[derive(Debug)]
pub struct PartOf<T>(Unmarked<T>);

/// Makes what the check of a type is called on.
#[must_use]
pub fn part_of<T>(_: &T) -> PartOf<T> {
    PartOf(Unmarked(PhantomData))
}

/// What the check of a type that is not marked is called on.
#[derive(Debug)]
pub struct Unmarked<T>(PhantomData<fn() -> T>);

impl<T: Marked> PartOf<T> {
    /// Does nothing: the type is a part.
    pub fn check(&self) {}
}

impl<T> Unmarked<T> {
    /// Does nothing, but compiles only if the type is a part.
    pub fn check(&self)
    where
        T: Part,
    {
    }
}

impl<T> Deref for PartOf<T> {
    type Target = Unmarked<T>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// The number that the check of a type's parts results in.
#[derive(Debug)]
pub struct Number<const N: usize>;

/// A type that depends on a check: `()`, or an error if the check has one.
pub trait OfCheck {
    /// The type.
    type Type;
}

impl<const N: usize> OfCheck for Number<N> {
    type Type = ();
}

/// `()`, or an error that has been reported if the check has one.
pub type Checked<const N: usize> = <Number<N> as OfCheck>::Type;
