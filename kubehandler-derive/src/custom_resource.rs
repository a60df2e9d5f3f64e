//! `#[custom_resource(...)]` and `#[schema]`: the derives of a kind of one's own, all reached through the library.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{
    Attribute, DeriveInput, LitStr, Meta, Path, Token, ext::IdentExt, parse::ParseStream,
    parse_quote, punctuated::Punctuated,
};

use crate::{
    entries::{each_entry, error, rest_of_entry},
    errors::Errors,
};

/// What kube's derive cannot do without, and an example of each.
const REQUIRED: [(&str, &str); 3] = [("group", "demo.dev"), ("version", "v1"), ("kind", "Site")];

/// The arguments of an attribute: ours, and those that are kube's.
struct Arguments {
    krate: Path,
    /// The keys for kube, in order, each with what follows it.
    kube: Vec<(Ident, TokenStream)>,
}

impl Arguments {
    fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut arguments = Self {
            krate: parse_quote!(::kubehandler),
            kube: Vec::new(),
        };
        each_entry(tokens, errors, |key, input, _| arguments.entry(key, input));
        arguments
    }

    fn entry(&mut self, key: Ident, input: ParseStream<'_>) -> syn::Result<()> {
        if key == "crate" {
            input.parse::<Token![=]>()?;
            self.krate = input.call(Path::parse_mod_style)?;
            return Ok(());
        }
        let rest = rest_of_entry(input);
        if key == "crates" {
            return Err(error(
                key,
                "`crates` is written by this attribute: give the path of the library, `crate = path`, if it has another name",
            ));
        }
        self.kube.push((key, rest));
        Ok(())
    }

    /// Reports the keys that are missing, and writes examples in their place: the type then exists.
    fn complete(&mut self, ident: &Ident, errors: &mut Errors) {
        for (name, example) in REQUIRED {
            if self.kube.iter().any(|(key, _)| key == name) {
                continue;
            }
            errors.push(
                ident,
                format!(
                    "`{name}` is missing: add `{name} = \"{example}\"` to `#[custom_resource(..)]`"
                ),
            );
            let spec = ident.unraw().to_string();
            let value = match name {
                "kind" => spec.strip_suffix("Spec").unwrap_or(example).to_owned(),
                _ => example.to_owned(),
            };
            self.kube
                .push((Ident::new(name, Span::call_site()), quote!(= #value)));
        }
    }
}

/// Adds to a struct what makes it the spec of a custom resource.
///
/// ```text
/// #[derive(::kubehandler::kube::CustomResource, Clone, Debug, PartialEq, Serialize, ..)]
/// #[kube(group = "demo.dev", .., crates(kube_core = "::kubehandler::kube::core", ..))]
/// #[serde(crate = "::kubehandler::serde")]
/// #[schemars(crate = "::kubehandler::schemars")]
/// struct SiteSpec { .. }
/// ```
pub(crate) fn custom_resource(tokens: TokenStream, item: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let mut arguments = Arguments::parse(tokens, &mut errors);
    arguments.complete(&item.ident, &mut errors);
    let krate = &arguments.krate;
    let kube = arguments.kube.iter().map(|(key, rest)| quote!(#key #rest));
    let crates = crates(krate);
    let data = data(krate, &item.attrs);
    quote! {
        #errors
        #[derive(#krate::kube::CustomResource)]
        #data
        #[kube(#(#kube,)* #crates)]
        #item
    }
}

/// Adds to a type what makes it a part of a custom resource.
pub(crate) fn schema(tokens: TokenStream, item: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let arguments = Arguments::parse(tokens, &mut errors);
    for (key, _) in &arguments.kube {
        errors.push(
            key,
            "`#[schema]` takes nothing but `crate = path`: what concerns the kind goes to `#[custom_resource(..)]`",
        );
    }
    let data = data(&arguments.krate, &item.attrs);
    quote! {
        #errors
        #data
        #item
    }
}

/// The derives of data that is sent and compared, but for those that the type already has.
fn data(krate: &Path, attributes: &[Attribute]) -> TokenStream {
    let present = derived(attributes);
    let derives: Vec<Path> = [
        parse_quote!(::core::clone::Clone),
        parse_quote!(::core::fmt::Debug),
        parse_quote!(::core::cmp::PartialEq),
        parse_quote!(#krate::serde::Serialize),
        parse_quote!(#krate::serde::Deserialize),
        parse_quote!(#krate::schemars::JsonSchema),
    ]
    .into_iter()
    .filter(|path| last(path).is_none_or(|name| !present.contains(name)))
    .collect();
    let (serde, schemars) = (text(krate, "serde"), text(krate, "schemars"));
    quote! {
        #[derive(#(#derives),*)]
        #[serde(crate = #serde)]
        #[schemars(crate = #schemars)]
    }
}

/// The names of the traits that the attributes derive.
fn derived(attributes: &[Attribute]) -> Vec<Ident> {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("derive"))
        .filter_map(|attribute| match &attribute.meta {
            Meta::List(list) => list
                .parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated)
                .ok(),
            _ => None,
        })
        .flatten()
        .filter_map(|path| last(&path).cloned())
        .collect()
}

fn last(path: &Path) -> Option<&Ident> {
    path.segments.last().map(|segment| &segment.ident)
}

/// `crates(kube_core = "::kubehandler::kube::core", ..)`
fn crates(krate: &Path) -> TokenStream {
    let kube_core = text(krate, "kube::core");
    let entries = ["k8s_openapi", "schemars", "serde", "serde_json"].map(|name| {
        let (name, path) = (Ident::new(name, Span::call_site()), text(krate, name));
        quote!(#name = #path)
    });
    quote!(crates(kube_core = #kube_core, #(#entries),*))
}

/// The path to a module of the library, as text.
fn text(krate: &Path, module: &str) -> LitStr {
    let path = krate.to_token_stream().to_string().replace(' ', "");
    LitStr::new(&format!("{path}::{module}"), Span::call_site())
}
