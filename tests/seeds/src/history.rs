//! One random history: what happens to the pods, to the server and on the way to it.

use std::time::Duration;

use kubehandler_testing::kubehandler_apiserver::{Fault, Verb, When};

use crate::{
    between::{Between, REPLICA},
    dice::Dice,
    world::World,
};

/// A run makes at least so many changes,
const WRITES: usize = 200;
/// and at least so many faults.
const FAULTS: usize = 5;

const APPS: [&str; 4] = ["web", "api", "db", "web"];
const PHASES: [&str; 3] = ["Pending", "Running", "Running"];
const FINALIZER: &str = "example.org/hold";

/// Where the loop can be hurt.
pub(crate) struct Target<'a> {
    pub(crate) client: &'a str,
    pub(crate) between: &'a Between,
}

/// Plays a history to its end.
pub(crate) async fn play(world: &mut World, dice: &mut Dice, target: &Target<'_>) {
    let start = world.writes;
    let mut faults = 0;
    while world.writes < start + WRITES || faults < FAULTS {
        match dice.below(30) {
            0 | 1 => {
                add_fault(world, dice, target);
                faults += 1;
            }
            2 => {
                disturb(world, dice, target).await;
                faults += 1;
            }
            3 => namespace(world, dice).await,
            _ => write(world, dice).await,
        }
        pause(world, dice).await;
    }
}

async fn pause(world: &mut World, dice: &mut Dice) {
    let millis = match dice.below(20) {
        0..10 => return,
        10..17 => dice.below(400),
        17..19 => dice.below(20_000),
        _ => dice.below(400_000),
    };
    world.sleep(Duration::from_millis(millis)).await;
}

fn key(dice: &mut Dice) -> String {
    let namespace = if dice.one_in(3) { "side" } else { "default" };
    format!("{namespace}/p{}", dice.below(5))
}

/// Changes one pod.
pub(crate) async fn write(world: &mut World, dice: &mut Dice) {
    let key = key(dice);
    let Some((state, _)) = world.truth.get(&key) else {
        world.create(&key, dice.pick(&APPS)).await;
        if dice.one_in(2) {
            world.phase(&key, dice.pick(&PHASES)).await;
        }
        return;
    };
    if state.is_deleting {
        // What somebody holds is let go in the end.
        if dice.one_in(2) {
            world.finalizers(&key, &[]).await;
        } else {
            world.touch(&key).await;
        }
        return;
    }
    match dice.below(16) {
        0..4 => world.touch(&key).await,
        4 | 5 => world.note(&key).await,
        6..9 => world.label(&key, "app", dice.pick(&APPS)).await,
        9..11 => world.phase(&key, dice.pick(&PHASES)).await,
        11 | 12 => world.delete(&key).await,
        13 => {
            world.delete(&key).await;
            world.create(&key, dice.pick(&APPS)).await
        }
        14 => {
            let broken = if dice.one_in(2) { "yes" } else { "no" };
            world.label(&key, "broken", broken).await
        }
        _ => world.finalizers(&key, &[FINALIZER]).await,
    };
}

/// Lets a whole namespace go, and come again.
async fn namespace(world: &mut World, dice: &mut Dice) {
    if dice.one_in(3) {
        world.delete_namespace("side").await;
    } else {
        world.make_namespace("side").await;
    }
}

/// Lets the next requests of the loop go wrong.
pub(crate) fn add_fault(world: &World, dice: &mut Dice, target: &Target<'_>) {
    let events = dice.index(3);
    let bytes = dice.index(2_000);
    let code = dice.pick(&[401, 403, 409, 410, 410, 422, 429, 500, 503, 504]);
    let retry_after = dice
        .one_in(3)
        .then_some(dice.below(20))
        .map(|seconds| u32::try_from(seconds).expect("small"));
    let time = Duration::from_millis(dice.below(20_000));
    let fault = match dice.below(21) {
        0 => Fault::Refuse,
        1 => Fault::Delay(time),
        2 => Fault::Hang,
        3 => Fault::LoseResponse,
        4 => Fault::DelayResponse(time),
        5 => Fault::HangResponse,
        6..9 => Fault::Status { code, retry_after },
        9 | 10 => Fault::Truncate(bytes),
        11 => Fault::Cut(events),
        12 => Fault::Break(events),
        13 => Fault::Freeze(events),
        14 => Fault::Halve(events),
        15 | 16 => Fault::Garble(events),
        17 => Fault::Duplicate(events),
        18 => Fault::Reorder(events),
        _ => Fault::Expire(events),
    };
    let mut when = When::any().client(target.client).times(1 + dice.below(4));
    when = match dice.below(8) {
        0..4 => when.verb(Verb::Watch),
        4..6 => when.verb(Verb::List).skip(dice.below(3)),
        6 => when.verb(Verb::Patch),
        _ => when,
    };
    if matches!(fault, Fault::Reorder(_)) {
        // A list whose end comes before its last object leaves that out without a word: the one lie
        // that nobody can see through.
        when = when.parameter("sendInitialEvents", "");
    }
    world.server.faults().add(when, fault);
    // A fault on what is open already has nothing to strike.
    if dice.one_in(2) {
        let open = When::any().client(target.client);
        world.server.faults().cut_watches(&open);
    }
}

/// Does something to the server, or to what is open.
async fn disturb(world: &mut World, dice: &mut Dice, target: &Target<'_>) {
    let faults = world.server.faults();
    let open = When::any().client(target.client);
    match dice.below(14) {
        0 | 1 => {
            world.truth.read().await;
            faults.compact();
            world.truth.read().await;
        }
        2 => faults.cut_watches(&open),
        3 => faults.break_watches(&open),
        4..7 => target.between.lag(dice.one_in(2)),
        7 => target.between.catch_up(),
        8..11 => target.between.alternate(dice.index(4_000)),
        11 => target.between.slow_down(),
        12 => target.between.starve(1 + dice.index(3)),
        _ => {
            let hours = i64::try_from(dice.below(100)).expect("small") - 50;
            faults.jump_clock(hours * 3_600);
        }
    }
    if dice.one_in(2) {
        faults.break_watches(&open);
        faults.break_watches(&When::any().client(REPLICA));
    }
}
