//! Cases with what `structured-merge-diff` makes of them, one a line of the files in `cases`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::read::{Typed, set, yaml};
use crate::merge::{
    ConvertError, Duplicates, FieldSet, Filter, Managed, Managers, MergeError, ObjectType, Updater,
    Versions,
};

/// Cases of one type.
#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    schema: Value,
    #[serde(default, rename = "type")]
    ty: String,
    cases: Vec<Value>,
}

/// Runs all cases of a file, and says which of them fail.
fn run(file: &str, check: fn(&Typed, &Value) -> Result<(), String>) {
    let groups: Vec<Group> = yaml(file);
    let mut failed = Vec::new();
    for group in groups {
        let ty = Typed::new(&group.schema, &group.ty);
        for case in &group.cases {
            if let Err(why) = check(&ty, case) {
                failed.push(format!("{case}\n{why}"));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// Says what was expected unless it is there.
fn same(actual: &Value, expected: &Value) -> Result<(), String> {
    // Unlike for the merge, 1 is not 1.0 here.
    if actual == expected {
        return Ok(());
    }
    Err(format!("expected {expected}\n but got {actual}"))
}

fn same_set(actual: &FieldSet, expected: &Value) -> Result<(), String> {
    let expected = set(expected);
    if *actual == expected {
        return Ok(());
    }
    same(&actual.to_fields_v1(), &expected.to_fields_v1())
}

/// Returns the lines of an error in one order; Go reports the fields of a map in any.
fn lines(error: &str) -> Vec<&str> {
    let mut lines: Vec<_> = error.lines().collect();
    lines.sort_unstable();
    lines
}

/// Fails unless the case expects an error, or none, as there was.
fn same_error(actual: &str, expected: &Value) -> Result<(), String> {
    let expected = expected.as_str().unwrap_or_default();
    if lines(actual) == lines(expected) {
        return Ok(());
    }
    Err(format!("expected {expected:?}\n but got {actual:?}"))
}

fn check_typed(ty: &Typed, case: &Value) -> Result<(), String> {
    let ty = ty.ty();
    let value = &case["value"];
    let items = || set(&case["items"]);
    let expected = &case["out"];
    match case["do"].as_str().unwrap_or_default() {
        "validate" => {
            let duplicates = match case["dups"].as_bool() {
                Some(true) => Duplicates::Allowed,
                _ => Duplicates::Refused,
            };
            let error = ty.validate(value, duplicates).err();
            let error = error.map(|error| error.to_string()).unwrap_or_default();
            same_error(&error, &case["error"])
        }
        "fields" => same_set(&ty.field_set(value), expected),
        "merge" => match ty.merge(value, &case["rhs"]) {
            Ok(merged) => same_error("", &case["error"]).and(same(&merged, expected)),
            Err(error) => same_error(&error.to_string(), &case["error"]),
        },
        "compare" => match ty.compare(value, &case["rhs"]) {
            Ok(changes) => {
                same_error("", &case["error"])?;
                same_set(&changes.added, &case["added"])?;
                same_set(&changes.removed, &case["removed"])?;
                same_set(&changes.modified, &case["modified"])
            }
            Err(error) => same_error(&error.to_string(), &case["error"]),
        },
        "remove" => same(&ty.remove(value, &items()), expected),
        "extract" if case["keys"] == true => same(&ty.extract_with_keys(value, &items()), expected),
        "extract" => same(&ty.extract(value, &items()), expected),
        "reconcile" => match ty.reconcile(&items()) {
            Ok(reconciled) => {
                same_error("", &case["error"])?;
                let unchanged = if expected.is_null() {
                    &case["items"]
                } else {
                    expected
                };
                same_set(&reconciled.unwrap_or_else(items), unchanged)
            }
            Err(error) => same_error(&error, &case["error"]),
        },
        other => Err(format!("unknown: {other}")),
    }
}

/// How the objects of a case are converted.
#[derive(Clone, Copy)]
enum Conversion {
    /// All versions are the same.
    None,
    /// The last two characters of names are the version.
    Rename,
    /// Names are one letter, as often as the number of the version.
    Repeat,
    /// A field has another name in each of two versions, and one of them requires it.
    Require,
}

impl Conversion {
    fn of(case: &Value) -> Self {
        match case["converter"].as_str() {
            Some("rename") => Self::Rename,
            Some("repeat") => Self::Repeat,
            Some("require") => Self::Require,
            _ => Self::None,
        }
    }

    fn type_of<'a>(self, ty: &'a Typed, version: &str) -> Option<ObjectType<'a>> {
        match self {
            Self::None | Self::Repeat => Some(ty.ty()),
            Self::Rename | Self::Require => ty.named(version),
        }
    }

    fn convert(self, object: &Value, version: &str) -> Result<Value, ConvertError> {
        match self {
            Self::None => Ok(object.clone()),
            Self::Rename => Ok(rename(object, &|name| {
                let stem = name.len().saturating_sub(2);
                match &name[stem..] {
                    "v1" | "v2" | "v3" | "v4" => format!("{}{version}", &name[..stem]),
                    _ => name.to_owned(),
                }
            })),
            Self::Repeat => {
                let count = version[1..].parse().unwrap_or(1);
                Ok(rename(object, &|name| match name.len() {
                    1..5 => name[..1].repeat(count),
                    _ => name.to_owned(),
                }))
            }
            Self::Require => {
                let (from, to) = match version {
                    "v1" => ("required_field_bar", "field_foo_rely_on_bar"),
                    _ => ("field_foo_rely_on_bar", "required_field_bar"),
                };
                if version == "v1" && object.get(from).is_none() {
                    return Err(ConvertError::Failed("missing required field".to_owned()));
                }
                Ok(rename(object, &|name| name.replace(from, to)))
            }
        }
    }
}

/// Returns the value with other names in its maps.
fn rename(value: &Value, to: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields = fields.map(|(name, value)| (to(name), rename(value, to)));
            Value::Object(fields.collect())
        }
        Value::Array(items) => items.iter().map(|item| rename(item, to)).collect(),
        other => other.clone(),
    }
}

