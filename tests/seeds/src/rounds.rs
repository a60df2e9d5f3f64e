//! After a history, with no fault left: single steps of which it is known exactly what must follow.

use std::time::Duration;

use kubehandler::EventType;
use kubehandler_testing::{
    Run,
    kubehandler_apiserver::{Fault, Verb, When},
};

use crate::{
    actor::{Does, Spec, View},
    log::Call,
    run::Play,
};

/// A retry that would come much too late.
const LATER: Duration = Duration::from_secs(50);
/// Once the object exists again, its owed delete may fail this often before it is given up.
const DELETE_FAILURES: u32 = 5;

/// A pod of this name in each namespace.
fn keys(name: &str) -> [String; 2] {
    ["default", "side"].map(|namespace| format!("{namespace}/{name}"))
}

/// What a handler was called for, without the versions: ``add default/web``.
fn names<'a>(calls: impl IntoIterator<Item = &'a Call>) -> Vec<String> {
    let names = calls.into_iter().map(|call| {
        let event_type = call.event_type.map_or("refused", EventType::as_str);
        format!("{event_type} {}", call.key)
    });
    names.collect()
}

impl Play {
    /// Plays all rounds; returns what breaks a law.
    pub(crate) async fn rounds(&mut self, run: &Run) -> Result<(), String> {
        self.changed_once(run).await?;
        self.event_comes_twice(run).await?;
        self.change_overtakes_a_delay(run).await?;
        self.recreation_makes_the_delete_due(run).await?;
        self.delete_gives_way(run).await?;
        self.first_in_first_out(run).await
    }

    async fn idle(&mut self, run: &Run) -> Result<(), String> {
        run.idle()
            .await
            .map_err(|error| format!("law 10: {error}"))?;
        self.world.truth.read().await;
        Ok(())
    }

    fn in_view(&self, spec: &Spec) -> Vec<(String, u64, bool)> {
        let pods = self.world.truth.now();
        let in_view = pods.filter(|(key, state, _)| spec.view.has(key, state));
        let known = in_view.map(|(key, state, version)| {
            let is_readable = !(spec.has_predicates && state.is_broken);
            (key.clone(), version, is_readable)
        });
        known.collect()
    }

    /// Every pod is changed, once for all to see and once not: each handler is called once, at once.
    async fn changed_once(&mut self, run: &Run) -> Result<(), String> {
        for counts in [true, false, true] {
            let before: Vec<Vec<(String, u64, bool)>> =
                self.specs.iter().map(|spec| self.in_view(spec)).collect();
            let (from, at) = (self.stage.log.len(), self.stage.now());
            let keys: Vec<String> = self
                .world
                .truth
                .now()
                .map(|(key, ..)| key.clone())
                .collect();
            for key in keys {
                if counts {
                    self.world.touch(&key).await;
                } else {
                    self.world.note(&key).await;
                }
            }
            self.idle(run).await?;
            let calls = self.stage.log.since(from);
            for (spec, before) in self.specs.iter().zip(before) {
                let of_handler = calls.iter().filter(|call| call.handler == spec.name);
                let mut of_handler: Vec<&Call> = of_handler.collect();
                of_handler.sort_by_key(|call| call.key.clone());
                let is_dropped = spec.has_predicates && !counts;
                let expected = before.iter().filter(|(_, _, is_readable)| *is_readable);
                let expected: Vec<&String> = expected
                    .filter(|_| !is_dropped)
                    .map(|(key, ..)| key)
                    .collect();
                let called: Vec<&String> = of_handler.iter().map(|call| &call.key).collect();
                if called != expected {
                    return Err(format!(
                        "laws 4 and 5: {} was called for {called:?} after a change of {expected:?}",
                        spec.name
                    ));
                }
                for call in of_handler {
                    if call.at != at {
                        return Err(format!(
                            "law 6: a first delivery waited since {at:?}: {call}"
                        ));
                    }
                    let known = before.iter().find(|(key, ..)| *key == call.key);
                    let is_fresh = call.event_type == Some(EventType::Update)
                        && known.is_some_and(|(_, version, _)| call.old == Some(*version));
                    let was_settled = self.is_settled;
                    let is_broken = self.world.truth.at(&call.key, call.old.unwrap_or(0));
                    let is_broken = is_broken.is_none_or(|state| state.is_broken);
                    if was_settled && !is_fresh && !is_broken {
                        return Err(format!("law 4: old is not the state handled last: {call}"));
                    }
                }
            }
            // From here on each handler has handled each pod as it is.
            self.is_settled = true;
        }
        Ok(())
    }

    /// An event that comes twice is one change.
    async fn event_comes_twice(&mut self, run: &Run) -> Result<(), String> {
        let faults = self.world.server.faults();
        let watches = When::any()
            .client(run.client_name())
            .verb(Verb::Watch)
            .parameter("sendInitialEvents", "")
            .times(u64::MAX);
        let twice = faults.add(watches, Fault::Duplicate(0));
        faults.break_watches(&When::any().client(run.client_name()));
        self.idle(run).await?;
        let answer = self.changed_once(run).await;
        self.world.server.faults().remove(twice);
        answer.map_err(|why| format!("an event came twice: {why}"))
    }

    /// Makes a pod of this name in each namespace; every handler sees one of them at least.
    async fn make(&mut self, name: &str) {
        for key in keys(name) {
            self.world.create(&key, "web").await;
            self.world.phase(&key, "Running").await;
        }
    }

    async fn touch(&mut self, name: &str) {
        for key in keys(name) {
            self.world.touch(&key).await;
        }
    }

