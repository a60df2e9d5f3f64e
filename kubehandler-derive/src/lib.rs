//! `#[derive(EventHandler)]` for kubehandler.

mod attr;
mod case;
mod check;
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

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input, parse_quote};

/// Implements `EventHandler` for a struct.
#[proc_macro_derive(EventHandler, attributes(handler))]
pub fn event_handler(tokens: TokenStream) -> TokenStream {
    let item = parse_macro_input!(tokens as DeriveInput);
    let mut errors = errors::Errors::default();
    let attributes = attr::Attributes::parse(&item.attrs, &mut errors);
    let krate = attributes
        .krate
        .clone()
        .unwrap_or_else(|| parse_quote!(::kubehandler));
    let checked = check::check(&item, &attributes, &krate, &mut errors);
    match checked {
        Ok(input) => expand::expand(&input),
        Err(known) => fallback::fallback(&item, &krate, &known, errors),
    }
    .into()
}
