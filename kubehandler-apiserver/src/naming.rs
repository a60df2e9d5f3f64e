//! What DNS labels, subdomains, and the keys and values of labels look like, in the real server's words.
//!
//! Source: `k8s.io/apimachinery/pkg/api/validate/content`.

const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const LABEL_1035: &str = "[a-z]([-a-z0-9]*[a-z0-9])?";
const NAME: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

/// Returns what is wrong with a DNS label as RFC 1123 has it, whatever its length.
pub(crate) fn wrong_label(text: &str) -> Option<String> {
    if is_label(text) {
        None
    } else if is_subdomain(text) {
        Some("must not contain dots".to_owned())
    } else {
        let what = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters \
                    or '-', and must start and end with an alphanumeric character";
        Some(with_examples(what, LABEL, &["my-name", "123-abc"]))
    }
}

/// Returns what is wrong with a DNS label as RFC 1035 has it, whatever its length.
pub(crate) fn wrong_label_1035(text: &str) -> Option<String> {
    let is_right = is_label(text) && text.starts_with(|first: char| first.is_ascii_lowercase());
    let what = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start \
                with an alphabetic character, and end with an alphanumeric character";
    (!is_right).then(|| with_examples(what, LABEL_1035, &["my-name", "abc-123"]))
}

/// Returns what is wrong with a DNS subdomain, whatever its length.
pub(crate) fn wrong_subdomain(text: &str) -> Option<String> {
    let what = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, \
                '-' or '.', and must start and end with an alphanumeric character";
    let regex = || format!("{LABEL}(\\.{LABEL})*");
    (!is_subdomain(text)).then(|| with_examples(what, &regex(), &["example.com"]))
}

/// Returns what is wrong with a label's key: a name, after a DNS subdomain and `/` or without one.
pub(crate) fn key_errors(key: &str) -> Vec<String> {
    let what = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end \
                with an alphanumeric character";
    let words = || with_examples(what, NAME, &["MyName", "my.name", "123-abc"]);
    let (prefix, name) = match key.split_once('/') {
        None => (None, key),
        Some((_, name)) if name.contains('/') => {
            return vec![format!(
                "a valid label key {} with an optional DNS subdomain prefix and '/' (e.g. \
                 'example.com/MyName')",
                words()
            )];
        }
        Some((prefix, name)) => (Some(prefix), name),
    };
    let mut errors = prefix.map_or_else(Vec::new, prefix_errors);
    if name.is_empty() {
        errors.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        errors.push("name part must be no more than 63 bytes".to_owned());
    }
    if !is_name(name) {
        errors.push(format!("name part {}", words()));
    }
    errors
}

/// Returns what is wrong with a label's value.
pub(crate) fn value_errors(value: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if value.len() > 63 {
        errors.push("must be no more than 63 bytes".to_owned());
    }
    if !value.is_empty() && !is_name(value) {
        let what = "a valid label must be an empty string or consist of alphanumeric characters, \
                    '-', '_' or '.', and must start and end with an alphanumeric character";
        let examples = ["MyValue", "my_value", "12345"];
        errors.push(with_examples(what, &format!("({NAME})?"), &examples));
    }
    errors
}

/// Returns the beginning of a name as a whole one: a dash at its end is no mistake, since more follows.
pub(crate) fn masked(prefix: &str) -> String {
    match prefix.strip_suffix('-') {
        // As the real server: the character before the dash goes too.
        Some(rest) if !rest.is_empty() => {
            let mut chars = rest.chars();
            chars.next_back();
            format!("{}a", chars.as_str())
        }
        _ => prefix.to_owned(),
    }
}

fn prefix_errors(prefix: &str) -> Vec<String> {
    if prefix.is_empty() {
        return vec!["prefix part must be non-empty".to_owned()];
    }
    let long = (prefix.len() > 253).then(|| "must be no more than 253 bytes".to_owned());
    let errors = long.into_iter().chain(wrong_subdomain(prefix));
    errors.map(|error| format!("prefix part {error}")).collect()
}

/// The real server has a comma after each example, and one more space before the next.
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

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn is_label(text: &str) -> bool {
    let is_outer = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    is_framed(text, is_outer, |c| c == '-')
}

fn is_name(text: &str) -> bool {
    is_framed(
        text,
        |c| c.is_ascii_alphanumeric(),
        |c| matches!(c, '-' | '_' | '.'),
    )
}

/// Returns whether the text starts and ends with an outer character, with inner ones between.
fn is_framed(text: &str, is_outer: impl Fn(char) -> bool, is_inner: impl Fn(char) -> bool) -> bool {
    text.starts_with(&is_outer)
        && text.ends_with(&is_outer)
        && text.chars().all(|c| is_outer(c) || is_inner(c))
}
