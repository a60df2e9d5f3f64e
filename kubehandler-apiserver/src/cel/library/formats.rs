//! Formats of names and other texts.
//!
//! Source: `pkg/cel/library/format.go` of `k8s.io/apiserver`, and `pkg/util/validation` and
//! `pkg/api/validation` of `k8s.io/apimachinery`.

use super::regexes::is_match;
use crate::{
    cel::{
        outcome::Outcome,
        value::{CelValue, Url, times},
    },
    naming,
};

/// All formats, by the names that rules have for them.
const FORMATS: [&str; 13] = [
    "byte",
    "date",
    "datetime",
    "dns1035Label",
    "dns1035LabelPrefix",
    "dns1123Label",
    "dns1123LabelPrefix",
    "dns1123Subdomain",
    "dns1123SubdomainPrefix",
    "labelValue",
    "qualifiedName",
    "uri",
    "uuid",
];

pub(super) fn call(function: &str, arguments: &[CelValue]) -> Option<Outcome> {
    use CelValue::{Format, Optional, String};
    let known = |name: &str| FORMATS.into_iter().find(|known| *known == name);
    Some(Ok(match (function, arguments) {
        ("format.named", [String(name)]) => Optional(known(name).map(|name| Format(name).into())),
        ("validate", [Format(name), String(text)]) => {
            let wrong = wrong(name, text);
            if wrong.is_empty() {
                Optional(None)
            } else {
                CelValue::some(CelValue::strings(wrong))
            }
        }
        (function, []) => Format(known(function.strip_prefix("format.")?)?),
        _ => return None,
    }))
}

/// Returns what is wrong with a text of a format.
fn wrong(name: &str, text: &str) -> Vec<String> {
    let prefix = name.strip_suffix("Prefix");
    let masked = prefix.map(|_| naming::masked(text));
    let value = masked.as_deref().unwrap_or(text);
    let words = |is_right: bool, words: &str| {
        let words = (!is_right).then(|| words.to_owned());
        words.into_iter().collect()
    };
    match prefix.unwrap_or(name) {
        "dns1123Label" => dns(value, 63, naming::wrong_label),
        "dns1123Subdomain" => dns(value, 253, naming::wrong_subdomain),
        "dns1035Label" => dns(value, 63, naming::wrong_label_1035),
        "qualifiedName" => naming::key_errors(value),
        "labelValue" => naming::value_errors(value),
        "uri" => Url::parse(value).err().into_iter().collect(),
        "uuid" => words(is_uuid(value), "does not match the UUID format"),
        "byte" => words(is_base64(value), "invalid base64"),
        "date" => words(times::date(value).is_some(), "invalid date"),
        _ => words(
            times::timestamp(&value.to_uppercase()).is_some(),
            "invalid datetime",
        ),
    }
}

/// Returns what is wrong with a DNS name that has at most so many bytes.
fn dns(text: &str, max: usize, wrong: fn(&str) -> Option<String>) -> Vec<String> {
    let long = (text.len() > max).then(|| format!("must be no more than {max} bytes"));
    long.into_iter().chain(wrong(text)).collect()
}

fn is_uuid(text: &str) -> bool {
    is_match(
        "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$",
        text,
    )
}

fn is_base64(text: &str) -> bool {
    is_match(
        "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$",
        text,
    )
}
