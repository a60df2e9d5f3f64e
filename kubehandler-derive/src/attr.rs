//! `#[handler(...)]` tokens to values.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::{Attribute, BinOp, Expr, LitInt, LitStr, Meta, Path, Token, Type, parse::ParseStream};

use crate::{
    entries::{
        Entry, Written, each_entry, equals, error, function, integer, refuse, rest_of_entry,
        string, takes,
    },
    errors::Errors,
    keys::{self, HANDLER, HandlerKey, Key, RETRY, RetryKey},
};

/// What was written on the struct; `None` where nothing was, or nothing that can be read.
#[derive(Default)]
pub(crate) struct Attributes {
    pub(crate) krate: Option<Path>,
    pub(crate) resource: Option<Entry<Type>>,
    pub(crate) name: Option<Entry<WrittenName>>,
    pub(crate) api_resource: Option<Entry<Expr>>,
    pub(crate) informer: Option<Entry<Expr>>,
    pub(crate) namespace: Option<Entry<LitStr>>,
    pub(crate) labels: Option<Entry<LitStr>>,
    pub(crate) fields: Option<Entry<LitStr>>,
    pub(crate) changed: Option<Entry<WrittenChanged>>,
    pub(crate) when: Option<Entry<Expr>>,
    pub(crate) workers: Option<Entry<LitInt>>,
    pub(crate) timeout: Option<Entry<LitStr>>,
    pub(crate) retry: Option<Entry<RetryAttributes>>,
    pub(crate) resync: Option<Entry<LitStr>>,
    /// Every known key that was written, readable or not.
    written: Written,
    /// An attribute was written in another way: what it was to say is not known.
    unreadable: bool,
}

/// The value of `name`.
pub(crate) enum WrittenName {
    /// `name = "web"`
    Literal(LitStr),
    /// `name = self.name`
    Expr(Expr),
}

/// The value of `changed`.
pub(crate) enum WrittenChanged {
    /// `changed = "spec.replicas"`
    Path(LitStr),
    /// `changed = |o| &o.spec`
    Part(Expr),
}

/// What was written in `retry(...)`.
#[derive(Default)]
pub(crate) struct RetryAttributes {
    pub(crate) max: Option<Entry<LitInt>>,
    pub(crate) base: Option<Entry<LitStr>>,
    pub(crate) cap: Option<Entry<LitStr>>,
    pub(crate) delete_deadline: Option<Entry<LitStr>>,
}

impl Attributes {
    /// Reads the attributes of a struct.
    pub(crate) fn parse(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut parsed = Self::default();
        for attribute in attributes.iter().filter(|attribute| is_handler(attribute)) {
            match list(attribute, "resource = Kind", errors) {
                Some(tokens) => each_entry(tokens, errors, |ident, input, errors| {
                    parsed.entry(ident, input, errors)
                }),
                None => parsed.unreadable = true,
            }
        }
        parsed
    }

    /// Returns true if the key was written, readable or not.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.written.has(name)
    }

    /// Returns true if the key may have been written, or will be once what is wrong is repaired.
    pub(crate) fn may_have(&self, name: &str) -> bool {
        self.has(name) || self.unreadable
    }

    /// Reads one entry.
    fn entry(
        &mut self,
        ident: Ident,
        input: ParseStream<'_>,
        errors: &mut Errors,
    ) -> syn::Result<()> {
        let word = ident.to_string();
        let Some((which, key)) = keys::find(HANDLER, &word) else {
            let message =
                keys::not_yet(&word).unwrap_or_else(|| keys::unknown("handler", &word, HANDLER));
            rest_of_entry(input);
            return Err(error(ident, message));
        };
        self.written.add(&ident, input, errors);
        if which == HandlerKey::Retry {
            let value = retry(key, &ident, input, errors)?;
            keep(&mut self.retry, ident, value);
            return Ok(());
        }
        if which == HandlerKey::Informer && (input.is_empty() || input.peek(Token![,])) {
            return Err(error(
                ident,
                "`informer` alone goes on the field that holds it; on the struct, write `informer = self.pods.clone()`",
            ));
        }
        equals(&ident, key, input)?;
        self.value(which, key, ident, input)
    }

    /// Reads the value after a key and its `=`.
    fn value(
        &mut self,
        which: HandlerKey,
        key: &Key,
        ident: Ident,
        input: ParseStream<'_>,
    ) -> syn::Result<()> {
        match which {
            HandlerKey::Crate => self.krate = Some(path(key, input)?),
            HandlerKey::Resource => keep(&mut self.resource, ident, resource(key, input)?),
            HandlerKey::Name => keep(&mut self.name, ident, name(key, input)?),
            HandlerKey::ApiResource => keep(&mut self.api_resource, ident, function(key, input)?),
            HandlerKey::Informer => keep(&mut self.informer, ident, function(key, input)?),
            HandlerKey::Namespace => keep(&mut self.namespace, ident, string(key, input)?),
            HandlerKey::Labels => keep(&mut self.labels, ident, string(key, input)?),
            HandlerKey::Fields => keep(&mut self.fields, ident, string(key, input)?),
            HandlerKey::Changed => keep(&mut self.changed, ident, changed(key, input)?),
            HandlerKey::When => keep(&mut self.when, ident, function(key, input)?),
            HandlerKey::Workers => keep(&mut self.workers, ident, integer(key, input)?),
            HandlerKey::Timeout => keep(&mut self.timeout, ident, string(key, input)?),
            HandlerKey::Retry => {} // It has values of its own, which were read before.
            HandlerKey::Resync => keep(&mut self.resync, ident, string(key, input)?),
        }
        Ok(())
    }
}

