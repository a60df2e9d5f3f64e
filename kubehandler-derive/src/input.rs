//! What the macro understood of the struct, borrowed from syn.

use proc_macro2::Ident;
use syn::{Expr, Generics, LitStr, Member, Path, Type};

/// A struct and its attributes, known to be right.
pub(crate) struct Input<'a> {
    /// The path to the library.
    pub(crate) krate: &'a Path,
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    pub(crate) name: Name<'a>,
    pub(crate) resource: Resource<'a>,
    pub(crate) source: Source<'a>,
    pub(crate) settings: Settings<'a>,
}

/// The handler's name.
pub(crate) enum Name<'a> {
    /// A DNS label.
    Literal(String),
    /// What is computed when the handler is registered, and checked when the event loop starts.
    Expr(&'a Expr),
}

/// The kind of object.
pub(crate) enum Resource<'a> {
    /// `resource = Pod`, or the `Pod` of a field `Informer<Pod>`.
    Type(&'a Type),
    /// That of the informer that this type, an alias perhaps, stands for.
    OfInformer(&'a Type),
}

impl<'a> Resource<'a> {
    /// Returns the type that was written.
    pub(crate) fn ty(&self) -> &'a Type {
        match self {
            Self::Type(ty) | Self::OfInformer(ty) => ty,
        }
    }
}

/// Where the informer comes from.
pub(crate) enum Source<'a> {
    /// The event loop's own.
    Shared(Filter<'a>),
    /// The event loop's own, of the kind that the expression says at run time.
    Dynamic(&'a Expr, Filter<'a>),
    /// `informer = expr`
    Expr(&'a Expr),
    /// `#[handler(informer)]` on a field.
    Field(Member, &'a Type),
}

/// What the event loop's own informer lists and watches.
#[derive(Default)]
pub(crate) struct Filter<'a> {
    pub(crate) namespace: Option<&'a LitStr>,
    pub(crate) labels: Option<&'a LitStr>,
    pub(crate) fields: Option<&'a LitStr>,
}

/// How the callbacks are run.
#[derive(Default)]
pub(crate) struct Settings<'a> {
    pub(crate) workers: Option<usize>,
    pub(crate) timeout: Option<Millis>,
    pub(crate) retry: Option<Retry>,
    pub(crate) resync: Option<Millis>,
    pub(crate) when: Option<&'a Expr>,
    pub(crate) changed: Option<Changed<'a>>,
}

/// A duration above zero, in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Millis(pub(crate) u64);

/// How failed callbacks are retried.
#[derive(Default)]
pub(crate) struct Retry {
    pub(crate) max: Option<u32>,
    pub(crate) base: Option<Millis>,
    pub(crate) cap: Option<Millis>,
    pub(crate) delete_deadline: Option<Millis>,
}

/// Which part of the object a change must touch.
pub(crate) enum Changed<'a> {
    /// The fields on the way to the part, which the compiler checks; their span is the path's.
    Fields(Vec<Ident>),
    /// A JSON pointer into the data of a `DynamicObject`.
    Pointer(String),
    /// A closure that returns a reference to the part.
    Part(&'a Expr),
}
