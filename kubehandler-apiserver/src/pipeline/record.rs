//! What the server was asked: every request, for assertions.

use std::{
    collections::VecDeque,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::wire::{asked::Asked, reply::Reply, request::Request};

/// How many requests are remembered.
const REMEMBERED: usize = 100_000;

/// Remembers a request, and the code of its answer.
pub(super) async fn filter<N, F>(record: &Record, request: Request, next: N) -> io::Result<Reply>
where
    N: FnOnce(Request) -> F,
    F: Future<Output = io::Result<Reply>>,
{
    let entry = record.push(&request.asked, &request.body);
    let reply = next(request).await?;
    record.answered(entry, reply.status().as_u16());
    Ok(reply)
}

/// The requests so far.
#[derive(Debug, Default)]
pub(crate) struct Record {
    asked: Mutex<Entries>,
    is_off: bool,
}

#[derive(Debug, Default)]
struct Entries {
    /// How many were forgotten from the front.
    forgotten: u64,
    kept: VecDeque<Asked>,
}

/// Which entry is a request's own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry(u64);

impl Record {
    /// Returns a record that remembers nothing.
    pub(crate) fn off() -> Self {
        Self {
            is_off: true,
            ..Self::default()
        }
    }

    /// Remembers a request and its body. Returns `None` if nothing is remembered.
    pub(crate) fn push(&self, asked: &Asked, body: &[u8]) -> Option<Entry> {
        if self.is_off {
            return None;
        }
        let asked = Asked {
            body: str::from_utf8(body).unwrap_or_default().to_owned(),
            ..asked.clone()
        };
        let mut entries = self.lock();
        let entry = Entry(entries.forgotten + entries.kept.len() as u64);
        entries.kept.push_back(asked);
        if entries.kept.len() > REMEMBERED {
            entries.kept.pop_front();
            entries.forgotten += 1;
        }
        Some(entry)
    }

    /// Notes the code of the answer.
    pub(crate) fn answered(&self, entry: Option<Entry>, code: u16) {
        let Some(entry) = entry else {
            return;
        };
        let mut entries = self.lock();
        let Some(index) = entry.0.checked_sub(entries.forgotten) else {
            return;
        };
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        if let Some(asked) = entries.kept.get_mut(index) {
            asked.code = code;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    /// Returns what is remembered, the oldest first.
    pub(crate) fn entries(&self) -> Vec<Asked> {
        self.lock().kept.iter().cloned().collect()
    }

    /// Forgets what is remembered.
    pub(crate) fn forget(&self) {
        let mut entries = self.lock();
        entries.forgotten += entries.kept.len() as u64;
        entries.kept.clear();
    }
}

#[cfg(test)]
mod tests {
    use http::{Request as HttpRequest, StatusCode};

    use super::*;

    fn request(path: &str) -> Request {
        let (parts, ()) = HttpRequest::get(path)
            .body(())
            .expect("a path")
            .into_parts();
        Request::new(parts, bytes::Bytes::default(), "client")
    }

    #[tokio::test]
    async fn request_is_remembered_with_the_code_of_its_answer() {
        let record = Record::default();

        let next = async |_| Ok(crate::wire::reply::text(StatusCode::NOT_FOUND, "none"));
        let reply = filter(&record, request("/api/v1/pods"), next).await;
        let broken = async |_| Err(io::ErrorKind::ConnectionReset.into());
        let lost = filter(&record, request("/healthz"), broken).await;

        assert_eq!(reply.expect("an answer").status(), 404);
        assert!(lost.is_err());
        let entries = record.entries();
        let seen: Vec<_> = entries
            .iter()
            .map(|asked| (&*asked.resource, asked.code))
            .collect();
        assert_eq!(seen, [("pods", 404), ("", 0)]);
    }
}
