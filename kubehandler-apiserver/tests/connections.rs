//! Many connections that say nothing do not keep one out that does.

use std::{
    env, io,
    io::{BufRead as _, BufReader, Lines, Read as _, Write as _},
    net::TcpStream,
    process::{Child, ChildStdout, Command, Stdio},
};

use kubehandler_apiserver::ApiServer;

/// Names the server that the process is to connect to, and to leave in peace.
const HOLD: &str = "KUBEHANDLER_HOLD_CONNECTIONS_TO";

/// How many connections; a process may have 20,000 files open in many places.
const CONNECTIONS: usize = 10_000;

/// The test, and in a process of its own its other side.
#[test]
fn ten_thousand_idle_connections_leave_room_for_one_that_asks() {
    if let Ok(address) = env::var(HOLD) {
        return hold(&address);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let server = ApiServer::new();
    let listening = runtime
        .block_on(server.listen("127.0.0.1:0"))
        .expect("a free port");
    let address = listening.local_addr().to_string();
    let before = resident_mebibytes();
    let mut holder = Holder::start(&address);

    holder.wait_until_connected();
    let answer = ask(&address).expect("an answer");

    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let grown = resident_mebibytes() - before;
    assert!(
        grown < 200,
        "{CONNECTIONS} idle connections take {grown} MiB"
    );
}

/// Opens the connections, says so, and waits until nobody listens any longer.
fn hold(address: &str) {
    let held: Vec<_> = (0..CONNECTIONS)
        .map(|_| TcpStream::connect(address).expect("accepted"))
        .collect();
    let mut out = io::stdout();
    writeln!(out, "connected {}", held.len()).expect("somebody listens");
    let _ = io::stdin().read_to_end(&mut Vec::new());
}

/// The process on the other side; gone with this.
struct Holder {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Holder {
    fn start(address: &str) -> Self {
        let test = env::current_exe().expect("this runs from a file");
        let mut process = Command::new(test)
            .args([
                "--exact",
                "ten_thousand_idle_connections_leave_room_for_one_that_asks",
                "--nocapture",
            ])
            .env(HOLD, address)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs once more");
        let out = process.stdout.take().expect("it is piped");
        let lines = BufReader::new(out).lines();
        Self { process, lines }
    }

    fn wait_until_connected(&mut self) {
        let mut lines = self.lines.by_ref().map_while(Result::ok);
        assert!(
            lines.any(|line| line.contains("connected")),
            "the other side ended early"
        );
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

fn ask(address: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "GET /api/v1/pods HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// The memory of this process, on Linux; elsewhere nothing is measured.
fn resident_mebibytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap_or_default();
    let kibibytes = line
        .split_whitespace()
        .nth(1)
        .and_then(|number| number.parse::<u64>().ok());
    kibibytes.unwrap_or_default() / 1024
}
