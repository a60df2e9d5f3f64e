//! `#[derive(EventHandler)]` for kubehandler.

use proc_macro::TokenStream;

/// Implements `EventHandler` for a struct.
#[proc_macro_derive(EventHandler, attributes(handler))]
pub fn event_handler(_: TokenStream) -> TokenStream {
    TokenStream::new()
}
