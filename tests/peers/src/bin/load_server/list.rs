//! Lists in pages, and the lists that open a watch.

use std::{
    io::{self, Write as _},
    net::TcpStream,
    sync::atomic::Ordering,
};

use kubehandler_peers::{
    http::{self, Body, Request},
    pods::{self, Pods, protobuf},
    version,
};

use crate::{Server, format::Format, state::Moment};

/// Which objects are asked for, and in which format.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selection {
    /// All, if it is none.
    shard: Option<u32>,
    pub(crate) format: Format,
}

impl Selection {
    /// Reads `shard=N`, the only selector that the server knows.
    pub(crate) fn of(request: &Request) -> Result<Self, String> {
        let format = Format::of(request);
        let Some(selector) = request.parameter("labelSelector") else {
            let shard = None;
            return Ok(Self { shard, format });
        };
        let shard = selector
            .strip_prefix("shard=")
            .map(|shard| shard.trim_start_matches('='));
        match shard.and_then(|shard| shard.parse().ok()) {
            Some(shard) => Ok(Self {
                shard: Some(shard),
                format,
            }),
            None => Err(format!(
                "unknown selector `{selector}`: `shard=N` is served"
            )),
        }
    }

    /// Returns true if the object is in it.
    pub(crate) fn has(self, index: u32) -> bool {
        self.shard.is_none_or(|shard| pods::shard(index) == shard)
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
    let page = (first..count).filter(|index| selection.has(*index));
    let next = page.clone().nth(limit).map(|next| Next {
        token: format!("{version}.{next}"),
        left: (next..count).filter(|index| selection.has(*index)).count(),
    });
    let page = Page {
        pods: page.take(limit),
        round,
        version,
        next: next.as_ref(),
    };

    let media_type = selection.format.list_type();
    let mut body = Body::start(stream, media_type, &server.state.counters.bytes)?;
    match selection.format {
        Format::Json => send_json(&server.pods, page, &mut body)?,
        Format::Protobuf => send_protobuf(&server.pods, page, &mut body)?,
    }
    body.end()?;
    if next.is_none() {
        server.state.counters.lists.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// A part of a list.
struct Page<'a, I> {
    pods: I,
    round: u32,
    version: u64,
    next: Option<&'a Next>,
}

/// The page after one.
struct Next {
    token: String,
    /// How many objects are left for it and the pages after it.
    left: usize,
}

/// Sends a page. Metadata come before the items, so that nothing needs to be held back.
fn send_json(
    pods: &Pods,
    page: Page<'_, impl Iterator<Item = u32>>,
    body: &mut Body<'_>,
) -> io::Result<()> {
    let version = page.version;
    body.write(|out| {
        let _ = write!(
            out,
            "{{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{{\"resourceVersion\":\"{version}\""
        );
        if let Some(Next { token, left }) = page.next {
            let _ = write!(out, ",\"continue\":\"{token}\",\"remainingItemCount\":{left}");
        }
        out.extend_from_slice(b"},\"items\":[");
    })?;
    let mut separator: &[u8] = b"";
    for index in page.pods {
        body.write(|out| {
            out.extend_from_slice(separator);
            out.push(b'{');
            pods.write(index, page.round, out);
            out.push(b'}');
        })?;
        separator = b",";
    }
    body.write(|out| out.extend_from_slice(b"]}\n"))
}

/// Sends a page. Its length comes first, so that every object is made twice.
fn send_protobuf(
    pods: &Pods,
    page: Page<'_, impl Iterator<Item = u32> + Clone>,
    body: &mut Body<'_>,
) -> io::Result<()> {
    let (mut item, mut len) = (Vec::new(), 0);
    for index in page.pods.clone() {
        item.clear();
        pods.write_protobuf_item(index, page.round, &mut item);
        len += item.len();
    }
    let next = page.next.map(|next| (next.token.as_str(), next.left));
    body.write(|out| protobuf::write_list_head(page.version, next, len, out))?;
    for index in page.pods {
        body.write(|out| pods.write_protobuf_item(index, page.round, out))?;
    }
    body.write(protobuf::write_list_tail)
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
        body.write(|out| {
            selection
                .format
                .write_event(&server.pods, "ADDED", index, moment.round, out);
        })?;
    }
    if bookmarked {
        let version = server.state.version(&moment);
        body.write(|out| selection.format.write_bookmark(version, true, out))?;
    }
    body.flush()?;
    server.state.counters.lists.fetch_add(1, Ordering::Relaxed);
    Ok(moment)
}
