//! A loop that starts on what is there already, with one slow worker, and is stopped before its end:
//! the order of its calls is known to the last.

use std::{collections::BTreeMap, time::Duration};

use kubehandler::{EventLoop, EventType, RunError};
use kubehandler_testing::kubehandler_apiserver::{Fault, When};

use crate::{
    actor::{Actor, Does, Spec, Stage, View},
    run::Play,
};

/// How long each call takes.
const CALL: Duration = Duration::from_secs(10);

/// One turn in so many goes to the lower priority, while it has items.
const SHARE: u32 = 8;

/// The handler that is late.
const LATE: Spec = Spec {
    workers: 1,
    ..Spec::new("late", View::All)
};

/// What a queue of one worker hands out next.
#[derive(Debug, Default)]
struct Turns {
    /// By priority, the lower first: age and key.
    levels: [BTreeMap<usize, String>; 2],
    ages: BTreeMap<String, (usize, usize)>,
    issued: usize,
    passed_over: u32,
}

impl Turns {
    fn add(&mut self, key: &str, level: usize) {
        if let Some((known, age)) = self.ages.get(key).copied() {
            if known < level {
                self.levels[known].remove(&age);
                self.levels[level].insert(age, key.to_owned());
                self.ages.insert(key.to_owned(), (level, age));
            }
            return;
        }
        self.issued += 1;
        self.levels[level].insert(self.issued, key.to_owned());
        self.ages.insert(key.to_owned(), (level, self.issued));
    }

    fn remove(&mut self, key: &str) {
        if let Some((level, age)) = self.ages.remove(key) {
            self.levels[level].remove(&age);
        }
    }

    fn take(&mut self) -> Option<String> {
        let [low, normal] = &mut self.levels;
        let level = match (low.is_empty(), normal.is_empty()) {
            (true, true) => return None,
            (false, true) => low,
            (true, false) => normal,
            (false, false) if self.passed_over + 1 >= SHARE => {
                self.passed_over = 0;
                low
            }
            (false, false) => {
                self.passed_over += 1;
                normal
            }
        };
        let (_, key) = level.pop_first()?;
        self.ages.remove(&key);
        Some(key)
    }
}

impl Play {
    /// Starts a late loop, changes what it has not come to yet, and stops it.
    pub(crate) async fn first_list(&mut self) -> Result<(), String> {
        for number in 0..8 {
            self.world
                .create(&format!("default/first-{number}"), "db")
                .await;
        }
        let initial: Vec<String> = self
            .world
            .truth
            .now()
            .map(|(key, ..)| key.clone())
            .collect();
        let stage = Stage::new(self.stage.server.clone(), 0);
        stage.follow(|_| Does::Take(CALL));
        let event_loop = EventLoop::new("late").register(Actor::new(LATE, &stage));
        let run = self.kit.run(event_loop);
        self.world.sleep(Duration::from_secs(1)).await;

        let mut turns = Turns::default();
        for key in &initial {
            turns.add(key, 0);
        }
        let mut expected: Vec<String> = Vec::new();
        expected.extend(turns.take().map(|key| format!("add {key}")));
        let ended = self.change_what_waits(&initial, &mut turns).await;
        let calls = 3 + self.dice.index(initial.len() + 8);
        for _ in 1..calls {
            let Some(key) = turns.take() else { break };
            let kind = if ended.contains(&key) {
                "delete"
            } else {
                "add"
            };
            expected.push(format!("{kind} {key}"));
        }
        let time = CALL * u32::try_from(calls - 1).expect("few") + CALL / 2;
        let rest = time.saturating_sub(Duration::from_secs(1));
        self.world.sleep(rest).await;
        // A free worker waits; one that is busy is let finish, and starts no other.
        let stopped_at = stage.now();
        run.stop()
            .await
            .map_err(|error| format!("law 9: {error}"))?;

        let calls = stage.log.calls();
        let called: Vec<String> = calls
            .iter()
            .map(|call| {
                format!(
                    "{} {}",
                    call.event_type.map_or("", EventType::as_str),
                    call.key
                )
            })
            .collect();
        if called != expected {
            return Err(format!(
                "laws 2, 7 and 9: {called:?} instead of {expected:?} until {stopped_at:?}"
            ));
        }
        match calls.iter().find(|call| call.end.is_none()) {
            Some(call) => Err(format!("law 9: it was cut at {stopped_at:?}: {call}")),
            None => Ok(()),
        }
    }