    async fn delete(&mut self, name: &str) {
        for key in keys(name) {
            self.world.delete(&key).await;
        }
    }

    /// Returns the calls of each handler for the pods of this name that it sees.
    fn calls_for(&self, name: &str, from: usize) -> Vec<(Spec, String, Vec<Call>)> {
        let calls = self.stage.log.since(from);
        let pairs = self.specs.iter().flat_map(|spec| {
            let seen = keys(name).into_iter();
            let seen = seen.filter(|key| spec.view != View::Side || key.starts_with("side/"));
            seen.map(|key| (*spec, key))
        });
        pairs
            .map(|(spec, key)| {
                let own = calls.iter();
                let own = own.filter(|call| call.handler == spec.name && call.key == key);
                let own = own.cloned().collect();
                (spec, key, own)
            })
            .collect()
    }

    /// A change does not wait for the retry of a failure before it.
    async fn change_overtakes_a_delay(&mut self, run: &Run) -> Result<(), String> {
        self.make("hasty").await;
        self.idle(run).await?;
        self.stage.follow(|_| Does::FailFor(LATER));
        let from = self.stage.log.len();
        self.touch("hasty").await;
        self.world.sleep(Duration::from_secs(1)).await;
        self.stage.follow(|_| Does::Succeed);
        let at = self.stage.now();
        self.touch("hasty").await;
        self.idle(run).await?;
        for (_, key, calls) in self.calls_for("hasty", from) {
            let update = format!("update {key}");
            if names(&calls) != [update.clone(), update] || calls[1].at != at {
                return Err(format!(
                    "law 6: a change at {at:?} was held back: {calls:?}"
                ));
            }
        }
        self.delete("hasty").await;
        self.idle(run).await
    }

    /// An owed delete does not wait for its retry once the object exists again.
    async fn recreation_makes_the_delete_due(&mut self, run: &Run) -> Result<(), String> {
        self.make("again").await;
        self.idle(run).await?;
        self.stage.follow(|_| Does::FailFor(LATER));
        let from = self.stage.log.len();
        self.delete("again").await;
        self.world.sleep(Duration::from_secs(1)).await;
        self.stage.follow(|_| Does::Succeed);
        let at = self.stage.now();
        self.make("again").await;
        self.world.sleep(Duration::from_secs(1)).await;
        for (_, key, calls) in self.calls_for("again", from) {
            let delete = format!("delete {key}");
            let expected = [delete.clone(), delete, format!("add {key}")];
            if !names(&calls).starts_with(&expected) || calls[1].at != at || calls[2].at != at {
                return Err(format!("law 6: a re-creation at {at:?} waits: {calls:?}"));
            }
        }
        self.delete("again").await;
        self.idle(run).await
    }

    /// A delete that always fails gives way to the next life.
    async fn delete_gives_way(&mut self, run: &Run) -> Result<(), String> {
        self.make("stuck").await;
        self.idle(run).await?;
        self.stage.follow(|call| match call.event_type {
            Some(EventType::Delete) => Does::FailFor(Duration::from_secs(1)),
            _ => Does::Succeed,
        });
        self.delete("stuck").await;
        self.world.sleep(Duration::from_millis(500)).await;
        let from = self.stage.log.len();
        self.make("stuck").await;
        self.world.sleep(Duration::from_secs(30)).await;
        self.stage.follow(|_| Does::Succeed);
        for (spec, _, calls) in self.calls_for("stuck", from) {
            let deletes = calls.iter();
            let deletes = deletes.take_while(|call| call.event_type == Some(EventType::Delete));
            let most = spec.max.map_or(DELETE_FAILURES, |max| max - 1);
            let expected = usize::try_from(most.min(DELETE_FAILURES)).expect("few");
            if deletes.count() != expected || calls.len() <= expected {
                return Err(format!("law 6: a delete does not give way: {calls:?}"));
            }
        }
        self.delete("stuck").await;
        self.idle(run).await
    }

    /// Objects have their turns in the order in which they came.
    async fn first_in_first_out(&mut self, run: &Run) -> Result<(), String> {
        let Some(spec) = self.specs.iter().find(|spec| spec.workers == 1).copied() else {
            return Ok(());
        };
        self.stage.follow(|call| match &*call.key {
            "side/plug" => Does::Take(Duration::from_secs(10)),
            _ => Does::Succeed,
        });
        let from = self.stage.log.len();
        self.world.create("side/plug", "db").await;
        self.world.sleep(Duration::from_secs(1)).await;
        let mut waiting: Vec<String> = Vec::new();
        for _ in 0..20 {
            let key = format!("side/f{}", self.dice.below(6));
            if let Some(index) = waiting.iter().position(|other| *other == key) {
                if self.dice.one_in(2) {
                    self.world.touch(&key).await;
                    continue;
                }
                self.world.delete(&key).await;
                waiting.remove(index);
            } else {
                self.world.create(&key, "db").await;
                waiting.push(key);
            }
            tokio::task::yield_now().await;
        }
        self.idle(run).await?;
        let calls = self.stage.log.since(from);
        let calls = calls.iter().filter(|call| call.handler == spec.name);
        let mut expected = vec!["add side/plug".to_owned()];
        expected.extend(waiting.iter().map(|key| format!("add {key}")));
        let called = names(calls);
        if called != expected {
            return Err(format!("law 7: {called:?} instead of {expected:?}"));
        }
        for key in waiting {
            self.world.delete(&key).await;
        }
        self.world.delete("side/plug").await;
        self.idle(run).await
    }
}
