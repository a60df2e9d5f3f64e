//! A request: what it is about.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, header, request::Parts};
use tokio::time::Instant;

use crate::{
    failure::Failure,
    group::GroupResource,
    wire::{
        asked::{Asked, Verb},
        query::Query,
        route::{Route, Target},
    },
};

/// A request.
pub(crate) struct Request {
    pub(crate) route: Route,
    pub(crate) method: Method,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// What is remembered of it.
    pub(crate) asked: Arc<Asked>,
}

impl Request {
    pub(crate) fn new(parts: Parts, body: Bytes, client: &str) -> Self {
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        let route = Route::of(parts.uri.path());
        let target = match &route {
            Route::Objects(target) => target.clone(),
            _ => Target::default(),
        };
        let text = |name| {
            let value = parts
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let asked = Asked {
            client: client.to_owned(),
            verb: verb(&parts.method, &route, &query),
            path: parts.uri.path().to_owned(),
            query: query.pairs().iter().rev().cloned().collect(),
            group: target.group,
            resource: target.resource,
            subresource: target.subresource.unwrap_or_default(),
            namespace: target.namespace.unwrap_or_default(),
            name: target.name.unwrap_or_default(),
            content_type: text(header::CONTENT_TYPE),
            accept: text(header::ACCEPT),
            body: String::new(), // The record has it, if there is one.
            at: Instant::now(),
            code: 0,
        };
        Self {
            route,
            method: parts.method,
            query,
            headers: parts.headers,
            body,
            asked: Arc::new(asked),
        }
    }

    /// Returns the failure of this code, about this request.
    pub(crate) fn refused(&self, code: u16, retry_after: Option<u32>) -> Failure {
        let Asked {
            group,
            resource,
            name,
            ..
        } = &*self.asked;
        let of = GroupResource::new(group, resource);
        let seconds = retry_after.unwrap_or_default();
        let mut failure = match code {
            401 => Failure::unauthorized(),
            403 => Failure::forbidden(of, name, "access denied by a fault"),
            409 => Failure::modified(of, name),
            410 => Failure::list_expired(),
            429 => Failure::too_many_requests("too many requests, please try again later", seconds),
            500 => Failure::internal("a fault"),
            503 => Failure::service_unavailable("a fault"),
            504 => Failure::timeout("a fault", seconds),
            _ => Failure::unexpected("a fault"),
        };
        failure.code = code;
        if retry_after.is_some() {
            failure.details.get_or_insert_default().retry_after_seconds = seconds;
        }
        failure
    }
}

fn verb(method: &Method, route: &Route, query: &Query) -> Verb {
    let Route::Objects(target) = route else {
        return Verb::Other;
    };
    let is_named = target.name.is_some();
    // By the path of an object only the old `/watch/` is a watch.
    let is_watch = target.is_watch || (!is_named && query.flag("watch").unwrap_or_default());
    match *method {
        Method::GET | Method::HEAD if is_watch => Verb::Watch,
        Method::GET | Method::HEAD if is_named => Verb::Get,
        Method::GET | Method::HEAD => Verb::List,
        Method::POST => Verb::Create,
        Method::PUT => Verb::Update,
        Method::PATCH => Verb::Patch,
        Method::DELETE if is_named => Verb::Delete,
        Method::DELETE => Verb::DeleteCollection,
        _ => Verb::Other,
    }
}
