//! What the code that `#[derive(EventHandler)]` writes needs; not for other use, and outside semver.

pub use core::{option::Option, primitive::str, time::Duration};
pub use std::{borrow::Cow, clone::Clone, default::Default};

use std::{num::NonZeroUsize, ops::Deref};

use kube::core::DynamicObject;

use crate::{handler::Resource, informer::Informer};

/// Returns the number; the derive has refused zero.
#[must_use]
pub const fn at_least_one(number: usize) -> NonZeroUsize {
    match NonZeroUsize::new(number) {
        Some(number) => number,
        None => NonZeroUsize::MIN,
    }
}

/// An informer of some kind: tells the kind of a field whose type is an alias.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an informer",
    label = "not an `Informer<Kind>`",
    note = "a field marked `#[handler(informer)]` is a `kubehandler::Informer<Kind>`"
)]
pub trait AnyInformer {
    /// The kind of its objects.
    type Resource: Resource;
}

impl<K: Resource> AnyInformer for Informer<K> {
    type Resource = K;
}

/// A reference to a field, and what it shows when it is asked to [`peel`](Peel::peel).
///
/// An `Option` shows what is in it: the inherent method is found first. Any other
/// type shows itself: the method is found on [`Whole`], behind `Deref`. That is
/// decided where the type of the field is known, in the generated code.
#[derive(Debug)]
pub struct Peel<'a, T>(Whole<'a, T>);

/// A reference to a field that is not an `Option`.
#[derive(Debug)]
pub struct Whole<'a, T>(&'a T);

impl<'a, T> Peel<'a, T> {
    /// Makes one of a reference to a field.
    #[must_use]
    pub fn new(field: &'a T) -> Self {
        Self(Whole(field))
    }
}

impl<'a, T> Peel<'a, Option<T>> {
    /// Returns what is in the `Option`.
    #[must_use]
    pub fn peel(&self) -> Option<&'a T> {
        self.0.0.as_ref()
    }
}

impl<'a, T> Whole<'a, T> {
    /// Returns the field.
    #[must_use]
    pub fn peel(&self) -> Option<&'a T> {
        Some(self.0)
    }
}

impl<'a, T> Deref for Peel<'a, T> {
    type Target = Whole<'a, T>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// Makes the comparison of a part of two objects that a path of fields leads to, if nothing on the way is `None`.
pub fn differ_in_path<K, T: PartialEq + ?Sized>(
    part: impl Fn(&K) -> Option<&T>,
) -> impl Fn(&K, &K) -> bool {
    move |old, new| part(old) != part(new)
}

/// Makes the comparison of a part of two objects that a closure shows.
pub fn differ_in_part<K, T: PartialEq + ?Sized>(
    part: impl Fn(&K) -> &T,
) -> impl Fn(&K, &K) -> bool {
    move |old, new| part(old) != part(new)
}

/// Makes the comparison of a part of two objects that a JSON pointer leads to.
pub fn differ_in_pointer(pointer: &'static str) -> impl Fn(&DynamicObject, &DynamicObject) -> bool {
    move |old, new| old.data.pointer(pointer) != new.data.pointer(pointer)
}

/// Stands for a value in code that is not run: that of a handler with mistakes.
#[must_use]
#[track_caller]
pub fn stub<T>() -> T {
    unreachable!("the derive has reported an error")
}
