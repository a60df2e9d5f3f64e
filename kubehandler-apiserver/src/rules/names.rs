//! What names may look like.
//!
//! Source: `k8s.io/apimachinery/pkg/api/validate/content` and what the real server answers.

use crate::kinds::NameRule;

const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";

/// Returns what is wrong with a name, or with the beginning of one.
pub(crate) fn name(rule: NameRule, name: &str, is_prefix: bool) -> Vec<String> {
    if rule == NameRule::PathSegment {
        return path_segment(name, is_prefix);
    }
    let masked = masked(name);
    let name = if is_prefix { &masked } else { name };
    let (max, reason) = match rule {
        NameRule::Subdomain => (253, (!is_subdomain(name)).then(subdomain_words)),
        NameRule::Label => (63, wrong_label(name)),
        NameRule::Label1035 => (63, (!is_label_1035(name)).then(label_1035_words)),
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

/// A dash at the end of a beginning is no mistake, since more follows.
fn masked(name: &str) -> String {
    match name.strip_suffix('-') {
        // As the real server: the character before the dash goes too.
        Some(rest) if !rest.is_empty() => {
            let mut chars = rest.chars();
            chars.next_back();
            format!("{}a", chars.as_str())
        }
        _ => name.to_owned(),
    }
}

fn wrong_label(name: &str) -> Option<String> {
    if is_label(name) {
        None
    } else if is_subdomain(name) {
        Some("must not contain dots".to_owned())
    } else {
        let what = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters \
                    or '-', and must start and end with an alphanumeric character";
        Some(with_examples(what, LABEL, &["my-name", "123-abc"]))
    }
}

fn subdomain_words() -> String {
    let what = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, \
                '-' or '.', and must start and end with an alphanumeric character";
    with_examples(what, &format!("{LABEL}(\\.{LABEL})*"), &["example.com"])
}

fn label_1035_words() -> String {
    let what = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start \
                with an alphabetic character, and end with an alphanumeric character";
    with_examples(what, "[a-z]([-a-z0-9]*[a-z0-9])?", &["my-name", "abc-123"])
}

/// The real server has a comma behind each example, and one more space before the next.
fn with_examples(what: &str, regex: &str, examples: &[&str]) -> String {
    let examples: Vec<_> = examples
        .iter()
        .map(|example| format!("'{example}', "))
        .collect();
    format!(
        "{what} (e.g. {}regex used for validation is '{regex}')",
        examples.join(" or ")
    )
}

fn is_subdomain(name: &str) -> bool {
    name.split('.').all(is_label)
}

fn is_label(name: &str) -> bool {
    let is_end = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    is_made_of(name, is_end, |byte| is_end(byte) || byte == b'-')
}

fn is_label_1035(name: &str) -> bool {
    is_label(name) && name.starts_with(|first: char| first.is_ascii_lowercase())
}

fn is_made_of(name: &str, is_end: impl Fn(u8) -> bool, is_inner: impl Fn(u8) -> bool) -> bool {
    match name.as_bytes() {
        [] => false,
        [only] => is_end(*only),
        [first, inner @ .., last] => {
            is_end(*first) && is_end(*last) && inner.iter().all(|byte| is_inner(*byte))
        }
    }
}
