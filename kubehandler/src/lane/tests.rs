use std::convert::Infallible;

use kube::{Client, client::Body};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    event::Call,
    informer::{Decoder, Stored},
    lane::owed::{Offer, Skip},
    outcome::{Action, Result},
};

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

fn stalled_lane() -> Arc<Lane> {
    let service = tower::service_fn(|_: http::Request<Body>| async {
        Ok::<_, Infallible>(http::Response::new(Body::empty()))
    });
    let config = Config {
        workers: NonZeroUsize::MIN,
        timeout: None,
        retry: Retry::default(),
        resync: None,
        observer: None,
    };
    let context = Context {
        client: Client::new(service, "default"),
        stop: CancellationToken::new(),
        decoder: Arc::default(),
    };
    Lane::new(
        "stalled".into(),
        Arc::new(Stalled),
        config,
        context,
        Arc::default(),
    )
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
    let object = |number: usize| Stored::of(&format!("default/p{number}"), "uid", "1", false, "{}");
    for number in 0..1000 {
        lane.apply(&[Delta::Upsert {
            object: object(number),
            initial: true,
        }]);
        // As if each had been handled: nothing is due but the resync.
        let mut book = lane.book();
        let key = object(number).to_key();
        book.accounts.change(&key, |account| {
            let offer = match account.owed.next(&key, Instant::now()) {
                crate::lane::owed::Next::Call(offer) => offer,
                other => panic!("{other:?}"),
            };
            account.owed.start(&offer);
            let done = crate::lane::owed::Outcome::Done(None);
            account.owed.finish(done, &Retry::default(), Instant::now());
        });
    }
    while !lane.queue.is_empty() {
        drop(lane.queue.get().await);
        lane.refill(lane.book());
    }
    lane.resync();
    lane.resync();
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
