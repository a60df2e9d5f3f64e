//! Inputs that the UI tests have no file for: what is said of them, and that nothing panics.

use proc_macro2::{TokenStream, TokenTree};
use syn::{DeriveInput, File};

use crate::implement;

/// The messages of the errors in the output, in order.
fn messages(tokens: TokenStream, found: &mut Vec<String>) {
    let mut is_error = false;
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => is_error = ident == "compile_error",
            TokenTree::Group(group) if is_error => {
                let text: syn::LitStr = syn::parse2(group.stream()).expect("a message");
                found.extend(text.value().lines().next().map(str::to_owned));
                is_error = false;
            }
            TokenTree::Group(group) => messages(group.stream(), found),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// What is said of `#[handler(<attribute>)] struct Pods;`; the output is always one impl.
fn said(attribute: &str) -> Vec<String> {
    let item: DeriveInput =
        syn::parse_str(&format!("#[handler({attribute})] struct Pods;")).expect("a struct");
    let output = implement(&item);
    let file: File = syn::parse2(output.clone()).expect("items");
    let impls = file
        .items
        .iter()
        .filter(|item| matches!(item, syn::Item::Impl(_)));
    assert_eq!(impls.count(), 1, "{attribute}");
    let mut found = Vec::new();
    messages(output, &mut found);
    found
}

/// Attributes, and what is said of each.
const ODD_VALUES: &[(&str, &str)] = &[
    (
        "resource = Pod, changed = 5",
        "`changed` takes a path in a string, or a closure: write `changed = \"spec.replicas\"`",
    ),
    (
        "resource = Pod, changed = \"\"",
        "`` is not a path: write names of fields joined by dots, such as \"spec.replicas\"",
    ),
    (
        "resource = Pod, name = \"\"",
        "`` is not a DNS label: use at most 63 of a-z, 0-9 and `-`, without `-` at the ends",
    ),
    (
        "resource = Pod, name = web-db-2",
        "`name` takes a string, or an expression such as `self.name`: write `name = \"web\"`",
    ),
    (
        "resource = Pod, name = 5",
        "`name` takes a string, or an expression such as `self.name`: write `name = \"web\"`",
    ),
    (
        "resource = Pod, labels = b\"x\"",
        "`labels` takes a string: write `labels = \"app=web\"`",
    ),
    (
        "resource = Pod, labels = \"\"",
        "the label selector is empty: leave it out to take every object",
    ),
    (
        "resource = Pod, workers = 99999999999999999999999",
        "`99999999999999999999999` is too large for `workers`",
    ),
    (
        "resource = Pod, workers = 8usize",
        "`workers` takes a number without a suffix: `8`",
    ),
    (
        "resource = Pod, workers = 8.5",
        "`workers` takes a whole number: write `workers = 8`",
    ),
    (
        "resource = Pod, workers: 8",
        "`workers` takes a whole number: write `workers = 8`",
    ),
    (
        "resource = Pod, retry(max = 4294967296)",
        "`4294967296` is too large for `max`",
    ),
    (
        "resource = Pod, retry()",
        "`retry` says nothing: write `retry(max = 12, base = \"200ms\", cap = \"5m\")`",
    ),
    (
        "resource = Pod, retry(base = \"1h\")",
        "`1h` is longer than the longest delay, 1000s by default: add `cap = \"..\"`",
    ),
    (
        "resource = Pod, retry(cap = \"1ms\")",
        "`1ms` is shorter than the first delay, 5ms by default: add `base = \"..\"`",
    ),
    (
        "resource = Pod, retry(max = 1, max = 2)",
        "`max` is given twice; the first is `max = 1`",
    ),
    (
        "resource = Pod, timeout = \"99999999999999999h\"",
        "`99999999999999999h` is not a duration: write a number with ms, s, m or h, such as \"30s\"",
    ),
    (
        "resource = DynamicObject, api_resource = \"pods\"",
        "`api_resource` takes an expression: write `api_resource = self.api_resource`",
    ),
    (
        "resource = Pod, informer = \"pods\"",
        "`informer` takes an expression: write `informer = self.pods.clone()`",
    ),
    (
        "resource = Pod, resource = Node",
        "`resource` is given twice; the first is `resource = Pod`",
    ),
    (
        "resource = _",
        "`resource` takes the type of an object, such as `resource = Pod`",
    ),
    (
        "resource = impl Watch",
        "`resource` takes the type of an object, such as `resource = Pod`",
    ),
    (
        "resource =",
        "`resource` takes a type, without quotes: write `resource = Pod`",
    ),
    (
        "resource",
        "`resource` takes a type, without quotes: write `resource = Pod`",
    ),
    ("resource = Pod, = 8", "expected a key, such as `resource`"),
    (
        "resource = Pod,, workers = 8",
        "expected a key, such as `resource`",
    ),
    (
        "resource = Pod, when =",
        "`when` takes a closure, or the path of a function: write `when = |pod| pod.spec.is_some()`",
    ),
    (
        "resource = Pod, crate =",
        "`crate` takes a path, without quotes: write `crate = my::kubehandler`",
    ),
    (
        "resource = Pod, kind = Pod",
        "unknown handler key `kind`; did you mean `resource`?",
    ),
    (
        "resource = Pod, Workers = 8",
        "unknown handler key `Workers`; did you mean `workers`?",
    ),
];

#[test]
fn every_odd_value_is_said_to_be_one() {
    for (attribute, expected) in ODD_VALUES {
        assert_eq!(said(attribute), [*expected], "{attribute}");
    }
}

#[test]
fn mistakes_do_not_hide_each_other() {
    let found = said(
        "resource = 5, name = x, labels = 1, fields = \"a\", changed = 1, when = 1, workers = \"\", \
         api_resource = 1, \
         timeout = 1, resync = 1, retry = 1, crate = 1, colour = 1, owns(A, B)",
    );

    assert_eq!(found.len(), 14, "{found:#?}");
}

#[test]
fn broken_syntax_is_an_error_and_no_panic() {
    for attribute in [
        "when = |o",
        "when = |o| ",
        "resource = Pod<",
        "resource = <Pod as",
        "informer = self.",
        "changed = |o| &o.",
        "crate = a::",
        ",",
        "=",
        "8",
        "resource = Pod workers",
        "retry(,)",
        "retry(max)",
        "retry(max = )",
        "#",
    ] {
        assert!(!said(attribute).is_empty(), "{attribute}");
    }
}
