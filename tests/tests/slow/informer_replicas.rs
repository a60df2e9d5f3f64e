//! An informer against a small model of an API server with replicas that lag.
//!
//! The model has one history and two or three replicas, each of which has seen a part of it. Any of
//! them answers the next request: a list in pages, a streaming list that is cut or during which
//! objects change, a watch that loses an event. Some replicas answer with what they have although
//! the request asks for something newer. A backup may be restored. Whatever happens, the informer
//! shows only states that the server had, never goes back, and removes no object that lives.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use kubehandler::{Filter, Informer, k8s::Pod, kube::ResourceExt};
use kubehandler_tests::scripted::{Asked, Reply, ScriptedServer};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// Objects in a page, whatever the request allows.
const PAGE: usize = 2;

/// The first version is 95, so that versions soon grow a digit.
const FIRST: u64 = 95;

/// What happens on the server.
#[derive(Clone, Debug)]
enum Move {
    Put(u8),
    Delete(u8),
    Recreate(u8),
    /// A replica sees more of the history.
    CatchUp(usize, u64),
    Compact,
    /// The server is replaced by a backup that lacks the last changes.
    Restore(u64),
}

/// How one request is answered.
#[derive(Clone, Debug)]
struct Answer {
    replica: usize,
    /// The replica answers with what it has, also where the request asks for something newer.
    lies: bool,
    /// How many changes the replica sees while it answers.
    meanwhile: u64,
    /// After how many lines a stream is cut.
    cut: Option<usize>,
    /// Which event of a watch is lost.
    lost: Option<usize>,
    /// How the answer ends.
    end: End,
    /// The bytes come slowly.
    drips: bool,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Closed,
    Reset,
    Expired,
    Gone,
    Garbage,
}

/// One change of one object.
#[derive(Clone, Debug)]
struct Change {
    version: u64,
    name: String,
    uid: String,
    is_delete: bool,
}

#[derive(Debug)]
struct Model {
    history: Vec<Change>,
    /// The newest version that each replica has seen.
    replicas: Vec<u64>,
    compacted: u64,
    uids: u64,
    answers: std::vec::IntoIter<Answer>,
    /// No further event is lost.
    keeps_events: bool,
    /// The next watch ends with 404, so that a list follows.
    ends_watch: bool,
}

impl Model {
    fn new(replicas: usize, answers: Vec<Answer>) -> Self {
        let mut model = Self {
            history: Vec::new(),
            replicas: vec![FIRST; replicas],
            compacted: 0,
            uids: 0,
            answers: answers.into_iter(),
            keeps_events: false,
            ends_watch: false,
        };
        for number in 0..3 {
            model.make(&Move::Put(number));
        }
        model.catch_up();
        model
    }

    fn head(&self) -> u64 {
        self.history.last().map_or(FIRST, |change| change.version)
    }

    fn catch_up(&mut self) {
        let head = self.head();
        self.replicas.fill(head);
    }

    /// Returns the objects as they were at a version.
    fn state(&self, version: u64) -> BTreeMap<String, &Change> {
        let mut state = BTreeMap::new();
        for change in self.history.iter().filter(|c| c.version <= version) {
            if change.is_delete {
                state.remove(&change.name);
            } else {
                state.insert(change.name.clone(), change);
            }
        }
        state
    }

    fn make(&mut self, step: &Move) {
        match step {
            Move::Put(number) => {
                let name = format!("pod-{number}");
                let uid = self.state(self.head()).get(&name).map(|c| c.uid.clone());
                let uid = uid.unwrap_or_else(|| {
                    self.uids += 1;
                    format!("uid-{}", self.uids)
                });
                self.push(name, uid, false);
            }
            Move::Delete(number) => {
                let name = format!("pod-{number}");
                let uid = self.state(self.head()).get(&name).map(|c| c.uid.clone());
                if let Some(uid) = uid {
                    self.push(name, uid, true);
                }
            }
            Move::Recreate(number) => {
                self.make(&Move::Delete(*number));
                self.make(&Move::Put(*number));
            }
            Move::CatchUp(replica, changes) => {
                let replica = replica % self.replicas.len();
                self.replicas[replica] = (self.replicas[replica] + changes).min(self.head());
            }
            Move::Compact => self.compacted = self.head(),
            Move::Restore(changes) => {
                let kept = self
                    .history
                    .len()
                    .saturating_sub(usize::try_from(*changes).unwrap_or(0));
                self.history.truncate(kept);
                let head = self.head();
                for replica in &mut self.replicas {
                    *replica = head;
                }
                self.compacted = self.compacted.min(head);
            }
        }
    }

