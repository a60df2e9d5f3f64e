//! The order of resourceVersions, where there is one.

use std::cmp::Ordering;

/// Compares two resourceVersions as the decimal numbers that Kubernetes documents them to be.
///
/// `None` if one of them is no such number: its order is then the server's secret.
pub(crate) fn compare(left: &str, right: &str) -> Option<Ordering> {
    if !is_number(left) || !is_number(right) {
        return None;
    }
    Some(left.len().cmp(&right.len()).then_with(|| left.cmp(right)))
}

/// Returns true if `left` is known to be older than `right`.
pub(crate) fn is_older(left: &str, right: &str) -> bool {
    compare(left, right) == Some(Ordering::Less)
}

/// Returns true if `version` names a point in the server's history.
///
/// An empty one and `0` do not: a watch from there starts anywhere.
pub(crate) fn is_known(version: &str) -> bool {
    !version.is_empty() && version != "0"
}

/// Decimal digits without leading zeros, of any length.
fn is_number(version: &str) -> bool {
    version.bytes().all(|byte| byte.is_ascii_digit())
        && version.bytes().next().is_some_and(|first| first != b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers_of_any_length() {
        assert_eq!(compare("9", "10"), Some(Ordering::Less));
        assert_eq!(compare("10", "10"), Some(Ordering::Equal));
        assert_eq!(
            compare("340282366920938463463374607431768211457", "9"),
            Some(Ordering::Greater)
        );
    }

    #[test]
    fn versions_that_are_no_numbers_have_no_order() {
        for (left, right) in [
            ("a", "1"),
            ("", "1"),
            ("01", "2"),
            ("1.5", "2"),
            ("-1", "2"),
        ] {
            assert_eq!(compare(left, right), None, "{left} {right}");
            assert!(!is_older(left, right));
        }
    }
}
