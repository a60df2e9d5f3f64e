//! The way of one request: filters in their order, and the verb at the end.
//!
//! control (the server's own paths) → record → faults → dispatch. A filter is a function that gets the
//! request and the rest of the pipeline, and may answer before or change the answer after.

mod control;
mod dispatch;
pub(crate) mod faults;
pub(crate) mod record;
pub(crate) mod service;

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use http::request::Parts;

pub(crate) use self::control::is_path as is_control_path;
use crate::{
    engine::Engine,
    faults::Script,
    pipeline::record::Record,
    wire::{reply::Reply, request::Request},
};

/// What answers requests.
pub(crate) struct Pipeline {
    engine: Arc<Engine>,
    record: Record,
    script: Mutex<Script>,
}

impl Pipeline {
    pub(crate) fn new(engine: Engine, record: Record) -> Self {
        Self {
            engine: Arc::new(engine),
            record,
            script: Mutex::default(),
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn record(&self) -> &Record {
        &self.record
    }

    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a request of a client of this name.
    ///
    /// # Errors
    ///
    /// Fails where a fault breaks the connection.
    pub(crate) async fn answer(
        self: &Arc<Self>,
        parts: Parts,
        body: Bytes,
        client: &str,
    ) -> io::Result<Reply> {
        if let Some(reply) = control::answer(self, &parts.method, parts.uri.path(), &body) {
            return Ok(reply);
        }
        let request = Request::new(parts, body, client);
        let faults = |request| {
            let dispatch = |request, fault| async move {
                Ok(dispatch::answer(&self.engine, request, fault).await)
            };
            faults::filter(self, request, dispatch)
        };
        record::filter(&self.record, request, faults).await
    }
}