    fn push(&mut self, name: String, uid: String, is_delete: bool) {
        let version = self.head() + 1;
        self.history.push(Change {
            version,
            name,
            uid,
            is_delete,
        });
    }

    /// Answers a request.
    fn answer(&mut self, asked: &Asked) -> Reply {
        let how = self.answers.next().unwrap_or(Answer {
            replica: 0,
            lies: false,
            meanwhile: u64::MAX,
            cut: None,
            lost: None,
            end: End::Closed,
            drips: false,
        });
        let replica = how.replica % self.replicas.len();
        let wanted = asked.param("resourceVersion").to_owned();
        if let Some((version, start)) = asked.param("continue").split_once('-') {
            let (version, start) = (version.parse().expect("ours"), start.parse().expect("ours"));
            if version < self.compacted {
                return Reply::status(410, "Expired");
            }
            // A replica that does not know the token goes on from what it has.
            let version = if how.lies {
                self.replicas[replica]
            } else {
                version
            };
            return self.page(version, start);
        }
        if asked.is_watch() {
            return self.watch(replica, wanted.parse().unwrap_or(0), &how);
        }
        if wanted.is_empty() {
            self.replicas[replica] = self.head();
        } else if self.replicas[replica] < wanted.parse().unwrap_or(0) && !how.lies {
            return too_large();
        }
        if asked.is_list() || asked.is_probe() {
            return self.page(self.replicas[replica], 0);
        }
        self.stream(replica, &how)
    }

    fn page(&self, version: u64, start: usize) -> Reply {
        let state = self.state(version);
        let items: Vec<Value> = state
            .values()
            .skip(start)
            .take(PAGE)
            .map(|c| pod(c))
            .collect();
        let mut metadata = json!({"resourceVersion": version.to_string()});
        if start + items.len() < state.len() {
            metadata["continue"] = json!(format!("{version}-{}", start + items.len()));
        }
        Reply::json(&json!({"kind": "PodList", "metadata": metadata, "items": items}))
    }

    fn stream(&mut self, replica: usize, how: &Answer) -> Reply {
        let start = self.replicas[replica];
        let mut lines: Vec<String> = Vec::new();
        for change in self.state(start).values() {
            lines.push(event("ADDED", &pod(change)));
        }
        let version = self.moves_on(replica, how);
        lines.extend(self.events(start, version));
        lines.push(event(
            "BOOKMARK",
            &json!({"metadata": {
                "resourceVersion": version.to_string(),
                "annotations": {"k8s.io/initial-events-end": "true"},
            }}),
        ));
        send(&lines, how)
    }

    fn watch(&mut self, replica: usize, from: u64, how: &Answer) -> Reply {
        if from < self.compacted {
            return Reply::stream().error_event(410, "Expired");
        }
        let version = self.moves_on(replica, how);
        let mut lines = self.events(from, version);
        if let Some(lost) = how.lost
            && !self.keeps_events
            && lost < lines.len()
        {
            lines.remove(lost);
        }
        if std::mem::take(&mut self.ends_watch) {
            return Reply::stream().error_event(404, "NotFound");
        }
        send(&lines, how)
    }

    /// Returns true if the object exists at the newest version.
    fn lives(&self, uid: &str) -> bool {
        let mut changes = self.history.iter().filter(|change| change.uid == uid);
        changes.next_back().is_some_and(|change| !change.is_delete)
    }

    /// Returns the objects that exist at the newest version: uid and version of each name.
    fn truth(&self) -> BTreeMap<String, (String, u64)> {
        let state = self.state(self.head()).into_iter();
        state
            .map(|(name, change)| (name, (change.uid.clone(), change.version)))
            .collect()
    }

    /// Returns what the replica has seen after it has seen some more.
    fn moves_on(&mut self, replica: usize, how: &Answer) -> u64 {
        let version = self.replicas[replica]
            .saturating_add(how.meanwhile)
            .min(self.head());
        self.replicas[replica] = version;
        version
    }

