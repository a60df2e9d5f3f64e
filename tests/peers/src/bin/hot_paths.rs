//! The hot paths, one by one, for their instructions to be counted.
//!
//! `hot-paths SCENARIO ROUNDS` does the scenario's operation [`PODS`] times a round, after enough of
//! others that all is as large and as well learned as it gets, and prints how many of them a round has.
//! Only what happens within [`measured`] counts. One thread, and a server in the process.

use std::{
    borrow::Cow,
    hint::black_box,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use kubehandler::{
    Action, Callbacks, CancellationToken, Event, EventHandler, EventLoop, Filter, Index, Informer,
    InformerOptions, Informers, Result, k8s::Pod, queue::Queue,
};
use kubehandler_peers::{
    feed::{Feed, Lines},
    pods::{self, Pods},
    report::say,
    version,
};
use tokio::{runtime::Runtime, sync::Notify};

const PODS: u32 = 1_000;

/// Rounds of updates before those that count.
const WARM_UP: u32 = 2;

/// Lines that come in one piece: some 64 KB.
const PIECE: usize = 10;

fn main() -> anyhow::Result<()> {
    let usage = "usage: hot-paths SCENARIO ROUNDS";
    let mut arguments = std::env::args().skip(1);
    let scenario = arguments.next().context(usage)?;
    let rounds: u32 = arguments.next().context(usage)?.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let load = Load::new(rounds)?;
    match scenario.as_str() {
        "event" => load.events(&runtime, false),
        "event_object" => load.events(&runtime, true),
        "known" => load.puts(&runtime, InformerOptions::default(), false),
        "put" => load.puts(&runtime, InformerOptions::default(), true),
        "index" => {
            let index = Index::of_metadata(|metadata| {
                metadata
                    .labels
                    .as_ref()?
                    .get("app.kubernetes.io/name")
                    .cloned()
            });
            load.puts(&runtime, InformerOptions::default().index(&index), true);
        }
        "relist" => load.relists(&runtime),
        "get" => load.gets(&runtime),
        "list" => load.lists(&runtime),
        "queue" => load.queue(&runtime),
        other => bail!("unknown scenario `{other}`"),
    }
    say(&PODS.to_string());
    Ok(())
}

/// Runs what is counted; the callgrind option `--toggle-collect` names this function.
#[inline(never)]
fn measured(runtime: &Runtime, work: &mut dyn FnMut(&Runtime)) {
    work(runtime);
}

/// What is sent, made before it is needed.
struct Load {
    pods: Pods,
    feed: Feed,
    rounds: u32,
}

impl Load {
    fn new(rounds: u32) -> anyhow::Result<Self> {
        Ok(Self {
            pods: Pods::new(PODS)?,
            feed: Feed::default(),
            rounds,
        })
    }

    /// Returns an update of every pod.
    fn updates(&self, round: u32) -> Vec<Bytes> {
        Lines::round(&self.pods, "MODIFIED", round).pieces(PIECE)
    }

    fn send(&self, pieces: &[Bytes]) {
        for piece in pieces {
            self.feed.send(piece.clone());
        }
    }

    /// Starts an informer, and lets it have seen every round of the warm-up.
    fn informer(&self, runtime: &Runtime, options: InformerOptions<Pod>) -> Informer<Pod> {
        let _within = runtime.enter();
        let client = self.feed.client();
        let informer = Informer::with_options(client, &(), Filter::default(), options);
        runtime.spawn({
            let informer = informer.clone();
            async move { informer.run(CancellationToken::new()).await }
        });
        self.send(&Lines::list(&self.pods, 0).pieces(PIECE));
        runtime.block_on(informer.synced());
        for round in 1..=WARM_UP {
            self.send(&self.updates(round));
            runtime.block_on(self.feed.exhausted());
        }
        informer
    }

    /// Events for an informer alone, of versions that are new to it or not.
    fn puts(&self, runtime: &Runtime, options: InformerOptions<Pod>, new: bool) {
        let _informer = self.informer(runtime, options);
        for round in 1..=self.rounds {
            let pieces = self.updates(if new { WARM_UP + round } else { WARM_UP });
            measured(runtime, &mut |runtime| {
                self.send(&pieces);
                runtime.block_on(self.feed.exhausted());
            });
        }
    }

    /// Lists in which nothing has changed.
    fn relists(&self, runtime: &Runtime) {
        let _informer = self.informer(runtime, InformerOptions::default());
        let mut lines = Lines::default();
        lines.add(|out| pods::write_expired("1", version::of(WARM_UP, 0), out));
        let expired = lines.pieces(1);
        let list = Lines::list(&self.pods, WARM_UP).pieces(PIECE);
        for _ in 0..self.rounds {
            measured(runtime, &mut |runtime| {
                self.send(&expired);
                self.send(&list);
                runtime.block_on(self.feed.exhausted());
            });
        }
    }

    fn gets(&self, runtime: &Runtime) {
        let informer = self.informer(runtime, InformerOptions::default());
        let keys = informer.keys();
        for _ in 0..self.rounds {
            measured(runtime, &mut |_| {
                for key in &keys {
                    black_box(informer.get(key).is_ok_and(|pod| pod.is_some()));
                }
            });
        }
    }

    fn lists(&self, runtime: &Runtime) {
        let informer = self.informer(runtime, InformerOptions::default());
        for _ in 0..self.rounds {
            measured(runtime, &mut |_| drop(black_box(informer.list())));
        }
    }

    /// Events for a whole loop, whose callbacks may read the object.
    fn events(&self, runtime: &Runtime, reads_object: bool) {
        let handled = Arc::new(Handled::default());
        let within = runtime.enter();
        let event_loop = EventLoop::new("hot-paths")
            .client(self.feed.client())
            .register(Reader {
                handled: handled.clone(),
                reads_object,
            });
        drop(within);
        runtime.spawn(event_loop.run_until(CancellationToken::new()));
        self.send(&Lines::list(&self.pods, 0).pieces(PIECE));
        runtime.block_on(handled.all());
        for round in 1..=WARM_UP + self.rounds {
            let pieces = self.updates(round);
            let mut work = |runtime: &Runtime| {
                self.send(&pieces);
                runtime.block_on(handled.all());
            };
            if round <= WARM_UP {
                work(runtime);
            } else {
                measured(runtime, &mut work);
            }
        }
    }

    /// Keys that are added, taken and done with.
    fn queue(&self, runtime: &Runtime) {
        let queue = Queue::<Arc<str>>::default();
        let keys: Vec<Arc<str>> = (0..PODS)
            .map(|key| format!("default/web-{key}").into())
            .collect();
        let work = |runtime: &Runtime| {
            for key in &keys {
                queue.add(key.clone());
            }
            runtime.block_on(pin!(async {
                for _ in &keys {
                    drop(queue.get().await);
                }
            }));
        };
        work(runtime);
        for _ in 0..self.rounds {
            measured(runtime, &mut { work });
        }
    }
}

/// How many callbacks of the round have been called.
#[derive(Default)]
struct Handled {
    events: AtomicUsize,
    all: Notify,
}

impl Handled {
    /// Waits until a callback has been called for every pod.
    async fn all(&self) {
        self.all.notified().await;
    }
}

struct Reader {
    handled: Arc<Handled>,
    reads_object: bool,
}

impl EventHandler for Reader {
    type Resource = Pod;

    fn name(&self) -> Cow<'_, str> {
        "pods".into()
    }

    fn informer(&self, informers: &Informers) -> Informer<Pod> {
        informers.informer(Filter::default())
    }
}

impl Callbacks for Reader {
    async fn reconcile(&self, ev: Event<Self>) -> Result<Action> {
        if self.reads_object {
            black_box(ev.object()?);
        }
        black_box((ev.key(), ev.uid()));
        let handled = self.handled.events.fetch_add(1, Ordering::Relaxed) + 1;
        if handled.is_multiple_of(PODS as usize) {
            self.handled.all.notify_one();
        }
        Ok(Action::DONE)
    }
}
