//! Functions of semantic versions.
//!
//! Source: `pkg/cel/library/semverlib.go` of `k8s.io/apiserver`.

use std::sync::Arc;

use crate::cel::{
    outcome::{EvalError, Outcome},
    value::{CelValue, SemVer, normalized},
};

pub(super) fn call(function: &str, arguments: &[CelValue]) -> Option<Outcome> {
    use CelValue::{Bool, Int, SemVer as Version, String};
    let number = |version: &SemVer, index: usize| Int(version.number(index));
    Some(match (function, arguments) {
        ("semver", [String(text)]) => version(text, false),
        ("semver", [String(text), Bool(normalize)]) => version(text, *normalize),
        ("isSemver", [String(text)]) => Ok(Bool(version(text, false).is_ok())),
        ("isSemver", [String(text), Bool(normalize)]) => {
            Ok(Bool(version(text, *normalize).is_ok()))
        }
        ("major", [Version(version)]) => Ok(number(version, 0)),
        ("minor", [Version(version)]) => Ok(number(version, 1)),
        ("patch", [Version(version)]) => Ok(number(version, 2)),
        ("isGreaterThan", [Version(one), Version(other)]) => Ok(Bool(one.compared(other).is_gt())),
        ("isLessThan", [Version(one), Version(other)]) => Ok(Bool(one.compared(other).is_lt())),
        ("compareTo", [Version(one), Version(other)]) => {
            Ok(Int(i64::from(one.compared(other) as i8)))
        }
        _ => return None,
    })
}

fn version(text: &str, normalize: bool) -> Outcome {
    let read = if normalize {
        normalized(text).and_then(|text| SemVer::parse(&text))
    } else {
        SemVer::parse(text)
    };
    let read = read.map_err(EvalError::new)?;
    Ok(CelValue::SemVer(Arc::new(read)))
}
