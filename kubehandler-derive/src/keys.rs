//! The words of `#[handler(...)]`: those known, those not yet, and what other libraries call them.

use std::fmt::Write;

use crate::suggest;

/// One key: its name, how it is written, and what kind of value it takes.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// An example, to show when the key is written otherwise.
    pub(crate) example: &'static str,
    /// What the value is, as in "takes a string".
    pub(crate) value: &'static str,
}

/// Declares keys as an enum, so that the compiler lists the places that a new key touches, and as a list
/// in the order of the documentation.
macro_rules! keys {
    ($(#[$doc:meta])* $keys:ident, $list:ident: $($key:ident = $name:literal, $value:literal, $example:literal;)+) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $keys {
            $($key,)+
        }

        $(#[$doc])*
        pub(crate) const $list: &[($keys, Key)] = &[$((
            $keys::$key,
            Key {
                name: $name,
                example: $example,
                value: $value,
            },
        ),)+];
    };
}

keys! {
    /// The keys of `#[handler(...)]` on the struct.
    HandlerKey, HANDLER:
    Resource = "resource", "a type, without quotes", "resource = Pod";
    Name = "name", "a string, or an expression such as `self.name`", "name = \"web\"";
    ApiResource = "api_resource", "an expression", "api_resource = self.api_resource";
    Informer = "informer", "an expression", "informer = self.pods.clone()";
    Namespace = "namespace", "a string", "namespace = \"web\"";
    Labels = "labels", "a string", "labels = \"app=web\"";
    Fields = "fields", "a string", "fields = \"status.phase=Running\"";
    Changed = "changed", "a path in a string, or a closure", "changed = \"spec.replicas\"";
    When = "when", "a closure, or the path of a function", "when = |pod| pod.spec.is_some()";
    Workers = "workers", "a whole number", "workers = 8";
    Timeout = "timeout", "a duration in a string", "timeout = \"30s\"";
    Retry = "retry", "values of its own", "retry(max = 12, base = \"200ms\", cap = \"5m\")";
    Resync = "resync", "a duration in a string", "resync = \"10m\"";
    Crate = "crate", "a path, without quotes", "crate = my::kubehandler";
}

keys! {
    /// The keys of `retry(...)`.
    RetryKey, RETRY:
    Max = "max", "a whole number", "max = 12";
    Base = "base", "a duration in a string", "base = \"200ms\"";
    Cap = "cap", "a duration in a string", "cap = \"5m\"";
    DeleteDeadline = "delete_deadline", "a duration in a string", "delete_deadline = \"2h\"";
}

/// Words that a later version will know, and what to do until then.
const NOT_YET: [(&str, &str); 3] = [
    (
        "finalizer",
        "until then, `reconcile` can add and remove one through `ev.client()`; `on_delete` alone is best effort",
    ),
    (
        "owns",
        "until then, give the child a handler of its own, or look again with `Action::requeue_after`",
    ),
    (
        "watches",
        "until then, give that kind a handler of its own, or look again with `Action::requeue_after`",
    ),
];

/// What other libraries, and Kubernetes elsewhere, call what the keys are.
const SYNONYMS: [(&str, &str); 23] = [
    ("concurrency", "workers"),
    ("max_concurrent_reconciles", "workers"),
    ("threadiness", "workers"),
    ("threads", "workers"),
    ("kind", "resource"),
    ("object", "resource"),
    ("type", "resource"),
    ("dyntype", "api_resource"),
    ("gvk", "api_resource"),
    ("ns", "namespace"),
    ("selector", "labels"),
    ("label_selector", "labels"),
    ("field_selector", "fields"),
    ("filter", "when"),
    ("predicate", "when"),
    ("retries", "retry"),
    ("backoff", "retry"),
    ("deadline", "timeout"),
    ("resync_period", "resync"),
    ("krate", "crate"),
    ("finalizers", "finalizer"),
    ("owned", "owns"),
    ("watch", "watches"),
];

/// Returns the key of this name.
pub(crate) fn find<K: Copy>(keys: &'static [(K, Key)], name: &str) -> Option<(K, &'static Key)> {
    let (which, key) = keys.iter().find(|(_, key)| key.name == name)?;
    Some((*which, key))
}

/// Says that a word is none of `keys` of `owner`, what was meant, and which there are.
pub(crate) fn unknown<K: Copy>(owner: &str, word: &str, keys: &'static [(K, Key)]) -> String {
    let names = || keys.iter().map(|(_, key)| key.name);
    let synonym = SYNONYMS
        .iter()
        .find(|(synonym, _)| *synonym == word && find(keys, word).is_none())
        .map(|(_, meant)| *meant)
        .filter(|meant| names().any(|name| name == *meant));
    let mut message = format!("unknown {owner} key `{word}`");
    if let Some(meant) = synonym.or_else(|| suggest::nearest(word, names())) {
        let _ = write!(message, "; did you mean `{meant}`?");
    }
    let list: Vec<String> = names().map(|name| format!("`{name}`")).collect();
    let _ = write!(message, "\nknown keys: {}", list.join(", "));
    message
}

/// Says what to do about a word that is not supported yet, if it is one.
pub(crate) fn not_yet(word: &str) -> Option<String> {
    let (word, advice) = NOT_YET.iter().find(|(known, _)| *known == word)?;
    Some(format!("`{word}` is not supported yet: {advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_key_gets_a_suggestion_and_the_list() {
        let message = unknown("retry", "maxx", RETRY);

        assert_eq!(
            message,
            "unknown retry key `maxx`; did you mean `max`?\nknown keys: `max`, `base`, `cap`, `delete_deadline`"
        );
    }

    #[test]
    fn words_of_other_libraries_are_translated() {
        for (word, meant) in SYNONYMS {
            if find(HANDLER, meant).is_some() {
                let message = unknown("handler", word, HANDLER);

                assert!(message.contains(&format!("did you mean `{meant}`?")));
            }
        }
    }

    #[test]
    fn examples_begin_with_their_key() {
        let keys = HANDLER.iter().map(|(_, key)| key);
        for key in keys.chain(RETRY.iter().map(|(_, key)| key)) {
            assert!(key.example.starts_with(key.name), "{}", key.name);
        }
    }
}
