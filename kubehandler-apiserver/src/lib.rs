//! A Kubernetes API server in memory.

#![allow(dead_code, reason = "the pieces are not joined yet")]

mod failure;
mod kinds;
mod media;
mod object;
mod options;
mod query;
mod rules;
mod selector;
mod storage;
