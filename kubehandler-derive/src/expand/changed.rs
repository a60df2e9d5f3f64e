//! What `changed` compares.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Path;

use super::place::{located, place};
use crate::input::Changed;

/// `let settings = settings.changed(differ_in_part::<Self::Resource, _>(|o| &o.spec));`
///
/// A statement, so that all of it has the place of the path.
pub(super) fn changed(krate: &Path, changed: &Changed<'_>) -> TokenStream {
    let at = match changed {
        Changed::Fields(fields) => fields.first().map_or_else(Span::call_site, place),
        Changed::Part(part) => place(part),
        Changed::Pointer(_) => Span::call_site(),
    };
    let krate = located(krate, at);
    let differ = match changed {
        Changed::Part(part) => {
            quote_spanned!(at=> #krate::__private::differ_in_part::<Self::Resource, _>(#part))
        }
        Changed::Pointer(pointer) => quote!(#krate::__private::differ_in_pointer(#pointer)),
        Changed::Fields(fields) => in_fields(&krate, at, fields),
    };
    quote_spanned! {at=>
        let __kubehandler_settings =
            #krate::Settings::<Self>::changed(__kubehandler_settings, #differ);
    }
}

/// For `spec.replicas`, where `Peel` looks through an `Option`:
///
/// ```text
/// differ_in_path::<Self::Resource, _>(|o| {
///     Some(o).and_then(|part| Peel::new(&part.spec).peel()).map(|part| &part.replicas)
/// })
/// ```
fn in_fields(krate: &TokenStream, at: Span, fields: &[Ident]) -> TokenStream {
    let (last, way) = match fields.split_last() {
        Some((last, way)) => (Some(last), way),
        None => (None, fields),
    };
    let way = way.iter().map(|field| {
        quote_spanned! {at=>
            .and_then(|__kubehandler_part| {
                #krate::__private::Peel::new(&__kubehandler_part.#field).peel()
            })
        }
    });
    let last = last
        .map(|field| quote_spanned!(at=> .map(|__kubehandler_part| &__kubehandler_part.#field)));
    quote_spanned! {at=>
        #krate::__private::differ_in_path::<Self::Resource, _>(|__kubehandler_object| {
            #krate::__private::Option::Some(__kubehandler_object) #(#way)* #last
        })
    }
}
