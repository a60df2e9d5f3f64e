//! Whether a log of calls keeps the laws, held against all that the server had.

mod life;
pub(crate) mod requests;

use std::collections::{BTreeMap, BTreeSet};

use self::life::Lives;
use crate::{actor::Spec, log::Log, truth::Truth};

/// A timer may be this late.
pub(crate) const SLACK: std::time::Duration = std::time::Duration::from_millis(2);

/// What is known of one loop's run beside its log.
pub(crate) struct Run<'a> {
    pub(crate) specs: &'a [Spec],
    /// By handler: the server's version when its informer was first seen to have synced. What came
    /// with its first list is not newer.
    pub(crate) synced: &'a BTreeMap<&'static str, u64>,
}

/// Returns what breaks a law; the loop is idle.
pub(crate) fn broken(run: &Run<'_>, log: &Log, truth: &Truth) -> Vec<String> {
    let mut broken: Vec<String> = log
        .overlaps()
        .into_iter()
        .map(|call| format!("law 1: two at once: {call}"))
        .collect();
    let calls = log.calls();
    for spec in run.specs {
        let synced = run.synced.get(spec.name).copied().unwrap_or(u64::MAX);
        let of_handler = || calls.iter().filter(|call| call.handler == spec.name);
        let keys: BTreeSet<&String> = of_handler()
            .map(|call| &call.key)
            .chain(truth.keys())
            .collect();
        for key in keys {
            let mut lives = Lives::new(spec, key, truth, synced);
            let of_object = of_handler().filter(|call| call.key == *key);
            let why = of_object
                .clone()
                .try_for_each(|call| lives.take(call).map_err(|why| format!("{why}: {call}")))
                .and_then(|()| lives.end());
            if let Err(why) = why {
                let calls: Vec<String> = of_object.map(|call| format!("    {call}")).collect();
                let stays = truth.stays(spec.view, key);
                broken.push(format!(
                    "{} {key}: {why}\n{}\n    {stays:?}",
                    spec.name,
                    calls.join("\n")
                ));
            }
        }
    }
    broken
}
