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
