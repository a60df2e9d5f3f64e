//! Which requests are let through.

use super::*;

fn hosts() -> Hosts {
    Hosts::new([127, 0, 0, 1].into(), &["api.test".to_owned()])
}

/// Returns the code of the refusal, or 200.
fn code(hosts: &Hosts, request: http::request::Builder) -> u16 {
    let request = request.body(()).expect("valid");
    hosts.refuse(&request).err().map_or(200, |wrong| wrong.code)
}

fn code_by_host(hosts: &Hosts, host: &str) -> u16 {
    code(hosts, Request::get("/api/v1/pods").header("host", host))
}

#[test]
fn host_that_is_the_machine_itself_is_served() {
    for host in [
        "localhost",
        "LocalHost:8080",
        "localhost.",
        "web.localhost:1",
        "127.0.0.1:40123",
        "127.9.9.9",
        "[::1]",
        "[::1]:8080",
        "[::ffff:127.0.0.1]:8080",
        "api.test:80",
        "API.TEST.",
    ] {
        assert_eq!(code_by_host(&hosts(), host), 200, "{host}");
    }
}

#[test]
fn foreign_host_is_misdirected() {
    for host in [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evillocalhost",
        "xapi.test",
        "10.0.0.1",
        "0.0.0.0",
        "169.254.169.254:80",
        "[2001:db8::1]:8080",
        "[::]",
    ] {
        assert_eq!(code_by_host(&hosts(), host), 421, "{host}");
    }
}

#[test]
fn host_that_is_none_is_refused() {
    for host in [
        "",
        ":80",
        ".",
        "localhost:80:80",
        "localhost:http",
        "user@localhost",
        "localhost/evil.example",
        "localhost, evil.example",
        "::1",
        "[::1",
        "[::1]8080",
        "[localhost]",
        "local host",
    ] {
        assert_eq!(code_by_host(&hosts(), host), 400, "{host:?}");
    }
    let twice = Request::get("/").header("host", "localhost");
    assert_eq!(code(&hosts(), twice.header("host", "localhost")), 400);
}

#[test]
fn host_may_be_left_out_by_those_who_never_had_one() {
    for (version, expected) in [
        (Version::HTTP_10, 200),
        (Version::HTTP_11, 400),
        (Version::HTTP_2, 400),
    ] {
        let request = Request::get("/version").version(version);
        assert_eq!(code(&hosts(), request), expected, "{version:?}");
    }
    let foreign = Request::get("/version").version(Version::HTTP_10);
    assert_eq!(code(&hosts(), foreign.header("host", "evil.example")), 421);
}

#[test]
fn host_of_the_uri_counts_as_well() {
    let by = |version, uri: &str, host: Option<&str>| {
        let mut request = Request::get(uri).version(version);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        code(&hosts(), request)
    };

    assert_eq!(by(Version::HTTP_2, "http://localhost/version", None), 200);
    assert_eq!(by(Version::HTTP_2, "http://evil.example/x", None), 421);
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let (foreign, own) = ("http://evil.example/x", "http://localhost/x");
        assert_eq!(by(version, foreign, Some("localhost")), 421);
        assert_eq!(by(version, own, Some("evil.example")), 421);
        assert_eq!(by(version, own, Some("localhost")), 200);
    }
}

#[test]
fn address_of_the_listener_is_served() {
    let one = Hosts::new([192, 0, 2, 7].into(), &[]);
    assert_eq!(code_by_host(&one, "192.0.2.7:8080"), 200);
    assert_eq!(code_by_host(&one, "192.0.2.8:8080"), 421);

    let every = Hosts::new([0, 0, 0, 0].into(), &[]);
    for host in ["0.0.0.0:80", "192.0.2.8", "[2001:db8::1]", "localhost"] {
        assert_eq!(code_by_host(&every, host), 200, "{host}");
    }
    assert_eq!(code_by_host(&every, "evil.example"), 421);
}

#[test]
fn page_from_elsewhere_is_refused() {
    let by_origin = |hosts: &Hosts, origin: &str| {
        let request = Request::post("/api/v1/namespaces").header("host", "localhost");
        code(hosts, request.header("origin", origin))
    };
    for origin in [
        "https://evil.example",
        "http://localhost.evil.example",
        "http://localhost@evil.example",
        "null",
        "",
        "localhost",
        "file://",
        "chrome-extension://localhost",
        "http://6.6.6.6",
    ] {
        assert_eq!(by_origin(&hosts(), origin), 403, "{origin}");
        let every = Hosts::new([0, 0, 0, 0].into(), &[]);
        assert_eq!(by_origin(&every, origin), 403, "{origin}");
    }
    for origin in [
        "http://localhost:3000",
        "https://127.0.0.1",
        "http://[::1]:8080",
        "http://api.test",
    ] {
        assert_eq!(by_origin(&hosts(), origin), 200, "{origin}");
    }
}

#[test]
fn no_page_reaches_faults_and_record() {
    let request = |method: Method, path: &str| {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("host", "localhost");
        request.header("content-type", "application/json")
    };
    for path in ["/kubehandler/faults", "/kubehandler/requests"] {
        for method in [Method::GET, Method::POST, Method::DELETE, Method::OPTIONS] {
            for (name, value, expected) in [
                ("origin", "http://localhost:3000", 403),
                ("origin", "null", 403),
                ("sec-fetch-site", "cross-site", 403),
                ("sec-fetch-site", "same-origin", 403),
                ("sec-fetch-site", "none", 200),
                ("user-agent", "curl/8.5.0", 200),
            ] {
                let request = request(method.clone(), path).header(name, value);
                let found = code(&hosts(), request);
                assert_eq!(found, expected, "{method} {path} {name}: {value}");
            }
        }
    }
}

#[test]
fn faults_are_taken_as_json_only() {
    for (content_type, expected) in [
        (None, 415),
        (Some("text/plain"), 415),
        (Some("application/x-www-form-urlencoded"), 415),
        (Some("multipart/form-data; boundary=x"), 415),
        (Some("text/plain; application/json"), 415),
        (Some("application/json"), 200),
        (Some("Application/JSON; charset=utf-8"), 200),
    ] {
        let mut request = Request::post("/kubehandler/faults").header("host", "localhost");
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        assert_eq!(code(&hosts(), request), expected, "{content_type:?}");
    }
}
