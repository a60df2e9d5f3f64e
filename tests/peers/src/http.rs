//! As much of HTTP/1.1 as the clients need, for the least processor time.

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    net::TcpStream,
    sync::atomic::{AtomicU64, Ordering},
};

/// Bytes are sent in chunks of about this size, or earlier when there is nothing more to send.
const CHUNK: usize = 64 * 1024;

/// The size of a chunk comes before it, in as many digits as any needs.
const CHUNK_HEAD: usize = 10;

/// The media type of JSON.
pub const JSON: &str = "application/json";

/// What a server says of itself.
pub const VERSION: &str =
    r#"{"major":"1","minor":"37","gitVersion":"v1.37.2","platform":"linux/amd64"}"#;

/// A request without a body.
#[derive(Debug)]
pub struct Request {
    /// The method, in capitals.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The media types that the client takes.
    pub accept: String,
    query: Vec<(String, String)>,
}

impl Request {
    /// Reads the next request of a connection; `None` when the client has closed it.
    ///
    /// # Errors
    ///
    /// Fails if the connection does, or if its bytes are no request.
    pub fn read(input: &mut BufReader<TcpStream>) -> io::Result<Option<Self>> {
        let mut first = String::new();
        if input.read_line(&mut first)? == 0 {
            return Ok(None);
        }
        let (mut header, mut accept) = (String::new(), String::new());
        while input.read_line(&mut header)? > 0 && !header.trim().is_empty() {
            if let Some((name, value)) = header.split_once(':')
                && name.eq_ignore_ascii_case("accept")
            {
                value.trim().clone_into(&mut accept);
            }
            header.clear();
        }
        let mut words = first.split_whitespace();
        let (method, target) = words
            .next()
            .zip(words.next())
            .ok_or(io::ErrorKind::InvalidData)?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let query = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (decoded(name), decoded(value)))
            .collect();
        Ok(Some(Self {
            method: method.to_owned(),
            path: path.to_owned(),
            accept,
            query,
        }))
    }

    /// Returns a parameter; one that is empty is none.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let (_, value) = self.query.iter().find(|(known, _)| known == name)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    /// Returns true if a parameter is there and says yes.
    #[must_use]
    pub fn is_set(&self, name: &str) -> bool {
        matches!(self.parameter(name), Some("true" | "1"))
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        let code = (*first == b'%').then(|| after.get(..2)).flatten();
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None if *first == b'+' => bytes.push(b' '),
            None => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Returns an error as Kubernetes writes it.
#[must_use]
pub fn status(code: u16, message: &str) -> String {
    format!(
        "{{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{{}},\"status\":\"Failure\",\"message\":\"{message}\",\"code\":{code}}}"
    )
}

/// Sends an answer that is small.
///
/// # Errors
///
/// Fails if the connection does.
pub fn send(stream: &mut TcpStream, status: &str, body: &str) -> io::Result<()> {
    let len = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len}\r\n\r\n{body}"
    )
}

/// The body of an answer whose length is not known before.
#[derive(Debug)]
pub struct Body<'a> {
    stream: &'a mut TcpStream,
    /// Room for the head of the chunk, then what is not yet sent.
    chunk: Vec<u8>,
    sent: &'a AtomicU64,
}

impl<'a> Body<'a> {
    /// Starts the answer; counts its bytes in `sent`.
    ///
    /// # Errors
    ///
    /// Fails if the connection does.
    pub fn start(
        stream: &'a mut TcpStream,
        media_type: &str,
        sent: &'a AtomicU64,
    ) -> io::Result<Self> {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        stream.write_all(head.as_bytes())?;
        let mut chunk = Vec::with_capacity(CHUNK + 16 * 1024);
        chunk.resize(CHUNK_HEAD, 0);
        Ok(Self {
            stream,
            chunk,
            sent,
        })
    }

    /// Lets `write` append to the body, and sends what has become a chunk.
    ///
    /// # Errors
    ///
    /// Fails if the connection does.
    pub fn write(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        write(&mut self.chunk);
        if self.chunk.len() >= CHUNK {
            self.flush()?;
        }
        Ok(())
    }

    /// Sends what is there.
    ///
    /// # Errors
    ///
    /// Fails if the connection does.
    pub fn flush(&mut self) -> io::Result<()> {
        let len = self.chunk.len() - CHUNK_HEAD;
        if len == 0 {
            return Ok(()); // An empty chunk would end the body.
        }
        let head = format!("{len:08x}\r\n");
        self.chunk[..CHUNK_HEAD].copy_from_slice(head.as_bytes());
        self.chunk.extend_from_slice(b"\r\n");
        self.stream.write_all(&self.chunk)?;
        self.chunk.truncate(CHUNK_HEAD);
        self.sent.fetch_add(len as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Returns the connection, for an answer that does not end as it should.
    pub fn stream(&mut self) -> &mut TcpStream {
        self.stream
    }

    /// Ends the body; the connection is good for another request.
    ///
    /// # Errors
    ///
    /// Fails if the connection does.
    pub fn end(mut self) -> io::Result<()> {
        self.flush()?;
        self.stream.write_all(b"0\r\n\r\n")
    }
}
