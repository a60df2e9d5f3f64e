//! One run: a server, a loop and its handlers, a random history, and the rest after it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kubehandler::{EventLoop, Informer};
use kubehandler_testing::{
    Run, TestKit,
    kubehandler_apiserver::{ApiServer, When},
};

use crate::{
    actor::{Actor, Does, Spec, Stage, View},
    between::{Between, REPLICA},
    dice::Dice,
    history::{self, Target},
    laws, queues,
    thing::Thing,
    world::World,
};

/// Law 10: so long after the last fault all has come to rest. A watch that fell silent has 300 s.
const REST: Duration = Duration::from_secs(500);

/// The first versions of the server, before and after the digits become more.
const FIRST: [usize; 3] = [0, 60, 90];

/// What a run consists of.
pub(crate) struct Play {
    pub(crate) kit: TestKit,
    pub(crate) stage: Stage,
    pub(crate) world: World,
    pub(crate) specs: Vec<Spec>,
    /// By handler.
    pub(crate) informers: BTreeMap<&'static str, Informer<Thing>>,
    synced: Arc<Mutex<BTreeMap<&'static str, u64>>>,
    pub(crate) dice: Dice,
    /// Every handler has handled every pod as it is.
    pub(crate) is_settled: bool,
}

/// Runs a seed; returns what breaks a law.
pub(crate) async fn run(seed: u64) -> Vec<String> {
    let mut dice = Dice::new(seed);
    let server = ApiServer::builder().seed(seed).history_len(1_000).build();
    let kit = TestKit::with_server(server.clone()).idle_timeout(REST);
    let stage = Stage::new(server.clone(), seed);
    let mut world = World::new(server.clone()).await;
    for _ in 0..dice.pick(&FIRST) {
        history::write(&mut world, &mut dice).await;
    }
    let between = Between::new(&server, 1 + dice.below(6));
    let (run, mut play) = start(kit, stage, world, &between, seed).await;
    let target = Target {
        client: run.client_name(),
        between: &between,
    };
    if dice.one_in(2) {
        // Already the first list goes wrong.
        history::add_fault(&play.world, &mut dice, &target);
    }
    history::play(&mut play.world, &mut dice, &target).await;
    let broken = play.rest(&run, &between).await;
    if !broken.is_empty() {
        return broken;
    }
    match play.end(run, seed).await {
        Ok(()) => queues::play(seed).await,
        Err(why) => vec![why],
    }
}

fn specs(seed: u64) -> Vec<Spec> {
    let other = if seed.is_multiple_of(2) {
        Spec {
            workers: 1,
            ..Spec::new("side", View::Side)
        }
    } else {
        Spec::new("all", View::All)
    };
    vec![
        Spec {
            timeout: Some(Duration::from_secs(25)),
            ..Spec::new("web", View::Web)
        },
        Spec {
            max: Some(3),
            ..Spec::new("running", View::Running)
        },
        // Shares the informer of another.
        Spec {
            has_predicates: true,
            ..Spec::new(
                "twin",
                if seed.is_multiple_of(3) {
                    View::Running
                } else {
                    View::Web
                },
            )
        },
        other,
    ]
}

async fn start(
    kit: TestKit,
    stage: Stage,
    world: World,
    between: &Between,
    seed: u64,
) -> (Run, Play) {
    let specs = specs(seed);
    let mut event_loop = EventLoop::new("seeds").sync_timeout(Duration::from_secs(1_000_000));
    let mut slots = Vec::new();
    for spec in &specs {
        let actor = Actor::new(*spec, &stage);
        slots.push((spec.name, actor.informer()));
        event_loop = event_loop.register(actor);
    }
    let run = kit.run_with(event_loop, |service| between.client(service));
    let synced: Arc<Mutex<BTreeMap<&'static str, u64>>> = Arc::default();
    let mut informers = BTreeMap::new();
    for (name, slot) in slots {
        // The loop asks each handler for its informer before it does anything else.
        let informer = loop {
            match slot.get() {
                Some(informer) => break informer.clone(),
                None => tokio::task::yield_now().await,
            }
        };
        informers.insert(name, informer.clone());
        let (synced, server) = (Arc::clone(&synced), stage.server.clone());
        tokio::spawn(async move {
            informer.synced().await;
            let mut synced = synced.lock().unwrap_or_else(PoisonError::into_inner);
            synced.insert(name, server.revision());
        });
    }
    let play = Play {
        kit,
        stage,
        world,
        specs,
        informers,
        synced,
        dice: Dice::new(!seed),
        is_settled: false,
    };
    (run, play)
}

