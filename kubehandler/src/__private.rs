//! What the code that `#[derive(EventHandler)]` writes needs, and what has no interface for users yet; not
//! for other use, and outside semver.

mod parts;

pub use core::{option::Option, primitive::str, time::Duration};
pub use std::{borrow::Cow, clone::Clone, default::Default};

pub use crate::lane::{
    cause::{Cause, Causes},
    gate::Gate,
    source::Sources,
};
pub use parts::{Checked, Marked, Number, OfCheck, Part, PartOf, Unmarked, part_of};

use std::ops::Deref;

use kube::core::{ApiResource, DynamicObject, NamespaceScope};

use crate::{
    informer::{Filter, Informer, Informers},
    resource::Resource,
};

/// A type that stands for a kind of object: the kind itself, or the spec of a custom resource.
///
/// The type after `resource =` is taken through it, so that one error says that it is neither.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a Kubernetes resource",
    label = "not a resource",
    note = "use a kind from `kubehandler::k8s`, the kind of a custom resource (`Site`, not `SiteSpec`), or `PartialObjectMeta<Kind>` for metadata only"
)]
pub trait AnyResource {
    /// The kind.
    type Kind;
}

#[diagnostic::do_not_recommend]
impl<K: Resource> AnyResource for K {
    type Kind = K;
}

/// A kind, and not the spec of one: only a kind is its own [`AnyResource::Kind`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is the spec of a custom resource: write `resource = {Kind}`",
    label = "the spec of `{Kind}`"
)]
pub trait IsKind<Kind> {}

#[diagnostic::do_not_recommend]
impl<K> IsKind<K> for K {}

/// Does nothing, but compiles only if `T` is the kind `K`.
pub fn is_kind<T: IsKind<K>, K>() {}

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

/// What a handler's name can be computed as.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not text, as the name of a handler is",
    label = "not text",
    note = "write `name = \"..\"`, or an expression that is a `String` or a `&str`, such as `name = self.name`"
)]
pub trait AnyText {
    /// Returns the text.
    fn text(&self) -> &str;
}

#[diagnostic::do_not_recommend]
impl<T: AsRef<str> + ?Sized> AnyText for T {
    fn text(&self) -> &str {
        self.as_ref()
    }
}

/// Returns a name that was computed.
#[must_use]
pub fn name<T: AnyText + ?Sized>(name: &T) -> Cow<'static, str> {
    Cow::Owned(name.text().to_owned())
}

/// A kind that is known at compile time, of which the event loop can make an informer by itself.
#[diagnostic::on_unimplemented(
    message = "the kind of `{Self}` is known at run time only",
    label = "needs an `ApiResource`",
    note = "add `api_resource = self.api_resource`, an `ApiResource`; or, if `{Self}` is a type parameter, the bound `Resource<DynamicType: Default>`"
)]
pub trait StaticKind: Resource<DynamicType: Default> {}

#[diagnostic::do_not_recommend]
impl<K: Resource<DynamicType: Default>> StaticKind for K {}

/// Returns the event loop's own informer.
#[must_use]
pub fn shared<K: StaticKind>(informers: &Informers, filter: Filter) -> Informer<K> {
    informers.informer(filter)
}

/// A kind that is known at run time only, by its `ApiResource`.
#[diagnostic::on_unimplemented(
    message = "the kind of `{Self}` is known at compile time",
    label = "remove `api_resource`",
    note = "`api_resource` is for `DynamicObject`, `PartialObjectMeta<DynamicObject>` and `Object<Spec, Status>`"
)]
pub trait DynamicKind: Resource<DynamicType = ApiResource> {}

#[diagnostic::do_not_recommend]
impl<K: Resource<DynamicType = ApiResource>> DynamicKind for K {}

/// Returns the event loop's own informer of a kind that is known at run time.
#[must_use]
pub fn shared_of<K: DynamicKind>(
    informers: &Informers,
    api_resource: &ApiResource,
    filter: Filter,
) -> Informer<K> {
    informers.informer_with_type(api_resource, filter)
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
