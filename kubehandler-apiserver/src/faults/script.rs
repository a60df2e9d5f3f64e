//! The faults that are set, and which of them a request suffers.

use serde::Deserialize;

use super::{Fault, When};
use crate::record::Asked;

/// One fault that was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FaultId(u64);

/// A line of a script that is not a fault.
#[derive(Debug, thiserror::Error)]
#[error(
    "line {line} is not a fault: {cause}; write one JSON object a line, such as \
    `{{\"when\": {{\"verb\": \"list\", \"times\": 1}}, \"fault\": {{\"status\": {{\"code\": 503}}}}}}`"
)]
pub struct ScriptError {
    line: usize,
    cause: serde_json::Error,
}

/// The faults that are set, in order.
#[derive(Debug, Default)]
pub(crate) struct Script {
    last: u64,
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    id: FaultId,
    when: When,
    fault: Fault,
    /// Requests that it picked so far, spared ones too.
    picked: u64,
    struck: u64,
}

impl Script {
    pub(super) fn add(&mut self, when: When, fault: Fault) -> FaultId {
        self.last += 1;
        let id = FaultId(self.last);
        let rule = Rule {
            id,
            when,
            fault,
            picked: 0,
            struck: 0,
        };
        self.rules.push(rule);
        id
    }

    pub(super) fn load(&mut self, script: &str) -> Result<Vec<FaultId>, ScriptError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Line {
            #[serde(default)]
            when: When,
            fault: Fault,
        }
        let lines = script.lines().enumerate();
        let lines = lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
        let lines: Result<Vec<Line>, ScriptError> = lines
            .map(|(index, line)| {
                let parsed = serde_json::from_str(line);
                parsed.map_err(|cause| ScriptError {
                    line: index + 1,
                    cause,
                })
            })
            .collect();
        Ok(lines?
            .into_iter()
            .map(|line| self.add(line.when, line.fault))
            .collect())
    }

    pub(super) fn remove(&mut self, id: FaultId) -> bool {
        let before = self.rules.len();
        self.rules.retain(|rule| rule.id != id);
        self.rules.len() < before
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(super) fn struck(&self, id: FaultId) -> u64 {
        self.rules
            .iter()
            .find(|rule| rule.id == id)
            .map_or(0, |rule| rule.struck)
    }

    /// Returns what the request suffers, and counts it.
    pub(crate) fn strike(&mut self, asked: &Asked) -> Option<Fault> {
        for rule in &mut self.rules {
            let has_times = rule.when.times.is_none_or(|times| rule.struck < times);
            if !has_times || !rule.when.picks(asked) {
                continue;
            }
            rule.picked += 1;
            if rule.picked > rule.when.skip {
                rule.struck += 1;
                return Some(rule.fault);
            }
        }
        None
    }
}
