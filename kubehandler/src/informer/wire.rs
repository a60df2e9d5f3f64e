//! What goes over the wire: requests, their limits, and what comes back, read no deeper than `metadata`.
//!
//! This room knows the API's texts, and not what is kept of them: it imports no other of the informer's.

pub(super) mod connection;
pub(super) mod failure;
pub(super) mod fields;
pub(super) mod filter;
pub(super) mod frame;
pub(super) mod item;
pub(super) mod limits;
pub(super) mod pace;
pub(super) mod page;
pub(super) mod pages;
pub(super) mod regular;
pub(super) mod scan;
pub(super) mod target;
pub(super) mod version;
