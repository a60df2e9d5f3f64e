//! An object that may not be there, used as if it were.

use kubehandler::{k8s::Pod, prelude::*};

#[derive(EventHandler)]
#[handler(resource = Pod)]
struct Pods;

impl Callbacks for Pods {
    async fn on_add(&self, ev: Event<Self>) -> Result<Action> {
        let labels = &ev.object().metadata.labels;
        info!(?labels);
        Ok(Action::DONE)
    }

    async fn on_update(&self, ev: Event<Self>) -> Result<Action> {
        let pod = ev.object();
        info!("{}", count(&pod));
        Ok(Action::DONE)
    }

    async fn on_delete(&self, ev: Event<Self>) -> Result {
        let text = ev.object().to_text();
        info!(text);
        Ok(())
    }
}

fn count(pod: &Pod) -> usize {
    pod.metadata.labels.iter().flatten().count()
}

trait ToText {
    fn to_text(&self) -> String;
}

impl ToText for Pod {
    fn to_text(&self) -> String {
        self.metadata.name.clone().unwrap_or_default()
    }
}

fn main() {}
