//! Lists of `key = value`, read on after a mistake.

use std::fmt::Display;

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    Expr, LitInt, LitStr, Token,
    ext::IdentExt,
    parse::{ParseStream, Parser},
};

use crate::{errors::Errors, keys::Key};

/// A value with the key it was given by, where errors are reported.
pub(crate) struct Entry<T> {
    pub(crate) key: Ident,
    pub(crate) value: T,
}

/// The keys of one list, to tell those that are given twice.
#[derive(Default)]
pub(crate) struct Written(Vec<(String, String)>);

impl Written {
    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.iter().any(|(written, _)| written == key)
    }

    /// Remembers a key, and reports it if it is not the first of its name.
    pub(crate) fn add(&mut self, key: &Ident, input: ParseStream<'_>, errors: &mut Errors) {
        let word = key.to_string();
        if let Some((_, first)) = self.0.iter().find(|(written, _)| *written == word) {
            errors.push(
                key,
                format!("`{word}` is given twice; the first is `{first}`"),
            );
            return;
        }
        let first = format!("{word} {}", rest_of_entry(&input.fork()));
        self.0.push((word, first));
    }
}

/// Calls `entry` with each key of a list; it reads the value, or says why it cannot.
///
/// What follows a mistake, up to the next comma, is skipped, so that the
/// mistakes of all entries are reported.
pub(crate) fn each_entry(
    tokens: TokenStream,
    errors: &mut Errors,
    mut entry: impl FnMut(Ident, ParseStream<'_>, &mut Errors) -> syn::Result<()>,
) {
    let parser = |input: ParseStream<'_>| {
        while !input.is_empty() {
            let read = key(input).and_then(|key| entry(key, input, errors));
            if let Err(error) = read.and_then(|()| end_of_entry(input)) {
                errors.add(error);
                rest_of_entry(input);
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    };
    if let Err(error) = parser.parse2(tokens) {
        errors.add(error);
    }
}

/// Takes a key, which may be a keyword.
fn key(input: ParseStream<'_>) -> syn::Result<Ident> {
    let at = input.span();
    input.call(Ident::parse_any).map_err(|_| {
        let message = "expected a key, such as `resource`";
        let found = rest_of_entry(input);
        if found.is_empty() {
            syn::Error::new(at, message)
        } else {
            error(found, message)
        }
    })
}

fn end_of_entry(input: ParseStream<'_>) -> syn::Result<()> {
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(());
    }
    let found: TokenTree = input.parse()?;
    Err(error(found, "expected `,` between two keys"))
}

/// Takes what is left before the next comma.
pub(crate) fn rest_of_entry(input: ParseStream<'_>) -> TokenStream {
    let mut rest = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        match input.parse::<TokenTree>() {
            Ok(token) => rest.extend([token]),
            Err(_) => break,
        }
    }
    rest
}

/// Takes the `=` between a key and its value.
pub(crate) fn equals(ident: &Ident, key: &Key, input: ParseStream<'_>) -> syn::Result<()> {
    if input.peek(Token![=]) && !input.peek(Token![==]) {
        let equals: Token![=] = input.parse()?;
        if input.is_empty() || input.peek(Token![,]) {
            return Err(takes(key, equals));
        }
        return Ok(());
    }
    let found = rest_of_entry(input);
    Err(if found.is_empty() {
        takes(key, ident)
    } else {
        takes(key, found)
    })
}

/// Refuses the value that comes next.
pub(crate) fn refuse<T>(key: &Key, input: ParseStream<'_>) -> syn::Result<T> {
    Err(takes(key, rest_of_entry(input)))
}

/// Says what a key takes.
pub(crate) fn takes(key: &Key, at: impl ToTokens) -> syn::Error {
    error(
        at,
        format!(
            "`{}` takes {}: write `{}`",
            key.name, key.value, key.example
        ),
    )
}

/// Takes a string.
pub(crate) fn string(key: &Key, input: ParseStream<'_>) -> syn::Result<LitStr> {
    if input.peek(LitStr) {
        input.parse()
    } else {
        refuse(key, input)
    }
}

/// Takes an integer.
pub(crate) fn integer(key: &Key, input: ParseStream<'_>) -> syn::Result<LitInt> {
    if input.peek(LitInt) {
        input.parse()
    } else {
        refuse(key, input)
    }
}

/// Takes a closure, a path, or another expression that is no literal.
pub(crate) fn function(key: &Key, input: ParseStream<'_>) -> syn::Result<Expr> {
    if input.peek(syn::Lit) {
        return refuse(key, input);
    }
    input.parse()
}

/// Makes an error at these tokens.
pub(crate) fn error(at: impl ToTokens, message: impl Display) -> syn::Error {
    syn::Error::new_spanned(at, message)
}
