use std::{convert::Infallible, sync::Weak};

use kube::{Client, client::Body};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    event::Call,
    informer::{Decoder, Filter, Informer, Stored},
    k8s::Pod,
    lane::owed::{Next, Offer, Outcome, Skip},
    outcome::{Action, HandlerError, Result},
};

mod sources;

/// A handler that is never asked: its lane has no workers.
struct Stalled;

#[async_trait::async_trait]
impl Dispatch for Stalled {
    fn skip(&self, _: &Offer, _: &Decoder) -> Result<Option<Skip>> {
        Ok(None)
    }

    async fn call(&self, _: Call, _: Arc<Context>) -> Result<Action> {
        Ok(Action::DONE)
    }
}

fn client() -> Client {
    let service = tower::service_fn(|_: http::Request<Body>| async {
        Ok::<_, Infallible>(http::Response::new(Body::empty()))
    });
    Client::new(service, "default")
}

fn stalled_lane() -> Arc<Lane> {
    lane(Arc::new(Stalled))
}

fn lane(handler: Arc<dyn Dispatch>) -> Arc<Lane> {
    let config = Config {
        workers: 1,
        timeout: None,
        retry: Retry::default(),
        resync: None,
        observer: None,
        gate: None,
    };
    let context = Context {
        client: client(),
        stop: CancellationToken::new(),
        decoder: Arc::default(),
    };
    Lane::new("test".into(), handler, config, context, Arc::default())
}

/// Makes objects that have been handled: nothing is due.
fn handle(lane: &Lane, numbers: std::ops::Range<usize>) {
    let now = Instant::now();
    let patience = lane.patience(&lane.book());
    for number in numbers {
        let object = Stored::of(&format!("default/p{number}"), "uid", "1", false, "{}");
        let key = object.to_key();
        lane.book().accounts.change(&key, |account| {
            account.owed.upsert(object, true);
            let offer = match account.owed.next(&key, now) {
                Next::Call(offer) => offer,
                other => panic!("{other:?}"),
            };
            assert!(account.owed.start(&offer, now));
            account.owed.finish(Outcome::Done(None), &patience, now);
        });
    }
}

/// Decodes each object that it is asked about, and answers in turn.
struct Decodes {
    answers: Mutex<Vec<Answer>>,
    decoded: Mutex<Vec<Weak<Pod>>>,
    lane: Mutex<Weak<Lane>>,
}

/// What a handler that is asked about an object says, or does.
enum Answer {
    Skip(Skip),
    Fail,
    /// The object changes meanwhile.
    Change,
    Call,
}

#[async_trait::async_trait]
impl Dispatch for Decodes {
    fn skip(&self, offer: &Offer, decoder: &Decoder) -> Result<Option<Skip>> {
        let pod = decoder.decode(&offer.call.snapshot)?;
        self.decoded.lock().push(Arc::downgrade(&pod));
        let answer = self.answers.lock().pop().unwrap_or(Answer::Call);
        match answer {
            Answer::Skip(skip) => return Ok(Some(skip)),
            Answer::Fail => return Err(HandlerError::terminal("told to fail")),
            Answer::Change => {
                let lane = self.lane.lock().upgrade().expect("it runs");
                lane.apply(&[upsert("2")]);
            }
            Answer::Call => {}
        }
        Ok(None)
    }

    async fn call(&self, _: Call, _: Arc<Context>) -> Result<Action> {
        Ok(Action::DONE)
    }
}

