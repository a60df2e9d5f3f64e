//! What goes over the wire: paths, queries, media types, requests and answers. It knows no state.

pub(crate) mod asked;
pub(crate) mod media;
pub(crate) mod options;
pub(crate) mod query;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod route;
mod warning;
