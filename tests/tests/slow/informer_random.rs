//! An informer under random changes and random faults: whatever happens, it shows only states
//! that the server had, never goes back, and equals the server in the end.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use kubehandler_tests::{
    pod,
    scripted::{Asked, Follower, Reply, ScriptedServer, Summary, Truth, View},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::time::sleep;

/// What happens on the server.
#[derive(Clone, Debug)]
enum Move {
    Put(u8),
    Delete(u8),
    Recreate(u8),
    Compact,
    CloseWatches,
}

/// What becomes of one request.
#[derive(Clone, Debug)]
enum Fault {
    None,
    Status(u16),
    ErrorEvent(u16),
    Unreachable,
    Never,
    Silent,
    Empty,
    Garbage,
    /// The honest beginning of the answer.
    Cut(usize),
    /// The events of a watch, each of them twice.
    Duplicated,
    /// The events of a watch, the last one first.
    Reversed,
    /// All events since the beginning.
    Replayed,
    /// A state of the past, where the request asks for one not older than the last seen.
    Lagging,
}

fn moves() -> impl Strategy<Value = Vec<(u64, Move)>> {
    let one = prop_oneof![
        6 => (0_u8..6).prop_map(Move::Put),
        3 => (0_u8..6).prop_map(Move::Delete),
        2 => (0_u8..6).prop_map(Move::Recreate),
        1 => Just(Move::Compact),
        2 => Just(Move::CloseWatches),
    ];
    let pause = prop_oneof![3 => Just(0_u64), 2 => 1_u64..3000, 1 => 3000_u64..100_000];
    proptest::collection::vec((pause, one), 1..40)
}

fn faults() -> impl Strategy<Value = Vec<Fault>> {
    let status = prop_oneof![
        Just(400_u16),
        Just(403),
        Just(404),
        Just(410),
        Just(422),
        Just(429),
        Just(500),
        Just(504)
    ];
    let one = prop_oneof![
        8 => Just(Fault::None),
        3 => status.clone().prop_map(Fault::Status),
        2 => status.prop_map(Fault::ErrorEvent),
        1 => Just(Fault::Unreachable),
        1 => Just(Fault::Never),
        1 => Just(Fault::Silent),
        1 => Just(Fault::Empty),
        1 => Just(Fault::Garbage),
        3 => (0_usize..1500).prop_map(Fault::Cut),
        2 => Just(Fault::Duplicated),
        2 => Just(Fault::Reversed),
        1 => Just(Fault::Replayed),
        3 => Just(Fault::Lagging),
    ];
    proptest::collection::vec(one, 0..40)
}

impl Fault {
    fn reply(&self, asked: &Asked, truth: &mut Truth, past: &(u64, Vec<Value>)) -> Option<Reply> {
        // To leave events out without a word is the one lie that nobody can see through.
        if truth.has_forgotten(asked) {
            return None;
        }
        let line = |event: &Value| format!("{event}\n");
        Some(match self {
            Self::None => return None,
            Self::Status(code) => Reply::status(*code, "Scripted"),
            Self::ErrorEvent(code) => Reply::stream().error_event(*code, "Scripted"),
            Self::Unreachable => Reply::unreachable("connection refused"),
            Self::Never => Reply::never(),
            Self::Silent => Reply::stream().hang(),
            Self::Empty => Reply::stream(),
            Self::Garbage => Reply::stream().text("<html>\n"),
            Self::Cut(length) if asked.is_watch() => {
                let (events, _) = truth.missed(asked);
                Reply::stream().lines(&events).cut_after(*length)
            }
            Self::Cut(length) => truth.answer(asked).cut_after(*length),
            _ if asked.is_watch() => {
                let (mut events, version) = match self {
                    Self::Replayed => truth.events(&View::of(asked), 0),
                    _ => truth.missed(asked),
                };
                if matches!(self, Self::Reversed) {
                    events.reverse();
                }
                let times = if matches!(self, Self::Duplicated) {
                    2
                } else {
                    1
                };
                let text: String = events
                    .iter()
                    .map(|event| line(event).repeat(times))
                    .collect();
                Reply::stream().text(&text).watch(version)
            }
            Self::Lagging if !asked.param("resourceVersion").is_empty() => {
                let (version, objects) = past;
                if asked.is_list() {
                    let metadata = json!({"resourceVersion": version.to_string()});
                    Reply::json(&json!({"metadata": metadata, "items": objects}))
                } else {
                    let events = objects.iter().fold(Reply::stream(), |reply, object| {
                        reply.event("ADDED", object)
                    });
                    events.closing_bookmark(*version)
                }
            }
            _ => return None,
        })
    }
}

/// What the informer showed so far, held against what the server ever had.
struct Witness {
    had: HashSet<Summary>,
    shown: BTreeMap<String, u64>,
}

impl Witness {
    fn look(&mut self, server: &ScriptedServer, follower: &Follower) {
        self.had.extend(server.pods());
        for pod in follower.pods() {
            assert!(self.had.contains(&pod), "the server never had {pod:?}");
            let version: u64 = pod.2.parse().expect("a number");
            let before = self.shown.insert(pod.0.clone(), version).unwrap_or(0);
            assert!(before <= version, "{pod:?} was at {before} before");
        }
    }
}

fn make(server: &ScriptedServer, step: &Move) {
    let key = |number: &u8| format!("default/pod-{number}");
    match step {
        Move::Put(number) => server.put(pod(&key(number))),
        Move::Delete(number) => server.delete_pod(&key(number)),
        Move::Recreate(number) => {
            server.delete_pod(&key(number));
            server.put(pod(&key(number)));
        }
        Move::Compact => server.change(Truth::compact),
        Move::CloseWatches => server.close_watches(),
    }
}

async fn play(moves: Vec<(u64, Move)>, faults: Vec<Fault>) {
    let server = ScriptedServer::with_three_pods();
    let mut faults = faults.into_iter();
    let mut past: Option<(u64, Vec<Value>)> = None;
    server.rule(move |asked, truth| {
        let now = (truth.version(), truth.objects(&View::of(asked)));
        let past = past.get_or_insert(now);
        faults.next()?.reply(asked, truth, past)
    });
    let follower = Follower::start(&server);
    let mut witness = Witness {
        had: server.pods().into_iter().collect(),
        shown: BTreeMap::new(),
    };

    for (pause, step) in moves {
        sleep(Duration::from_millis(pause)).await;
        witness.look(&server, &follower);
        let had = server.pods_during(|| make(&server, &step));
        witness.had.extend(had);
        witness.look(&server, &follower);
    }
    for _ in 0..120 {
        sleep(Duration::from_secs(10)).await;
        witness.look(&server, &follower);
    }
    server.be_honest();

    follower.converges().await;
    let asked = server.asked().len();
    assert!(asked < 300, "{asked} requests");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn informer_converges_and_never_lies(moves in moves(), faults in faults()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(play(moves, faults));
    }
}