fn upsert(version: &str) -> Delta {
    Delta::Upsert {
        object: Stored::of("default/a", "uid", version, false, r#"{"metadata":{}}"#),
        initial: false,
    }
}

#[tokio::test(start_paused = true)]
async fn object_is_not_kept_decoded_once_its_turn_is_over() {
    for (answer, states) in [
        (Answer::Skip(Skip::Filtered), 1),
        (Answer::Skip(Skip::Unchanged), 1),
        (Answer::Fail, 1),
        (Answer::Change, 2),
        (Answer::Call, 1),
    ] {
        let handler = Arc::new(Decodes {
            answers: Mutex::new(vec![answer]),
            decoded: Mutex::default(),
            lane: Mutex::default(),
        });
        let lane = lane(handler.clone());
        *handler.lane.lock() = Arc::downgrade(&lane);
        let informer = Informer::<Pod>::new(client(), Filter::default());
        let Ok(()) = informer.source().cache().change(|store| {
            store.commit();
            Ok::<_, Infallible>([])
        });
        informer.source().cache().deliver();
        let mut tasks = JoinSet::new();
        lane.spawn(std::slice::from_ref(informer.source()), &mut tasks);

        lane.apply(&[upsert("1")]);
        sleep(Duration::from_secs(1)).await;

        let decoded = handler.decoded.lock();
        assert_eq!(decoded.len(), states);
        assert!(decoded.iter().all(|pod| pod.upgrade().is_none()));
    }
}

#[tokio::test(start_paused = true)]
async fn stalled_handler_keeps_nothing_of_objects_that_came_and_went() {
    let lane = stalled_lane();

    for number in 0..1000 {
        let object = Stored::of(&format!("default/p{number}"), "uid", "1", false, "{}");
        lane.apply(&[
            Delta::Upsert {
                object: object.clone(),
                initial: false,
            },
            Delta::Remove { last: object },
        ]);
    }

    assert_eq!(lane.queue.len(), 0);
    assert_eq!(lane.book().accounts.len(), 0);
    assert!(lane.is_idle());
}

#[tokio::test(start_paused = true)]
async fn stalled_handler_keeps_one_turn_of_an_object_that_changes() {
    let lane = stalled_lane();

    for version in 0..1000 {
        let object = Stored::of("default/busy", "uid", &version.to_string(), false, "{}");
        lane.apply(&[Delta::Upsert {
            object,
            initial: false,
        }]);
    }

    assert_eq!(lane.queue.len(), 1);
    assert_eq!(lane.book().accounts.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn first_list_waits_outside_the_queue_and_enters_it_in_its_order() {
    let lane = stalled_lane();
    let name = |number: usize| format!("default/p{number:04}");
    let deltas: Vec<Delta> = (0..1000)
        .map(|number| Delta::Upsert {
            object: Stored::of(&name(number), "uid", "1", false, "{}"),
            initial: true,
        })
        .collect();

    deltas.chunks(7).for_each(|deltas| lane.apply(deltas));

    assert!(lane.queue.len() < 200, "{} are queued", lane.queue.len());
    assert_eq!(lane.book().accounts.untried(), 1000);
    for number in 0..1000 {
        let key = lane.queue.get().await.expect("not shut down");
        assert_eq!(key.as_str(), name(number));
        if !lane.queue.has_ready(Priority::LOW) {
            lane.refill(lane.book());
        }
    }
    assert_eq!(lane.queue.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn resync_that_is_due_already_is_not_asked_for_twice() {
    let lane = stalled_lane();
    handle(&lane, 0..1000);
    assert!(lane.is_idle());

    lane.resync().await;
    lane.resync().await;
    let queued = lane.queue.len();
    assert!((1..200).contains(&queued), "{queued} are queued");

    let mut turns = 0;
    while !lane.queue.is_empty() {
        drop(lane.queue.get().await);
        turns += 1;
        lane.refill(lane.book());
    }

    assert_eq!(turns, 1000, "each once, though it was asked for twice");
}

/// Polls the future once; returns true if it has ended.
fn poll(future: &mut (impl Future + Unpin)) -> bool {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    std::pin::Pin::new(future).poll(&mut context).is_ready()
}

#[tokio::test(start_paused = true)]
async fn resync_of_many_objects_lets_other_tasks_run_and_others_have_the_lock() {
    let lane = stalled_lane();
    let objects = 100_000;
    handle(&lane, 0..objects);

    let mut resync = Box::pin(lane.resync());
    let mut polls = vec![0];
    while !poll(&mut resync) {
        assert!(!lane.is_idle(), "it is not due for all");
        polls.push(lane.book().accounts.owing());
    }
    polls.push(lane.book().accounts.owing());

    assert_eq!(polls.last(), Some(&objects), "each is due in the end");
    let most = polls.windows(2).map(|pair| pair[1] - pair[0]).max();
    assert!(most < Some(5_000), "{most:?} objects in one poll");
}

#[tokio::test(start_paused = true)]
async fn objects_that_come_and_go_during_a_resync_do_not_keep_it_from_others() {
    let lane = stalled_lane();
    handle(&lane, 0..20_000);

    let mut resync = Box::pin(lane.resync());
    let mut next = 20_000;
    while !poll(&mut resync) {
        // The accounts grow, and are moved.
        handle(&lane, next..next + 5_000);
        next += 5_000;
    }

    for number in 0..20_000 {
        let key = ObjectKey::namespaced("default", &format!("p{number}"));
        let is_due = lane.book().accounts.read(&key, super::owed::Owed::is_owing);
        assert_eq!(is_due, Some(true), "{key}");
    }
}

#[tokio::test(start_paused = true)]
async fn backlog_of_objects_that_are_gone_is_passed_over_a_few_at_a_time() {
    let lane = stalled_lane();
    let object = |number: usize| Stored::of(&format!("default/p{number}"), "uid", "1", false, "{}");
    handle(&lane, 0..100_000);
    lane.resync().await;
    // All but the last are gone, and nothing is owed for them.
    for number in 0..100_000 {
        let key = object(number).to_key();
        if lane
            .book()
            .backlog
            .last()
            .is_some_and(|last| last.to_key() == key)
        {
            continue;
        }
        lane.book().accounts.change(&key, |account| {
            account.owed = super::owed::Owed::default();
        });
        lane.queue.remove(&key);
    }

    let mut refills = 1;
    let mut before = lane.book().backlog.len();
    while !lane.refill(lane.book()) {
        let left = lane.book().backlog.len();
        assert!(before - left <= 2_000, "{} at once", before - left);
        assert_eq!(lane.queue.len(), 1, "it is gone on with");
        drop(lane.queue.get().await);
        (refills, before) = (refills + 1, left);
    }

    assert!(refills > 50, "{refills}");
    assert_eq!(lane.queue.len(), 1);
    let key = lane.queue.get().await.expect("not shut down");
    let is_due = lane.book().accounts.read(&key, super::owed::Owed::is_owing);
    assert_eq!(is_due, Some(true), "the one that is left");
}

/// A handler whose object changes whenever its predicate looks at it.
struct Restless {
    lane: std::sync::OnceLock<std::sync::Weak<Lane>>,
    looks: std::sync::atomic::AtomicU32,
}

/// More looks than a worker has before it lets other tasks run.
const ENOUGH: u32 = 1000;

#[async_trait::async_trait]
impl Dispatch for Restless {
    fn skip(&self, offer: &Offer, _: &Decoder) -> Result<Option<Skip>> {
        let look = self.looks.fetch_add(1, Ordering::Relaxed);
        assert!(look < ENOUGH, "nothing else had a chance");
        let lane = self.lane.get().and_then(std::sync::Weak::upgrade);
        lane.expect("it runs").apply(&[Delta::Upsert {
            object: Stored::of(
                offer.call.key.as_str(),
                "uid",
                &(look + 2).to_string(),
                false,
                "{}",
            ),
            initial: false,
        }]);
        Ok(None)
    }

    async fn call(&self, _: Call, _: Arc<Context>) -> Result<Action> {
        unreachable!("the object never stands still")
    }
}

#[tokio::test(start_paused = true)]
async fn object_that_changes_at_each_look_keeps_its_worker_neither_from_others_nor_from_the_stop() {
    let restless = Arc::new(Restless {
        lane: std::sync::OnceLock::new(),
        looks: std::sync::atomic::AtomicU32::new(0),
    });
    let lane = lane(restless.clone());
    let _ = restless.lane.set(Arc::downgrade(&lane));
    lane.apply(&[Delta::Upsert {
        object: Stored::of("default/hot", "uid", "1", false, "{}"),
        initial: false,
    }]);
    let worker = tokio::spawn({
        let lane = lane.clone();
        async move { lane.work(lane.bench().slot(0)).await }
    });

    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    let looks = restless.looks.load(Ordering::Relaxed);
    assert!((1..100).contains(&looks), "{looks} looks");
    lane.context.stop.cancel();

    worker.await.expect("it ends, and has not panicked");
}
