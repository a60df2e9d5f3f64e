//! The handler a newcomer copies.

use kubehandler::{Filter, Printable, k8s::Pod, prelude::*};

/// Logs each pod's add, update and delete with its uid and phase; its name is in each line of a callback.
///
/// The filter comes from the command line, so the informer is asked for with an
/// expression; a filter known at compile time is written `labels = "app=web"`.
#[derive(Debug, EventHandler)]
#[handler(resource = Pod, informer = informers.informer(self.filter.clone()))]
pub(crate) struct PodLogger {
    filter: Filter,
}

impl PodLogger {
    /// Makes a logger of the pods that match `filter`.
    pub(crate) fn new(filter: Filter) -> Self {
        Self { filter }
    }
}

impl Callbacks for PodLogger {
    async fn on_add(&self, ev: Event<Self>) -> Result<Action> {
        log(&ev, "pod added")?;
        Ok(Action::DONE)
    }

    async fn on_update(&self, ev: Event<Self>) -> Result<Action> {
        log(&ev, "pod updated")?;
        Ok(Action::DONE)
    }

    async fn on_delete(&self, ev: Event<Self>) -> Result {
        log(&ev, "pod deleted")
    }
}

fn log(ev: &Event<PodLogger>, what: &str) -> Result {
    let pod = ev.object()?;
    let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
    // Names of pods are DNS names; what else a cluster says may be any text.
    let phase = Printable::new(phase.unwrap_or("Unknown"));
    info!(uid = ev.uid(), %phase, "{what}");
    Ok(())
}
