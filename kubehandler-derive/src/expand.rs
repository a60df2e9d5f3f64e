//! A checked input to tokens; cannot fail.

mod changed;
mod informer;
pub(crate) mod place;
mod settings;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Generics, Ident, Path, WherePredicate, parse_quote_spanned};

use crate::input::{Input, Name, Resource};
use place::{located, place};

/// Writes `impl EventHandler`.
///
/// ```text
/// impl ::kubehandler::EventHandler for Pods {
///     type Resource = Pod;
///     fn name(&self) -> Cow<'_, str> { Cow::Borrowed("pods") }
///     fn informer(&self, informers: &Informers) -> Informer<Self::Resource> { .. }
///     fn settings(&self) -> Settings<Self> { .. }
/// }
/// ```
pub(crate) fn expand(input: &Input<'_>) -> TokenStream {
    let Input {
        krate, ident, name, ..
    } = input;
    let generics = bounded(ident, input.generics);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let resource = resource(krate, &input.resource);
    let name = self::name(krate, name);
    let informer = informer::informer(krate, &input.resource, &input.source);
    let settings = settings::settings(krate, &input.settings);
    quote! {
        #[automatically_derived]
        impl #impl_generics #krate::EventHandler for #ident #ty_generics #where_clause {
            #resource

            fn name(&self) -> #krate::__private::Cow<'_, #krate::__private::str> {
                #name
            }

            #informer

            #settings
        }
    }
}

/// `Cow::Borrowed("pods")`, or, for `name = self.name`, `__private::name(&(self.name))`
fn name(krate: &Path, name: &Name<'_>) -> TokenStream {
    match name {
        Name::Literal(text) => quote!(#krate::__private::Cow::Borrowed(#text)),
        Name::Expr(expr) => {
            let at = place(expr);
            let krate = located(krate, at);
            quote_spanned!(at=> #krate::__private::name(&(#expr)))
        }
    }
}

/// Adds the bounds of the trait: `where Self: Send + Sync + 'static`.
pub(crate) fn bounded(ident: &Ident, generics: &Generics) -> Generics {
    let mut generics = generics.clone();
    let bound: WherePredicate = parse_quote_spanned! {place(ident)=>
        Self: ::core::marker::Send + ::core::marker::Sync + 'static
    };
    generics.make_where_clause().predicates.push(bound);
    generics
}

/// `type Resource = <Pod as AnyResource>::Kind;`, which is `Pod`, or
/// `type Resource = <PodInformer as AnyInformer>::Resource;`
pub(crate) fn resource(krate: &Path, resource: &Resource<'_>) -> TokenStream {
    let ty = resource.ty();
    let at = place(ty);
    let krate = located(krate, at);
    let projection = match resource {
        Resource::Type(_) => quote_spanned!(at=> AnyResource>::Kind),
        Resource::OfInformer(_) => quote_spanned!(at=> AnyInformer>::Resource),
    };
    quote_spanned!(at=> type Resource = <#ty as #krate::__private::#projection;)
}