/// An object that is written several times.
struct Live {
    object: Value,
    version: String,
    managers: Managers,
    conversion: Conversion,
}

impl Live {
    fn write(&mut self, types: &Typed, step: &Value) -> Result<(), String> {
        let text = |name: &str| step[name].as_str().unwrap_or_default();
        let (manager, version) = (text("manager"), text("version"));
        let conversion = self.conversion;
        if !self.object.is_null() && self.version != version {
            let object = conversion.convert(&self.object, version);
            self.object = object.map_err(|why| why.to_string())?;
        }
        version.clone_into(&mut self.version);
        let type_of = |version: &str| conversion.type_of(types, version);
        let updater = Updater {
            versions: Versions {
                type_of: &type_of,
                convert: &|object, version| conversion.convert(object, version),
            },
            version,
            filters: &BTreeMap::<String, Filter>::new(),
        };
        let ty = type_of(version).ok_or("there is no such version")?;
        let managers = self.managers.clone();
        let mut object = step["object"].clone();
        if text("op") == "update" {
            let managers = updater.update(&self.object, &object, managers, manager);
            self.managers = managers.map_err(shown)?;
            self.object = object;
            return Ok(());
        }
        if text("op") == "extract" && !self.managers.is_empty() {
            let fields = managers.get(manager).map(|managed| managed.fields.leaves());
            let extracted = ty.extract(&self.object, &fields.unwrap_or_default());
            let merged = ty.merge(&extracted, &object);
            object = merged.map_err(|error| error.to_string())?;
        }
        let is_forced = text("op") != "apply";
        let applied = updater.apply(&self.object, &object, managers, manager, is_forced);
        let applied = applied.map_err(shown)?;
        self.managers = applied.managers;
        if let Some(object) = applied.object {
            self.object = object;
        }
        Ok(())
    }
}

fn shown(error: MergeError) -> String {
    match error {
        MergeError::Conflicts(conflicts) => conflicts.to_string(),
        MergeError::Live(errors) | MergeError::New(errors) | MergeError::Config(errors) => {
            errors.to_string()
        }
        MergeError::Failed(why) => why,
    }
}

fn check_managers(managers: &Managers, expected: &Value) -> Result<(), String> {
    let to_value = |managed: &Managed| {
        json!({
            "version": managed.api_version,
            "applied": managed.is_applied,
            "fields": managed.fields.to_fields_v1(),
        })
    };
    let managers: Value = managers
        .iter()
        .map(|(manager, managed)| (manager.clone(), to_value(managed)))
        .collect();
    same(&managers, expected)
}

fn check_writes(ty: &Typed, case: &Value) -> Result<(), String> {
    let mut live = Live {
        object: Value::Null,
        version: String::new(),
        managers: Managers::new(),
        conversion: Conversion::of(case),
    };
    let mut changed: Option<Typed> = None;
    for step in case["steps"].as_array().into_iter().flatten() {
        if !step["schema"].is_null() {
            let name = step["type"].as_str().unwrap_or_default();
            changed = Some(Typed::new(&step["schema"], name));
            continue;
        }
        let ty = changed.as_ref().unwrap_or(ty);
        let error = live.write(ty, step).err().unwrap_or_default();
        same_error(&error, &step["error"])?;
    }
    same(&live.object, &case["live"])?;
    check_managers(&live.managers, &case["managers"])
}

fn check_sets(_: &Typed, case: &Value) -> Result<(), String> {
    let one = set(&case["set"]);
    let other = set(&case["other"]);
    let made = match case["do"].as_str().unwrap_or_default() {
        "Union" => one.union(&other),
        "Intersection" => one.intersection(&other),
        "Difference" => one.difference(&other),
        "RecursiveDifference" => one.recursive_difference(&other),
        "Leaves" => one.leaves(),
        other => return Err(format!("unknown: {other}")),
    };
    same_set(&made, &case["out"])?;
    let paths = made.paths();
    let paths = paths.iter().map(|path| Value::from(path.to_string()));
    same(&paths.collect(), &case["paths"])
}

#[test]
fn sets_are_joined_as_go_joins_them() {
    run(include_str!("cases/sets.yaml"), check_sets);
}

#[test]
fn values_are_read_and_merged_as_go_does_it() {
    run(include_str!("cases/typed.yaml"), check_typed);
}

#[test]
fn writes_lead_to_what_they_lead_to_in_go() {
    run(include_str!("cases/writes.yaml"), check_writes);
}
