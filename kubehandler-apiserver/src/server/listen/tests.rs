//! Connections, and who is served on them.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

async fn impatient() -> Listening {
    let limits = Limits {
        head_timeout: Duration::from_millis(200),
        ..LIMITS
    };
    let server = ApiServer::new();
    server
        .listen_within("127.0.0.1:0", limits)
        .await
        .expect("a free port")
}

#[tokio::test]
async fn client_that_does_not_finish_its_request_is_hung_up_on() {
    let listening = impatient().await;
    for beginning in [
        "",
        "G",
        "PRI * HT",
        "GET /api HTTP/1.1\r\nHost: localhost\r\n",
    ] {
        let mut stream = TcpStream::connect(listening.local_addr())
            .await
            .expect("it listens");
        stream.write_all(beginning.as_bytes()).await.expect("sent");

        let mut answer = Vec::new();
        let ended = timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;

        assert!(ended.is_ok(), "still open after {beginning:?}");
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{beginning:?}");
    }
}

#[tokio::test]
async fn connection_beyond_the_limit_waits_for_another_to_end() {
    let limits = Limits {
        connections: 1,
        ..LIMITS
    };
    let server = ApiServer::new();
    let listening = server
        .listen_within("127.0.0.1:0", limits)
        .await
        .expect("a free port");
    let first = TcpStream::connect(listening.local_addr())
        .await
        .expect("it listens");
    let mut second = TcpStream::connect(listening.local_addr())
        .await
        .expect("it is queued");
    let request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    second.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    let early = timeout(Duration::from_millis(200), second.read_to_end(&mut answer)).await;
    assert!(early.is_err(), "answered beyond the limit");

    drop(first);

    timeout(Duration::from_secs(20), second.read_to_end(&mut answer))
        .await
        .expect("in time")
        .expect("read");
    assert!(
        answer.starts_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

#[tokio::test]
async fn stopping_ends_every_connection() {
    let listening = impatient().await;
    let mut watch = TcpStream::connect(listening.local_addr())
        .await
        .expect("it listens");
    let request = "GET /api/v1/pods?watch=true HTTP/1.1\r\nHost: localhost\r\n\r\n";
    watch.write_all(request.as_bytes()).await.expect("sent");
    let mut first = [0; 8];
    watch
        .read_exact(&mut first)
        .await
        .expect("the watch has begun");

    timeout(Duration::from_secs(20), listening.stop())
        .await
        .expect("in time");

    let mut rest = Vec::new();
    let ended = timeout(Duration::from_secs(20), watch.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the watch goes on");
}

/// Sends a request as it is written and returns the whole answer.
async fn ask(listening: &Listening, request: &str) -> String {
    let mut stream = TcpStream::connect(listening.local_addr())
        .await
        .expect("it listens");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    timeout(Duration::from_secs(20), stream.read_to_string(&mut answer))
        .await
        .expect("in time")
        .expect("text");
    answer
}

#[tokio::test]
async fn no_web_page_reaches_faults_and_record_through_a_listener() {
    let server = ApiServer::new();
    let listening = server.listen("127.0.0.1:0").await.expect("a free port");
    let address = listening.local_addr();
    let fault = r#"{"when": {"verb": "list"}, "fault": "hang"}"#;
    let length = fault.len();
    let post = |headers: &str| {
        format!(
            "POST /kubehandler/faults HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\
             Content-Length: {length}\r\n\r\n{fault}"
        )
    };
    let json = "Content-Type: application/json\r\n";

    for (headers, expected) in [
        (
            "Origin: https://evil.example\r\nContent-Type: text/plain\r\n",
            403,
        ),
        (&format!("Origin: null\r\n{json}"), 403),
        (&format!("Origin: http://localhost:3000\r\n{json}"), 403),
        (&format!("Sec-Fetch-Site: cross-site\r\n{json}"), 403),
        ("Content-Type: text/plain\r\n", 415),
        ("", 415),
    ] {
        let answer = ask(&listening, &post(headers)).await;
        let code = format!("HTTP/1.1 {expected} ");
        assert!(answer.starts_with(&code), "{headers:?}: {answer}");
        assert!(answer.contains("\"kind\":\"Status\""), "{answer}");
    }
    let read = format!(
        "GET /kubehandler/requests HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nOrigin: http://{address}\r\n\r\n"
    );
    assert!(ask(&listening, &read).await.starts_with("HTTP/1.1 403 "));
    let get =
        format!("GET /kubehandler/faults HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let taken = ask(&listening, &get).await;
    assert!(taken.ends_with("\r\n\r\n[]\n"), "{taken}");

    let answer = ask(&listening, &post(json)).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn foreign_host_name_reaches_nothing_through_a_listener() {
    let server = ApiServer::builder().allow_host("api.test").build();
    let listening = server.listen("127.0.0.1:0").await.expect("a free port");
    let port = listening.local_addr().port();
    let get = |path: &str, version: &str, headers: &str| {
        format!("GET {path} HTTP/{version}\r\n{headers}Connection: close\r\n\r\n")
    };

    for path in [
        "/kubehandler/requests",
        "/api/v1/secrets",
        "/version",
        "http://evil.example/api/v1/secrets",
    ] {
        let host = format!("Host: evil.example:{port}\r\n");
        let answer = ask(&listening, &get(path, "1.1", &host)).await;
        assert!(answer.starts_with("HTTP/1.1 421 "), "{path}: {answer}");
        assert!(answer.contains("\"code\":421"), "{path}: {answer}");
    }
    let own = format!("Host: localhost:{port}\r\n");
    let to_a_proxy = get("http://evil.example/version", "1.1", &own);
    assert!(
        ask(&listening, &to_a_proxy)
            .await
            .starts_with("HTTP/1.1 421 ")
    );
    let nameless = ask(&listening, &get("/version", "1.1", "")).await;
    assert!(nameless.starts_with("HTTP/1.1 400 "), "{nameless}");
    assert!(server.asked().is_empty(), "{:?}", server.asked());

    for (version, headers) in [("1.0", ""), ("1.1", &own), ("1.1", "Host: API.test\r\n")] {
        let answer = ask(&listening, &get("/version", version, headers)).await;
        assert!(answer.contains(" 200 OK\r\n"), "{headers:?}: {answer}");
    }
}

#[tokio::test]
async fn web_page_from_elsewhere_creates_nothing_through_a_listener() {
    let server = ApiServer::new();
    let listening = server.listen("127.0.0.1:0").await.expect("a free port");
    let address = listening.local_addr();
    let create = |name: &str, origin: &str| {
        let object = format!(r#"{{"metadata": {{"name": "{name}"}}}}"#);
        // A page can send a body without a type, and that is taken for JSON.
        format!(
            "POST /api/v1/namespaces HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
             Origin: {origin}\r\nContent-Length: {}\r\n\r\n{object}",
            object.len()
        )
    };

    for origin in ["https://evil.example", "null"] {
        let answer = ask(&listening, &create("evil", origin)).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    }
    let answer = ask(&listening, &create("good", "http://localhost:3000")).await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
}
