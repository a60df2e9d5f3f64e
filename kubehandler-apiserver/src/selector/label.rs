//! Label selectors: `app=web,tier in (front, back),!canary`, and the objects that say the same.

mod parse;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::{
    failure::{Cause, aggregate},
    naming::{key_errors, value_errors},
    numbers::parse_i64,
};

/// Requirements on labels, all of which must hold; they are in the order of their keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LabelSelector {
    requirements: Vec<Requirement>,
}

/// What one label must be.
#[derive(Clone, Debug, PartialEq)]
struct Requirement {
    key: String,
    operator: Operator,
    /// One for the operators that compare, any number but zero for those that look into a set.
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equals,
    DoubleEquals,
    NotEquals,
    In,
    NotIn,
    Exists,
    DoesNotExist,
    GreaterThan,
    LessThan,
}

impl LabelSelector {
    /// Reads a selector as it stands in a URL; the error is the message of the 400.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        parse::parse(text).map(Self::sorted)
    }

    fn sorted(mut requirements: Vec<Requirement>) -> Self {
        requirements.sort_by(|one, other| one.key.cmp(&other.key));
        Self { requirements }
    }

    /// Returns whether nothing is required.
    pub(crate) fn is_everything(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Returns whether an object whose labels the function looks up is selected.
    pub(crate) fn matches<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.requirements
            .iter()
            .all(|requirement| requirement.matches(label(&requirement.key)))
    }
}

impl Requirement {
    /// Checks key and values; the error is for people.
    fn new(key: String, operator: Operator, values: Vec<String>) -> Result<Self, String> {
        let mut causes = Vec::new();
        let errors = key_errors(&key);
        if !errors.is_empty() {
            causes.push(Cause::invalid("key", key.as_str(), &errors.join("; ")));
        }
        causes.extend(operator.refuse(&values));
        for (i, value) in values.iter().enumerate() {
            let errors = value_errors(value);
            if !errors.is_empty() {
                let field = format!("values[{i}][{key}]");
                causes.push(Cause::invalid(field, value.as_str(), &errors.join("; ")));
            }
        }
        if causes.is_empty() {
            Ok(Self {
                key,
                operator,
                values,
            })
        } else {
            Err(aggregate(&causes))
        }
    }

    fn matches(&self, label: Option<&str>) -> bool {
        let is_listed = |label: &str| self.values.iter().any(|value| value == label);
        match self.operator {
            Operator::Equals | Operator::DoubleEquals | Operator::In => {
                label.is_some_and(is_listed)
            }
            Operator::NotEquals | Operator::NotIn => !label.is_some_and(is_listed),
            Operator::Exists => label.is_some(),
            Operator::DoesNotExist => label.is_none(),
            Operator::GreaterThan => self.compares(label, i64::gt),
            Operator::LessThan => self.compares(label, i64::lt),
        }
    }

    /// Returns whether label and value are numbers that compare like this.
    fn compares(&self, label: Option<&str>, compare: fn(&i64, &i64) -> bool) -> bool {
        let number = |text: &str| parse_i64(text).ok();
        let value = self.values.first().and_then(|value| number(value));
        label
            .and_then(number)
            .zip(value)
            .is_some_and(|(label, value)| compare(&label, &value))
    }
}

impl Operator {
    /// Returns what is wrong with the number of values, or with values that are no numbers.
    fn refuse(self, values: &[String]) -> Vec<Cause> {
        let (is_wrong, detail) = match self {
            Self::In | Self::NotIn => (
                values.is_empty(),
                "for 'in', 'notin' operators, values set can't be empty",
            ),
            Self::Equals | Self::DoubleEquals | Self::NotEquals => (
                values.len() != 1,
                "exact-match compatibility requires one single value",
            ),
            Self::Exists | Self::DoesNotExist => (
                !values.is_empty(),
                "values set must be empty for exists and does not exist",
            ),
            Self::GreaterThan | Self::LessThan => (
                values.len() != 1,
                "for 'Gt', 'Lt' operators, exactly one value is required",
            ),
        };
        let mut causes = Vec::new();
        if is_wrong {
            causes.push(Cause::invalid("values", values, detail));
        }
        if matches!(self, Self::GreaterThan | Self::LessThan) {
            let detail = "for 'Gt', 'Lt' operators, the value must be an integer";
            let wrong = values
                .iter()
                .enumerate()
                .filter(|(_, value)| parse_i64(value).is_err());
            causes.extend(
                wrong.map(|(i, value)| {
                    Cause::invalid(format!("values[{i}]"), value.as_str(), detail)
                }),
            );
        }
        causes
    }
}

/// Writes the selector as it would stand in a URL, as `scale` reports it.
impl fmt::Display for LabelSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, requirement) in self.requirements.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            write!(f, "{requirement}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut values = self.values.clone();
        values.sort();
        let (key, values) = (&self.key, values.join(","));
        match self.operator {
            Operator::Equals => write!(f, "{key}={values}"),
            Operator::DoubleEquals => write!(f, "{key}=={values}"),
            Operator::NotEquals => write!(f, "{key}!={values}"),
            Operator::In => write!(f, "{key} in ({values})"),
            Operator::NotIn => write!(f, "{key} notin ({values})"),
            Operator::Exists => f.write_str(key),
            Operator::DoesNotExist => write!(f, "!{key}"),
            Operator::GreaterThan => write!(f, "{key}>{values}"),
            Operator::LessThan => write!(f, "{key}<{values}"),
        }
    }
}
