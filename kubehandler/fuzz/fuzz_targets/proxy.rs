//! Servers, and the proxies that lead to them.
//!
//! An input has a line each: the server, the proxy, `NO_PROXY`, and what stands before and after
//! the secret in a password.
#![no_main]

use kubehandler::fuzzing::{ProxyParts, ServerParts};
use kubehandler_fuzz::{
    SECRET, check_message, check_secrecy, has_scheme, has_secret, in_time, with_password,
};
use no_proxy::goes_direct;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

#[path = "proxy/no_proxy.rs"]
mod no_proxy;

libfuzzer_sys::fuzz_target!(|input: &str| {
    let mut lines = input.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (server, proxy, none) = (line(), line(), line());
    let password = format!("{}{SECRET}{}", line(), line());
    check_server(server);
    check_proxy(proxy);
    check_environment(server, proxy, none);
    if !has_secret(server) && !has_secret(proxy) {
        check_secrets(server, proxy, &password);
    }
});

fn parse_server(text: &str, has_tls: bool) -> Result<ServerParts, String> {
    let server = in_time(|| ServerParts::parse(text, has_tls));
    server
        .inspect(|server| check_message(&server.shown))
        .inspect_err(|message| {
            check_message(message);
            assert!(
                message.ends_with(": write `https://host:port`"),
                "{message}"
            );
        })
}

fn parse_proxy(url: &str) -> Result<ProxyParts, String> {
    let proxy = in_time(|| ProxyParts::parse(url));
    proxy
        .inspect(|proxy| check_message(&proxy.shown))
        .inspect_err(|message| {
            check_message(message);
            assert!(message.contains("`http://host:3128`"), "{message}");
        })
}

fn check_server(text: &str) {
    for has_tls in [true, false] {
        let Ok(server) = parse_server(text, has_tls) else {
            continue;
        };
        if !text.contains("://") {
            assert_eq!(server.is_https, has_tls);
        }
        assert!(
            !server.host.is_empty() && !server.host.contains(['[', ']', '@', '/']),
            "{server:?}"
        );
        let request = server.request.as_deref().expect("requests have an address");
        let address = request.strip_suffix("/api?limit=1").expect("of this path");
        // White space at the end does not count, and may be the end of a path.
        if address.trim() == address {
            assert_eq!(parse_server(address, !has_tls).as_ref(), Ok(&server));
        }
    }
}

fn check_proxy(url: &str) {
    let Ok(proxy) = parse_proxy(url) else { return };
    let (scheme, host) = proxy.uri.split_once("://").expect("it has a scheme");
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let auth = proxy.auth.as_ref();
    let auth = auth.map(|(user, password)| format!("{}:{}@", encode(user), encode(password)));
    let again = parse_proxy(&format!("{scheme}://{}{host}", auth.unwrap_or_default()));
    assert!(again.as_ref() == Ok(&proxy), "{url} became {}", proxy.uri);
}

/// Finds the proxy in an environment where both schemes have the same one.
fn find(server: &str, proxy: &str, none: &str) -> Result<Option<ProxyParts>, String> {
    let found =
        in_time(|| ProxyParts::of_environment(server, Some(proxy), Some(proxy), Some(none)));
    found.inspect_err(|message| check_message(message))
}

fn check_environment(server: &str, proxy: &str, none: &str) {
    let Ok(parts) = parse_server(server, true) else {
        return;
    };
    let is_direct = |server: &str, none: &str| matches!(find(server, "proxy", none), Ok(None));
    let direct = is_direct(server, none);

    // A proxy that cannot be used matters to those who use it only.
    let default = if has_scheme(proxy.trim()) {
        ""
    } else {
        "http://"
    };
    let with_scheme = format!("{default}{}", proxy.trim());
    match (find(server, proxy, none), parse_proxy(&with_scheme)) {
        (Ok(None), _) => assert!(direct),
        (Ok(Some(found)), Ok(parsed)) => assert!(!direct && found == parsed, "{}", found.uri),
        (Err(message), Err(reason)) => assert!(!direct && message.ends_with(&reason), "{message}"),
        (found, _) => panic!("one accepts it, and one does not: {:?}", found.err()),
    }
    let without = ProxyParts::of_environment(server, None, None, Some(none));
    assert!(matches!(without, Ok(None)), "no proxy is set");

    // Letter case, white space and the order of the entries do not matter.
    let mut entries: Vec<&str> = none.split(',').collect();
    entries.reverse();
    let turned = entries.join(" ,\t");
    for none in [none.to_ascii_uppercase(), none.to_ascii_lowercase(), turned] {
        assert_eq!(is_direct(server, &none), direct, "{none}");
    }
    for server in [server.to_ascii_uppercase(), server.to_ascii_lowercase()] {
        assert_eq!(is_direct(&server, none), direct, "{server}");
    }
    if direct {
        assert!(
            is_direct(server, &format!("{none},other.example")),
            "another entry changes nothing"
        );
    }
    assert!(is_direct(server, &format!("{none},*")), "`*` is all");

    // Go changes what is not ASCII into Punycode; and this model knows no zones.
    if none.is_ascii() && !parts.host.contains('%') {
        assert_eq!(
            direct,
            goes_direct(&parts.host, parts.port, none),
            "{} {} {none}",
            parts.host,
            parts.port
        );
    }
}

/// Puts the secret into both addresses as a password, escaped or not.
fn check_secrets(server: &str, proxy: &str, password: &str) {
    let server = with_password(server, password);
    // What is not escaped may end the host; the rest may be meant as a path.
    let is_escaped = !password.contains(['/', '?', '#']);
    for has_tls in [true, false] {
        match parse_server(&server, has_tls) {
            Ok(server) if is_escaped => check_secrecy(&server.shown),
            Ok(_) => {}
            Err(message) => check_secrecy(&message),
        }
    }
    let proxy = with_password(proxy, password);
    match parse_proxy(&proxy) {
        Ok(proxy) => check_secrecy(&proxy.shown),
        Err(message) => check_secrecy(&message),
    }
    match find("https://server.example", &proxy, "") {
        Ok(found) => found.iter().for_each(|proxy| check_secrecy(&proxy.shown)),
        Err(message) => check_secrecy(&message),
    }
}
