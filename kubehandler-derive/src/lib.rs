//! `#[derive(EventHandler)]` for kubehandler, which re-exports it.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod attr;
mod case;
mod check;
mod custom_resource;
mod duration;
mod entries;
mod errors;
mod expand;
mod fallback;
mod input;
mod keys;
mod name;
mod selector;
mod suggest;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input, parse_quote};

#[doc = include_str!("docs/event_handler.md")]
#[proc_macro_derive(EventHandler, attributes(handler))]
pub fn event_handler(item: TokenStream) -> TokenStream {
    implement(&parse_macro_input!(item as DeriveInput)).into()
}

/// Reads, checks, and writes the impl, or the errors and a stub.
fn implement(item: &DeriveInput) -> proc_macro2::TokenStream {
    let mut errors = errors::Errors::default();
    let attributes = attr::Attributes::parse(&item.attrs, &mut errors);
    let krate = attributes
        .krate
        .clone()
        .unwrap_or_else(|| parse_quote!(::kubehandler));
    match check::check(item, &attributes, &krate, &mut errors) {
        Ok(input) => expand::expand(&input),
        Err(known) => fallback::fallback(item, &krate, &known, errors),
    }
}

#[doc = include_str!("docs/custom_resource.md")]
#[proc_macro_attribute]
pub fn custom_resource(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as DeriveInput);
    custom_resource::custom_resource(arguments.into(), &item).into()
}

#[doc = include_str!("docs/schema.md")]
#[proc_macro_attribute]
pub fn schema(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as DeriveInput);
    custom_resource::schema(arguments.into(), &item).into()
}
