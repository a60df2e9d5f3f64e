//! Mapped sources of a lane.

use super::*;
use crate::lane::source::{MappedSource, Mapping};

fn informer() -> Informer<Pod> {
    Informer::new(client(), Filter::default())
}

/// A source of the lane whose objects make those due that `map` says.
fn source(
    lane: &Arc<Lane>,
    map: impl Fn(Option<&Pod>, Option<&Pod>) -> Vec<ObjectKey> + Send + Sync + 'static,
) -> Arc<MappedSource> {
    MappedSource::new(lane.clone(), Mapping::new(map), informer().source())
}

fn key(number: usize) -> ObjectKey {
    ObjectKey::namespaced("default", &format!("p{number}"))
}

/// The objects that are due, of those that [`handle`] has made.
fn due(lane: &Lane, numbers: std::ops::Range<usize>) -> Vec<usize> {
    let is_due = |number: &usize| {
        let owing = lane
            .book()
            .accounts
            .read(&key(*number), super::super::owed::Owed::is_owing);
        owing == Some(true)
    };
    numbers.filter(is_due).collect()
}

#[tokio::test(start_paused = true)]
async fn lane_is_not_idle_until_what_a_source_has_changed_is_mapped() {
    let lane = stalled_lane();
    handle(&lane, 0..10);
    let source = source(&lane, |_, _| vec![key(3), key(7), key(99)]);

    source.apply(&[upsert("1"), upsert("2")]);
    assert!(!lane.is_idle());
    assert_eq!(due(&lane, 0..10), [0; 0]);

    let mut tasks = JoinSet::new();
    source.spawn(&mut tasks);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(due(&lane, 0..10), [3, 7]);
    assert_eq!(lane.queue.len(), 2);
    assert_eq!(lane.book().unmapped, 0);
    assert_eq!(lane.book().accounts.len(), 10, "the others are not known");
}

#[tokio::test(start_paused = true)]
async fn object_that_has_had_more_states_than_are_kept_makes_all_due() {
    for (states, is_all_due) in [(8, false), (9, true)] {
        let lane = stalled_lane();
        handle(&lane, 0..1000);
        let source = source(&lane, |_, _| Vec::new());
        for version in 1..=states {
            source.apply(&[upsert(&version.to_string())]);
        }

        let mut tasks = JoinSet::new();
        source.spawn(&mut tasks);
        sleep(Duration::from_secs(1)).await;

        let expected = if is_all_due { 1000 } else { 0 };
        assert_eq!(due(&lane, 0..1000).len(), expected, "{states} states");
        assert_eq!(lane.is_idle(), !is_all_due);
    }
}

#[tokio::test(start_paused = true)]
async fn function_that_panics_fails_for_its_object_alone() {
    let lane = stalled_lane();
    handle(&lane, 0..10);
    let panics = AtomicBool::new(true);
    let source = source(&lane, move |_, _| {
        assert!(!panics.swap(false, Ordering::Relaxed), "told to panic");
        vec![key(3)]
    });
    let mut tasks = JoinSet::new();
    source.spawn(&mut tasks);

    source.apply(&[upsert("1")]);
    sleep(Duration::from_secs(1)).await;
    assert!(lane.is_idle());

    source.apply(&[upsert("2")]);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(due(&lane, 0..10), [3]);
}

#[tokio::test(start_paused = true)]
async fn object_that_is_mapped_to_many_lets_others_run() {
    let lane = stalled_lane();
    let objects = 20_000;
    handle(&lane, 0..objects);
    let keys: Vec<ObjectKey> = (0..objects).map(key).collect();

    let mut make_due = Box::pin(lane.make_due(&keys, &super::cause::Cause::Trigger, Priority::LOW));
    let mut polls = vec![0];
    while !poll(&mut make_due) {
        polls.push(lane.book().accounts.owing());
    }
    polls.push(lane.book().accounts.owing());

    assert_eq!(polls.last(), Some(&objects));
    let most = polls.windows(2).map(|pair| pair[1] - pair[0]).max();
    assert!(most <= Some(AT_ONCE), "{most:?} objects in one poll");
    assert!(lane.queue.len() < 200, "{} are queued", lane.queue.len());
}
