//! The faults that are set, and which of them a request meets.

use serde::{Deserialize, Serialize, de::Error as _};

use super::{Command, Fault, When};
use crate::wire::asked::Asked;

/// One fault that was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct FaultId(u64);

/// A line of a script that is not a fault.
#[derive(Debug, thiserror::Error)]
#[error(
    "line {line} is not a fault: {cause}; write one JSON object a line, such as \
    `{{\"when\": {{\"verb\": \"list\", \"times\": 1}}, \"fault\": {{\"status\": {{\"code\": 503}}}}}}` \
    or `{{\"now\": \"compact\"}}`"
)]
pub struct ScriptError {
    line: usize,
    cause: serde_json::Error,
}

/// A line of a script.
pub(crate) enum Line {
    Fault(When, Fault),
    Now(Command),
}

/// Reads a script; empty lines and those that begin with `#` say nothing.
pub(crate) fn parse(script: &str) -> Result<Vec<Line>, ScriptError> {
    let lines = script.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let parsed = lines.map(|(index, line)| {
        Line::parse(line).map_err(|cause| ScriptError {
            line: index + 1,
            cause,
        })
    });
    parsed.collect()
}

impl Line {
    fn parse(line: &str) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            when: Option<When>,
            fault: Option<Fault>,
            now: Option<Command>,
        }
        let fields: Fields = serde_json::from_str(line)?;
        match (fields.when, fields.fault, fields.now) {
            (when, Some(fault), None) => Ok(Self::Fault(when.unwrap_or_default(), fault)),
            (None, None, Some(action)) => Ok(Self::Now(action)),
            _ => Err(serde_json::Error::custom(
                "it has to have either `fault`, with or without `when`, or `now`",
            )),
        }
    }
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
    pub(crate) fn add(&mut self, when: When, fault: Fault) -> FaultId {
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

    pub(crate) fn remove(&mut self, id: FaultId) -> bool {
        let before = self.rules.len();
        self.rules.retain(|rule| rule.id != id);
        self.rules.len() < before
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(crate) fn struck(&self, id: FaultId) -> u64 {
        self.rules
            .iter()
            .find(|rule| rule.id == id)
            .map_or(0, |rule| rule.struck)
    }

    /// Returns every fault that is set, and how many requests it has struck.
    pub(crate) fn all_struck(&self) -> impl Iterator<Item = (FaultId, u64)> {
        self.rules.iter().map(|rule| (rule.id, rule.struck))
    }

    /// Returns the fault that the request meets, and counts it.
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
