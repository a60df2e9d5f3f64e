//! Paths into an object: `spec.nodeName` to the fields that the compiler checks.

use proc_macro2::{Ident, Span};
use syn::LitStr;

use crate::{case, input::Changed};

/// Reads a path into an object of a type that is known.
///
/// # Errors
///
/// Says what is wrong with the path.
pub(super) fn typed(literal: &LitStr) -> Result<Changed<'static>, String> {
    let path = literal.value();
    segments(&path)?
        .into_iter()
        .map(|segment| field(segment, literal.span()))
        .collect::<Option<_>>()
        .map(Changed::Fields)
        .ok_or_else(|| not_a_path(&path))
}

/// Reads a path into a `DynamicObject`: its metadata is typed, the rest is JSON.
///
/// # Errors
///
/// Says what is wrong with the path.
pub(super) fn dynamic(literal: &LitStr) -> Result<Changed<'static>, String> {
    let path = literal.value();
    let segments = segments(&path)?;
    match segments.first() {
        Some(&"metadata") => typed(literal),
        Some(&("types" | "apiVersion" | "kind")) => Err(format!(
            "`{path}` never changes: write a path such as \"spec\""
        )),
        _ => Ok(Changed::Pointer(format!("/{}", segments.join("/")))),
    }
}

/// Splits a path at its dots.
fn segments(path: &str) -> Result<Vec<&str>, String> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '#' | '$');
    let segments: Vec<&str> = path.split('.').collect();
    let is_path = segments
        .iter()
        .all(|segment| !segment.is_empty() && segment.chars().all(plain));
    is_path.then_some(segments).ok_or_else(|| not_a_path(path))
}

fn not_a_path(path: &str) -> String {
    format!(
        "`{path}` is not a path: write names of fields joined by dots, such as \"spec.replicas\""
    )
}

/// Makes the field that a segment names, or `None` if no field can have that name.
fn field(segment: &str, span: Span) -> Option<Ident> {
    let name = case::field(segment);
    let mut ident = syn::parse_str::<Ident>(&name).ok()?;
    ident.set_span(span);
    Some(ident)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(path: &str) -> LitStr {
        LitStr::new(path, Span::call_site())
    }

    fn fields(path: &str) -> Option<Vec<String>> {
        match typed(&literal(path)) {
            Ok(Changed::Fields(fields)) => Some(fields.iter().map(Ident::to_string).collect()),
            _ => None,
        }
    }

    #[test]
    fn path_becomes_the_fields_of_the_type() {
        for (path, expected) in [
            ("spec", vec!["spec"]),
            ("spec.nodeName", vec!["spec", "node_name"]),
            ("spec.node_name", vec!["spec", "node_name"]),
            ("spec.type", vec!["spec", "type_"]),
            ("spec.r#type", vec!["spec", "r#type"]),
        ] {
            let expected = expected.into_iter().map(str::to_owned).collect();

            assert_eq!(fields(path), Some(expected));
        }
    }

    #[test]
    fn text_that_is_no_path_is_refused() {
        for path in [
            "",
            ".",
            ".spec",
            "spec.",
            "spec..x",
            "spec[0]",
            "$.spec",
            "spec replicas",
            "spec.0",
            "spec.match",
            "spec.a-b",
        ] {
            assert_eq!(fields(path), None, "{path}");
        }
    }

    #[test]
    fn path_into_a_dynamic_object_is_a_json_pointer_but_for_its_metadata() {
        let pointer = dynamic(&literal("spec.nodeName"));
        let metadata = dynamic(&literal("metadata.labels"));

        assert!(matches!(pointer, Ok(Changed::Pointer(text)) if text == "/spec/nodeName"));
        assert!(matches!(metadata, Ok(Changed::Fields(_))));
        assert!(dynamic(&literal("types")).is_err());
    }
}
