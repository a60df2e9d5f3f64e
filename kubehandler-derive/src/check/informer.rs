//! Where the informer comes from: at most one field or expression, or else the loop's own.

use syn::{
    Attribute, Data, Field, GenericArgument, Index, Member, PathArguments, Type, spanned::Spanned,
};

use super::{check_dns_label, is_dynamic};
use crate::{
    attr::{self, Attributes},
    entries::{Entry, each_entry, error, rest_of_entry},
    errors::Errors,
    input::{Filter, Resource, Source},
    keys::{self, HANDLER},
    selector,
};

/// A field marked `#[handler(informer)]`.
pub(super) struct FieldInformer<'a> {
    member: Member,
    ty: &'a Type,
}

impl<'a> FieldInformer<'a> {
    /// The `Pod` of `Informer<Pod>`; of any other type, an alias perhaps, what the compiler finds.
    pub(super) fn resource(&self) -> Resource<'a> {
        if let Type::Path(ty) = attr::plain(self.ty)
            && let Some(last) = ty.path.segments.last()
            && last.ident == "Informer"
            && let PathArguments::AngleBracketed(arguments) = &last.arguments
            && let Some(GenericArgument::Type(kind)) = arguments.args.first()
        {
            return Resource::Type(kind);
        }
        Resource::OfInformer(self.ty)
    }
}

/// Returns the field marked as the informer.
pub(super) fn field<'a>(data: &'a Data, errors: &mut Errors) -> Option<FieldInformer<'a>> {
    let Data::Struct(data) = data else {
        return None;
    };
    let mut found = None;
    for (i, field) in data.fields.iter().enumerate() {
        for attribute in &field.attrs {
            if !attr::is_handler(attribute) || !is_informer(attribute, errors) {
                continue;
            }
            if found.is_some() {
                errors.push(
                    attribute,
                    "only one field can be marked `#[handler(informer)]`",
                );
                continue;
            }
            found = Some(FieldInformer {
                member: member(field, i),
                ty: &field.ty,
            });
        }
    }
    found
}

/// Returns true if the attribute is `#[handler(informer)]`; reports what else it says.
fn is_informer(attribute: &Attribute, errors: &mut Errors) -> bool {
    let Some(tokens) = attr::list(attribute, "informer", errors) else {
        return false;
    };
    if tokens.is_empty() {
        errors.push(attribute, "write `#[handler(informer)]`");
    }
    let mut marked = false;
    each_entry(tokens, errors, |ident, input, _| {
        let word = ident.to_string();
        let rest = rest_of_entry(input);
        if word == "informer" {
            marked = true;
            if rest.is_empty() {
                return Ok(());
            }
            return Err(error(
                rest,
                "`informer` on a field takes no value: the field is the informer",
            ));
        }
        Err(error(
            ident,
            match keys::find(HANDLER, &word) {
                Some(_) => format!("`{word}` belongs on the struct; a field takes `informer` only"),
                None => format!("unknown handler key `{word}`; a field takes `informer` only"),
            },
        ))
    });
    marked
}

fn member(field: &Field, i: usize) -> Member {
    match &field.ident {
        Some(ident) => Member::Named(ident.clone()),
        None => Member::Unnamed(Index {
            index: u32::try_from(i).unwrap_or(u32::MAX),
            span: field.ty.span(),
        }),
    }
}

/// Returns where the informer comes from, once all that is wrong with it is reported.
pub(super) fn source<'a>(
    attributes: &'a Attributes,
    field: Option<FieldInformer<'a>>,
    resource: Option<&Resource<'_>>,
    errors: &mut Errors,
) -> Source<'a> {
    let filter = filter(attributes, errors);
    if field.is_some() || attributes.has("informer") {
        refuse_parts(attributes, errors);
    }
    match (&attributes.informer, field) {
        (Some(expr), None) => Source::Expr(&expr.value),
        (expr, Some(field)) => {
            if let Some(expr) = expr {
                errors.push(
                    &expr.key,
                    "a field is marked `#[handler(informer)]` as well: keep one of the two",
                );
            }
            Source::Field(field.member, field.ty)
        }
        (None, None) => {
            if let Some(api_resource) = &attributes.api_resource {
                return Source::Dynamic(&api_resource.value, filter);
            }
            if !attributes.has("informer")
                && !attributes.has("api_resource")
                && is_dynamic(resource)
                && let Some(Resource::Type(ty)) = resource
            {
                errors.push(
                    ty,
                    "a `DynamicObject` has no kind of its own: add `api_resource = self.api_resource`, an `ApiResource` that the handler holds",
                );
            }
            Source::Shared(filter)
        }
    }
}

/// Checks namespace and selectors.
fn filter<'a>(attributes: &'a Attributes, errors: &mut Errors) -> Filter<'a> {
    let literal = |entry: &'a Option<Entry<syn::LitStr>>| entry.as_ref().map(|entry| &entry.value);
    let filter = Filter {
        namespace: literal(&attributes.namespace),
        labels: literal(&attributes.labels),
        fields: literal(&attributes.fields),
    };
    if let Some(namespace) = filter.namespace {
        check_dns_label(namespace, errors);
    }
    if let Some(labels) = filter.labels
        && let Err(problem) = selector::labels(&labels.value())
    {
        errors.push(labels, format!("the label selector {problem}"));
    }
    if let Some(fields) = filter.fields
        && let Err(problem) = selector::fields(&fields.value())
    {
        errors.push(fields, format!("the field selector {problem}"));
    }
    filter
}

/// Refuses what the loop's own informer is made of beside an informer that the handler brings.
fn refuse_parts(attributes: &Attributes, errors: &mut Errors) {
    if let Some(api_resource) = &attributes.api_resource {
        errors.push(
            &api_resource.key,
            "`api_resource` is for the event loop's own informer; this handler brings one, which has its kind: remove `api_resource`",
        );
    }
    for entry in [
        &attributes.namespace,
        &attributes.labels,
        &attributes.fields,
    ]
    .into_iter()
    .flatten()
    {
        errors.push(
            &entry.key,
            format!(
                "`{}` is for the event loop's own informer; this handler brings one: set it in the `Filter` that one is made with",
                entry.key
            ),
        );
    }
}
