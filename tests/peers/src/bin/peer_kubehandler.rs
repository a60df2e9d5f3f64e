//! The contestant of this workspace: an event loop whose callbacks note what they see.
//!
//! `peer-kubehandler URL PODS key|object|idle|decoded`. In the mode `key` a callback takes key, uid and
//! resourceVersion; in the mode `object` it reads the whole typed object as well. In the mode `idle`,
//! 100 informers share the pods out by label; in the mode `decoded`, the store keeps the pods decoded.

use std::{borrow::Cow, hint::black_box, sync::Arc, time::Duration};

use kubehandler::{
    Action, Callbacks, Event, EventHandler, EventLoop, Filter, Informer, InformerOptions,
    Informers, Result, StoreFormat, k8s::Pod, kube::Config,
};
use kubehandler_peers::{Arguments, Mode, Progress};

/// Informers of the mode `idle`; the load server gives the label `shard` as many values.
const IDLE_INFORMERS: u32 = 100;

struct Pods {
    name: String,
    filter: Filter,
    mode: Mode,
    progress: Arc<Progress>,
}

impl EventHandler for Pods {
    type Resource = Pod;

    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }

    fn informer(&self, informers: &Informers) -> Informer<Pod> {
        if self.mode == Mode::Decoded {
            let options = InformerOptions::default().format(StoreFormat::Decoded);
            let client = informers.client().clone();
            return Informer::with_options(client, &(), self.filter.clone(), options);
        }
        informers.informer(self.filter.clone())
    }
}

impl Callbacks for Pods {
    async fn reconcile(&self, ev: Event<Self>) -> Result<Action> {
        if self.mode == Mode::Object {
            let pod = ev.object()?;
            black_box((&pod.spec, &pod.status));
        }
        black_box((ev.key(), ev.uid()));
        self.progress.saw(ev.name(), ev.resource_version());
        Ok(Action::DONE)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::read()?;
    let progress = Arc::new(Progress::new(arguments.pods));
    let handler = |name: String, filter: Filter| Pods {
        name,
        filter,
        mode: arguments.mode,
        progress: progress.clone(),
    };

    let config = Config::new(arguments.url.clone());
    let mut event_loop = EventLoop::new("peer")
        // The runner has a limit of its own, and a busy machine needs longer for 1,000,000 pods.
        .sync_timeout(Duration::from_secs(3600))
        .config_from(async { Ok::<_, anyhow::Error>(config) });
    if arguments.mode == Mode::Idle {
        for shard in 0..IDLE_INFORMERS {
            let filter = Filter::default().labels(format!("shard={shard}"));
            event_loop = event_loop.register(handler(format!("pods-{shard}"), filter));
        }
    } else {
        event_loop = event_loop.register(handler("pods".to_owned(), Filter::default()));
    }
    event_loop.run().await?;
    Ok(())
}
