//! The address of an API server.

use std::net::Ipv6Addr;

use http::{
    Uri,
    uri::{Authority, PathAndQuery, Scheme},
};

use crate::Printable;

/// The address of an API server: `https://host:port/prefix`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Server {
    scheme: Scheme,
    authority: Authority,
    /// What stands before the path of each request; it begins with `/` and does not end with it.
    prefix: String,
    /// `user:password`, percent-encoded, if the address holds them.
    user_info: Option<String>,
}

impl Server {
    /// Reads an address; one without a scheme is of HTTPS if `has_tls`.
    ///
    /// # Errors
    ///
    /// Quotes the address, and says what it should be.
    pub(crate) fn parse(text: &str, has_tls: bool) -> Result<Self, String> {
        let text = text.trim();
        let (scheme, rest) = match split_scheme(text) {
            Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
            None if has_tls => ("https".to_owned(), text),
            None => ("http".to_owned(), text),
        };
        let invalid = |what: &str| {
            let text = Printable::new(without_user_info(text));
            format!("`server` is `{text}`, {what}: write `https://host:port`")
        };
        let scheme = match &*scheme {
            "https" => Scheme::HTTPS,
            "http" => Scheme::HTTP,
            _ => return Err(invalid("which is neither of https nor of http")),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let path = &path[..path.find(['?', '#']).unwrap_or(path.len())];
        let (user_info, host) = match authority.rsplit_once('@') {
            Some((user_info, host)) => (Some(user_info.to_owned()), host),
            None => (None, authority),
        };
        let authority = authority_of(host).map_err(invalid)?;
        let prefix = path.trim_end_matches('/').to_owned();
        if !prefix.is_empty() {
            let _: PathAndQuery = prefix
                .parse()
                .map_err(|_| invalid("which has no valid path"))?;
        }
        Ok(Self {
            scheme,
            authority,
            prefix,
            user_info,
        })
    }

    /// Takes the address of a `kube::Config`.
    pub(crate) fn of_uri(uri: &Uri) -> Result<Self, String> {
        Self::parse(&uri.to_string(), false)
    }

    pub(crate) fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// Returns the user and the password of the address, if it has some.
    pub(crate) fn user_info(&self) -> Option<&str> {
        self.user_info.as_deref()
    }

    /// Returns the host without the brackets of an IPv6 address, and the port.
    pub(crate) fn host(&self) -> (&str, u16) {
        host_of(&self.authority, self.is_https())
    }

    /// Returns the address of a request, whose own has a path and a query only.
    pub(crate) fn join(&self, request: &Uri) -> Result<Uri, http::Error> {
        let path = request.path_and_query().map_or("/", PathAndQuery::as_str);
        let builder = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone());
        if self.prefix.is_empty() {
            return builder.path_and_query(path).build();
        }
        let path = format!("{}{path}", self.prefix);
        builder.path_and_query(path).build()
    }
}

/// Splits off the scheme of an address.
///
/// What stands before `://` is none if it holds other characters: it may be a user with a password.
pub(crate) fn split_scheme(address: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = address.split_once("://")?;
    let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    scheme.bytes().all(is_scheme).then_some((scheme, rest))
}

/// Reads `host`, `host:port` or `[address]:port`.
///
/// # Errors
///
/// Says what is wrong with it.
pub(crate) fn authority_of(host: &str) -> Result<Authority, &'static str> {
    if host.is_empty() || host.starts_with(':') {
        return Err("which has no host");
    }
    let is_bracketed = host.starts_with('[');
    if !host.contains('[') && host.matches(':').count() > 1 {
        return Err("whose IPv6 address lacks its brackets, as in `[::1]:6443`");
    }
    if is_bracketed != host.contains(['[', ']']) {
        return Err("which has no valid host and port");
    }
    if is_bracketed && !is_ipv6(&host[..=host.rfind(']').unwrap_or(0)]) {
        return Err("which has no IPv6 address in its brackets");
    }
    let authority: Authority = host
        .parse()
        .map_err(|_| "which has no valid host and port")?;
    let after_brackets = host.rsplit(']').next().unwrap_or(host);
    if after_brackets.contains(':') && authority.port_u16().is_none() {
        return Err("which has no valid port");
    }
    Ok(authority)
}

