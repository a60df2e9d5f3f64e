//! The table of the contract: every sentence is shown by a scenario, and says by which.

use std::{collections::BTreeMap, fs};

use super::{directory, scenarios};

/// Set to write the table anew.
const RECORD: &str = "KUBEHANDLER_RECORD";

#[test]
fn every_sentence_of_the_contract_is_shown_by_a_scenario() {
    let scenarios = scenarios().expect("scenarios can be read");
    let mut shown: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for scenario in &scenarios {
        for sentence in &scenario.shows {
            shown
                .entry(sentence.clone())
                .or_default()
                .push(scenario.title.clone());
        }
    }
    let file = directory().join("CONTRACT.md");
    let text = fs::read_to_string(&file).expect("the table is there");
    let mut rows = Vec::new();
    let mut missing = Vec::new();
    for line in text.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, id, sentence, _, _] = cells[..] else {
            rows.push(line.to_owned());
            continue;
        };
        if id == "id" || id.starts_with('-') {
            rows.push(line.to_owned());
            continue;
        }
        let titles = shown.remove(id).unwrap_or_default();
        if titles.is_empty() {
            missing.push(id.to_owned());
        }
        rows.push(format!("| {id} | {sentence} | {} |", titles.join("; ")));
    }
    let expected = format!("{}\n", rows.join("\n"));
    if std::env::var_os(RECORD).is_some() {
        fs::write(&file, &expected).expect("the table can be written");
    }

    assert!(missing.is_empty(), "no scenario shows {missing:?}");
    assert!(shown.is_empty(), "not in the contract: {:?}", shown.keys());
    let written = fs::read_to_string(&file).expect("the table is there");
    assert_eq!(
        written, expected,
        "the table is out of date: run with {RECORD}=1"
    );
    assert!(scenarios.len() >= 120, "only {} scenarios", scenarios.len());
}
