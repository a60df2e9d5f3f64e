//! A path, as the API reads it.

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/`, the list of paths.
    Root,
    /// `/healthz`, `/livez` and `/readyz`, with anything beneath.
    Health,
    /// `/version`.
    Version,
    /// `/api`.
    CoreVersions,
    /// `/apis`.
    Groups,
    /// `/apis/GROUP`.
    Group(String),
    /// `/api/v1` and `/apis/GROUP/VERSION`: the group (empty for the core) and the version.
    Resources(String, String),
    /// Objects.
    Objects(Target),
    /// Nothing that exists.
    Unknown,
    /// The path is not encoded well.
    Malformed,
}

/// Which object, or which collection of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    /// Empty for the core.
    pub(crate) group: String,
    pub(crate) version: String,
    /// The plural, such as `pods`.
    pub(crate) resource: String,
    /// Absent for objects without namespace, and for a collection over all namespaces.
    pub(crate) namespace: Option<String>,
    /// Absent for a collection.
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
    /// The path is one of the old `/watch/` ones.
    pub(crate) is_watch: bool,
}

impl Route {
    /// Reads a path that is still percent-encoded.
    pub(crate) fn of(path: &str) -> Self {
        let Some(path) = decode(path) else {
            return Self::Malformed;
        };
        // Slashes at the end are as good as none; those at the beginning are not, and those within are
        // around a part that is empty.
        let parts = match path.strip_prefix('/') {
            None => return Self::Unknown,
            Some("") => return Self::Root,
            Some(path) if path.starts_with('/') => return Self::Unknown,
            Some(path) => path.trim_end_matches('/').split('/'),
        };
        let parts: Vec<&str> = parts.collect();
        match parts[..] {
            ["healthz" | "livez" | "readyz", ..] => Self::Health,
            ["version"] => Self::Version,
            ["api"] => Self::CoreVersions,
            ["apis"] => Self::Groups,
            ["apis", "", ..] => Self::Unknown,
            ["apis", group] => Self::Group(group.to_owned()),
            ["api", version] => Self::Resources(String::new(), version.to_owned()),
            ["apis", group, version] => Self::Resources(group.to_owned(), version.to_owned()),
            ["api", version, ref rest @ ..] => Self::objects("", version, rest),
            ["apis", group, version, ref rest @ ..] => Self::objects(group, version, rest),
            _ => Self::Unknown,
        }
    }

    fn objects(group: &str, version: &str, rest: &[&str]) -> Self {
        let (is_watch, rest) = match rest {
            ["watch", rest @ ..] if !rest.is_empty() => (true, rest),
            _ => (false, rest),
        };
        let target = Target {
            group: group.to_owned(),
            version: version.to_owned(),
            is_watch,
            ..Target::default()
        };
        let some = |text: &str| Some(text.to_owned());
        Self::Objects(match *rest {
            // No version and no resource has an empty name: there is nothing here in any group.
            _ if version.is_empty() => target,
            ["", ..] | ["namespaces", _, "", ..] => target,
            // Objects of no namespace in particular.
            ["namespaces", "", resource] => Target {
                resource: resource.to_owned(),
                ..target
            },
            // A namespace is an object too, and has subresources.
            ["namespaces", name, sub @ ("status" | "finalize")] => Target {
                resource: "namespaces".to_owned(),
                name: some(name),
                subresource: some(sub),
                ..target
            },
            ["namespaces", namespace, resource, ref rest @ ..] => {
                let (name, subresource) = tail(rest);
                Target {
                    resource: resource.to_owned(),
                    namespace: some(namespace),
                    name,
                    subresource,
                    ..target
                }
            }
            [resource, ref rest @ ..] => {
                let (name, subresource) = tail(rest);
                Target {
                    resource: resource.to_owned(),
                    name,
                    subresource,
                    ..target
                }
            }
            [] => return Self::Unknown,
        })
    }
}

fn tail(rest: &[&str]) -> (Option<String>, Option<String>) {
    let name = rest.first().map(|&name| name.to_owned());
    let subresource = (rest.len() > 1).then(|| rest[1..].join("/"));
    (name, subresource)
}

/// Decodes a path; `None` if it is not encoded well. Bytes that are no UTF-8 become U+FFFD, which is
/// what they are where the real server's answers repeat them.
fn decode(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(path: &str) -> Target {
        match Route::of(path) {
            Route::Objects(target) => target,
            other => panic!("{path} leads to {other:?}"),
        }
    }

    fn parts(path: &str) -> [String; 5] {
        let target = target(path);
        let text = Option::unwrap_or_default;
        [
            format!("{}/{}", target.group, target.version)
                .trim_start_matches('/')
                .to_owned(),
            target.resource,
            text(target.namespace),
            text(target.name),
            text(target.subresource),
        ]
    }

    #[test]
    fn path_is_read_as_the_api_writes_it() {
        for (path, expected) in [
            ("/api/v1/pods", ["v1", "pods", "", "", ""]),
            ("/api/v1/namespaces/web/pods", ["v1", "pods", "web", "", ""]),
            (
                "/api/v1/namespaces/web/pods/a",
                ["v1", "pods", "web", "a", ""],
            ),
            (
                "/api/v1/namespaces/web/pods/a/status",
                ["v1", "pods", "web", "a", "status"],
            ),
            (
                "/api/v1/namespaces/web",
                ["v1", "namespaces", "", "web", ""],
            ),
            (
                "/api/v1/namespaces/web/finalize",
                ["v1", "namespaces", "", "web", "finalize"],
            ),
            (
                "/api/v1/nodes/a%2Fstatus",
                ["v1", "nodes", "", "a", "status"],
            ),
            (
                "/apis/apps/v1/deployments",
                ["apps/v1", "deployments", "", "", ""],
            ),
            (
                "/apis/apps/v1/namespaces/web/deployments/a/scale",
                ["apps/v1", "deployments", "web", "a", "scale"],
            ),
        ] {
            assert_eq!(parts(path), expected.map(str::to_owned), "{path}");
        }
    }

    #[test]
    fn old_watch_path_is_a_watch() {
        assert!(target("/api/v1/watch/pods").is_watch);
        assert!(target("/api/v1/watch/namespaces/web/pods/a").is_watch);
        assert!(!target("/api/v1/pods").is_watch);
    }

    #[test]
    fn empty_part_of_a_path_counts() {
        for path in [
            "//",
            "//api/v1/pods",
            "//healthz",
            "/apis//apps/v1/deployments",
            "/apis//apps",
        ] {
            assert_eq!(Route::of(path), Route::Unknown, "{path}");
        }
        for path in [
            "/api//v1/pods",
            "/api/v1//pods",
            "/api/v1/namespaces/web//pods",
            "/apis/apps//v1/deployments",
            "/apis/apps/v1//deployments",
            "/apis/apps/v1/namespaces/web//deployments",
        ] {
            assert_eq!(target(path).resource, "", "{path}");
        }
        assert_eq!(
            parts("/api/v1/namespaces//pods"),
            ["v1", "pods", "", "", ""].map(str::to_owned)
        );
        assert_eq!(target("/api/v1/pods//status").name.as_deref(), Some(""));
    }

    #[test]
    fn slashes_at_the_end_of_a_path_are_as_good_as_none() {
        for path in [
            "/api/v1/pods",
            "/api/v1/namespaces/web/pods/a",
            "/apis/apps",
        ] {
            for end in ["/", "//", "/%2F"] {
                assert_eq!(
                    Route::of(&format!("{path}{end}")),
                    Route::of(path),
                    "{path}{end}"
                );
            }
        }
    }

    #[test]
    fn path_that_is_not_the_apis_is_unknown() {
        assert_eq!(Route::of("/healthy"), Route::Unknown);
        for path in ["/api/v1/pods/%zz", "/api/v1/pods/%f"] {
            assert_eq!(Route::of(path), Route::Malformed, "{path}");
        }
        assert_eq!(Route::of("/apis/%ff"), Route::Group("\u{fffd}".to_owned()));
        assert_eq!(
            Route::of("/api/v1/"),
            Route::Resources(String::new(), "v1".to_owned())
        );
    }
}
