//! Each fault as a client meets it: the bytes on the wire.

use std::time::Duration;

use kubehandler_apiserver::{ApiServer, Fault, Listening, Verb, When};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// A server that listens, and connections to it.
struct Wire {
    server: ApiServer,
    listening: Listening,
}

impl Wire {
    async fn new() -> Self {
        let server = ApiServer::new();
        let listening = server.listen("127.0.0.1:0").await.expect("a free port");
        Self { server, listening }
    }

    /// Sends a request as it is written and returns all that comes back until the server hangs up.
    async fn ask(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = self.send(method, path, body).await;
        let mut answer = Vec::new();
        // A broken connection is an end, too.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).expect("text")
    }

    async fn send(&self, method: &str, path: &str, body: &str) -> TcpStream {
        let address = self.listening.local_addr();
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: wire\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.expect("sent");
        stream
    }

    async fn create(&self, name: &str) -> String {
        let object = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": { "name": name, "namespace": "default" },
        });
        self.ask("POST", MAPS, &object.to_string()).await
    }

    /// Lists the names there are, as a client that no fault strikes.
    async fn names(&self) -> Vec<String> {
        let request = http::Request::get(MAPS).body(Vec::new()).expect("valid");
        let list: Value = self
            .server
            .client_named("checks")
            .request(request)
            .await
            .expect("a list");
        let items = list["items"].as_array().expect("items");
        items
            .iter()
            .filter_map(|item| Some(item["metadata"]["name"].as_str()?.to_owned()))
            .collect()
    }

    /// Watches three maps being created, and returns the lines that come.
    async fn watch(&self) -> Vec<String> {
        let path = format!(
            "{MAPS}?watch=true&resourceVersion={}&timeoutSeconds=1",
            self.version().await
        );
        let mut stream = self.send("GET", &path, "").await;
        for name in ["a", "b", "c"] {
            self.create(name).await;
        }
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8(answer).expect("text");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let body = answer.split_once("\r\n\r\n").expect("a head").1;
        // Chunks are framed by their lengths, which are no events.
        let lines = body.lines().filter(|line| line.contains(['{', '"', '#']));
        lines.map(str::to_owned).collect()
    }

    async fn version(&self) -> String {
        let request = http::Request::get(MAPS).body(Vec::new()).expect("valid");
        let list: Value = self
            .server
            .client_named("checks")
            .request(request)
            .await
            .expect("a list");
        list["metadata"]["resourceVersion"]
            .as_str()
            .expect("a version")
            .to_owned()
    }
}

/// Names of the objects in whole lines; what is broken is `?`.
fn names(lines: &[String]) -> Vec<String> {
    let name = |line: &String| {
        let event: Value = serde_json::from_str(line).ok()?;
        Some(event["object"]["metadata"]["name"].as_str()?.to_owned())
    };
    lines
        .iter()
        .map(|line| name(line).unwrap_or_else(|| "?".to_owned()))
        .collect()
}

fn wire() -> When {
    When::any().client("wire")
}

fn watches() -> When {
    wire().verb(Verb::Watch)
}

#[tokio::test]
async fn refused_request_gets_no_answer_and_does_nothing() {
    let wire_ = Wire::new().await;
    wire_.server.faults().add(wire().times(1), Fault::Refuse);

    assert_eq!(wire_.create("a").await, "");
    assert_eq!(wire_.names().await, Vec::<String>::new());
    assert!(wire_.create("a").await.starts_with("HTTP/1.1 201"));
}

#[tokio::test]
async fn lost_response_leaves_the_request_done() {
    let wire_ = Wire::new().await;
    wire_
        .server
        .faults()
        .add(wire().times(1), Fault::LoseResponse);

    assert_eq!(wire_.create("a").await, "");
    assert_eq!(wire_.names().await, ["a"]);
    assert!(wire_.create("a").await.starts_with("HTTP/1.1 409"));
}

