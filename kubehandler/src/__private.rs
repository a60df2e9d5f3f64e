//! What the code that `#[derive(EventHandler)]` writes needs; not for other use, and outside semver.

pub use core::{option::Option, primitive::str, time::Duration};
pub use std::{borrow::Cow, clone::Clone, default::Default};

use std::ops::Deref;

use kube::core::{DynamicObject, NamespaceScope};

use crate::{
    informer::{Filter, Informer, Informers},
    resource::Resource,
};

/// A resource, and nothing else: what its type is taken through, so that one error says that it is none.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a Kubernetes resource",
    label = "not a resource",
    note = "use a kind from `kubehandler::k8s`, a struct made by `#[derive(CustomResource)]`, or `PartialObjectMeta<Kind>` for metadata only"
)]
pub trait AnyResource {
    /// The type itself.
    type Kind: Resource;
}

#[diagnostic::do_not_recommend]
impl<K: Resource> AnyResource for K {
    type Kind = K;
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

    /// Returns another handle of it.
    fn share(&self) -> Informer<Self::Resource>;
}

#[diagnostic::do_not_recommend]
impl<K: Resource> AnyInformer for Informer<K> {
    type Resource = K;

    fn share(&self) -> Self {
        self.clone()
    }
}

/// A kind that is known at compile time, of which the event loop can make an informer by itself.
#[diagnostic::on_unimplemented(
    message = "the kind of `{Self}` is known at run time only",
    label = "needs an informer of its own",
    note = "add `informer = expr`, made by `Informer::with_type`; or, if `{Self}` is a type parameter, the bound `Resource<DynamicType: Default>`"
)]
pub trait StaticKind: Resource<DynamicType: Default> {}

#[diagnostic::do_not_recommend]
impl<K: Resource<DynamicType: Default>> StaticKind for K {}

/// Returns the event loop's own informer.
#[must_use]
pub fn shared<K: StaticKind>(informers: &Informers, filter: Filter) -> Informer<K> {
    informers.informer(filter)
}

/// A kind whose objects are in namespaces, as far as its type says.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is cluster-scoped: its objects are in no namespace",
    label = "remove `namespace`"
)]
pub trait Namespaced {}

#[diagnostic::do_not_recommend]
impl<K: kube::Resource<Scope: NamespaceScope>> Namespaced for K {}

/// Takes only the objects of this namespace.
#[must_use]
pub fn in_namespace<K: Namespaced>(filter: Filter, namespace: &str) -> Filter {
    filter.namespace(namespace)
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

#[cfg(all(test, feature = "derive"))]
mod tests;
