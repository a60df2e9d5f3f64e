//! The event loop of the soak: reads each object, and reports each callback.
//!
//! `soak-loop URL none|leak|delay|lose` prints a line `INDEX VERSION NANOSECONDS` when a callback has
//! seen an object; the version of a deletion is `deleted`. The last argument breaks it, to show that the
//! soak notices: it leaks 100 bytes an event, delays one event in 50 by 3 seconds, or does not
//! report one in 1,000.

use std::{
    hint::black_box,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, bail};
use kubehandler::{
    Action, Callbacks, Event, EventHandler, EventLoop, Result, k8s::Pod, kube::Config,
};
use kubehandler_peers::report::{say, unix_nanos};

/// What is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    None,
    Leak,
    Delay,
    Lose,
}

#[derive(EventHandler)]
#[handler(resource = Pod)]
struct Pods {
    broken: Broken,
    events: AtomicU64,
    leaked: Mutex<Vec<Vec<u8>>>,
}

impl Callbacks for Pods {
    async fn reconcile(&self, ev: Event<Self>) -> Result<Action> {
        let pod = ev.object()?;
        black_box((&pod.spec, &pod.status));
        self.report(&ev, ev.resource_version()).await;
        Ok(Action::DONE)
    }

    async fn on_delete(&self, ev: Event<Self>) -> Result {
        self.report(&ev, "deleted").await;
        Ok(())
    }
}

impl Pods {
    async fn report(&self, ev: &Event<Self>, version: &str) {
        let event = self.events.fetch_add(1, Ordering::Relaxed);
        match self.broken {
            Broken::Leak => {
                let mut leaked = self.leaked.lock().unwrap_or_else(PoisonError::into_inner);
                leaked.push(vec![1; 100]);
            }
            Broken::Delay if event.is_multiple_of(50) => {
                tokio::time::sleep(Duration::from_secs(3)).await;
            }
            Broken::Lose if event.is_multiple_of(1_000) && !ev.is_initial() => return,
            _ => {}
        }
        let index = ev.name().rsplit_once('-').map_or("", |(_, index)| index);
        say(&format!("{index} {version} {}", unix_nanos()));
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || {
        arguments
            .next()
            .context("usage: soak-loop URL none|leak|delay|lose")
    };
    let config = Config::new(next()?.parse()?);
    let broken = match next()?.as_str() {
        "none" => Broken::None,
        "leak" => Broken::Leak,
        "delay" => Broken::Delay,
        "lose" => Broken::Lose,
        other => bail!("nothing to break is called `{other}`"),
    };
    let handler = Pods {
        broken,
        events: AtomicU64::new(0),
        leaked: Mutex::default(),
    };
    EventLoop::new("soak")
        .config_from(async { Ok::<_, anyhow::Error>(config) })
        .register(handler)
        .run()
        .await?;
    Ok(())
}
