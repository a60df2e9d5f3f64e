//! Law 10 at the wire: nobody asks in a hot loop.

use std::collections::{BTreeMap, BTreeSet};

use kubehandler_testing::kubehandler_apiserver::{Asked, Verb};

/// So many watches of one informer may be asked for at one moment.
const AT_ONCE: usize = 2;

type Informer<'a> = (&'a str, [&'a str; 2]);

fn informer(asked: &Asked) -> Informer<'_> {
    let selectors = ["labelSelector", "fieldSelector"].map(|name| asked.parameter(name));
    (&asked.path, selectors)
}

/// Checks that each informer of a client whose version is gone heard so once, and then asked for a list.
pub(crate) fn lists_follow(asked: &[Asked], client: &str) -> Result<(), String> {
    let mut watches: BTreeMap<Informer<'_>, usize> = BTreeMap::new();
    let mut listed = BTreeSet::new();
    let pods = asked.iter().filter(|asked| asked.resource == "pods");
    for asked in pods.filter(|asked| asked.client == client) {
        let informer = informer(asked);
        if asked.verb == Verb::List || asked.is_streaming_list() {
            listed.insert(informer);
        } else if asked.verb == Verb::Watch && !listed.contains(&informer) {
            *watches.entry(informer).or_default() += 1;
        }
    }
    for (informer, count) in watches {
        if count > 1 {
            return Err(format!(
                "law 10: {informer:?} asked {count} times for what is gone"
            ));
        }
        if !listed.contains(&informer) {
            return Err(format!(
                "law 3: {informer:?} does not list when the history is gone"
            ));
        }
    }
    if listed.is_empty() {
        return Err("law 3: no list follows when the history is gone".to_owned());
    }
    Ok(())
}

/// Returns the informers that asked for watch after watch without a pause.
pub(crate) fn hot_loops(asked: &[Asked]) -> Vec<String> {
    let mut counts: BTreeMap<_, usize> = BTreeMap::new();
    let watches = asked.iter().filter(|asked| {
        asked.verb == Verb::Watch && !asked.is_streaming_list() && asked.resource == "pods"
    });
    for watch in watches {
        *counts.entry((watch.at, informer(watch))).or_default() += 1;
    }
    counts.retain(|_, count| *count > AT_ONCE);
    let hot = counts.iter().map(|((_, (path, selectors)), count)| {
        format!("law 10: {count} watches of {path} {selectors:?} at one moment")
    });
    hot.collect()
}
