//! Lists and watches.

use std::{
    io::{self, Write as _},
    net::{Shutdown, TcpStream},
    sync::atomic::Ordering,
    time::Instant,
};

use kubehandler_peers::{
    http::{self, Body, Request},
    pods::{self, Revision},
};

use crate::{
    Server,
    faults::{End, Expired},
};

/// At most this many changes are sent under one lock.
const BATCH: usize = 256;

/// Serves a list or a watch.
pub(crate) fn pods(server: &Server, request: &Request, stream: &mut TcpStream) -> io::Result<()> {
    if !request.is_set("watch") {
        return list(server, request, stream);
    }
    let from = request.parameter("resourceVersion");
    let from = from.and_then(|version| version.parse().ok());
    if let (Some(from), false) = (from, request.is_set("sendInitialEvents")) {
        return watch(server, from, stream);
    }
    let (objects, version) = snapshot(server);
    let mut body = Body::start(stream, http::JSON, &server.counters.bytes)?;
    for object in &objects {
        body.write(|out| server.pods.write_revision_event("ADDED", object, out))?;
    }
    body.write(|out| pods::write_bookmark(version, true, out))?;
    body.flush()?;
    server.counters.lists.fetch_add(1, Ordering::Relaxed);
    follow(server, version, body)
}

/// Sends all objects in one page, whatever limit was asked for. A limit of 1 is a question for the
/// version, and gets one object.
fn list(server: &Server, request: &Request, stream: &mut TcpStream) -> io::Result<()> {
    let (objects, version) = snapshot(server);
    let is_probe = request.parameter("limit") == Some("1");
    let shown = if is_probe { &objects[..1] } else { &objects };
    let mut body = Body::start(stream, http::JSON, &server.counters.bytes)?;
    body.write(|out| {
        let more = if is_probe {
            ",\"continue\":\"more\""
        } else {
            ""
        };
        // Writing into memory cannot fail.
        let _ = write!(
            out,
            "{{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{{\"resourceVersion\":\"{version}\"{more}}},\"items\":["
        );
    })?;
    let mut separator: &[u8] = b"";
    for object in shown {
        body.write(|out| {
            out.extend_from_slice(separator);
            out.push(b'{');
            server.pods.write_revision(object, out);
            out.push(b'}');
        })?;
        separator = b",";
    }
    body.write(|out| out.extend_from_slice(b"]}\n"))?;
    body.end()?;
    server
        .counters
        .lists
        .fetch_add(u64::from(!is_probe), Ordering::Relaxed);
    Ok(())
}

fn snapshot(server: &Server) -> (Vec<Revision>, u64) {
    let world = server.world();
    (world.objects().to_vec(), world.version())
}

/// Serves a watch from a version, or refuses it.
fn watch(server: &Server, from: u64, stream: &mut TcpStream) -> io::Result<()> {
    let now = server.world().version();
    let is_kept = server.world().after(from, 1).is_some();
    let expired = if is_kept {
        server.faults.expires()
    } else {
        Some(server.faults.too_old())
    };
    match expired {
        Some(Expired::Status) => {
            let reason = format!("too old resource version: {from} ({now})");
            http::send(stream, "410 Gone", &http::status(410, &reason))
        }
        Some(Expired::Event) => {
            let mut body = Body::start(stream, http::JSON, &server.counters.bytes)?;
            body.write(|out| pods::write_expired(&from.to_string(), now, out))?;
            body.end()
        }
        None => {
            let mut body = Body::start(stream, http::JSON, &server.counters.bytes)?;
            body.flush()?;
            follow(server, from, body)
        }
    }
}

/// Sends changes until the watch ends.
fn follow(server: &Server, mut version: u64, mut body: Body<'_>) -> io::Result<()> {
    server.counters.watches.fetch_add(1, Ordering::Relaxed);
    let deadline = Instant::now() + server.faults.lifetime();
    while Instant::now() < deadline {
        // A client that reads too slowly for the history is cut off, as by a real server.
        let changes = server.wait(version, deadline).after(version, BATCH);
        let Some(changes) = changes else { break };
        for change in &changes {
            version = change.revision.version;
            body.write(|out| {
                server
                    .pods
                    .write_revision_event(change.kind, &change.revision, out);
            })?;
        }
        body.flush()?;
    }
    match server.faults.end() {
        End::Complete => body.end(),
        End::Closed => body.stream().shutdown(Shutdown::Both),
        End::Torn => {
            let torn = Revision::of(0, 0);
            body.write(|out| {
                let start = out.len();
                server.pods.write_revision_event("MODIFIED", &torn, out);
                out.truncate(start + (out.len() - start) / 2);
            })?;
            body.flush()?;
            body.stream().shutdown(Shutdown::Both)
        }
    }
}