#[tokio::test]
async fn hanging_request_does_nothing_and_a_hanging_response_does() {
    for (fault, expected) in [(Fault::Hang, vec![]), (Fault::HangResponse, vec!["a"])] {
        let wire_ = Wire::new().await;
        wire_.server.faults().add(wire(), fault);

        let answer = timeout(Duration::from_millis(300), wire_.create("a")).await;

        assert!(answer.is_err(), "{fault:?} answered {answer:?}");
        assert_eq!(wire_.names().await, expected, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn delay_comes_before_the_request_is_done_and_a_delayed_response_after() {
    let day = Duration::from_secs(86_400);
    for (fault, expected) in [(Fault::Delay(day), 0), (Fault::DelayResponse(day), 1)] {
        let server = ApiServer::new();
        server.faults().add(When::any().client("slow"), fault);
        let client = server.client_named("slow");
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a", "namespace": "default" },
        });
        let request = http::Request::post(MAPS)
            .body(object.to_string().into_bytes())
            .expect("valid");
        let create = tokio::spawn(async move { client.request::<Value>(request).await });
        tokio::time::sleep(day / 2).await;

        let get = http::Request::get(MAPS).body(Vec::new()).expect("valid");
        let list: Value = server.client().request(get).await.expect("a list");
        assert_eq!(
            list["items"].as_array().map(Vec::len),
            Some(expected),
            "{fault:?}"
        );
        create.await.expect("no panic").expect("created in the end");
    }
}

#[tokio::test]
async fn status_is_the_real_servers_and_does_nothing() {
    let wire_ = Wire::new().await;
    for (code, reason) in [
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (409, "Conflict"),
        (410, "Expired"),
        (429, "TooManyRequests"),
        (500, "InternalError"),
        (503, "ServiceUnavailable"),
        (504, "Timeout"),
    ] {
        let retry_after = (code == 429).then_some(7);
        let fault = wire_
            .server
            .faults()
            .add(wire().times(1), Fault::Status { code, retry_after });

        let answer = wire_.create("a").await;

        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with(&format!("HTTP/1.1 {code}")), "{head}");
        assert_eq!(head.contains("retry-after: 7"), code == 429, "{head}");
        let status: Value = serde_json::from_str(body).expect("a Status");
        assert_eq!(status["kind"], "Status");
        assert_eq!(status["code"], code);
        assert_eq!(status["reason"], reason);
        assert_eq!(wire_.server.faults().struck(fault), 1);
    }
    assert_eq!(wire_.names().await, Vec::<String>::new());
}

#[tokio::test]
async fn truncated_list_is_half_a_list() {
    let wire_ = Wire::new().await;
    wire_.create("a").await;
    let whole = wire_.ask("GET", MAPS, "").await;
    wire_.server.faults().add(wire(), Fault::Truncate(40));

    let half = wire_.ask("GET", MAPS, "").await;

    assert!(half.starts_with("HTTP/1.1 200"), "{half}");
    assert!(half.len() < whole.len(), "{half}");
    assert!(!half.contains("\"items\""), "{half}");
}

#[tokio::test]
async fn watch_without_a_fault_has_every_event() {
    let wire = Wire::new().await;

    assert_eq!(names(&wire.watch().await), ["a", "b", "c"]);
}

#[tokio::test]
async fn cut_and_broken_watches_end_after_their_events() {
    for fault in [Fault::Cut(1), Fault::Break(1)] {
        let wire = Wire::new().await;
        wire.server.faults().add(watches(), fault);

        assert_eq!(names(&wire.watch().await), ["a"], "{fault:?}");
    }
}

#[tokio::test]
async fn frozen_watch_says_no_more_and_does_not_end() {
    let wire = Wire::new().await;
    wire.server.faults().add(watches(), Fault::Freeze(1));

    let frozen = timeout(Duration::from_millis(2_500), wire.watch()).await;

    assert!(frozen.is_err(), "it ended with {frozen:?}");
    assert_eq!(wire.names().await, ["a", "b", "c"]);
}

#[tokio::test]
async fn halved_event_is_the_last() {
    let wire = Wire::new().await;
    wire.server.faults().add(watches(), Fault::Halve(1));

    assert_eq!(names(&wire.watch().await), ["a", "?"]);
}

#[tokio::test]
async fn garbled_event_is_between_whole_ones() {
    let wire = Wire::new().await;
    wire.server.faults().add(watches(), Fault::Garble(1));

    assert_eq!(names(&wire.watch().await), ["a", "?", "c"]);
}

#[tokio::test]
async fn duplicated_event_comes_twice() {
    let wire = Wire::new().await;
    wire.server.faults().add(watches(), Fault::Duplicate(1));

    assert_eq!(names(&wire.watch().await), ["a", "b", "b", "c"]);
}

#[tokio::test]
async fn reordered_events_change_places() {
    let wire = Wire::new().await;
    wire.server.faults().add(watches(), Fault::Reorder(1));

    assert_eq!(names(&wire.watch().await), ["a", "c", "b"]);
}

