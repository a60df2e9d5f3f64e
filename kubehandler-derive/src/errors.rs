//! The mistakes found in one input, so that one build reports them all.

use std::fmt::Display;

use proc_macro2::TokenStream;
use quote::ToTokens;

/// Every problem found so far, in the order in which it was found.
#[derive(Default)]
pub(crate) struct Errors(Vec<syn::Error>);

impl Errors {
    /// Adds a problem of the tokens `at`.
    pub(crate) fn push(&mut self, at: impl ToTokens, message: impl Display) {
        self.0.push(syn::Error::new_spanned(at, message));
    }

    /// Adds a problem that syn found.
    pub(crate) fn add(&mut self, error: syn::Error) {
        self.0.push(error);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the first problem, as an expression that reports it.
    pub(crate) fn take_first(&mut self) -> Option<TokenStream> {
        (!self.0.is_empty()).then(|| self.0.remove(0).to_compile_error())
    }
}

/// The problems as items, each on its own token.
impl ToTokens for Errors {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        for error in &self.0 {
            tokens.extend(error.to_compile_error());
        }
    }
}
