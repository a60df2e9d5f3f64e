//! A watch's lines on their way to the client, and what a fault does to them.

use std::io;

use bytes::{Bytes, BytesMut};

use crate::faults::Fault;
use crate::{failure::Failure, verbs::stream::Watch, wire::reply};

/// A watch as its client gets it.
pub(crate) struct Tamper {
    watch: Watch,
    fault: Option<Fault>,
    /// Events that came through.
    passed: usize,
    /// An event that is to come once more.
    again: Option<Bytes>,
    is_over: bool,
}

impl Tamper {
    pub(crate) fn new(watch: Watch, fault: Option<Fault>) -> Self {
        Self {
            watch,
            fault,
            passed: 0,
            again: None,
            is_over: false,
        }
    }

    /// Returns the next piece of the body, or `None` at its end.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses the first of two events that were to change places.
    pub(crate) async fn next(&mut self) -> Option<io::Result<Bytes>> {
        if self.is_over {
            return None;
        }
        if let Some(line) = &self.again {
            // The client has time to take the first for the only one.
            tokio::task::yield_now().await;
            let line = line.clone();
            self.again = None;
            return Some(Ok(line));
        }
        let Some(before) = self.fault.and_then(events_before) else {
            return self.watch.next(usize::MAX).await;
        };
        if self.passed < before {
            // Line by line, so that the fault strikes where it is to.
            return self.line().await;
        }
        self.strike().await
    }

    async fn line(&mut self) -> Option<io::Result<Bytes>> {
        self.passed += 1;
        self.watch.next(1).await
    }

    async fn strike(&mut self) -> Option<io::Result<Bytes>> {
        match self.fault.take()? {
            Fault::Cut(_) => {
                self.is_over = true;
                None
            }
            Fault::Break(_) => {
                self.is_over = true;
                Some(Err(reply::broken().await))
            }
            Fault::Freeze(_) => std::future::pending().await,
            Fault::Halve(_) => {
                let line = self.line().await?.ok()?;
                self.is_over = true;
                Some(Ok(line.slice(..line.len() / 2)))
            }
            Fault::Garble(_) => {
                let line = self.line().await?.ok()?;
                let mut garbled = BytesMut::from(&*line);
                let middle = garbled.len() / 2;
                garbled[middle..].fill(b'#');
                garbled.extend_from_slice(b"\n");
                Some(Ok(garbled.freeze()))
            }
            Fault::Duplicate(_) => {
                let line = self.line().await?.ok()?;
                self.again = Some(line.clone());
                Some(Ok(line))
            }
            Fault::Reorder(_) => {
                let first = self.line().await?.ok()?;
                self.watch.hold_back(true);
                let second = self.line().await?.ok()?;
                self.watch.hold_back(false);
                Some(Ok([&*second, &*first].concat().into()))
            }
            Fault::Expire(_) => {
                self.is_over = true;
                let status = Failure::watch_expired(1, None).to_status();
                let line = format!("{{\"type\":\"ERROR\",\"object\":{status}}}\n");
                Some(Ok(line.into()))
            }
            _ => self.line().await,
        }
    }
}

/// How many events come through before a fault of a watch strikes; `None` if it is not one.
fn events_before(fault: Fault) -> Option<usize> {
    match fault {
        Fault::Cut(events)
        | Fault::Break(events)
        | Fault::Freeze(events)
        | Fault::Halve(events)
        | Fault::Garble(events)
        | Fault::Duplicate(events)
        | Fault::Reorder(events)
        | Fault::Expire(events) => Some(events),
        _ => None,
    }
}
