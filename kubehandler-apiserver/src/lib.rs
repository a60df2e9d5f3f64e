//! A Kubernetes API server in memory.

#![allow(dead_code, reason = "the pieces are not joined yet")]

mod failure;
mod kinds;
mod media;
mod options;
mod query;
mod selector;
mod storage;
