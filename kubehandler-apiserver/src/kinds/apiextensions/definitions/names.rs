//! Which of the names that a definition wants it gets: those that no other of its group has.
//!
//! Source: `k8s.io/apiextensions-apiserver/pkg/controller/status/naming_controller.go`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Condition, condition};
use crate::object;

/// The names that are of one sort: two definitions cannot have the same.
const RESOURCES: [&str; 2] = ["plural", "singular"];
const KINDS: [&str; 2] = ["kind", "listKind"];

/// Returns the definition with the names that it gets, `None` if nothing changes.
///
/// `group` are all definitions of its group, itself among them.
pub(crate) fn accept_names(definition: &Value, group: &[Value], now: &str) -> Option<Value> {
    let wanted = object::field(definition, &["spec", "names"])?;
    let accepted = accepted_names(definition);
    if accepted == Some(wanted) {
        return None;
    }
    let (names, conflict) = decide(wanted, accepted, group);
    let names_accepted = conflict.unwrap_or_else(|| {
        Condition::new("NamesAccepted", "True", "NoConflicts", "no conflicts found")
    });
    if accepted == Some(&names) && names_accepted.is_in(definition) {
        return None;
    }
    let mut next = definition.clone();
    object::fields_of(&mut next, "status").insert("acceptedNames".to_owned(), names);
    names_accepted.set(&mut next, now);
    if let Some(established) = not_yet_established(definition, names_accepted.status == "True") {
        established.set(&mut next, now);
    }
    Some(next)
}

fn accepted_names(definition: &Value) -> Option<&Value> {
    object::field(definition, &["status", "acceptedNames"])
}

/// Returns the names that a definition gets, and the last conflict.
fn decide(wanted: &Value, accepted: Option<&Value>, group: &[Value]) -> (Value, Option<Condition>) {
    let taken: Vec<_> = group.iter().filter_map(accepted_names).collect();
    let resources = names_of(&taken, &RESOURCES, Some("shortNames"));
    let kinds = names_of(&taken, &KINDS, None);
    let own = |name: &str| accepted.and_then(|names| names.get(name));
    let mut names = accepted
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let mut conflict = None;
    for (name, used, reason) in [
        ("plural", &resources, "PluralConflict"),
        ("singular", &resources, "SingularConflict"),
        ("shortNames", &resources, "ShortNamesConflict"),
        ("kind", &kinds, "KindConflict"),
        ("listKind", &kinds, "ListKindConflict"),
    ] {
        let clashes: Vec<_> = texts(wanted.get(name))
            .filter(|text| !texts(own(name)).any(|own| own == *text) && used.contains(text))
            .map(|text| format!("{text:?} is already in use"))
            .collect();
        if clashes.is_empty() {
            copy(&mut names, name, wanted);
        } else {
            let message = aggregate(&clashes);
            conflict = Some(Condition::new("NamesAccepted", "False", reason, message));
        }
    }
    copy(&mut names, "categories", wanted);
    (Value::Object(names), conflict)
}

/// Returns the condition of a definition that is not served yet, if it is not.
fn not_yet_established(definition: &Value, is_accepted: bool) -> Option<Condition> {
    let known = condition(definition, "Established");
    if known.is_some_and(|known| known["status"] == "True") {
        return None;
    }
    if is_accepted {
        let message = "the initial names have been accepted";
        return Some(Condition::new(
            "Established",
            "False",
            "Installing",
            message,
        ));
    }
    let message = "not all names are accepted";
    known
        .is_none()
        .then(|| Condition::new("Established", "False", "NotAccepted", message))
}

fn names_of<'a>(taken: &[&'a Value], single: &[&str], list: Option<&str>) -> BTreeSet<&'a str> {
    let fields = single.iter().copied().chain(list);
    fields
        .flat_map(|field| taken.iter().flat_map(move |names| texts(names.get(field))))
        .collect()
}

/// Returns the text, or the texts of a list.
fn texts(value: Option<&Value>) -> impl Iterator<Item = &str> {
    let one = value.and_then(Value::as_str);
    one.into_iter().chain(object::texts(value))
}

fn copy(names: &mut Map<String, Value>, name: &str, from: &Value) {
    match from.get(name) {
        Some(value) => names.insert(name.to_owned(), value.clone()),
        None => names.remove(name),
    };
}

fn aggregate(sentences: &[String]) -> String {
    match sentences {
        [only] => only.clone(),
        several => format!("[{}]", several.join(", ")),
    }
}
