//! A server of many pods, for clients to be measured against: cheap, and the same each time.
//!
//! `load-server PODS` prints `serving on http://ADDRESS` and serves `/api/v1/pods` as a Kubernetes API
//! server does: lists in pages, streaming lists, watches, in JSON or in protobuf, as the client prefers.
//! A pod is about 6 KB of JSON and is made when it is sent. The runner steers the server by requests:
//!
//! - `POST /control/round` gives every object a new version, and sends it to those who watch.
//! - `POST /control/relist?changed=true` ends all watches with 410 and refuses further ones until
//!   somebody has taken a new list; in it, every object has a new version (or not).
//! - `POST /control/bookmarks?every=1000` sends each watch a bookmark every so many milliseconds.
//! - `GET /control/stats` tells what has been served.
//!
//! Each connection has a thread of its own: blocking writes of large chunks cost the least.

mod format;
mod list;
mod state;
mod watch;

use std::{
    io::{self, BufReader},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{Arc, atomic::Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use kubehandler_peers::{
    http::{self, Request},
    pods::Pods,
    report::{say, unix_nanos},
    version,
};

use self::{list::Selection, state::State};

/// What every connection needs.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) pods: Pods,
    pub(crate) state: State,
}

fn main() -> anyhow::Result<()> {
    let count = std::env::args().nth(1).context("usage: load-server PODS")?;
    let count: u32 = count.parse().context("PODS is a number")?;
    // Half of the versions of a round are left for bookmarks.
    ensure!(u64::from(count) < version::STRIDE / 2, "too many pods");
    let server = Arc::new(Server {
        pods: Pods::new(count)?,
        state: State::new(count),
    });

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    say(&format!("serving on http://{}", listener.local_addr()?));
    for stream in listener.incoming() {
        let (stream, server) = (stream?, server.clone());
        // A client that goes away is no error; its thread ends with it.
        thread::spawn(move || serve(&server, stream));
    }
    Ok(())
}

fn serve(server: &Arc<Server>, mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = BufReader::new(stream.try_clone()?);
    while let Some(request) = Request::read(&mut input)? {
        answer(server, &request, &mut stream)?;
    }
    Ok(())
}

fn answer(server: &Arc<Server>, request: &Request, stream: &mut TcpStream) -> io::Result<()> {
    if let Some(command) = request.path.strip_prefix("/control/") {
        return match control(server, command, request) {
            Some(body) => http::send(stream, "200 OK", &body),
            None => http::send(stream, "404 Not Found", "{}"),
        };
    }
    server
        .state
        .counters
        .requests
        .fetch_add(1, Ordering::Relaxed);
    match request.path.as_str() {
        "/version" => http::send(stream, "200 OK", http::VERSION),
        "/api/v1/pods" => match Selection::of(request) {
            Ok(selection) if request.is_set("watch") => {
                watch::serve(server, request, selection, stream)
            }
            Ok(selection) => list::serve(server, request, selection, stream),
            Err(reason) => http::send(stream, "400 Bad Request", &http::status(400, &reason)),
        },
        path => {
            let reason = format!("the load server has no `{path}`");
            http::send(stream, "404 Not Found", &http::status(404, &reason))
        }
    }
}

/// Obeys the runner; `None` if the command is unknown.
fn control(server: &Arc<Server>, command: &str, request: &Request) -> Option<String> {
    // Read before it begins, so that no watcher is ahead of it.
    let now = unix_nanos();
    let started = |round: u32| format!("{{\"round\":{round},\"started\":{now}}}");
    match (request.method.as_str(), command) {
        ("POST", "round") => Some(started(server.state.start_round())),
        ("POST", "relist") => Some(started(server.state.relist(request.is_set("changed")))),
        ("POST", "bookmarks") => {
            let every = request.parameter("every")?.parse().ok()?;
            let server = server.clone();
            thread::spawn(move || {
                loop {
                    thread::sleep(Duration::from_millis(every));
                    server.state.tick();
                }
            });
            Some("{}".to_owned())
        }
        ("GET", "stats") => Some(server.state.stats()),
        _ => None,
    }
}
