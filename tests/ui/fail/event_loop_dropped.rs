//! An event loop that `register` returns and nothing runs.

#![deny(unused_must_use)]

use kubehandler::{DefaultHandler, EventLoop, k8s::Pod};

fn main() {
    let event_loop = EventLoop::new("pods");
    event_loop.register(DefaultHandler::<Pod>::new("one"));
}