    /// Makes, deletes and makes again; returns the keys that are owed a delete of the first list.
    async fn change_what_waits(&mut self, initial: &[String], turns: &mut Turns) -> Vec<String> {
        let mut ended = Vec::new();
        for number in 0..12 {
            let key = format!("default/live-{number}");
            self.world.create(&key, "db").await;
            turns.add(&key, 1);
        }
        for _ in 0..6 {
            let live = format!("default/live-{}", self.dice.below(12));
            if self.world.truth.get(&live).is_some() {
                self.world.delete(&live).await;
                turns.remove(&live);
            } else {
                self.world.create(&live, "db").await;
                turns.add(&live, 1);
            }
            let first = format!("default/first-{}", self.dice.below(8));
            if first != initial[0] && self.world.truth.get(&first).is_some() {
                self.world.delete(&first).await;
                turns.add(&first, 1);
                ended.push(first);
            }
            tokio::task::yield_now().await;
        }
        self.world.sleep(Duration::from_millis(1)).await;
        ended
    }

    /// Stops a loop whose callbacks hang: they are cut off, and named.
    pub(crate) async fn cut_off(&mut self) -> Result<(), String> {
        let stage = Stage::new(self.stage.server.clone(), 0);
        stage.follow(|_| Does::Hang);
        let spec = Spec {
            workers: 2,
            ..Spec::new("hung", View::All)
        };
        let run = self
            .kit
            .run(EventLoop::new("hung").register(Actor::new(spec, &stage)));
        self.world.sleep(Duration::from_secs(1)).await;
        let mut running: Vec<String> = stage.log.calls().iter().map(|c| c.key.clone()).collect();
        running.sort();

        let error = run.stop().await;

        let cut_off = match &error {
            Err(error) => match &**error {
                RunError::CutOff(cut_off) => cut_off.clone(),
                other => return Err(format!("law 9: {other}")),
            },
            Ok(()) => return Err("law 9: hung callbacks are no error".to_owned()),
        };
        let mut named: Vec<String> = cut_off
            .iter()
            .map(|cut| cut.callback.object().to_string())
            .collect();
        named.sort();
        let later = stage.log.len();
        if named != running || later != running.len() {
            return Err(format!(
                "law 9: {named:?} are named, {running:?} hung, {later} in all"
            ));
        }
        Ok(())
    }

    /// Runs a loop of which some informers cannot sync: each is named.
    pub(crate) async fn unsynced(&mut self) -> Result<(), String> {
        let stage = Stage::new(self.stage.server.clone(), 0);
        stage.follow(|_| Does::Succeed);
        let mut event_loop = EventLoop::new("refused").sync_timeout(Duration::from_secs(10));
        for (name, view) in [("a", View::All), ("b", View::Web), ("c", View::Running)] {
            event_loop = event_loop.register(Actor::new(Spec::new(name, view), &stage));
        }
        let refused = Fault::Status {
            code: 403,
            retry_after: None,
        };
        let faults = self.stage.server.faults();
        let run = self.kit.run(event_loop);
        let own = || When::any().client(run.client_name());
        let ids = [
            faults.add(
                own().parameter("labelSelector", "app in (web, api)"),
                refused,
            ),
            faults.add(
                own().parameter("fieldSelector", "status.phase=Running"),
                refused,
            ),
        ];

        let error = run.ended().await;

        for id in ids {
            faults.remove(id);
        }
        match error {
            Err(error) => match &*error {
                RunError::NotSynced(unsynced) if unsynced.len() == 2 => Ok(()),
                other => Err(format!("law 8: {other}")),
            },
            Ok(()) => Err("law 8: informers that cannot sync are no error".to_owned()),
        }
    }
}