    /// Returns the events after a version, up to another.
    fn events(&self, from: u64, to: u64) -> Vec<String> {
        let mut alive: BTreeSet<&str> = BTreeSet::new();
        let mut lines = Vec::new();
        for change in self.history.iter().filter(|change| change.version <= to) {
            let was_alive = if change.is_delete {
                alive.remove(change.name.as_str())
            } else {
                !alive.insert(&change.name)
            };
            if change.version > from {
                let kind = match (change.is_delete, was_alive) {
                    (true, _) => "DELETED",
                    (false, true) => "MODIFIED",
                    (false, false) => "ADDED",
                };
                lines.push(event(kind, &pod(change)));
            }
        }
        lines
    }
}

fn pod(change: &Change) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {
        "name": change.name,
        "namespace": "default",
        "uid": change.uid,
        "resourceVersion": change.version.to_string(),
    }})
}

fn event(kind: &str, object: &Value) -> String {
    format!("{}\n", json!({"type": kind, "object": object}))
}

fn too_large() -> Reply {
    Reply::code(504).text(
        &json!({
            "kind": "Status", "status": "Failure", "reason": "Timeout", "code": 504,
            "message": "Too large resource version",
            "details": {"causes": [{"reason": "ResourceVersionTooLarge"}], "retryAfterSeconds": 1},
        })
        .to_string(),
    )
}

/// Sends the lines of a stream, and ends it.
fn send(lines: &[String], how: &Answer) -> Reply {
    let kept = how.cut.unwrap_or(lines.len()).min(lines.len());
    let mut reply = Reply::stream();
    for line in &lines[..kept] {
        if how.drips {
            let (first, second) = line.split_at(line.len() / 2);
            reply = reply.text(first).wait(Duration::from_secs(3)).text(second);
        } else {
            reply = reply.text(line);
        }
    }
    if kept < lines.len() {
        // The next line comes in part.
        return reply.text(&lines[kept][..lines[kept].len() / 2]).cut();
    }
    reply = reply.wait(Duration::from_secs(7));
    match how.end {
        End::Closed => reply,
        End::Reset => reply.cut(),
        End::Expired => reply.error_event(410, "Expired"),
        End::Gone => reply.error_event(404, "NotFound"),
        End::Garbage => reply.text("{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{}}}\n"),
    }
}

/// What the informer showed, held against what the server ever had.
#[derive(Default)]
struct Witness {
    informer: OnceLock<Informer<Pod>>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    had: HashSet<(String, String, u64)>,
    shown: BTreeMap<String, (String, u64)>,
    newest: BTreeMap<String, u64>,
    /// Uids that the informer has removed.
    removed: HashSet<String>,
    /// A backup was restored, and the informer does not show it yet.
    is_restored: bool,
    /// Something was asked for since: what is under way from before still tells of what is lost.
    has_asked: bool,
    faults: Vec<String>,
}

impl Witness {
    fn learn(&self, model: &Model) {
        let mut seen = lock(&self.seen);
        for change in &model.history {
            let Change {
                name, uid, version, ..
            } = change.clone();
            seen.had.insert((name, uid, version));
        }
    }

    fn restored(&self) {
        let mut seen = lock(&self.seen);
        seen.is_restored = true;
        seen.has_asked = false;
    }

    fn asked(&self, asked: &Asked) {
        // A probe runs beside what is under way, and a further page belongs to it.
        if !asked.is_probe() && asked.param("continue").is_empty() {
            lock(&self.seen).has_asked = true;
        }
    }

    fn look(&self, model: &Model) {
        let Some(informer) = self.informer.get() else {
            return;
        };
        let now = shown(informer);
        let mut seen = lock(&self.seen);
        let seen = &mut *seen;
        for (name, (uid, version)) in &now {
            if !seen.had.contains(&(name.clone(), uid.clone(), *version)) {
                seen.faults
                    .push(format!("the server never had {name} {uid}@{version}"));
            }
        }
        if seen.is_restored {
            seen.is_restored = !seen.has_asked || now != model.truth();
            seen.newest.clear();
            seen.removed.clear();
            seen.shown = now;
            return;
        }
        for (name, (uid, version)) in &now {
            let newest = seen.newest.entry(name.clone()).or_default();
            if *version < *newest {
                seen.faults
                    .push(format!("{name} went back from {newest} to {version}"));
            }
            *newest = (*newest).max(*version);
            if seen.removed.contains(uid) {
                seen.faults
                    .push(format!("{name} {uid}@{version} came back"));
            }
        }
        for (name, (uid, version)) in &seen.shown {
            if now.get(name).is_some_and(|(now, _)| now == uid) {
                continue;
            }
            seen.removed.insert(uid.clone());
            if model.lives(uid) {
                seen.faults
                    .push(format!("{name} {uid}@{version} was removed and lives"));
            }
        }
        seen.shown = now;
    }

