//! The stub impl emitted beside errors, so that nothing else is reported for want of it.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Path};

use crate::{
    check::Known,
    errors::Errors,
    expand::{bounded, resource},
};

/// Writes the errors, and an `impl EventHandler` that compiles.
///
/// Where the resource is not known, a type with an error in it stands in its place:
/// the compiler then takes whatever the callbacks do with the object to be right.
pub(crate) fn fallback(
    item: &DeriveInput,
    krate: &Path,
    known: &Known<'_>,
    mut errors: Errors,
) -> TokenStream {
    let ident = &item.ident;
    let generics = bounded(ident, &item.generics);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let resource = if let Some(known) = &known.resource {
        resource(krate, known)
    } else {
        let error = errors.take_first();
        quote!(type Resource = [(); #error];)
    };
    quote! {
        #errors

        #[automatically_derived]
        impl #impl_generics #krate::EventHandler for #ident #ty_generics #where_clause {
            #resource

            fn name(&self) -> #krate::__private::Cow<'_, #krate::__private::str> {
                #krate::__private::stub()
            }

            fn informer(
                &self,
                _: &#krate::Informers,
            ) -> #krate::Informer<Self::Resource> {
                #krate::__private::stub()
            }
        }
    }
}
