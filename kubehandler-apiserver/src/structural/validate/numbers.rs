//! What must hold for numbers.
//!
//! Whole numbers are compared as such, as the real server does it: a limit loses its fraction.

use serde_json::{Number, Value};

use super::{Problem, Problems, Structural, ValueType, go_float};

impl Structural {
    pub(super) fn number_findings(&self, number: &Number, path: &str) -> Problems {
        let mut found = Problems::default();
        let value = number.as_f64().unwrap_or_default();
        found.extend(self.out_of_range(number.as_i64(), value, "Checked", path));
        let rules = &self.validation;
        let limits = [
            (rules.multiple_of, "MultipleOf", Limit::Multiple),
            (
                rules.minimum,
                "Minimum boundary",
                Limit::Min(rules.exclusive_minimum),
            ),
            (
                rules.maximum,
                "Maximum boundary",
                Limit::Max(rules.exclusive_maximum),
            ),
        ];
        for (bound, name, limit) in limits {
            let Some(bound) = bound else {
                continue;
            };
            let unusable = self.out_of_range(None, bound, name, path);
            let whole = number.as_i64().filter(|_| unusable.is_none());
            found.extend(unusable);
            found.extend(limit.wrong(whole, value, bound, path));
        }
        found.matches += 1;
        found
    }

    /// Returns what is wrong with a number that its type and format cannot hold.
    fn out_of_range(
        &self,
        whole: Option<i64>,
        value: f64,
        what: &str,
        path: &str,
    ) -> Option<Problem> {
        let ty = self.value_type.filter(|_| !self.extensions.int_or_string);
        let format = &*self.validation.format;
        let fits = match (ty, format) {
            (Some(ValueType::Integer), "int32") => {
                value.fract() == 0.0 && (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&value)
            }
            (Some(ValueType::Integer), _) => {
                whole.is_some()
                    || (value.fract() == 0.0 && value.abs() < 9_223_372_036_854_775_808.0)
            }
            (Some(ValueType::Number), "float") => value.abs() <= f64::from(f32::MAX),
            _ => true,
        };
        let name = ty.map_or("", ValueType::name);
        let format = match format {
            "" => "(default format)".to_owned(),
            format => format!("with format {format}"),
        };
        let text = format!("{what} value must be of type {name} {format} in {path}");
        (!fits).then(|| Problem::general(text))
    }
}

#[derive(Clone, Copy)]
enum Limit {
    Multiple,
    /// True if the limit itself is not allowed.
    Min(bool),
    Max(bool),
}

impl Limit {
    fn wrong(self, whole: Option<i64>, value: f64, bound: f64, path: &str) -> Option<Problem> {
        #[expect(clippy::cast_possible_truncation, reason = "the real server does it")]
        let (is_kept, shown_bound) = match whole {
            Some(whole) => (
                self.keeps_whole(whole, bound as i64),
                (bound as i64).to_string(),
            ),
            None => (self.keeps(value, bound), go_float(bound)),
        };
        if is_kept {
            return None;
        }
        let words = match self {
            Self::Multiple => "a multiple of",
            Self::Min(false) => "greater than or equal to",
            Self::Min(true) => "greater than",
            Self::Max(false) => "less than or equal to",
            Self::Max(true) => "less than",
        };
        let shown = whole.map_or_else(|| Value::from(value), Value::from);
        let text = if matches!(self, Self::Multiple) && bound <= 0.0 {
            format!("factor MultipleOf declared for {path} must be positive: {shown_bound}")
        } else {
            format!("{path} in body should be {words} {shown_bound}")
        };
        Some(Problem::invalid(path, shown, text))
    }

    fn keeps_whole(self, value: i64, bound: i64) -> bool {
        match self {
            Self::Multiple => bound > 0 && value % bound == 0,
            Self::Min(false) => value >= bound,
            Self::Min(true) => value > bound,
            Self::Max(false) => value <= bound,
            Self::Max(true) => value < bound,
        }
    }

    fn keeps(self, value: f64, bound: f64) -> bool {
        match self {
            Self::Multiple => {
                let times = if bound < 1.0 {
                    1.0 / bound * value
                } else {
                    value / bound
                };
                bound > 0.0 && (times - times.round()).abs() < 1e-9
            }
            Self::Min(false) => value >= bound,
            Self::Min(true) => value > bound,
            Self::Max(false) => value <= bound,
            Self::Max(true) => value < bound,
        }
    }
}
