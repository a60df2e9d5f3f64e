//! What a request asks for about fields that are not known, read from the request.

use http::header;

use crate::{
    rules::FieldChecks,
    schema::decode,
    wire::{asked::Verb, media::PatchType, options::FieldValidation, request::Request},
};

/// Returns what becomes of fields that the kind does not have, or that are there twice.
pub(super) fn of(request: &Request) -> FieldChecks {
    let of_patch = match request.asked.verb {
        Verb::Patch => of_patch(request),
        _ => Vec::new(),
    };
    FieldChecks::new(FieldValidation::of(&request.query), of_patch)
}

/// Returns what is wrong with the patch itself, before it is applied.
fn of_patch(request: &Request) -> Vec<String> {
    let content_type = request.headers.get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let text = String::from_utf8_lossy(&request.body);
    match PatchType::parse(content_type, true) {
        Ok(PatchType::Json) => {
            let findings = decode::of_operations(&text);
            let findings = findings
                .iter()
                .map(|finding| format!("json patch {finding}"));
            findings.collect()
        }
        Ok(PatchType::Merge) => {
            let findings = decode::duplicates(&text);
            findings.iter().map(ToString::to_string).collect()
        }
        Ok(PatchType::Apply) | Err(_) => Vec::new(),
    }
}
