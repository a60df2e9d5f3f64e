//! A checked input to tokens; cannot fail.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Generics, Path, WherePredicate, parse_quote, spanned::Spanned};

use crate::input::{Changed, Filter, Input, Millis, Resource, Retry, Settings, Source};

/// Writes `impl EventHandler`.
///
/// ```ignore
/// impl ::kubehandler::EventHandler for Pods where Self: Send + Sync + 'static {
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
    let generics = bounded(input.generics);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let resource = resource(krate, &input.resource);
    let informer = informer(krate, &input.source);
    let settings = settings(krate, &input.settings);
    quote! {
        #[automatically_derived]
        impl #impl_generics #krate::EventHandler for #ident #ty_generics #where_clause {
            type Resource = #resource;

            fn name(&self) -> #krate::__private::Cow<'_, #krate::__private::str> {
                #krate::__private::Cow::Borrowed(#name)
            }

            fn informer(
                &self,
                informers: &#krate::Informers,
            ) -> #krate::Informer<Self::Resource> {
                #informer
            }

            #settings
        }
    }
}

/// Adds the bounds of the trait: `where Self: Send + Sync + 'static`.
pub(crate) fn bounded(generics: &Generics) -> Generics {
    let mut generics = generics.clone();
    let bound: WherePredicate =
        parse_quote!(Self: ::core::marker::Send + ::core::marker::Sync + 'static);
    generics.make_where_clause().predicates.push(bound);
    generics
}

/// `Pod`, or `<MyInformer as InformerKind>::Resource`
pub(crate) fn resource(krate: &Path, resource: &Resource<'_>) -> TokenStream {
    match resource {
        Resource::Type(ty) => quote!(#ty),
        Resource::OfInformer(ty) => {
            quote_spanned!(ty.span()=> <#ty as #krate::__private::AnyInformer>::Resource)
        }
    }
}

/// `informers.informer(Filter::default().namespace("web"))`, `self.pods.clone()`, or the user's expression.
fn informer(krate: &Path, source: &Source<'_>) -> TokenStream {
    match source {
        Source::Shared(filter) => {
            let filter = filter_tokens(krate, filter);
            quote!(#krate::Informers::informer::<Self::Resource>(informers, #filter))
        }
        Source::Expr(expr) => quote! {
            let _ = informers;
            #expr
        },
        Source::Field(member, ty) => {
            let clone = quote_spanned! {ty.span()=>
                <#krate::Informer<Self::Resource> as #krate::__private::Clone>::clone(&self.#member)
            };
            quote! {
                let _ = informers;
                #clone
            }
        }
    }
}

/// `Filter::default().namespace("web").labels("app=web")`
fn filter_tokens(krate: &Path, filter: &Filter<'_>) -> TokenStream {
    let namespace = filter.namespace.map(|text| quote!(.namespace(#text)));
    let labels = filter.labels.map(|text| quote!(.labels(#text)));
    let fields = filter.fields.map(|text| quote!(.fields(#text)));
    quote! {
        <#krate::Filter as #krate::__private::Default>::default() #namespace #labels #fields
    }
}

/// `fn settings(&self) -> Settings<Self> { Settings::default().workers(..) }`; nothing for the defaults.
fn settings(krate: &Path, settings: &Settings<'_>) -> Option<TokenStream> {
    let workers = settings
        .workers
        .map(|workers| quote!(.workers(#krate::__private::at_least_one(#workers))));
    let timeout = settings.timeout.map(|timeout| {
        let timeout = duration(krate, timeout);
        quote!(.timeout(#timeout))
    });
    let retry = settings.retry.as_ref().map(|retry| {
        let retry = retry_tokens(krate, retry);
        quote!(.retry(#retry))
    });
    let resync = settings.resync.map(|interval| {
        let interval = duration(krate, interval);
        quote!(.resync(#interval))
    });
    let when = settings.when.map(|when| quote!(.when(#when)));
    let changed = settings.changed.as_ref().map(|changed| {
        let differ = differ(krate, changed);
        quote!(.changed(#differ))
    });
    let calls = quote!(#workers #timeout #retry #resync #when #changed);
    (!calls.is_empty()).then(|| {
        quote! {
            fn settings(&self) -> #krate::Settings<Self> {
                <#krate::Settings<Self> as #krate::__private::Default>::default() #calls
            }
        }
    })
}

/// `Duration::from_millis(30_000)`
fn duration(krate: &Path, Millis(millis): Millis) -> TokenStream {
    quote!(#krate::__private::Duration::from_millis(#millis))
}

/// `Retry::default().max(12).base(..).cap(..)`
fn retry_tokens(krate: &Path, retry: &Retry) -> TokenStream {
    let max = retry.max.map(|max| quote!(.max(#max)));
    let base = retry.base.map(|base| {
        let base = duration(krate, base);
        quote!(.base(#base))
    });
    let cap = retry.cap.map(|cap| {
        let cap = duration(krate, cap);
        quote!(.cap(#cap))
    });
    quote!(<#krate::Retry as #krate::__private::Default>::default() #max #base #cap)
}

/// The comparison that `Settings::changed` takes.
///
/// For `spec.replicas`, where `Peel` looks through an `Option`:
///
/// ```ignore
/// differ_in_path::<Self::Resource, _>(|o| {
///     Some(o).and_then(|part| Peel::new(&part.spec).peel()).map(|part| &part.replicas)
/// })
/// ```
fn differ(krate: &Path, changed: &Changed<'_>) -> TokenStream {
    let private = quote!(#krate::__private);
    match changed {
        Changed::Part(part) => quote!(#private::differ_in_part::<Self::Resource, _>(#part)),
        Changed::Pointer(pointer) => quote!(#private::differ_in_pointer(#pointer)),
        Changed::Fields(fields) => {
            let (last, way) = fields
                .split_last()
                .map_or((None, &[][..]), |(last, way)| (Some(last), way));
            let span = last.map_or_else(proc_macro2::Span::call_site, proc_macro2::Ident::span);
            let way = way.iter().map(|field| {
                quote_spanned! {field.span()=>
                    .and_then(|__kubehandler_part| {
                        #private::Peel::new(&__kubehandler_part.#field).peel()
                    })
                }
            });
            let last = last.map(|field| {
                quote_spanned!(field.span()=> .map(|__kubehandler_part| &__kubehandler_part.#field))
            });
            quote_spanned! {span=>
                #private::differ_in_path::<Self::Resource, _>(|__kubehandler_object| {
                    #private::Option::Some(__kubehandler_object) #(#way)* #last
                })
            }
        }
    }
}
