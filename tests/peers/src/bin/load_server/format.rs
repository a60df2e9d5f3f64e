//! The formats that a client can ask for: JSON and the protobuf of Kubernetes.

use kubehandler_peers::{
    http::{self, Request},
    pods::{self, Pods, protobuf},
};

/// How objects are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Protobuf,
}

impl Format {
    /// Returns the format that the client names first.
    pub(crate) fn of(request: &Request) -> Self {
        let first = request.accept.split([',', ';']).next().unwrap_or_default();
        match first.trim() {
            "application/vnd.kubernetes.protobuf" => Self::Protobuf,
            _ => Self::Json,
        }
    }

    pub(crate) fn list_type(self) -> &'static str {
        match self {
            Self::Json => http::JSON,
            Self::Protobuf => "application/vnd.kubernetes.protobuf",
        }
    }

    pub(crate) fn watch_type(self) -> &'static str {
        match self {
            Self::Json => http::JSON,
            Self::Protobuf => "application/vnd.kubernetes.protobuf;stream=watch",
        }
    }

    /// Appends an event of a pod.
    pub(crate) fn write_event(
        self,
        pods: &Pods,
        kind: &str,
        index: u32,
        round: u32,
        out: &mut Vec<u8>,
    ) {
        match self {
            Self::Json => pods.write_event(kind, index, round, out),
            Self::Protobuf => pods.write_protobuf_event(kind, index, round, out),
        }
    }

    /// Appends a bookmark.
    pub(crate) fn write_bookmark(self, version: u64, ends_initial_events: bool, out: &mut Vec<u8>) {
        match self {
            Self::Json => pods::write_bookmark(version, ends_initial_events, out),
            Self::Protobuf => protobuf::write_bookmark(version, ends_initial_events, out),
        }
    }

    /// Appends the event that ends a watch whose version is too old.
    pub(crate) fn write_expired(self, from: &str, now: u64, out: &mut Vec<u8>) {
        match self {
            Self::Json => pods::write_expired(from, now, out),
            Self::Protobuf => protobuf::write_expired(from, now, out),
        }
    }
}
