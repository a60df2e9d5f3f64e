//! The program as a user runs it.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
};

/// The program, killed when dropped.
struct Program {
    process: Child,
    out: BufReader<ChildStdout>,
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut process = program().args(arguments).spawn().expect("it starts");
        let out = BufReader::new(process.stdout.take().expect("it is piped"));
        Self { process, out }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("it says something");
        line.trim_end().to_owned()
    }

    fn stop(&mut self) -> Option<i32> {
        let id = self.process.id().to_string();
        let told = Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .expect("kill runs");
        assert!(told.success());
        self.process.wait().expect("it ends").code()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_kubehandler-apiserver"));
    program
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    program
}

/// A file for this test alone.
fn file(name: &str, text: &str) -> PathBuf {
    let path =
        std::env::temp_dir().join(format!("kubehandler-program-{}-{name}", std::process::id()));
    fs::write(&path, text).expect("it can be written");
    path
}

fn get(url: &str, path: &str) -> String {
    ask(url, "GET", path, "")
}

/// Asks as the client `program-test`, and returns the whole answer.
fn ask(url: &str, method: &str, path: &str, body: &str) -> String {
    let mut answer = String::new();
    let _ = open(url, method, path, body).read_to_string(&mut answer);
    answer
}

/// Sends a request, whose answer is yet to be read.
fn open(url: &str, method: &str, path: &str, body: &str) -> TcpStream {
    let address = url.strip_prefix("http://").expect("a URL");
    open_as(address, url, method, path, body)
}

/// Sends a request that calls the server by this host.
fn open_as(host: &str, url: &str, method: &str, path: &str, body: &str) -> TcpStream {
    let address = url.strip_prefix("http://").expect("a URL");
    let mut stream = TcpStream::connect(address).expect("it listens");
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: program-test\r\n\
        Content-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .expect("sent");
    stream
}

#[test]
fn program_says_where_it_is_serves_and_leaves_nothing_behind() {
    let mut program = Program::start(&[]);
    let url = program
        .line()
        .strip_prefix("serving on ")
        .expect("where")
        .to_owned();
    let kubeconfig = program
        .line()
        .strip_prefix("export KUBECONFIG=")
        .expect("how")
        .to_owned();

    assert!(
        get(&url, "/version").contains("v1.37"),
        "it is no API server"
    );
    let config = fs::read_to_string(&kubeconfig).expect("the kubeconfig is there");
    assert!(config.contains(&url), "{config}");

    assert_eq!(program.stop(), Some(0));
    assert!(
        !fs::exists(&kubeconfig).expect("it can be looked for"),
        "the kubeconfig is left behind"
    );
}

#[test]
fn manifests_are_there_from_the_start_definitions_before_objects() {
    let manifests = file(
        "manifests.yaml",
        "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: sites.demo.dev}
spec:
  group: demo.dev
  scope: Namespaced
  names: {plural: sites, kind: Site}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
---
apiVersion: v1
kind: List
items:
- {apiVersion: demo.dev/v1, kind: Site, metadata: {name: home}, spec: {image: nginx}}
- {apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: [{name: web, image: nginx}]}, status: {phase: Running}}
",
    );
    let mut program = Program::start(&["--load", manifests.to_str().expect("text")]);
    let url = program
        .line()
        .strip_prefix("serving on ")
        .expect("where")
        .to_owned();

    assert!(get(&url, "/apis/demo.dev/v1/namespaces/default/sites/home").contains("nginx"));
    assert!(get(&url, "/api/v1/namespaces/default/pods/web").contains("\"phase\":\"Running\""));
    fs::remove_file(manifests).expect("it is there");
}

#[test]
fn kubeconfig_that_was_asked_for_stays() {
    let kubeconfig = file("kubeconfig", "");
    let mut program = Program::start(&["--kubeconfig", kubeconfig.to_str().expect("text")]);
    program.line();

    assert_eq!(program.stop(), Some(0));

    assert!(
        fs::read_to_string(&kubeconfig)
            .expect("it stays")
            .contains("http://127.0.0.1:")
    );
    fs::remove_file(kubeconfig).expect("it is there");
}

#[test]
fn faults_of_a_file_strike() {
    let faults = file(
        "faults",
        r#"{"when": {"verb": "list"}, "fault": {"status": {"code": 503}}}"#,
    );
    let mut program = Program::start(&["--faults", faults.to_str().expect("text")]);
    let url = program
        .line()
        .strip_prefix("serving on ")
        .expect("where")
        .to_owned();

    assert!(get(&url, "/api/v1/pods").starts_with("HTTP/1.1 503"));
    fs::remove_file(faults).expect("it is there");
}