#[tokio::test]
async fn expired_watch_says_so_in_its_stream() {
    let wire = Wire::new().await;
    wire.server.faults().add(watches(), Fault::Expire(2));

    let lines = wire.watch().await;

    assert_eq!(names(&lines[..2]), ["a", "b"]);
    let error: Value = serde_json::from_str(&lines[2]).expect("JSON");
    assert_eq!(error["type"], "ERROR");
    assert_eq!(error["object"]["code"], 410);
    assert_eq!(error["object"]["reason"], "Expired");
}

#[tokio::test]
async fn compaction_expires_older_watches_and_lists() {
    let wire = Wire::new().await;
    wire.create("a").await;
    let version = wire.version().await;
    wire.create("b").await;

    wire.server.faults().compact();

    let watch = wire
        .ask(
            "GET",
            &format!("{MAPS}?watch=true&resourceVersion={version}"),
            "",
        )
        .await;
    assert!(watch.starts_with("HTTP/1.1 200"), "{watch}");
    assert!(watch.contains("too old resource version"), "{watch}");
    let exact = format!("{MAPS}?resourceVersion={version}&resourceVersionMatch=Exact");
    let list = wire.ask("GET", &exact, "").await;
    assert!(list.starts_with("HTTP/1.1 410"), "{list}");
}

#[tokio::test]
async fn frozen_view_is_one_clients_alone_until_it_is_released() {
    let wire = Wire::new().await;
    wire.create("a").await;
    wire.server.faults().freeze_view("wire");

    wire.create("b").await;
    let seen = wire.ask("GET", MAPS, "").await;
    assert!(seen.contains("\"a\"") && !seen.contains("\"b\""), "{seen}");
    assert_eq!(wire.names().await, ["a", "b"]);

    wire.server.faults().release_view("wire");
    let seen = wire.ask("GET", MAPS, "").await;
    assert!(seen.contains("\"b\""), "{seen}");
}

#[tokio::test]
async fn open_watches_are_cut_on_command() {
    let wire = Wire::new().await;
    let path = format!("{MAPS}?watch=true&resourceVersion={}", wire.version().await);
    let mut stream = wire.send("GET", &path, "").await;
    let mut head = [0; 12];
    stream
        .read_exact(&mut head)
        .await
        .expect("the watch has begun");

    wire.server
        .faults()
        .cut_watches(&When::any().resource("configmaps"));

    let mut rest = Vec::new();
    let ended = timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
    ended.expect("it ends").expect("it ends well");
}

#[tokio::test]
async fn clock_jumps_in_both_directions() {
    let wire = Wire::new().await;
    for (seconds, year) in [(366 * 86_400, "2027-"), (-2 * 366 * 86_400, "2024-")] {
        wire.server.faults().jump_clock(seconds);

        let created = wire.create(&format!("at-{year}x")).await;

        assert!(
            created.contains(&format!("\"creationTimestamp\":\"{year}")),
            "{created}"
        );
    }
}

#[tokio::test]
async fn request_suffers_the_first_fault_that_picks_it_and_has_times_left() {
    let wire_ = Wire::new().await;
    let faults = wire_.server.faults();
    let status = |code| Fault::Status {
        code,
        retry_after: None,
    };
    faults.add(wire().verb(Verb::Create).skip(1).times(1), status(503));
    let second = faults.add(wire().resource("configmaps").times(2), status(500));

    let mut codes = Vec::new();
    for name in ["a", "b", "c", "d"] {
        codes.push(wire_.create(name).await[9..12].to_owned());
    }

    assert_eq!(codes, ["500", "503", "500", "201"]);
    assert_eq!(faults.struck(second), 2);
    assert!(faults.remove(second));
    assert!(!faults.remove(second));
}

#[test]
fn script_is_read_line_by_line_and_a_wrong_line_is_named() {
    let server = ApiServer::new();
    let script = r#"
        {"when": {"verb": "watch", "resource": "pods", "times": 2}, "fault": {"cut": 3}}
        {"fault": {"status": {"code": 503}}}
        {"when": {"verb": "list"}, "fault": {"delay": 250}}
        {"when": {"client": "sample"}, "fault": "hang"}
    "#;
    assert_eq!(
        server.faults().load(script).map(|faults| faults.len()).ok(),
        Some(4)
    );

    for wrong in [
        r#"{"fault": "explode"}"#,
        r#"{"when": {"resorce": "pods"}, "fault": "hang"}"#,
        "{}",
    ] {
        let error = server
            .faults()
            .load(&format!("\n{wrong}"))
            .expect_err("not a fault");
        assert!(
            error.to_string().starts_with("line 2 is not a fault"),
            "{error}"
        );
    }
}
