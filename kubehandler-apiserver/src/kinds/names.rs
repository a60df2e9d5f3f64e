//! What names may look like.
//!
//! Source: `k8s.io/apimachinery/pkg/api/validate/content` and what the real server answers.

use crate::{
    failure::Cause,
    kinds::NameRule,
    naming::{masked, wrong_label, wrong_label_1035, wrong_subdomain},
};

/// Returns what is wrong with a name, or with the beginning of one.
pub(crate) fn name(rule: NameRule, name: &str, is_prefix: bool) -> Vec<String> {
    if rule == NameRule::PathSegment {
        return path_segment(name, is_prefix);
    }
    let masked = masked(name);
    let name = if is_prefix { &masked } else { name };
    let (max, reason) = match rule {
        NameRule::Subdomain => (253, wrong_subdomain(name)),
        NameRule::Label => (63, wrong_label(name)),
        NameRule::Label1035 => (63, wrong_label_1035(name)),
        NameRule::PathSegment => return Vec::new(),
    };
    let long = (name.len() > max).then(|| format!("must be no more than {max} characters"));
    long.into_iter().chain(reason).collect()
}

/// Returns what is wrong with a name that must only fit into a path.
pub(crate) fn path_segment(name: &str, is_prefix: bool) -> Vec<String> {
    if !is_prefix && matches!(name, "." | "..") {
        return vec![format!("may not be '{name}'")];
    }
    let illegal = ["/", "%"].into_iter().filter(|part| name.contains(part));
    illegal
        .map(|part| format!("may not contain '{part}'"))
        .collect()
}

/// Returns what is wrong with the name in a field.
pub(super) fn wrong_name(field: &str, rule: NameRule, text: &str) -> Vec<Cause> {
    Cause::all_invalid(field, text, &name(rule, text, false))
}

/// Returns what is wrong with the name of a port.
pub(super) fn port_name(name: &str) -> Vec<&'static str> {
    let is_lower_or_digit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let checks = [
        (name.len() > 15, "must be no more than 15 characters"),
        (
            !name
                .bytes()
                .all(|byte| is_lower_or_digit(byte) || byte == b'-'),
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
        ),
        (
            !name.bytes().any(|byte| byte.is_ascii_lowercase()),
            "must contain at least one letter (a-z)",
        ),
        (name.contains("--"), "must not contain consecutive hyphens"),
        (
            name.starts_with('-') || name.ends_with('-'),
            "must not begin or end with a hyphen",
        ),
    ];
    let wrong = checks.into_iter().filter(|(is_wrong, _)| *is_wrong);
    wrong.map(|(_, detail)| detail).collect()
}