#[test]
fn faults_and_record_are_there_over_http() {
    let mut program = Program::start(&["--seed", "1", "--record"]);
    let url = program
        .line()
        .strip_prefix("serving on ")
        .expect("where")
        .to_owned();
    let faults = "/kubehandler/faults";
    let tell = |line: &str| {
        let answer = ask(&url, "POST", faults, line);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer
    };
    let maps = "/api/v1/namespaces/default/configmaps";
    let create = |name: &str| {
        let map = format!(
            r#"{{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {{"name": "{name}"}}}}"#
        );
        let answer = ask(&url, "POST", maps, &map);
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
        answer
    };

    let added =
        tell(r#"{"when": {"resource": "pods", "times": 1}, "fault": {"status": {"code": 503}}}"#);
    assert!(added.contains(r#"{"added":[1]}"#), "{added}");
    assert!(get(&url, "/api/v1/pods").starts_with("HTTP/1.1 503"));
    assert!(get(&url, "/api/v1/pods").starts_with("HTTP/1.1 200"));
    assert!(get(&url, faults).contains(r#"[{"id":1,"struck":1}]"#));

    // A fault does not keep itself from being taken back.
    tell(r#"{"fault": "refuse"}"#);
    assert_eq!(get(&url, "/version"), "");
    ask(&url, "DELETE", faults, "");
    assert!(get(&url, "/version").starts_with("HTTP/1.1 200"));

    tell(r#"{"now": {"jumpClock": 172800}}"#);
    let created = create("a");
    assert!(
        created.contains(r#""creationTimestamp":"2026-01-03"#),
        "{created}"
    );

    tell(r#"{"now": {"freezeView": "program-test"}}"#);
    create("b");
    assert!(get(&url, &format!("{maps}/b")).starts_with("HTTP/1.1 404"));
    tell(r#"{"now": {"releaseView": "program-test"}}"#);
    assert!(get(&url, &format!("{maps}/b")).starts_with("HTTP/1.1 200"));

    let exact = format!("{maps}?resourceVersion=6&resourceVersionMatch=Exact");
    assert!(get(&url, &exact).starts_with("HTTP/1.1 200"));
    tell(r#"{"now": "compact"}"#);
    assert!(get(&url, &exact).starts_with("HTTP/1.1 410"));

    for (action, name) in [("cutWatches", "c"), ("breakWatches", "d")] {
        let mut watch = open(&url, "GET", &format!("{maps}?watch=true"), "");
        let mut first = [0; 1]; // The watch is open once its answer has begun.
        watch.read_exact(&mut first).expect("an answer");
        tell(&format!(
            r#"{{"now": {{"{action}": {{"resource": "configmaps"}}}}}}"#
        ));
        create(name);
        let mut answer = Vec::new();
        let _ = watch.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(!answer.contains(&format!(r#""name":"{name}""#)), "{answer}");
        assert_eq!(answer.ends_with("0\r\n\r\n"), action == "cutWatches");
    }

    let refused = ask(&url, "POST", faults, "\n{\"now\": \"explode\"}");
    assert!(refused.starts_with("HTTP/1.1 400"), "{refused}");
    assert!(refused.contains("line 2 is not a fault"), "{refused}");

    let requests = get(&url, "/kubehandler/requests");
    assert!(
        requests.contains(r#""verb":"create""#) && requests.contains(r#""code":503"#),
        "{requests}"
    );
    assert!(!requests.contains(faults), "{requests}");
    ask(&url, "DELETE", "/kubehandler/requests", "");
    assert!(get(&url, "/kubehandler/requests").ends_with("[]\n"));
    assert!(ask(&url, "PUT", faults, "").starts_with("HTTP/1.1 405"));
    assert!(get(&url, "/kubehandler/else").starts_with("HTTP/1.1 404"));
}

#[test]
fn program_is_called_by_the_hosts_that_are_allowed() {
    let mut program = Program::start(&["--allow-host", "api.test", "--allow-host", "192.0.2.1"]);
    let url = program
        .line()
        .strip_prefix("serving on ")
        .expect("where")
        .to_owned();

    for (host, code) in [
        ("localhost", 200),
        ("api.test:8080", 200),
        ("192.0.2.1", 200),
        ("192.0.2.2", 421),
        ("evil.example", 421),
    ] {
        let mut answer = String::new();
        let mut stream = open_as(host, &url, "GET", "/version", "");
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {code} ")),
            "{host}: {answer}"
        );
    }
    for host in ["http://api.test", "api.test:80", ""] {
        let output = program_output(&["--allow-host", host]);
        assert!(output.contains("write the host alone"), "{host}: {output}");
    }
}

fn program_output(arguments: &[&str]) -> String {
    let output = program().args(arguments).output().expect("it runs");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn what_cannot_be_used_is_named() {
    let broken = file(
        "broken.yaml",
        "apiVersion: v1\nkind: Unicorn\nmetadata: {name: a}\n",
    );
    let broken = broken.to_str().expect("text");
    for (arguments, expected) in [
        (
            ["--load", "/nonexistent.yaml"],
            "cannot read `/nonexistent.yaml`",
        ),
        (["--load", broken], "no kind `Unicorn` in `v1`"),
        (["--faults", broken], "line 1 is not a fault"),
        (
            ["--addr", "192.0.2.1:80"],
            "cannot listen on `192.0.2.1:80`",
        ),
        (
            ["--kubeconfig", "/nonexistent/x"],
            "cannot write `/nonexistent/x`",
        ),
    ] {
        let output = program().args(arguments).output().expect("it runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains(expected), "{error}");
    }
    fs::remove_file(broken).expect("it is there");
}
