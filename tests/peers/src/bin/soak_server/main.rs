//! The server of the soak: its objects change all the time, and its watches end within seconds.
//!
//! `soak-server OBJECTS RATE SEED` prints `serving on http://ADDRESS` and serves `/api/v1/pods` as a
//! Kubernetes API server does: lists, streaming lists, watches. After `POST /control/start` it
//! makes RATE changes a second, until `POST /control/stop`, and prints a line
//! `KIND INDEX VERSION NANOSECONDS` for each before a watch can send it.
//!
//! A watch ends after 1 to 9 seconds: as it should, or with the connection, or within an event. Some
//! that are opened again from a version are refused with 410, as an HTTP status or as an event.
//! `GET /control/stats` tells how often.

mod faults;
mod serve;
mod world;

use std::{
    fmt::Write as _,
    io::{self, BufReader, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use kubehandler_peers::{
    http::{self, Request},
    pods::{Pods, Revision},
    report::{say, unix_nanos},
};

use self::{faults::Faults, world::World};

/// How long changes are kept for watches to ask for, in seconds.
const HISTORY: u64 = 60;

/// How often changes are made, as many at once as are due.
const TICK: Duration = Duration::from_millis(10);

/// What every connection needs.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) pods: Pods,
    pub(crate) faults: Faults,
    pub(crate) counters: Counters,
    world: Mutex<World>,
    changed: Condvar,
    stopped: AtomicBool,
    rate: u64,
}

/// What has been served.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) changes: AtomicU64,
    pub(crate) bytes: AtomicU64,
    /// Lists that were sent to their end.
    pub(crate) lists: AtomicU64,
    pub(crate) watches: AtomicU64,
}

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || {
        arguments
            .next()
            .context("usage: soak-server OBJECTS RATE SEED")
    };
    let objects: u32 = next()?.parse().context("OBJECTS is a number")?;
    let rate: u64 = next()?.parse().context("RATE is a number")?;
    let seed: u64 = next()?.parse().context("SEED is a number")?;
    let kept = usize::try_from(rate * HISTORY)?;
    let server = Arc::new(Server {
        pods: Pods::new(objects)?,
        faults: Faults::new(seed),
        counters: Counters::default(),
        world: Mutex::new(World::new(objects, kept, seed)),
        changed: Condvar::new(),
        stopped: AtomicBool::new(false),
        rate,
    });

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    say(&format!("serving on http://{}", listener.local_addr()?));
    for stream in listener.incoming() {
        let (stream, server) = (stream?, server.clone());
        // A client that goes away is no error, and neither is a watch that was cut.
        thread::spawn(move || serve(&server, stream));
    }
    Ok(())
}

fn serve(server: &Arc<Server>, mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = BufReader::new(stream.try_clone()?);
    while let Some(request) = Request::read(&mut input)? {
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/control/start") => {
                let server = server.clone();
                thread::spawn(move || server.change());
                http::send(&mut stream, "200 OK", "{}")?;
            }
            ("POST", "/control/stop") => {
                server.stopped.store(true, Ordering::Relaxed);
                http::send(&mut stream, "200 OK", "{}")?;
            }
            ("GET", "/control/stats") => http::send(&mut stream, "200 OK", &server.stats())?,
            ("GET", "/version") => http::send(&mut stream, "200 OK", http::VERSION)?,
            ("GET", "/api/v1/pods") => serve::pods(server, &request, &mut stream)?,
            (_, path) => {
                let reason = format!("the soak server has no `{path}`");
                http::send(&mut stream, "404 Not Found", &http::status(404, &reason))?;
            }
        }
    }
    Ok(())
}

impl Server {
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there are changes after a version, or until `deadline`.
    pub(crate) fn wait(&self, version: u64, deadline: Instant) -> MutexGuard<'_, World> {
        let left = deadline.saturating_duration_since(Instant::now());
        let waited = self
            .changed
            .wait_timeout_while(self.world(), left, |world| world.version() == version);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Makes changes until the server is told to stop.
    fn change(&self) {
        let (start, mut made) = (Instant::now(), 0);
        let mut lines = String::new();
        while !self.stopped.load(Ordering::Relaxed) {
            thread::sleep(TICK);
            let due = start.elapsed().as_millis() * u128::from(self.rate) / 1_000;
            let mut world = self.world();
            let mut changes = 0;
            while made < due {
                let count = world.change();
                made += count as u128;
                changes += count;
            }
            lines.clear();
            let now = unix_nanos();
            for change in world.last(changes) {
                let Revision { index, version, .. } = change.revision;
                // Writing into memory cannot fail.
                let _ = writeln!(lines, "{} {index} {version} {now}", change.kind);
            }
            // Before the lock is released: the reader knows of a change before the loop does.
            let mut out = io::stdout().lock();
            let _ = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
            drop(world);
            self.counters
                .changes
                .fetch_add(changes as u64, Ordering::Relaxed);
            self.changed.notify_all();
        }
    }

    /// Returns the counters as JSON, also while the lock waits for somebody to read the lines.
    fn stats(&self) -> String {
        let counters = &self.counters;
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        format!(
            "{{\"changes\":{},\"bytes\":{},\"lists\":{},\"watches\":{},{}}}",
            load(&counters.changes),
            load(&counters.bytes),
            load(&counters.lists),
            load(&counters.watches),
            self.faults.stats()
        )
    }
}
