//! `#[custom_resource(...)]` and `#[schema]`: the derives of a kind of one's own, all reached through the library.

mod parts;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{
    Attribute, DeriveInput, LitStr, Meta, Path, Token,
    ext::IdentExt,
    parse::{ParseStream, Parser},
    parse_quote,
    punctuated::Punctuated,
};

use crate::{
    entries::{each_entry, error, rest_of_entry},
    errors::Errors,
};
use parts::Role;

/// What kube's derive cannot do without, and an example of each.
const REQUIRED: [(&str, &str); 3] = [("group", "demo.dev"), ("version", "v1"), ("kind", "Site")];

/// The arguments of an attribute: ours, and those that are kube's.
#[derive(Clone)]
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

    /// Adds the keys that are given to kube below the attribute.
    fn below(mut self, attributes: &[Attribute]) -> Self {
        let lists = attributes
            .iter()
            .filter(|attribute| attribute.path().is_ident("kube"))
            .filter_map(|attribute| attribute.meta.require_list().ok());
        for list in lists {
            let below = Self::parse(list.tokens.clone(), &mut Errors::default());
            self.kube.extend(below.kube);
        }
        self
    }

    /// Returns the path in the string of a key: the `Site` of `kind = "Site"`.
    fn path(&self, name: &str) -> Option<Path> {
        let (_, rest) = self.kube.iter().find(|(key, _)| key == name)?;
        let string = |input: ParseStream<'_>| {
            input.parse::<Token![=]>()?;
            input.parse::<LitStr>()
        };
        string.parse2(rest.clone()).ok()?.parse().ok()
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
    let all = arguments.clone().below(&item.attrs);
    let status = all.path("status");
    let data = data(krate, item, &Role::Kind { status });
    let kind = all.path("root").or_else(|| all.path("kind"));
    let spec_of = kind.map(|kind| spec_of(krate, &item.ident, &kind));
    quote! {
        #errors
        #[derive(#krate::kube::CustomResource)]
        #[kube(#(#kube,)* #crates)]
        #data
        #spec_of
    }
}

/// Says of which kind the struct is the spec, for handlers that name the spec in place of the kind.
///
/// ```text
/// impl ::kubehandler::__private::AnyResource for SiteSpec { type Kind = Site; }
/// ```
fn spec_of(krate: &Path, spec: &Ident, kind: &Path) -> TokenStream {
    quote! {
        #[automatically_derived]
        #[diagnostic::do_not_recommend]
        impl #krate::__private::AnyResource for #spec {
            type Kind = #kind;
        }
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
    let data = data(&arguments.krate, item, &Role::Part);
    quote! {
        #errors
        #data
    }
}

/// The type with the derives of data that is sent and compared, and a check of its parts.
///
/// A derive that the type already has is left out; its own may ask for less of the parts, and
/// they are not checked then.
fn data(krate: &Path, item: &DeriveInput, role: &Role) -> TokenStream {
    let present = derived(&item.attrs);
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
    let mut item = item.clone();
    let parts = (derives.len() == 6).then(|| parts::check(krate, &mut item, role));
    quote! {
        #[derive(#(#derives),*)]
        #[serde(crate = #serde)]
        #[schemars(crate = #schemars)]
        #item
        #parts
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
