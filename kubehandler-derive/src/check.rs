//! Rules that need more than one attribute or field, and what values may be.

mod informer;
mod path;
mod settings;

use proc_macro2::Ident;
use syn::{Data, DeriveInput, GenericParam, LitStr, Path, Type, ext::IdentExt};

use crate::{
    attr::{self, Attributes},
    case,
    errors::Errors,
    input::{Input, Name, Resource},
    name::is_dns_label,
};
use informer::FieldInformer;

/// What is known of a struct when something is wrong with it: enough for a stub.
pub(crate) struct Known<'a> {
    pub(crate) resource: Option<Resource<'a>>,
}

/// Checks a struct and its attributes.
///
/// # Errors
///
/// Fails if `errors` has any when all is checked.
pub(crate) fn check<'a>(
    item: &'a DeriveInput,
    attributes: &'a Attributes,
    krate: &'a Path,
    errors: &mut Errors,
) -> Result<Input<'a>, Known<'a>> {
    check_shape(item, errors);
    let field = informer::field(&item.data, errors);
    let name = name(&item.ident, attributes, errors);
    let resource = resource(&item.ident, attributes, field.as_ref(), errors);
    let source = informer::source(attributes, field, resource.as_ref(), errors);
    let settings = settings::settings(attributes, resource.as_ref(), errors);
    match resource {
        Some(resource) if errors.is_empty() => Ok(Input {
            krate,
            ident: &item.ident,
            generics: &item.generics,
            name,
            resource,
            source,
            settings,
        }),
        resource => Err(Known { resource }),
    }
}

/// Refuses what cannot be a handler.
fn check_shape(item: &DeriveInput, errors: &mut Errors) {
    match &item.data {
        Data::Struct(_) => {}
        Data::Enum(data) => errors.push(
            data.enum_token,
            "an event handler is a struct; put the enum in a field of one",
        ),
        Data::Union(data) => errors.push(
            data.union_token,
            "an event handler is a struct; put the union in a field of one",
        ),
    }
    for param in &item.generics.params {
        if let GenericParam::Lifetime(param) = param {
            errors.push(
                &param.lifetime,
                format!(
                    "a handler lives as long as its event loop and cannot borrow: own what `{}` stands for, or share it in an `Arc`",
                    param.lifetime
                ),
            );
        }
    }
}

/// Returns the name given, or made of the struct's.
fn name<'a>(ident: &Ident, attributes: &'a Attributes, errors: &mut Errors) -> Name<'a> {
    match attributes.name.as_ref().map(|given| &given.value) {
        Some(attr::WrittenName::Expr(expr)) => return Name::Expr(expr),
        Some(attr::WrittenName::Literal(text)) => {
            check_dns_label(text, errors);
            return Name::Literal(text.value());
        }
        None => {}
    }
    let name = case::kebab(&ident.unraw().to_string());
    if !attributes.has("name") && !is_dns_label(&name) {
        errors.push(
            ident,
            format!(
                "`{name}`, made of the struct's name, is not a DNS label of at most 63 of a-z, 0-9 and `-`: add `name = \"..\"`"
            ),
        );
    }
    Name::Literal(name)
}

/// Refuses what is no DNS label: the name of a handler or a namespace.
fn check_dns_label(literal: &LitStr, errors: &mut Errors) {
    let text = literal.value();
    if !is_dns_label(&text) {
        errors.push(
            literal,
            format!("`{text}` is not a DNS label: use at most 63 of a-z, 0-9 and `-`, without `-` at the ends"),
        );
    }
}

/// Returns the kind of object given, or that of the informer in a field.
fn resource<'a>(
    ident: &Ident,
    attributes: &'a Attributes,
    field: Option<&FieldInformer<'a>>,
    errors: &mut Errors,
) -> Option<Resource<'a>> {
    if let Some(given) = &attributes.resource {
        return Some(Resource::Type(&given.value));
    }
    if let Some(field) = field {
        return Some(field.resource());
    }
    if attributes.may_have("resource") {
        return None; // It was given; what is wrong with it is reported.
    }
    let message = if attributes.has("informer") {
        "`resource` is missing: an informer expression does not say its kind; add `resource = Kind`, such as `#[handler(resource = Pod)]`"
    } else {
        "`resource` is missing: add `resource = Kind`, such as `#[handler(resource = Pod)]`"
    };
    errors.push(ident, message);
    None
}

/// Returns true if the type is written as a `DynamicObject`.
fn is_dynamic(resource: Option<&Resource<'_>>) -> bool {
    let Some(Resource::Type(Type::Path(ty))) = resource else {
        return false;
    };
    ty.path
        .segments
        .last()
        .is_some_and(|last| last.ident == "DynamicObject")
}
