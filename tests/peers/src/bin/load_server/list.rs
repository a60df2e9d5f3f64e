//! Lists in pages, and the lists that open a watch.

use std::{
    io::{self, Write as _},
    net::TcpStream,
    sync::atomic::Ordering,
};

use kubehandler_peers::{pods, version};

use crate::{
    Server,
    http::{self, Body, Request},
    state::Moment,
};

/// Which objects are asked for; all, or those of one shard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selection(Option<u32>);

impl Selection {
    /// Reads `shard=N`, the only selector that the server knows.
    pub(crate) fn of(request: &Request) -> Result<Self, String> {
        let Some(selector) = request.parameter("labelSelector") else {
            return Ok(Self(None));
        };
        let shard = selector
            .strip_prefix("shard=")
            .map(|shard| shard.trim_start_matches('='));
        match shard.and_then(|shard| shard.parse().ok()) {
            Some(shard) => Ok(Self(Some(shard))),
            None => Err(format!(
                "unknown selector `{selector}`: `shard=N` is served"
            )),
        }
    }

    /// Returns true if the object is in it.
    pub(crate) fn has(self, index: u32) -> bool {
        self.0.is_none_or(|shard| pods::shard(index) == shard)
    }
}

/// Serves one page of a list.
pub(crate) fn serve(
    server: &Server,
    request: &Request,
    selection: Selection,
    stream: &mut TcpStream,
) -> io::Result<()> {
    let (round, version, first) = match request.parameter("continue") {
        None => {
            let moment = server.state.list();
            (moment.round, server.state.version(&moment), 0)
        }
        Some(token) => match place(token) {
            Some(place) => place,
            None => return http::send(stream, "400 Bad Request", "{}"),
        },
    };
    let limit = request
        .parameter("limit")
        .and_then(|limit| limit.parse().ok());
    let limit = limit.filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    let count = server.pods.count();
    let mut page = (first..count).filter(|index| selection.has(*index));

    let mut body = Body::start(stream, &server.state.counters.bytes)?;
    // Metadata come before the items, so that nothing needs to be held back.
    let next = page.clone().nth(limit);
    let token = next
        .map(|next| format!("{version}.{next}"))
        .unwrap_or_default();
    let left = next.map_or(0, |next| {
        (next..count).filter(|index| selection.has(*index)).count()
    });
    body.write(|out| {
        let _ = write!(
            out,
            "{{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{{\"resourceVersion\":\"{version}\""
        );
        if next.is_some() {
            let _ = write!(out, ",\"continue\":\"{token}\",\"remainingItemCount\":{left}");
        }
        out.extend_from_slice(b"},\"items\":[");
    })?;
    let mut separator: &[u8] = b"";
    for index in page.by_ref().take(limit) {
        body.write(|out| {
            out.extend_from_slice(separator);
            out.push(b'{');
            server.pods.write(index, round, out);
            out.push(b'}');
        })?;
        separator = b",";
    }
    body.write(|out| out.extend_from_slice(b"]}\n"))?;
    body.end()?;
    if next.is_none() {
        server.state.counters.lists.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Reads a token: the version of the list, and the index of the next object.
fn place(token: &str) -> Option<(u32, u64, u32)> {
    let (version, next) = token.split_once('.')?;
    let version = version.parse().ok()?;
    let (round, _) = version::parts(version)?;
    Some((round, version, next.parse().ok()?))
}

/// Sends what a watch begins with: an event for every object and, if `bookmarked`, the bookmark after them.
pub(crate) fn initial_events(
    server: &Server,
    selection: Selection,
    bookmarked: bool,
    body: &mut Body<'_>,
) -> io::Result<Moment> {
    let moment = server.state.list();
    for index in (0..server.pods.count()).filter(|index| selection.has(*index)) {
        body.write(|out| server.pods.write_event("ADDED", index, moment.round, out))?;
    }
    if bookmarked {
        let version = server.state.version(&moment);
        body.write(|out| pods::write_bookmark(version, true, out))?;
    }
    body.flush()?;
    server.state.counters.lists.fetch_add(1, Ordering::Relaxed);
    Ok(moment)
}