/// Sets a value, unless one was set before: a duplicate is reported, and the first counts.
fn keep<T>(slot: &mut Option<Entry<T>>, key: Ident, value: T) {
    slot.get_or_insert(Entry { key, value });
}

/// Returns true if the attribute is ours.
pub(crate) fn is_handler(attribute: &Attribute) -> bool {
    attribute.path().is_ident("handler")
}

/// Returns what is between the parentheses of a `#[handler(...)]`, or `None` if it is written otherwise.
pub(crate) fn list(
    attribute: &Attribute,
    example: &str,
    errors: &mut Errors,
) -> Option<TokenStream> {
    match &attribute.meta {
        Meta::List(list) if matches!(list.delimiter, syn::MacroDelimiter::Paren(_)) => {
            Some(list.tokens.clone())
        }
        other => {
            errors.push(other, format!("write `#[handler({example})]`"));
            None
        }
    }
}

fn path(key: &Key, input: ParseStream<'_>) -> syn::Result<Path> {
    if input.peek(syn::Lit) {
        return refuse(key, input);
    }
    input.call(Path::parse_mod_style)
}

fn resource(key: &Key, input: ParseStream<'_>) -> syn::Result<Type> {
    if input.peek(syn::Lit) {
        return refuse(key, input);
    }
    let ty: Type = input.parse()?;
    match plain(&ty) {
        Type::Path(_) | Type::Macro(_) => Ok(ty),
        other => Err(error(
            other,
            "`resource` takes the type of an object, such as `resource = Pod`",
        )),
    }
}

/// Returns the type within parentheses and the invisible groups of `macro_rules!`.
pub(crate) fn plain(ty: &Type) -> &Type {
    match ty {
        Type::Paren(paren) => plain(&paren.elem),
        Type::Group(group) => plain(&group.elem),
        other => other,
    }
}

fn name(key: &Key, input: ParseStream<'_>) -> syn::Result<WrittenName> {
    if input.peek(LitStr) {
        return input.parse().map(WrittenName::Literal);
    }
    let expr = function(key, input)?;
    if is_unquoted(&expr) {
        return Err(takes(key, expr));
    }
    Ok(WrittenName::Expr(expr))
}

/// Returns true for `web` and `web-db`: text whose quotes are missing, as no variable is in scope.
fn is_unquoted(expr: &Expr) -> bool {
    match expr {
        Expr::Path(path) => path.path.get_ident().is_some_and(|ident| {
            let word = ident.to_string();
            word != "self" && word.starts_with(char::is_lowercase)
        }),
        Expr::Binary(dashed) => {
            let ends_in_number = matches!(*dashed.right, Expr::Lit(_));
            matches!(dashed.op, BinOp::Sub(_))
                && is_unquoted(&dashed.left)
                && (ends_in_number || is_unquoted(&dashed.right))
        }
        _ => false,
    }
}

fn changed(key: &Key, input: ParseStream<'_>) -> syn::Result<WrittenChanged> {
    if input.peek(LitStr) {
        return input.parse().map(WrittenChanged::Path);
    }
    function(key, input).map(WrittenChanged::Part)
}

fn retry(
    key: &Key,
    ident: &Ident,
    input: ParseStream<'_>,
    errors: &mut Errors,
) -> syn::Result<RetryAttributes> {
    if !input.peek(syn::token::Paren) {
        let found = rest_of_entry(input);
        let at = if found.is_empty() {
            ident.to_token_stream()
        } else {
            found
        };
        return Err(error(at, format!("write `{}`", key.example)));
    }
    let content;
    syn::parenthesized!(content in input);
    let tokens: TokenStream = content.parse()?;
    if tokens.is_empty() {
        return Err(error(
            ident,
            format!("`retry` says nothing: write `{}`", key.example),
        ));
    }
    let mut retry = RetryAttributes::default();
    let mut written = Written::default();
    each_entry(tokens, errors, |ident, input, errors| {
        let word = ident.to_string();
        let Some((which, key)) = keys::find(RETRY, &word) else {
            rest_of_entry(input);
            return Err(error(ident, keys::unknown("retry", &word, RETRY)));
        };
        written.add(&ident, input, errors);
        equals(&ident, key, input)?;
        match which {
            RetryKey::Max => keep(&mut retry.max, ident, integer(key, input)?),
            RetryKey::Base => keep(&mut retry.base, ident, string(key, input)?),
            RetryKey::Cap => keep(&mut retry.cap, ident, string(key, input)?),
            RetryKey::DeleteDeadline => {
                keep(&mut retry.delete_deadline, ident, string(key, input)?);
            }
        }
        Ok(())
    });
    Ok(retry)
}
