//! The types of the fields of a custom resource: one error for each that is not marked `#[schema]`.
//!
//! The derives of a struct report such a type many times, and none of their errors names the
//! attribute. The check is a constant: if it has an error, so has the bound that is made of it, and
//! in an impl with such a bound the compiler reports no missing trait.

use proc_macro2::{TokenStream, TokenTree};
use quote::{format_ident, quote, quote_spanned};
use syn::{
    Attribute, Data, DeriveInput, Field, GenericArgument, Path, PathArguments, Type, ext::IdentExt,
    parse_quote,
};

use crate::{
    attr::plain,
    expand::place::{located, place},
};

/// Types whose arguments are checked in their place. `Box` is not one: it may hold a `str`.
const CONTAINERS: [&str; 5] = ["Option", "Vec", "BTreeMap", "BTreeSet", "HashMap"];

/// Words in the attributes of serde and schemars with which a field's type needs other traits, or none.
const REPLACED: [&str; 11] = [
    "skip",
    "skip_serializing",
    "skip_deserializing",
    "with",
    "serialize_with",
    "deserialize_with",
    "schema_with",
    "from",
    "try_from",
    "into",
    "remote",
];

/// What a type is in a custom resource.
pub(super) enum Role {
    /// The spec of a kind, which may have a status.
    Kind { status: Option<Path> },
    /// A type within a spec or a status.
    Part,
}

/// A type without arguments in the type of a field.
struct TypePart {
    /// The `#[cfg(..)]` of the field.
    cfg: TokenStream,
    ty: Path,
}

/// Writes the check of a type's parts; the type is then known as a part.
///
/// The parts of a kind are those of its spec, and its status, and the spec is bound to the check. A
/// type within a spec is not: it may contain itself, also through an alias that no macro can see
/// through, and a bound that names its own type has no value.
///
/// ```text
/// struct SiteSpec where Checked<__KUBEHANDLER_PARTS_OF_SiteSpec>: Part { .. }
/// const __KUBEHANDLER_PARTS_OF_SiteSpec: usize = {
///     let _ = |part: &Zone| part_of(part).check();
///     0
/// };
/// impl Marked for SiteSpec {}
/// ```
pub(super) fn check(krate: &Path, item: &mut DeriveInput, role: &Role) -> TokenStream {
    let mut checks = checks(krate, &parts(item));
    let status = match role {
        Role::Kind { status } => status,
        Role::Part if checks.is_empty() => return mark(krate, item),
        Role::Part => {
            let mark = mark(krate, item);
            return quote!(#mark const _: () = { #checks };);
        }
    };
    checks.extend(status.as_ref().map(|status| check_of(krate, status)));
    if checks.is_empty() {
        return mark(krate, item);
    }
    let name = format_ident!("__KUBEHANDLER_PARTS_OF_{}", item.ident.unraw());
    item.generics
        .make_where_clause()
        .predicates
        .push(parse_quote!(#krate::__private::Checked<#name>: #krate::__private::Part));
    let mark = mark(krate, item);
    quote! {
        #mark
        #[allow(non_upper_case_globals)]
        const #name: usize = {
            #checks
            0
        };
    }
}

/// `impl Marked for SiteSpec {}`
fn mark(krate: &Path, item: &DeriveInput) -> TokenStream {
    let ident = &item.ident;
    let (impl_generics, ty_generics, where_clause) = item.generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #impl_generics #krate::__private::Marked for #ident #ty_generics #where_clause {}
    }
}

/// Returns the fields of a struct or an enum, each with the attributes of its variant.
fn fields(data: &Data) -> Vec<(&[Attribute], &Field)> {
    match data {
        Data::Struct(data) => data.fields.iter().map(|field| (&[][..], field)).collect(),
        Data::Enum(data) => data
            .variants
            .iter()
            .flat_map(|variant| variant.fields.iter().map(|field| (&*variant.attrs, field)))
            .collect(),
        Data::Union(_) => Vec::new(),
    }
}

/// Returns true if an attribute says that serde or schemars do not use the type's own traits.
fn replaced<'a>(attributes: impl IntoIterator<Item = &'a Attribute>) -> bool {
    fn has_word(tokens: TokenStream) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => REPLACED.iter().any(|word| ident == word),
            TokenTree::Group(group) => has_word(group.stream()),
            TokenTree::Punct(_) | TokenTree::Literal(_) => false,
        })
    }
    attributes
        .into_iter()
        .filter_map(|attribute| attribute.meta.require_list().ok())
        .any(|list| has_word(list.tokens.clone()))
}

/// Writes the checks of these parts.
fn checks(krate: &Path, parts: &[TypePart]) -> TokenStream {
    parts
        .iter()
        .map(|TypePart { cfg, ty, .. }| {
            let check = check_of(krate, ty);
            quote!(#cfg #check)
        })
        .collect()
}

/// `let _ = |part: &Zone| part_of(part).check();`
///
/// The type is not named in angle brackets: the compiler has other advice for a misspelt one there,
/// and would report it twice.
fn check_of(krate: &Path, part: &Path) -> TokenStream {
    let at = place(part);
    let krate = located(krate, at);
    quote_spanned!(at=> let _ = |part: &#part| #krate::__private::part_of(part).check();)
}

/// Finds the parts of a type that has no parameters.
fn parts(item: &DeriveInput) -> Vec<TypePart> {
    if !item.generics.params.is_empty() || replaced(&item.attrs) {
        return Vec::new();
    }
    let mut parts = Vec::new();
    for (of_variant, field) in fields(&item.data) {
        let attributes = of_variant.iter().chain(&field.attrs);
        if replaced(attributes.clone()) {
            continue;
        }
        let cfg = attributes.filter(|attribute| attribute.path().is_ident("cfg"));
        let cfg = quote!(#(#cfg)*);
        leaves(&field.ty, &mut |ty| {
            if !ty.is_ident(&item.ident) && !ty.is_ident("Self") {
                parts.push(TypePart {
                    cfg: cfg.clone(),
                    ty: ty.clone(),
                });
            }
        });
    }
    parts
}

/// Finds the types without arguments in a type: the `Zone` of `Option<Vec<Zone>>`.
fn leaves(ty: &Type, found: &mut impl FnMut(&Path)) {
    let Type::Path(ty) = plain(ty) else {
        return;
    };
    let Some(last) = ty.path.segments.last() else {
        return;
    };
    match &last.arguments {
        PathArguments::None if ty.qself.is_none() => found(&ty.path),
        PathArguments::AngleBracketed(arguments)
            if CONTAINERS.iter().any(|name| last.ident == name) =>
        {
            // The third of a `HashMap` is no data.
            for argument in arguments.args.iter().take(2) {
                if let GenericArgument::Type(ty) = argument {
                    leaves(ty, found);
                }
            }
        }
        _ => {}
    }
}
