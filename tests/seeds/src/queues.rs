//! The queue by itself under random histories: no item in two hands, none lost.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    rc::Rc,
    time::Duration,
};

use kubehandler::queue::Queue;
use tokio::time::sleep;

use crate::dice::Dice;

#[derive(Default)]
struct Seen {
    held: HashSet<u64>,
    /// By item: how often it was added by the time it was last handed out.
    known: HashMap<u64, u64>,
    added: HashMap<u64, u64>,
    broken: Vec<String>,
}

/// Plays a history of a queue with three workers; returns what breaks a law.
pub(crate) async fn play(seed: u64) -> Vec<String> {
    let mut dice = Dice::new(seed);
    let queue: Queue<u64> = Queue::default();
    let witness = Rc::new(RefCell::new(Seen::default()));
    let local = tokio::task::LocalSet::new();
    for worker in 0..3 {
        let (queue, witness) = (queue.clone(), Rc::clone(&witness));
        let mut dice = Dice::new(seed ^ (worker + 1) << 32);
        local.spawn_local(async move {
            while let Some(item) = queue.get().await {
                {
                    let mut witness = witness.borrow_mut();
                    if !witness.held.insert(*item) {
                        witness
                            .broken
                            .push(format!("law 1: {} is in two hands", *item));
                    }
                    let added = witness.added.get(&*item).copied().unwrap_or(0);
                    witness.known.insert(*item, added);
                }
                sleep(Duration::from_millis(dice.below(30))).await;
                witness.borrow_mut().held.remove(&*item);
            }
        });
    }
    let history = async {
        for _ in 0..60 {
            let item = dice.below(4);
            *witness.borrow_mut().added.entry(item).or_default() += 1;
            match dice.below(3) {
                0 => queue.add_after(item, Duration::from_millis(dice.below(40))),
                _ => queue.add(item),
            }
            sleep(Duration::from_millis(dice.below(15))).await;
        }
        sleep(Duration::from_secs(1)).await;
        queue.shut_down_with_drain().await;
    };
    let drained = local
        .run_until(tokio::time::timeout(Duration::from_secs(60), history))
        .await;
    let mut witness = witness.borrow_mut();
    if drained.is_err() {
        witness
            .broken
            .push("law 9: the queue does not drain".to_owned());
    }
    if witness.known != witness.added {
        let lost = format!(
            "law 4: {:?} were added, {:?} seen",
            witness.added, witness.known
        );
        witness.broken.push(lost);
    }
    std::mem::take(&mut witness.broken)
}
