//! Whole definitions and objects.

use std::sync::Arc;

use serde_json::Value;

use super::nameless;
use crate::{
    cel::{CompiledRules, wrong_rules},
    failure::Cause,
    structural::{Structural, wrong_schema},
};

const FIELD: &str = "spec.validation.openAPIV3Schema";

fn wrong(question: &Value) -> Vec<Cause> {
    let schema = Arc::new(Structural::parse(&question["schema"]));
    if question["mode"] == "schema" {
        let wrong = wrong_schema(&question["schema"], FIELD, false);
        return if wrong.is_empty() {
            wrong_rules(&schema, FIELD)
        } else {
            wrong
        };
    }
    let rules = CompiledRules::compile(&schema);
    rules.map_or_else(Vec::new, |rules| {
        rules.wrong(&question["value"], question.get("old"))
    })
}

#[test]
fn objects_are_as_wrong_as_on_the_real_server() {
    let (mut compared, mut differing) = (0, Vec::new());
    for line in include_str!("objects.txt").lines() {
        if line.starts_with('#') {
            continue;
        }
        let question: Value = serde_json::from_str(line).expect("a question");
        let mut actual: Vec<_> = wrong(&question).iter().map(Cause::sentence).collect();
        let expected = question["wrong"].as_array().expect("an answer");
        let expected = expected.iter().filter_map(Value::as_str);
        let mut expected: Vec<_> = expected.map(nameless).collect();
        actual.sort();
        expected.sort();
        compared += 1;
        if actual != expected {
            differing.push(format!(
                "{}\n  real: {expected:#?}\n  here: {actual:#?}",
                question["what"]
            ));
        }
    }

    assert!(
        differing.is_empty(),
        "{} of {compared} differ:\n{}",
        differing.len(),
        differing.join("\n")
    );
}
