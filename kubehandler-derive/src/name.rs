//! The DNS names of Kubernetes.

/// Returns true if `text` is a DNS label: at most 63 of a-z, 0-9 and `-`, which is not at the ends.
pub(crate) fn is_dns_label(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (1..=63).contains(&text.len())
        && text.chars().all(|c| plain(c) || c == '-')
        && text.starts_with(plain)
        && text.ends_with(plain)
}

/// Returns true if `text` is a DNS subdomain: at most 253 characters, parts joined by dots.
pub(crate) fn is_dns_subdomain(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= 253
        && text.split('.').all(|part| {
            part.starts_with(plain)
                && part.ends_with(plain)
                && part.chars().all(|c| plain(c) || c == '-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dns_labels_are_told_from_other_names() {
        let longest = "x".repeat(63);
        for (text, expected) in [
            ("web", true),
            ("web-1", true),
            ("1", true),
            (&*longest, true),
            ("", false),
            ("My_Pods", false),
            ("-web", false),
            ("web-", false),
            ("a.b", false),
            (&*format!("{longest}x"), false),
        ] {
            assert_eq!(is_dns_label(text), expected, "{text}");
        }
    }

    #[test]
    fn dns_subdomains_are_labels_joined_by_dots() {
        for (text, expected) in [
            ("example.com", true),
            ("demo", true),
            ("", false),
            ("a..b", false),
            ("A.b", false),
            (&*("a.".repeat(126) + "a"), true),
            (&*("a.".repeat(127) + "a"), false),
        ] {
            assert_eq!(is_dns_subdomain(text), expected, "{text}");
        }
    }
}
