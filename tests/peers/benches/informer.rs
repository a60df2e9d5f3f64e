//! What the informer costs: reading events, storing, getting, listing and finding pods of 6 KB.
//!
//! `cargo bench -p kubehandler-peers --bench informer`; one thread, and a server in the process.
//! Where a group has a throughput, that is pods.

use std::{cell::Cell, hint::black_box};

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use kubehandler::{
    CancellationToken, Filter, Index, Informer, InformerOptions, StoreFormat, k8s::Pod,
};
use kubehandler_peers::{
    feed::{Feed, Lines},
    pods::Pods,
};
use tokio::runtime::{Builder, Runtime};

/// Pods in one round of events.
const EVENTS: u32 = 1_000;

/// Pods in a store that is listed.
const LISTED: u32 = 10_000;

/// Lines that come in one piece: some 64 KB.
const PIECE: usize = 10;

const FORMATS: [(&str, StoreFormat); 2] = [
    ("compact", StoreFormat::Compact),
    ("decoded", StoreFormat::Decoded),
];

/// An informer that runs, and its server.
struct Load {
    runtime: Runtime,
    feed: Feed,
    pods: Pods,
    informer: Informer<Pod>,
    round: Cell<u32>,
}

impl Load {
    fn new(pods: u32, options: InformerOptions<Pod>) -> Self {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let feed = Feed::default();
        let pods = Pods::new(pods).expect("the template is sound");
        let informer = {
            let _within = runtime.enter();
            Informer::with_options(feed.client(), &(), Filter::default(), options)
        };
        runtime.spawn({
            let informer = informer.clone();
            async move { informer.run(CancellationToken::new()).await }
        });
        let load = Self {
            runtime,
            feed,
            pods,
            informer,
            round: Cell::new(0),
        };
        load.play(Lines::list(&load.pods, 0).pieces(PIECE));
        load.play(load.updates()); // The first objects were stored before anything was learned.
        load
    }

    /// Makes an update of every pod.
    fn updates(&self) -> Vec<Bytes> {
        self.round.set(self.round.get() + 1);
        self.round()
    }

    /// Makes an event of every pod as it is.
    fn round(&self) -> Vec<Bytes> {
        Lines::round(&self.pods, "MODIFIED", self.round.get()).pieces(PIECE)
    }

    fn play(&self, pieces: Vec<Bytes>) {
        for piece in pieces {
            self.feed.send(piece);
        }
        self.runtime.block_on(self.feed.exhausted());
    }
}

fn by_node() -> Index<Pod> {
    Index::of_object(|pod: &Pod| pod.spec.as_ref()?.node_name.clone())
}

fn by_name() -> Index<Pod> {
    Index::of_metadata(|metadata| {
        let labels = metadata.labels.as_ref()?;
        labels.get("app.kubernetes.io/name").cloned()
    })
}

fn events(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("events");
    group.throughput(Throughput::Elements(EVENTS.into()));
    group.sample_size(20);

    let load = Load::new(EVENTS, InformerOptions::default());
    group.bench_function("known", |bencher| {
        bencher.iter_batched(
            || load.round(),
            |events| load.play(events),
            BatchSize::PerIteration,
        );
    });
    let [(compact, _), (decoded, in_decoded)] = FORMATS;
    for (name, options) in [
        (compact, InformerOptions::default()),
        (decoded, InformerOptions::default().format(in_decoded)),
        (
            "index by metadata",
            InformerOptions::default().index(&by_name()),
        ),
        (
            "index by object",
            InformerOptions::default().index(&by_node()),
        ),
    ] {
        let load = Load::new(EVENTS, options);
        group.bench_function(format!("put, {name}"), |bencher| {
            bencher.iter_batched(
                || load.updates(),
                |events| load.play(events),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn get(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("get");
    for (name, format) in FORMATS {
        let load = Load::new(EVENTS, InformerOptions::default().format(format));
        let keys = load.informer.keys();
        let mut keys = keys.iter().cycle();
        group.bench_function(name, |bencher| {
            bencher.iter(|| keys.next().map(|key| load.informer.get(key)));
        });
    }
    group.finish();
}

fn list(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("list");
    group.throughput(Throughput::Elements(LISTED.into()));
    group.sample_size(10);
    for (name, format) in FORMATS {
        let load = Load::new(LISTED, InformerOptions::default().format(format));
        group.bench_function(name, |bencher| {
            bencher.iter_with_large_drop(|| load.informer.list());
        });
    }
    group.finish();
}

fn lookup(criterion: &mut Criterion) {
    let index = by_node();
    let _load = Load::new(LISTED, InformerOptions::default().index(&index));
    let values = index.values();
    let mut values = values.iter().cycle();
    criterion.bench_function("index lookup", |bencher| {
        bencher.iter(|| values.next().map(|value| black_box(index.keys(value))));
    });
}

criterion_group!(benches, events, get, list, lookup);
criterion_main!(benches);
