//! Which proxy leads to a server.
//!
//! `proxy-url` of the kubeconfig counts whatever `NO_PROXY` says; the environment is read as Go
//! reads it (`golang.org/x/net/http/httpproxy`): `NO_PROXY` lists hosts with their subdomains,
//! addresses and CIDRs, each with a port if need be, and what runs on this machine needs no proxy.

use std::{fmt, net::IpAddr};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderValue, Uri, uri::Authority};
use ipnet::IpNet;
use percent_encoding::percent_decode_str;

use crate::{
    Printable,
    cluster::{
        environment::ProxyVariables,
        server::{Server, authority_of, split_scheme},
    },
};

/// A proxy, and how to be known by it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Proxy {
    pub(crate) protocol: Protocol,
    pub(crate) authority: Authority,
    /// A user and a password.
    pub(crate) auth: Option<(String, String)>,
}

/// What a proxy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http,
    Https,
    Socks5,
}

impl Proxy {
    /// Reads the address of a proxy.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it, without quoting its password.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) = split_scheme(url).unwrap_or(("", url));
        let protocol = match &*scheme.to_ascii_lowercase() {
            "http" => Protocol::Http,
            "https" => Protocol::Https,
            "socks5" | "socks5h" => Protocol::Socks5,
            other => {
                let other = Printable::new(other);
                return Err(format!(
                    "the scheme of the proxy is `{other}`: write http, https or socks5, as in `http://host:3128`"
                ));
            }
        };
        let (rest, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if path.contains('@') {
            // A password that is not escaped: a part of it would be taken for the host.
            return Err(
                "the proxy has `/`, `?` or `#` in front of an `@`: write them in a password as `%2F`, `%3F` and `%23`, and the proxy as in `http://host:3128`"
                    .to_owned(),
            );
        }
        let (user_info, host) = match rest.rsplit_once('@') {
            Some((user_info, host)) => (Some(user_info), host),
            None => (None, rest),
        };
        let authority = authority_of(host).map_err(|what| {
            let host = Printable::new(host);
            format!("the proxy is `{host}`, {what}: write host and port, as in `http://host:3128`")
        })?;
        Ok(Self {
            protocol,
            authority,
            auth: user_info.map(user_and_password),
        })
    }

    /// Finds the proxy that the environment names for this server.
    ///
    /// # Errors
    ///
    /// Names the variable that cannot be read.
    pub(crate) fn of_environment(
        variables: &ProxyVariables,
        server: &Server,
    ) -> Result<Option<Self>, String> {
        let (name, url) = if server.is_https() {
            ("HTTPS_PROXY", &variables.https)
        } else {
            ("HTTP_PROXY", &variables.http)
        };
        let Some(url) = url else { return Ok(None) };
        let (host, port) = server.host();
        if !needs_proxy(host, port, variables.none.as_deref().unwrap_or_default()) {
            return Ok(None);
        }
        let url = url.trim();
        let proxy = if split_scheme(url).is_some() {
            Self::parse(url)
        } else {
            Self::parse(&format!("http://{url}"))
        };
        proxy
            .map(Some)
            .map_err(|error| format!("the environment's {name} cannot be used: {error}"))
    }

    /// Returns true if it forwards requests itself, which name the whole address; else it is a tunnel.
    pub(crate) fn forwards(&self, is_https: bool) -> bool {
        self.protocol != Protocol::Socks5 && !is_https
    }

