//! Law 8 in every place where a work queue runs code of the user's.
//!
//! Each case is one place and one deed, for the name `bad`. The names `a` and `z` must be handled as if
//! `bad` did not exist, by the one worker that there is.

use std::{
    panic::panic_any,
    sync::{Arc, Mutex},
};

use futures::future::BoxFuture;
use kubehandler::{Result, WorkContext, WorkQueue, k8s::Pod};
use tokio::{task::yield_now, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    seconds,
    traps::{DEEDS, Deed, OnDrop, Place, TouchyError, Trap, complaints},
};

fn named(name: &str) -> Pod {
    let mut pod = Pod::default();
    pod.metadata.namespace = Some("default".to_owned());
    pod.metadata.name = Some(name.to_owned());
    pod
}

/// Is called for `bad`.
fn call(trap: Arc<Trap>) -> BoxFuture<'static, Result> {
    trap.spring(Place::Call);
    Box::pin(async move {
        yield_now().await;
        trap.spring(Place::Callback);
        match trap.place {
            Place::DropOfError | Place::DisplayOfError | Place::SourceOfError => {
                Err(TouchyError(trap).into())
            }
            Place::DropOfPanic => panic_any(OnDrop(trap, Place::DropOfPanic)),
            _ => Ok(()),
        }
    })
}

/// Plays one case: the names are added, and updated. Returns what went wrong.
async fn play(place: Place, deed: Deed) -> Vec<String> {
    let trap = Trap::new(place, deed);
    let calls = Arc::<Mutex<Vec<String>>>::default();
    let queue = WorkQueue::new("test");
    let callback = {
        let (trap, calls) = (trap.clone(), calls.clone());
        move |context: WorkContext, _, name: String| {
            let call_of_other = format!("{} {name}", context.event_type());
            if name == "bad" {
                return call(trap.clone());
            }
            calls.lock().expect("not poisoned").push(call_of_other);
            Box::pin(async { Ok(()) })
        }
    };
    let registered = [
        queue.register_add_handler("pods", callback.clone()),
        queue.register_update_handler("pods", callback),
    ];
    assert_eq!(registered, [Ok(()), Ok(())]);
    queue.add_synced({
        let (trap, is_first) = (trap.clone(), Mutex::new(true));
        move || {
            if std::mem::take(&mut *is_first.lock().expect("not poisoned")) {
                trap.spring(Place::HasSynced);
            }
            true
        }
    });
    trap.asks({
        let queue = queue.clone();
        move || {
            drop(format!("{queue:?} {}", queue.len()));
            let _ = queue.enqueue_update("pods", &named("asked"));
        }
    });
    for name in ["a", "bad", "z"] {
        queue.enqueue_add("pods", &named(name)).expect("registered");
    }

    let token = CancellationToken::new();
    let (same, stop) = (queue.clone(), token.clone());
    let run = tokio::spawn(async move { same.run(stop, 1).await });
    sleep(seconds(1)).await;
    for name in ["bad", "a", "z"] {
        queue
            .enqueue_update("pods", &named(name))
            .expect("registered");
    }
    sleep(seconds(1)).await;

    let waiting = queue.len();
    token.cancel();
    let ended = run.await;
    let ended_well = matches!(ended, Ok(Ok(())));
    std::mem::forget(ended); // It may be a bomb.
    let mut others = calls.lock().expect("not poisoned").clone();
    others.retain(|call| !call.ends_with(" asked"));
    complaints(
        &format!("{trap:?}"),
        [
            (
                others == ["add a", "add z", "update a", "update z"],
                format!("the others' calls were {others:?}"),
            ),
            (waiting == 0, format!("{waiting} still waited")),
            (ended_well, "the run panicked or failed".to_owned()),
            (!trap.was_stuck(), "nobody answered".to_owned()),
            (trap.sprung() > 0, "it never came there".to_owned()),
        ],
    )
}

#[tokio::test(start_paused = true)]
async fn law_8_work_queue_contains_its_callbacks() {
    let mut wrong = Vec::new();
    for place in [
        Place::HasSynced,
        Place::Call,
        Place::Callback,
        Place::DropOfPanic,
        Place::DropOfError,
        Place::DisplayOfError,
        Place::SourceOfError,
    ] {
        for deed in DEEDS {
            wrong.extend(play(place, deed).await);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(start_paused = true)]
async fn law_8_work_queue_contains_a_callback_that_it_drops() {
    for deed in DEEDS {
        let trap = Trap::new(Place::DropOfCallback, deed);
        let queue = WorkQueue::new("test").drain_timeout(seconds(1));
        let hung = trap.clone();
        let registered = queue.register_add_handler("pods", move |_, _, _| {
            let held = OnDrop(hung.clone(), Place::DropOfCallback);
            async move {
                let _held = held;
                std::future::pending().await
            }
        });
        assert_eq!(registered, Ok(()));
        let same = queue.clone();
        trap.asks(move || assert_eq!(same.len(), 0));
        queue
            .enqueue_add("pods", &named("bad"))
            .expect("registered");
        let token = CancellationToken::new();
        let run = tokio::spawn({
            let (queue, stop) = (queue.clone(), token.clone());
            async move { queue.run(stop, 1).await }
        });
        sleep(seconds(1)).await;

        token.cancel();
        let ended = run.await.expect("the run does not panic");

        assert!(ended.is_err(), "the callback is named");
        yield_now().await;
        assert_eq!((trap.sprung(), trap.was_stuck()), (1, false), "{trap:?}");
    }
}