/// Returns true for an IPv6 address in brackets, with a zone if need be: `[fe80::1%25eth0]`.
fn is_ipv6(bracketed: &str) -> bool {
    let address = bracketed
        .strip_prefix('[')
        .and_then(|it| it.strip_suffix(']'));
    let address = address.and_then(|it| it.split('%').next());
    address.is_some_and(|it| it.parse::<Ipv6Addr>().is_ok())
}

/// Returns the host without the brackets of an IPv6 address, and the port.
pub(crate) fn host_of(authority: &Authority, is_https: bool) -> (&str, u16) {
    let host = authority.host();
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let default = if is_https { 443 } else { 80 };
    (host, authority.port_u16().unwrap_or(default))
}

fn without_user_info(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((before, host)) => {
            let scheme = split_scheme(before).map_or("", |(scheme, _)| scheme);
            let slashes = if scheme.is_empty() { "" } else { "://" };
            format!("{scheme}{slashes}..@{host}")
        }
        None => text.to_owned(),
    }
}

/// Without the password that it may hold.
impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Server({self})")
    }
}

impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let address = format_args!("{}://{}{}", self.scheme, self.authority, self.prefix);
        write!(f, "{}", Printable::new(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_kubectl_reads_them() {
        for (text, has_tls, expected) in [
            ("https://a.b:6443", false, "https://a.b:6443"),
            ("HTTPS://a.b/", false, "https://a.b"),
            ("127.0.0.1:8080", false, "http://127.0.0.1:8080"),
            ("127.0.0.1:6443", true, "https://127.0.0.1:6443"),
            ("localhost", true, "https://localhost"),
            ("https://[::1]:6443", false, "https://[::1]:6443"),
            ("[fd00::1]", true, "https://[fd00::1]"),
            ("https://[fe80::1%25eth0]", true, "https://[fe80::1%25eth0]"),
            (
                "https://rancher/k8s/clusters/c-1/",
                false,
                "https://rancher/k8s/clusters/c-1",
            ),
            ("https://a/x?token=1#y", false, "https://a/x"),
            ("https://u:p@a:1", false, "https://a:1"),
            (" https://a\n", false, "https://a"),
        ] {
            let server = Server::parse(text, has_tls).expect(text);

            assert_eq!(server.to_string(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_quoted_without_its_password() {
        for text in [
            "",
            "https://",
            "https://:6443",
            "ftp://a",
            "https://::1",
            "https://u:hunter2@a b",
            "https://u:hunter2/@a",
            "u:hunter2://@a",
            "https://a:99999",
            "https://a:b",
            "https://a[::1]:1",
            "https://[::1",
            "https://[]",
            "https://[a]:6443",
            "https://[10.1.2.3]",
        ] {
            let error = Server::parse(text, true).expect_err(text);

            assert!(error.contains("write `https://host:port`"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn address_is_shown_as_printable_text() {
        let server = Server::parse("http://a/\u{85}\u{202e}", false).expect("a server");

        let shown = [server.to_string(), format!("{server:?}")];

        let address = r"http://a/\u{85}\u{202e}";
        assert_eq!(shown, [address.to_owned(), format!("Server({address})")]);
    }

    #[test]
    fn requests_keep_the_prefix_of_their_server() {
        let request: Uri = "/api/v1/pods?limit=5".parse().expect("a URI");
        for (text, expected) in [
            ("https://a:1", "https://a:1/api/v1/pods?limit=5"),
            ("http://a/x/y/", "http://a/x/y/api/v1/pods?limit=5"),
        ] {
            let server = Server::parse(text, true).expect(text);

            let joined = server.join(&request).expect("it fits");

            assert_eq!(joined.to_string(), expected);
        }
    }

    #[test]
    fn host_and_port_are_those_of_the_address() {
        for (text, expected) in [
            ("https://a.b", ("a.b", 443)),
            ("http://a.b", ("a.b", 80)),
            ("https://[::1]:6443", ("::1", 6443)),
        ] {
            let server = Server::parse(text, true).expect(text);

            assert_eq!(server.host(), expected);
        }
    }
}
