//! The order of versions: `v2` before `v1` before `v1beta2` before `v1alpha1` before anything else.
//!
//! Source: "Version priority" in the Kubernetes documentation of custom resource definitions.

use std::cmp::Ordering;

/// A version's rank; the higher comes first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// 3 for a stable version, 2 beta, 1 alpha.
    stability: u8,
    major: u64,
    minor: u64,
}

/// Compares two versions: the preferred one is less.
pub(crate) fn compare(one: &str, other: &str) -> Ordering {
    match (rank(one), rank(other)) {
        (Some(a), Some(b)) => b.cmp(&a),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => one.cmp(other),
    }
}

fn rank(version: &str) -> Option<Rank> {
    let rest = version.strip_prefix('v')?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let major = rest[..end].parse().ok()?;
    let (stability, minor) = match &rest[end..] {
        "" => (3, Some(0)),
        beta if beta.starts_with("beta") => (2, beta[4..].parse().ok()),
        alpha if alpha.starts_with("alpha") => (1, alpha[5..].parse().ok()),
        _ => return None,
    };
    minor.map(|minor| Rank {
        stability,
        major,
        minor,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_versions_come_before_betas_before_alphas_before_others() {
        let mut versions = [
            "foo10",
            "v1alpha1",
            "v2",
            "v11beta2",
            "v10",
            "foo1",
            "v3beta1",
            "v12alpha1",
            "v1",
            "v10beta3",
        ];

        versions.sort_by(|one, other| compare(one, other));

        assert_eq!(
            versions,
            [
                "v10",
                "v2",
                "v1",
                "v11beta2",
                "v10beta3",
                "v3beta1",
                "v12alpha1",
                "v1alpha1",
                "foo1",
                "foo10"
            ]
        );
    }
}
