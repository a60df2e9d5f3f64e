//! What 50,000 pods cost in memory: while they are listed, at rest, and after much has changed.
#![cfg(target_os = "linux")] // The kernel tells what is resident.

use std::{
    alloc::System,
    borrow::Cow,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    time::Duration,
};

use kubehandler::{
    Action, Callbacks, CancellationToken, Event, EventHandler, EventLoop, Informer, Informers,
    Result, k8s::Pod, kube::Config,
};
use kubehandler_peers::Progress;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const PODS: usize = 50_000;

/// Rounds of updates after the first list, each of every pod.
const ROUNDS: u32 = 10;

/// Bytes a pod that the allocator may have handed out: a tenth more than was measured.
const MAX_LIVE: usize = 700;

/// Bytes a pod that may be resident, with all that C libraries hold: a tenth more than was measured.
///
/// A thirtieth of what kube-rs takes is 1,460.
const MAX_RESIDENT: usize = 1_300;

/// Longer than any step takes on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
#[expect(clippy::print_stdout, reason = "the figures, where one is missed")]
fn memory_of_50_000_pods_is_bounded_and_does_not_grow() {
    let (listener, rounds) = mpsc::channel();
    let handler = Pods(Progress::new(PODS).told_to(listener));
    let mut load = Load::start(rounds);
    let config = Config::new(load.server.url.parse().expect("a URL"));
    let before = Memory::now();

    let stop = CancellationToken::new();
    let running = std::thread::spawn({
        let stop = stop.clone();
        move || run(handler, config, stop)
    });
    load.await_round();
    let first = Memory::now();
    let relists = [true, false, true].map(|changed| {
        Memory::forget_peak();
        load.relist(changed);
        Memory::now()
    });
    (3..ROUNDS).for_each(|_| load.update());
    let last = Memory::now();
    stop.cancel();
    running.join().expect("the loop ends");

    println!("before: {before:?}\nfirst: {first:?}\nrelists: {relists:?}\nlast: {last:?}");
    assert_eq!(load.server.lists(), 4, "each relist took a list");
    for (when, memory) in [("the first list", &first), ("the last update", &last)] {
        let live = memory.live.saturating_sub(before.live) / PODS;
        let resident = memory.resident.saturating_sub(before.resident) / PODS;
        println!("after {when}: {live} B a pod live, {resident} B a pod resident");
        assert!(live <= MAX_LIVE, "{live} B live after {when}");
        assert!(resident <= MAX_RESIDENT, "{resident} B after {when}");
    }
    for memory in relists.iter().chain([&first]) {
        let most = memory.resident * 13 / 10 + (16 << 20);
        assert!(memory.peak <= most, "a list took more than {most} B");
    }
}

/// The load server, and how far the loop has followed it.
struct Load {
    server: Server,
    /// The rounds that all callbacks have seen.
    handled: Receiver<u32>,
    round: u32,
}

impl Load {
    fn start(handled: Receiver<u32>) -> Self {
        Self {
            server: Server::start(),
            handled,
            round: 0,
        }
    }

    /// Changes every pod, and waits until that is handled.
    fn update(&mut self) {
        self.server.request("POST", "round");
        self.round += 1;
        self.await_round();
    }

    /// Makes the loop list again, which may find every pod `changed`.
    fn relist(&mut self, changed: bool) {
        let command = format!("relist?changed={changed}");
        self.server.request("POST", &command);
        self.round += u32::from(changed);
        self.update(); // It comes behind the list.
    }

    /// Waits until each pod's callback has seen the round, or a later one.
    fn await_round(&self) {
        let handled = || self.handled.recv_timeout(PATIENCE);
        while handled().expect("the round is handled in time") < self.round {}
    }
}

/// What the process holds, in bytes.
#[derive(Debug)]
struct Memory {
    /// Handed out by the allocator of this program, which that of a C library is not.
    live: usize,
    resident: usize,
    /// The most that was resident since it was [forgotten](Self::forget_peak).
    peak: usize,
}

impl Memory {
    fn now() -> Self {
        let heap = ALLOCATOR.stats();
        let status = fs::read_to_string("/proc/self/status").expect("a status");
        let field = |name| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
            kibibytes
                .expect("in kB")
                .parse::<usize>()
                .expect("a number")
                * 1024
        };
        Self {
            live: heap.bytes_allocated.saturating_sub(heap.bytes_deallocated),
            resident: field("VmRSS:"),
            peak: field("VmHWM:"),
        }
    }

    /// Where that is not allowed, the peak stays that of the whole life, within the same bound.
    fn forget_peak() {
        let _ = fs::write("/proc/self/clear_refs", "5");
    }
}

/// The load server, as long as this lives.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_load-server"))
            .arg(PODS.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the load server starts");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let url = line.trim().strip_prefix("serving on ").expect("a URL");
        Self {
            process,
            url: url.to_owned(),
        }
    }

    /// Returns how many whole lists were served.
    fn lists(&self) -> u64 {
        let stats: serde_json::Value =
            serde_json::from_str(&self.request("GET", "stats")).expect("JSON");
        stats["lists"].as_u64().expect("a number")
    }

    fn request(&self, method: &str, command: &str) -> String {
        let address = self.url.strip_prefix("http://").expect("a URL");
        let mut stream = TcpStream::connect(address).expect("connected");
        write!(
            stream,
            "{method} /control/{command} HTTP/1.1\r\nHost: {address}\r\n\r\n"
        )
        .expect("sent");
        let mut answer = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            answer.read_line(&mut line).expect("a line");
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        answer.read_exact(&mut body).expect("the whole body");
        String::from_utf8(body).expect("text")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Takes from each event what a callback needs that does not read the object.
struct Pods(Progress);

impl EventHandler for Pods {
    type Resource = Pod;

    fn name(&self) -> Cow<'_, str> {
        "pods".into()
    }

    fn informer(&self, informers: &Informers) -> Informer<Pod> {
        informers.informer(kubehandler::Filter::default())
    }
}

impl Callbacks for Pods {
    async fn reconcile(&self, ev: Event<Self>) -> Result<Action> {
        self.0.saw(ev.name(), ev.resource_version());
        Ok(Action::DONE)
    }
}

fn run(handler: Pods, config: Config, stop: CancellationToken) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let event_loop = EventLoop::new("memory")
        .config_from(async { Ok::<_, anyhow::Error>(config) })
        .register(handler);
    runtime
        .block_on(event_loop.run_until(stop))
        .expect("no error");
}
