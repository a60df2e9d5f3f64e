//! The physical limit: reads a streaming list, and does nothing with it.
//!
//! `bare-read URL bytes|lines` prints the seconds from the request to the end of the list, the seconds
//! of its CPU time, and the bytes. In the mode `lines` it also looks at every byte once, for line ends.

use std::{
    hint::black_box,
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use http::Uri;
use kubehandler_peers::report::say;
use rustix::time::{ClockId, clock_gettime};

/// What the bookmark holds that ends the list; it comes last, and in one piece with its line.
const END: &[u8] = b"k8s.io/initial-events-end";

/// As much as the end of what was read is searched for `END`.
const TAIL: usize = 512;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: bare-read URL bytes|lines";
    let url: Uri = arguments.next().context(usage)?.parse()?;
    let counts_lines = match arguments.next().as_deref() {
        Some("bytes") => false,
        Some("lines") => true,
        _ => bail!(usage),
    };
    let authority = url.authority().context("no host")?.as_str();

    let started = Instant::now();
    let mut stream = TcpStream::connect(authority)?;
    write!(
        stream,
        "GET /api/v1/pods?watch=1&sendInitialEvents=true&allowWatchBookmarks=true HTTP/1.1\r\nHost: {authority}\r\n\r\n"
    )?;
    let mut buffer = vec![0; 256 * 1024];
    let (mut bytes, mut lines) = (0, 0);
    loop {
        let len = stream.read(&mut buffer[TAIL..])?;
        ensure!(len > 0, "the server has closed the stream");
        bytes += len;
        let read = &buffer[TAIL..TAIL + len];
        if counts_lines {
            lines += line_ends(read);
        }
        // What came before is kept in front, in case the end is cut in two.
        let tail = &buffer[len..TAIL + len];
        if tail.windows(END.len()).any(|window| window == END) {
            break;
        }
        buffer.copy_within(len..TAIL + len, 0);
    }
    black_box(lines);
    let cpu = Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default();
    say(&format!(
        "{:.6} {:.6} {bytes}",
        started.elapsed().as_secs_f64(),
        cpu.as_secs_f64()
    ));
    Ok(())
}

#[expect(
    clippy::naive_bytecount,
    reason = "the compiler makes vector instructions of it"
)]
fn line_ends(read: &[u8]) -> usize {
    read.iter().filter(|byte| **byte == b'\n').count()
}
