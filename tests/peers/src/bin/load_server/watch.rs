//! Watches: from a version, or after the initial events.

use std::{
    io,
    net::TcpStream,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use kubehandler_peers::{
    http::{Body, Request},
    version,
};

use crate::{
    Server,
    list::{self, Selection},
    state::Moment,
};

/// How long a watch lives whose client does not say it.
const LIFETIME: Duration = Duration::from_secs(3600);

/// Serves a watch until its time is over or it is cut.
pub(crate) fn serve(
    server: &Server,
    request: &Request,
    selection: Selection,
    stream: &mut TcpStream,
) -> io::Result<()> {
    let seconds = request.parameter("timeoutSeconds");
    let lifetime = seconds.and_then(|seconds| seconds.parse().ok());
    let lifetime = lifetime.map_or(LIFETIME, Duration::from_secs);
    let deadline = Instant::now() + lifetime;

    let media_type = selection.format.watch_type();
    let mut body = Body::start(stream, media_type, &server.state.counters.bytes)?;
    let from = request
        .parameter("resourceVersion")
        .filter(|version| *version != "0");
    let moment = if request.is_set("sendInitialEvents") {
        list::initial_events(server, selection, true, &mut body)?
    } else if let Some(from) = from {
        let Some(moment) = since(server, from) else {
            let now = server.state.version(&server.state.now());
            body.write(|out| selection.format.write_expired(from, now, out))?;
            return body.end();
        };
        body.flush()?;
        catch_up(server, selection, from, &moment, &mut body)?;
        moment
    } else {
        list::initial_events(server, selection, false, &mut body)?
    };
    let wants_bookmarks = request.is_set("allowWatchBookmarks");
    server
        .state
        .counters
        .watches
        .fetch_add(1, Ordering::Relaxed);
    let followed = follow(
        server,
        selection,
        moment,
        wants_bookmarks,
        deadline,
        &mut body,
    );
    server
        .state
        .counters
        .watches
        .fetch_sub(1, Ordering::Relaxed);
    followed?;
    body.end()
}

/// Returns the moment up to which a watch from a version has to be brought, if it is served at all.
fn since(server: &Server, from: &str) -> Option<Moment> {
    let moment = server.state.now();
    let known = from.parse().ok().and_then(version::parts).is_some();
    (known && !moment.needs_list).then_some(moment)
}

/// Sends what has happened after the version.
fn catch_up(
    server: &Server,
    selection: Selection,
    from: &str,
    moment: &Moment,
    body: &mut Body<'_>,
) -> io::Result<()> {
    let Some((round, index)) = from.parse().ok().and_then(version::parts) else {
        return Ok(());
    };
    let next = u32::try_from(index + 1).unwrap_or(u32::MAX);
    if round > 0 {
        // The rest of a round that was cut within; round 0 came with the list.
        send_round(server, selection, round, next, body)?;
    }
    for round in round + 1..=moment.round {
        send_round(server, selection, round, 0, body)?;
    }
    body.flush()
}

fn send_round(
    server: &Server,
    selection: Selection,
    round: u32,
    first: u32,
    body: &mut Body<'_>,
) -> io::Result<()> {
    let mut count = 0;
    for index in (first..server.pods.count()).filter(|index| selection.has(*index)) {
        body.write(|out| {
            selection
                .format
                .write_event(&server.pods, "MODIFIED", index, round, out);
        })?;
        count += 1;
    }
    server
        .state
        .counters
        .events
        .fetch_add(count, Ordering::Relaxed);
    Ok(())
}

/// Sends what happens from now on.
fn follow(
    server: &Server,
    selection: Selection,
    mut known: Moment,
    wants_bookmarks: bool,
    deadline: Instant,
    body: &mut Body<'_>,
) -> io::Result<()> {
    while let Some(moment) = server.state.wait(&known, deadline) {
        if moment.cuts != known.cuts {
            let seen = server.state.version(&known).to_string();
            let now = server.state.version(&moment);
            return body.write(|out| selection.format.write_expired(&seen, now, out));
        }
        for round in known.round + 1..=moment.round {
            send_round(server, selection, round, 0, body)?;
        }
        if moment.ticks != known.ticks && wants_bookmarks {
            let version = server.state.version(&moment);
            body.write(|out| selection.format.write_bookmark(version, false, out))?;
            server
                .state
                .counters
                .bookmarks
                .fetch_add(1, Ordering::Relaxed);
        }
        body.flush()?;
        known = moment;
    }
    Ok(())
}