    /// Returns the address to connect to.
    pub(crate) fn uri(&self) -> Uri {
        let (scheme, default) = match self.protocol {
            Protocol::Http => ("http", 80),
            Protocol::Https => ("https", 443),
            Protocol::Socks5 => ("socks5", 1080),
        };
        let host = self.authority.host();
        let port = self.authority.port_u16().unwrap_or(default);
        Uri::builder()
            .scheme(scheme)
            .authority(format!("{host}:{port}"))
            .path_and_query("/")
            .build()
            .expect("of a host and a port that were read")
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Printable::new(self.uri()))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

/// Splits `user:password`, and decodes both.
pub(crate) fn user_and_password(user_info: &str) -> (String, String) {
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    (decoded(user), decoded(password))
}

/// Returns the header that names a user by its password.
pub(crate) fn basic(user: &str, password: &str) -> HeaderValue {
    let encoded = BASE64_STANDARD.encode(format!("{user}:{password}"));
    let mut value = HeaderValue::from_str(&format!("Basic {encoded}")).expect("base64 is ASCII");
    value.set_sensitive(true);
    value
}

fn needs_proxy(host: &str, port: u16, none: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let address = address_of(&host);
    if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
        return false;
    }
    !none.split(',').any(|entry| {
        let entry = entry.trim().to_ascii_lowercase();
        matches(&entry, &host, address, port)
    })
}

/// Returns true if an entry of `NO_PROXY` is about this host and port.
fn matches(entry: &str, host: &str, address: Option<IpAddr>, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let Some(network) = network_of(entry) {
        return address.is_some_and(|address| network.contains(&address));
    }
    let (name, of_port) = split_port(entry);
    let is_of_port = of_port.is_empty() || of_port == port.to_string();
    if name.is_empty() || !is_of_port {
        return false;
    }
    let of_address = address_of(name);
    if address.is_some() || of_address.is_some() {
        return address == of_address;
    }
    let name = name
        .strip_prefix('*')
        .filter(|rest| rest.starts_with('.'))
        .unwrap_or(name);
    match name.strip_prefix('.') {
        Some(_) => host.ends_with(name),
        None => {
            host == name
                || host
                    .strip_suffix(name)
                    .is_some_and(|rest| rest.ends_with('.'))
        }
    }
}

/// Reads an address; one of IPv4 in the form of IPv6 (`::ffff:10.0.0.1`) is one of IPv4.
fn address_of(text: &str) -> Option<IpAddr> {
    let address: IpAddr = text.parse().ok()?;
    Some(address.to_canonical())
}

/// Reads a CIDR; one of IPv4 in the form of IPv6 is one of IPv4.
fn network_of(entry: &str) -> Option<IpNet> {
    let (address, length) = entry.split_once('/')?;
    let is_number = length.bytes().all(|byte| byte.is_ascii_digit());
    let length: u8 = length.parse().ok().filter(|_| is_number)?;
    let network = IpNet::new(address.parse().ok()?, length).ok()?;
    match (network.addr().to_canonical(), network.addr()) {
        (IpAddr::V4(address), IpAddr::V6(_)) if length >= 96 => {
            IpNet::new(address.into(), length - 96).ok()
        }
        _ => Some(network),
    }
}