    fn check(&self) {
        let seen = lock(&self.seen);
        assert!(seen.faults.is_empty(), "{}", seen.faults.join("\n"));
    }
}

fn shown(informer: &Informer<Pod>) -> BTreeMap<String, (String, u64)> {
    let pods = informer.list().into_iter().filter_map(Result::ok);
    pods.map(|pod| {
        let version = pod.resource_version().unwrap_or_default();
        let version = version.parse().expect("a number");
        (pod.name_any(), (pod.uid().unwrap_or_default(), version))
    })
    .collect()
}

fn moves() -> impl Strategy<Value = Vec<(u64, Move)>> {
    let one = prop_oneof![
        6 => (0_u8..5).prop_map(Move::Put),
        4 => (0_u8..5).prop_map(Move::Delete),
        2 => (0_u8..5).prop_map(Move::Recreate),
        4 => (0_usize..3, 1_u64..6).prop_map(|(replica, changes)| Move::CatchUp(replica, changes)),
        1 => Just(Move::Compact),
    ];
    let pause = prop_oneof![3 => Just(0_u64), 3 => 1_u64..4_000, 1 => 4_000_u64..60_000];
    proptest::collection::vec((pause, one), 5..40)
}

fn answers() -> impl Strategy<Value = Vec<Answer>> {
    let end = prop_oneof![
        4 => Just(End::Closed),
        1 => Just(End::Reset),
        1 => Just(End::Expired),
        3 => Just(End::Gone),
        2 => Just(End::Garbage),
    ];
    let one = (
        0_usize..3,
        prop::bool::weighted(0.3),
        0_u64..5,
        prop::option::weighted(0.4, 0_usize..6),
        prop::option::weighted(0.3, 0_usize..3),
        end,
        prop::bool::weighted(0.1),
    );
    let one = one.prop_map(|(replica, lies, meanwhile, cut, lost, end, drips)| Answer {
        replica,
        lies,
        meanwhile,
        cut,
        lost,
        end,
        drips,
    });
    proptest::collection::vec(one, 0..30)
}

async fn play(
    replicas: usize,
    moves: Vec<(u64, Move)>,
    answers: Vec<Answer>,
    restore: Option<u64>,
) {
    let server = ScriptedServer::new();
    let model = Arc::new(Mutex::new(Model::new(replicas, answers)));
    let witness = Arc::new(Witness::default());
    witness.learn(&lock(&model));
    server.rule({
        let (model, witness) = (model.clone(), witness.clone());
        move |asked, _| {
            let mut model = lock(&model);
            witness.look(&model);
            witness.asked(asked);
            Some(model.answer(asked))
        }
    });
    let informer = Informer::<Pod>::new(server.client(), Filter::default());
    let _ = witness.informer.set(informer.clone());
    let _running = AbortOnDropHandle::new(tokio::spawn({
        let informer = informer.clone();
        async move { informer.run(CancellationToken::new()).await }
    }));
    let change = |step: &Move| {
        let mut model = lock(&model);
        witness.look(&model);
        model.make(step);
        witness.learn(&model);
    };

    let last = moves.len() / 2;
    for (at, (pause, step)) in moves.iter().enumerate() {
        sleep(Duration::from_millis(*pause)).await;
        change(step);
        if let Some(changes) = restore
            && at == last
        {
            change(&Move::Restore(changes));
            witness.restored();
        }
        witness.check();
    }
    // From here on no event is lost, and a list brings what was lost before.
    {
        let mut model = lock(&model);
        model.keeps_events = true;
        model.ends_watch = true;
    }
    for _ in 0..150 {
        sleep(Duration::from_secs(10)).await;
        change(&Move::CatchUp(0, 1));
        witness.check();
    }

    let model = lock(&model);
    assert!(!model.ends_watch, "no watch was asked for");
    assert_eq!(
        shown(&informer),
        model.truth(),
        "{:?}",
        informer.last_error()
    );
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn informer_of_lagging_replicas_never_goes_back(
        replicas in 1_usize..4,
        moves in moves(),
        answers in answers(),
        restore in prop::option::weighted(0.2, 1_u64..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(play(replicas, moves, answers, restore));
    }
}
