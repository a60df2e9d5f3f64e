//! The way of a write: decide → admit → commit.
//!
//! A decision is made under the lock, of what is there. Admission takes place without the lock. The
//! decision is committed if the object is still the one that it was made of, and made again otherwise.

use std::sync::{Arc, MutexGuard};

use http::StatusCode;
use serde_json::Value;

use super::Call;
use crate::{
    controllers::{Cluster, Committed, Deleted},
    engine::Engine,
    failure::Failure,
    numbers,
    rules::{Deletion, Updated, deleted_answer},
    state::storage::{Stored, key},
    wire::reply::{self, Reply},
};

/// How often a write is decided again because its object changed during admission.
const ATTEMPTS: usize = 5;

/// What is to become of an object.
pub(super) struct Decision {
    pub(super) name: String,
    /// The object that it was decided on; absent if there was none.
    pub(super) seen: Option<Arc<Stored>>,
    /// The same, as rules see it.
    pub(super) old: Option<Value>,
    pub(super) outcome: Outcome,
}

pub(super) enum Outcome {
    Write(Updated),
    /// And the code of the answer while the object waits for something.
    Delete(Deletion, StatusCode),
}

impl Outcome {
    /// Returns the object as it is to be stored.
    fn object(&mut self) -> Option<&mut Value> {
        match self {
            Self::Write(Updated::Create(new) | Updated::Put(new) | Updated::Remove(new)) => {
                Some(new)
            }
            Self::Write(Updated::Unchanged) | Self::Delete(..) => None,
        }
    }
}

impl Call<'_> {
    /// Decides a write, has it admitted and commits it.
    pub(super) async fn write_through(
        &self,
        engine: &Engine,
        is_dry_run: bool,
        decide: impl Fn(&mut Cluster) -> Result<Decision, Failure>,
    ) -> Result<Reply, Failure> {
        let mut last = String::new();
        for _ in 0..ATTEMPTS {
            let mut decision = {
                let mut cluster = engine.cluster();
                let decision = decide(&mut cluster)?;
                if engine.admission.is_empty() {
                    return self.finish(engine, cluster, decision, is_dry_run);
                }
                decision
            };
            let Decision { old, outcome, .. } = &mut decision;
            let (request, old) = (&self.request.asked, old.as_ref());
            engine
                .admission
                .admit(request, old, outcome.object())
                .await?;
            let mut cluster = engine.cluster();
            if self.is_current(&mut cluster, &decision) {
                return self.finish(engine, cluster, decision, is_dry_run);
            }
            last = decision.name;
        }
        Err(Failure::modified(self.resource.group_resource(), &last))
    }

    /// Returns true if the object is still the one that was decided on.
    fn is_current(&self, cluster: &mut Cluster, decision: &Decision) -> bool {
        let table = cluster.table(&self.resource);
        let now = cluster
            .storage
            .get(table, &key(self.namespace(), &decision.name));
        match (now, &decision.seen) {
            (None, None) => true,
            (Some(now), Some(seen)) => Arc::ptr_eq(now, seen),
            _ => false,
        }
    }

    fn finish(
        &self,
        engine: &Engine,
        mut cluster: MutexGuard<'_, Cluster>,
        decision: Decision,
        is_dry_run: bool,
    ) -> Result<Reply, Failure> {
        let Decision {
            seen,
            old,
            mut outcome,
            ..
        } = decision;
        if let Some(object) = outcome.object() {
            numbers::write_integers(object);
        }
        match outcome {
            Outcome::Write(updated) if is_dry_run => self.reply_to_dry_write(updated, old),
            Outcome::Delete(deletion, _) if is_dry_run => {
                self.reply_to_deleted(self.dry_deletion(&old.unwrap_or_default(), deletion))
            }
            Outcome::Write(updated) => {
                let committed = cluster.commit_update(&self.resource, old.as_ref(), updated);
                if !matches!(committed, Committed::Unchanged) {
                    settle(engine, cluster);
                }
                self.reply_to_write(committed, seen.as_deref())
            }
            Outcome::Delete(deletion, pending) => {
                let old = old.unwrap_or_default();
                let deleted = cluster.commit_deletion(&self.resource, &old, deletion);
                settle(engine, cluster);
                let answer = match (deleted, seen) {
                    (Deleted::Waits(None), _) => (pending, old),
                    (Deleted::Waits(Some(stored)), _) => (pending, self.whole(&stored)),
                    // What went at once is shown as it was, what was marked first as it went.
                    (Deleted::Gone { last, is_put }, seen) => {
                        let shown = seen.filter(|_| !is_put).unwrap_or(last);
                        (
                            StatusCode::OK,
                            deleted_answer(&self.resource, &self.whole(&shown)),
                        )
                    }
                };
                self.reply_to_deleted(answer)
            }
        }
    }

    fn reply_to_dry_write(&self, updated: Updated, old: Option<Value>) -> Result<Reply, Failure> {
        let (code, object) = match updated {
            Updated::Create(object) => (StatusCode::CREATED, Some(object)),
            Updated::Put(object) | Updated::Remove(object) => (StatusCode::OK, Some(object)),
            Updated::Unchanged => (StatusCode::OK, old),
        };
        self.reply_value(code, object.unwrap_or_default())
    }

    fn reply_to_write(
        &self,
        committed: Committed,
        seen: Option<&Stored>,
    ) -> Result<Reply, Failure> {
        match (committed, seen) {
            (Committed::Unchanged, Some(stored)) => self.reply(StatusCode::OK, stored),
            (Committed::Unchanged, None) => Err(self.not_found()),
            (Committed::Removed(object), _) => self.reply_value(StatusCode::OK, object),
            (Committed::Created(stored), _) => self.reply(StatusCode::CREATED, &stored),
            (Committed::Updated(stored), _) => self.reply(StatusCode::OK, &stored),
        }
    }

    fn dry_deletion(&self, old: &Value, deletion: Deletion) -> (StatusCode, Value) {
        let answer = match deletion {
            Deletion::Put(object) => object,
            Deletion::Unchanged => old.clone(),
            Deletion::PutAndRemove(object) => deleted_answer(&self.resource, &object),
            Deletion::Remove => deleted_answer(&self.resource, old),
        };
        (StatusCode::OK, answer)
    }

    fn reply_to_deleted(&self, (code, answer): (StatusCode, Value)) -> Result<Reply, Failure> {
        if answer["kind"] == "Status" {
            return Ok(reply::value(code, &answer));
        }
        self.reply_value(code, answer)
    }
}

/// Does what follows from a change, gives the lock back, and wakes who waits for a version.
pub(super) fn settle(engine: &Engine, mut cluster: MutexGuard<'_, Cluster>) {
    cluster.settle();
    drop(cluster);
    engine.advanced.notify_waiters();
}

#[cfg(test)]
mod tests;