/// Splits `host:port` or `[address]:port`; what is neither has no port, such as an IPv6 address.
fn split_port(entry: &str) -> (&str, &str) {
    let Some((host, port)) = entry.rsplit_once(':') else {
        return (entry, "");
    };
    let inner = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let is_bare = inner.is_none() && host.contains(':');
    let name = inner.unwrap_or(host);
    if is_bare || name.contains(['[', ']']) || port.contains(['[', ']']) {
        return (entry, "");
    }
    (name, port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goes_direct(server: &str, none: &str) -> bool {
        let variables = ProxyVariables {
            https: Some("proxy:3128".to_owned()),
            http: None,
            none: Some(none.to_owned()),
        };
        let server = Server::parse(server, true).expect("a server");
        let proxy = Proxy::of_environment(&variables, &server).expect("a proxy");
        proxy.is_none()
    }

    #[test]
    fn no_proxy_is_read_as_go_reads_it() {
        for (server, none, is_direct) in [
            ("https://a.example.org", "", false),
            ("https://a.example.org", "*", true),
            ("https://a.example.org", "example.org", true),
            ("https://example.org", "example.org", true),
            ("https://badexample.org", "example.org", false),
            ("https://example.org", ".example.org", false),
            ("https://a.example.org", ".example.org", true),
            ("https://a.example.org", "*.example.org", true),
            ("https://A.Example.org", "b, a.example.ORG ,", true),
            ("https://a.example.org:6443", "a.example.org:6443", true),
            ("https://a.example.org:6443", "a.example.org:443", false),
            ("https://a.example.org", "a.example.org:443", true),
            ("https://10.1.2.3:6443", "10.0.0.0/8", true),
            ("https://11.1.2.3:6443", "10.0.0.0/8", false),
            ("https://10.1.2.3:6443", "10.1.2.3", true),
            ("https://10.1.2.3:6443", "10.1.2.3:6443", true),
            ("https://10.1.2.3:6443", "10.1.2.3:1", false),
            ("https://[fd00::1]:6443", "fd00::/8", true),
            ("https://[fd00::1]:6443", "fd00::1", true),
            ("https://[fd00::1]:6443", "[fd00::1]:6443", true),
            ("https://[fd00::1]:6443", "[fd00::1]", false),
            ("https://[fd00::1]:6443", "[fd00::1]x:6443", false),
            ("https://10.1.2.3", "2.3", false),
            ("https://10.1.2.3", "10.0.0.0/+8", false),
            ("https://10.1.2.3", "10.0.0.0/008", true),
            ("https://10.1.2.3", "::ffff:10.0.0.0/104", true),
            ("https://11.1.2.3", "::ffff:10.0.0.0/104", false),
            ("https://[::ffff:10.1.2.3]", "10.0.0.0/8", true),
            ("https://[::ffff:10.1.2.3]", "10.1.2.3", true),
            ("https://a.example.org", "a.example.org:", true),
            ("https://a.example.org", "a.example.org:https", false),
            ("https://a.example.org", "a.example.org:0443", false),
            ("https://a.example.org", "*example.org", false),
            ("https://a.example.org", ":443", false),
            ("https://a.example.org.", "example.org", false),
            ("https://[::ffff:127.0.0.1]:6443", "", true),
            ("https://127.0.0.1:6443", "", true),
            ("https://[::1]:6443", "", true),
            ("https://localhost:6443", "", true),
        ] {
            assert_eq!(goes_direct(server, none), is_direct, "{server}, {none}");
        }
    }

    #[test]
    fn a_proxy_is_for_the_scheme_of_the_server() {
        let variables = ProxyVariables {
            https: Some("https://u%40x:p%3Ay@secure".to_owned()),
            http: Some("plain:8080".to_owned()),
            none: None,
        };
        let proxy_of = |server: &str| {
            let server = Server::parse(server, false).expect("a server");
            let proxy = Proxy::of_environment(&variables, &server).expect("valid");
            proxy.expect("a proxy")
        };

        let (secure, plain) = (proxy_of("https://a"), proxy_of("http://a"));

        assert_eq!(secure.uri().to_string(), "https://secure:443/");
        assert_eq!(secure.auth, Some(("u@x".to_owned(), "p:y".to_owned())));
        assert_eq!(plain.uri().to_string(), "http://plain:8080/");
        assert_eq!(plain.protocol, Protocol::Http);
    }

    #[test]
    fn password_of_a_proxy_without_scheme_may_look_like_one() {
        let variables = ProxyVariables {
            http: Some("u:hunter2://@a".to_owned()),
            ..ProxyVariables::default()
        };
        let server = Server::parse("http://b", false).expect("a server");

        let error = Proxy::of_environment(&variables, &server).expect_err("it is not escaped");

        assert!(error.contains("`%2F`"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_its_password() {
        for url in [
            "ftp://u:hunter2@a",
            "proxy:3128",
            "http://",
            "http://u:hunter2@",
            "http://u:hunter2@a b",
            "http://a[::1]:3128",
            "http://a:99999",
            "http://a:31x8",
            "http://u:hunter2/@a",
            "http://u:a@hunter2/@b",
            "http://u:1#hunter2@a",
            "u:hunter2://@a",
        ] {
            let error = Proxy::parse(url).expect_err(url);

            assert!(error.contains("`http://host:3128`"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
