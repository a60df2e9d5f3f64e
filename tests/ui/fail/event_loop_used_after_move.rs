//! An event loop that is used after `register` took it.

use kubehandler::{DefaultHandler, EventLoop, k8s::Pod};

fn main() {
    let event_loop = EventLoop::new("pods");
    event_loop.register(DefaultHandler::<Pod>::new("one"));
    event_loop.register(DefaultHandler::<Pod>::new("two"));
}