impl Play {
    /// Ends the faults, waits until all is at rest, and returns what breaks a law then.
    pub(crate) async fn rest(&mut self, run: &Run, between: &Between) -> Vec<String> {
        self.world.server.faults().clear();
        between.catch_up();
        self.stage.follow(|_| Does::Succeed);
        if let Err(error) = run.idle().await {
            let mut broken = vec![format!("law 10: {error}")];
            broken.extend(self.broken().await);
            return broken;
        }
        let broken = self.broken().await;
        if !broken.is_empty() {
            return broken;
        }
        let mut broken = self.stores();
        broken.extend(laws::requests::hot_loops(&self.stage.server.asked()));
        broken.extend(self.stage.applies.broken(&self.stage.server).await);
        broken
    }

    /// Plays what can be foretold, and ends the loops.
    async fn end(&mut self, run: Run, seed: u64) -> Result<(), String> {
        // Whatever was held back or is going is out of the way.
        self.make_way().await;
        // So are the faults of watches that are open still, which strike when events come.
        for client in [run.client_name(), REPLICA] {
            let faults = self.world.server.faults();
            faults.break_watches(&When::any().client(client));
        }
        run.idle()
            .await
            .map_err(|error| format!("law 10: {error}"))?;
        self.rounds(&run).await?;
        let broken = self.broken().await;
        if !broken.is_empty() {
            return Err(broken.join("\n"));
        }
        self.relisted(&run).await?;
        run.stop()
            .await
            .map_err(|error| format!("law 9: {error}"))?;
        self.first_list().await?;
        match seed % 4 {
            0 => self.cut_off().await,
            1 => self.unsynced().await,
            2 => self.changed_while_looked_at().await,
            _ => Ok(()),
        }
    }

    /// Lets go of what is on its way out, and makes sure of the namespace.
    async fn make_way(&mut self) {
        let pods = self.world.truth.now();
        let going = pods.filter(|(_, state, _)| state.is_deleting);
        let going: Vec<String> = going.map(|(key, ..)| key.clone()).collect();
        for key in going {
            self.world.finalizers(&key, &[]).await;
        }
        self.world.make_namespace("side").await;
    }

    /// Returns where an informer's store differs from the server.
    fn stores(&self) -> Vec<String> {
        let differs = self.specs.iter().filter_map(|spec| {
            let pods = self.world.truth.now();
            let in_view = pods.filter(|(key, state, _)| spec.view.has(key, state));
            let there: Vec<String> = in_view
                .map(|(key, state, version)| {
                    if state.is_broken {
                        format!("{key} broken")
                    } else {
                        format!("{key}@{version}")
                    }
                })
                .collect();
            let informer = self.informers.get(spec.name)?;
            let things = informer.list();
            let keys = informer.keys().into_iter().zip(&things);
            let known: Vec<String> = keys
                .map(|(key, thing)| match thing {
                    Err(_) => format!("{key} broken"),
                    Ok(thing) => format!("{key}@{}", thing.version()),
                })
                .collect();
            (known != there).then(|| {
                format!(
                    "law 3: the store of {} has {known:?}, the server {there:?}",
                    spec.name
                )
            })
        });
        differs.collect()
    }

    /// Returns what breaks a law now.
    pub(crate) async fn broken(&mut self) -> Vec<String> {
        // What was asked for comes by then, and nothing else does.
        self.world.sleep(Duration::from_secs(100)).await;
        let synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        let run = laws::Run {
            specs: &self.specs,
            synced: &synced,
        };
        laws::broken(&run, &self.stage.log, &self.world.truth)
    }
}
