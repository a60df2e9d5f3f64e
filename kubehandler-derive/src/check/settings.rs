//! Numbers and durations: not zero, and in order.

use std::{fmt::Display, str::FromStr};

use syn::{LitInt, LitStr};

use super::{is_dynamic, path};
use crate::{
    attr::{self, Attributes, RetryAttributes},
    duration,
    entries::Entry,
    errors::Errors,
    input::{Changed, Millis, Resource, Retry, Settings},
};

/// The delays of client-go, where the handler says nothing else.
const DEFAULT_BASE: Millis = Millis(5);
const DEFAULT_CAP: Millis = Millis(1_000_000);

/// Checks how the callbacks are to be run.
pub(super) fn settings<'a>(
    attributes: &'a Attributes,
    resource: Option<&Resource<'_>>,
    errors: &mut Errors,
) -> Settings<'a> {
    Settings {
        workers: integer(attributes.workers.as_ref(), errors),
        timeout: duration(attributes.timeout.as_ref(), errors),
        retry: attributes
            .retry
            .as_ref()
            .map(|retry| check_retry(&retry.value, errors)),
        resync: duration(attributes.resync.as_ref(), errors),
        when: attributes.when.as_ref().map(|when| &when.value),
        changed: changed(attributes, resource, errors),
    }
}

/// Checks a number that is at least one.
fn integer<T>(entry: Option<&Entry<LitInt>>, errors: &mut Errors) -> Option<T>
where
    T: FromStr<Err: Display> + Default + PartialEq,
{
    let Entry { key, value } = entry?;
    if !value.suffix().is_empty() {
        errors.push(
            value,
            format!(
                "`{key}` takes a number without a suffix: `{}`",
                value.base10_digits()
            ),
        );
        return None;
    }
    match value.base10_parse::<T>() {
        Ok(number) if number != T::default() => Some(number),
        Err(_) if !value.base10_digits().starts_with('-') => {
            errors.push(value, format!("`{value}` is too large for `{key}`"));
            None
        }
        _ => {
            errors.push(value, format!("`{key}` is at least 1"));
            None
        }
    }
}

/// Checks a duration that is longer than zero.
fn duration(entry: Option<&Entry<LitStr>>, errors: &mut Errors) -> Option<Millis> {
    let Entry { key, value } = entry?;
    let text = value.value();
    let problem = match duration::millis(&text) {
        Some(0) => format!("`{key}` is longer than zero"),
        Some(millis) => return Some(Millis(millis)),
        None => format!(
            "`{text}` is not a duration: write a number with ms, s, m or h, such as \"30s\""
        ),
    };
    errors.push(value, problem);
    None
}

fn check_retry(attributes: &RetryAttributes, errors: &mut Errors) -> Retry {
    let retry = Retry {
        max: integer(attributes.max.as_ref(), errors),
        base: duration(attributes.base.as_ref(), errors),
        cap: duration(attributes.cap.as_ref(), errors),
        delete_deadline: duration(attributes.delete_deadline.as_ref(), errors),
    };
    match (&attributes.base, &attributes.cap) {
        (Some(base), Some(cap)) if retry.base > retry.cap && retry.cap.is_some() => errors.push(
            &base.value,
            format!(
                "`base` is the first delay and `cap` the longest: `{}` is longer than `{}`",
                base.value.value(),
                cap.value.value()
            ),
        ),
        (Some(base), None) if retry.base > Some(DEFAULT_CAP) => errors.push(
            &base.value,
            format!(
                "`{}` is longer than the longest delay, 1000s by default: add `cap = \"..\"`",
                base.value.value()
            ),
        ),
        (None, Some(cap)) if retry.cap.is_some_and(|cap| cap < DEFAULT_BASE) => errors.push(
            &cap.value,
            format!(
                "`{}` is shorter than the first delay, 5ms by default: add `base = \"..\"`",
                cap.value.value()
            ),
        ),
        _ => {}
    }
    retry
}

fn changed<'a>(
    attributes: &'a Attributes,
    resource: Option<&Resource<'_>>,
    errors: &mut Errors,
) -> Option<Changed<'a>> {
    let literal = match &attributes.changed.as_ref()?.value {
        attr::WrittenChanged::Part(expr) => return Some(Changed::Part(expr)),
        attr::WrittenChanged::Path(literal) => literal,
    };
    let path = if is_dynamic(resource) {
        path::dynamic(literal)
    } else {
        path::typed(literal)
    };
    path.map_err(|problem| errors.push(literal, problem)).ok()
}
