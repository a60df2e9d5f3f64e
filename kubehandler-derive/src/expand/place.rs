//! Where the compiler reports what is wrong with generated code.
//!
//! Code that is written for the sake of one token has that token's place, so that
//! the message points at it, and one mistake gives one message however often the
//! code repeats it. It keeps the macro's origin, so that lints keep away from it.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::ToTokens;

/// Returns the place of the first of these tokens, with the origin of the macro.
pub(crate) fn place(tokens: impl ToTokens) -> Span {
    let first = tokens.into_token_stream().into_iter().next();
    let at = first.map_or_else(Span::call_site, |token| token.span());
    Span::call_site().located_at(at)
}

/// Returns the place of the last of these tokens, with the origin of the macro.
pub(super) fn end(tokens: impl ToTokens) -> Span {
    let last = tokens.into_token_stream().into_iter().last();
    let at = last.map_or_else(Span::call_site, |token| token.span());
    Span::call_site().located_at(at)
}

/// Moves tokens to a place; they mean what they meant.
pub(crate) fn located(tokens: impl ToTokens, at: Span) -> TokenStream {
    tokens
        .into_token_stream()
        .into_iter()
        .map(|mut token| {
            if let TokenTree::Group(group) = &token {
                token = Group::new(group.delimiter(), located(group.stream(), at)).into();
            }
            token.set_span(token.span().located_at(at));
            token
        })
        .collect()
}
