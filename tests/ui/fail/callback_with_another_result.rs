//! A callback that returns the `Result` of another library.

use anyhow::Context;
use kubehandler::{k8s::Pod, prelude::*};

#[derive(EventHandler)]
#[handler(resource = Pod)]
struct Pods;

impl Callbacks for Pods {
    async fn on_add(&self, ev: Event<Self>) -> anyhow::Result<Action> {
        let port: u16 = ev.name().parse().context("not a port")?;
        info!(port);
        Ok(Action::DONE)
    }
}

fn main() {}
