//! `fn informer` of the impl.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Expr, Member, Path, Type};

use super::place::{end, located, place};
use crate::input::{Filter, Resource, Source};

/// `fn informer(&self, informers: &Informers) -> Informer<Self::Resource> { .. }`
///
/// It also checks that the type of the resource is a kind, and not the spec of one.
pub(super) fn informer(krate: &Path, resource: &Resource<'_>, source: &Source<'_>) -> TokenStream {
    let at = place(resource.ty());
    let krate = located(krate, at);
    let body = match source {
        Source::Shared(filter) => shared(&krate, at, None, filter),
        Source::Dynamic(api_resource, filter) => shared(&krate, at, Some(api_resource), filter),
        Source::Expr(expr) => quote!(#expr),
        Source::Field(member, ty) => field(&krate, resource, member, ty),
    };
    let is_kind = match resource {
        Resource::Type(ty) => {
            Some(quote_spanned!(at=> #krate::__private::is_kind::<#ty, Self::Resource>();))
        }
        Resource::OfInformer(_) => None,
    };
    quote_spanned! {at=>
        fn informer(&self, informers: &#krate::Informers) -> #krate::Informer<Self::Resource> {
            #is_kind
            #body
        }
    }
}

/// `shared::<Self::Resource>(informers, Filter::default().labels("app=web"))`, or, with
/// `api_resource = self.kind`, `shared_of::<Self::Resource>(informers, &(self.kind), ..)`
fn shared(
    krate: &TokenStream,
    at: Span,
    api_resource: Option<&Expr>,
    filter: &Filter<'_>,
) -> TokenStream {
    let in_namespace = filter.namespace.map(|text| {
        let at = place(text);
        let krate = located(krate, at);
        quote_spanned! {at=>
            let __kubehandler_filter =
                #krate::__private::in_namespace::<Self::Resource>(__kubehandler_filter, #text);
        }
    });
    let labels = filter.labels.map(|text| quote!(.labels(#text)));
    let fields = filter.fields.map(|text| quote!(.fields(#text)));
    let informer = match api_resource {
        None => quote_spanned! {at=>
            #krate::__private::shared::<Self::Resource>(informers, __kubehandler_filter)
        },
        Some(api_resource) => {
            let at = place(api_resource);
            let krate = located(krate, at);
            quote_spanned! {at=>
                #krate::__private::shared_of::<Self::Resource>(
                    informers,
                    &(#api_resource),
                    __kubehandler_filter,
                )
            }
        }
    };
    quote_spanned! {at=>
        let __kubehandler_filter =
            <#krate::Filter as #krate::__private::Default>::default() #labels #fields;
        #in_namespace
        #informer
    }
}

/// `let informer: &Informer<Self::Resource> = &self.pods; Clone::clone(informer)`
///
/// The reference reaches from the first to the last token of the field's type: it
/// is what the compiler underlines if the type is another.
fn field(krate: &TokenStream, resource: &Resource<'_>, member: &Member, ty: &Type) -> TokenStream {
    let (first, last) = (place(ty), end(ty));
    let krate = located(krate, first);
    let member = located(member, last);
    let reference = quote_spanned!(first=> &self.);
    if let Resource::OfInformer(_) = resource {
        return quote_spanned! {first=>
            #krate::__private::AnyInformer::share(#reference #member)
        };
    }
    quote_spanned! {first=>
        let __kubehandler_informer: &#krate::Informer<Self::Resource> = #reference #member;
        #krate::__private::Clone::clone(__kubehandler_informer)
    }
}
