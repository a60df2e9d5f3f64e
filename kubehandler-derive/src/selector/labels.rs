//! Label selectors: `app=web,tier!=test,env in (a, b),!legacy`.

use super::{Problem, check_name};
use crate::name::is_dns_subdomain;

/// Checks a label selector.
///
/// # Errors
///
/// Says what is wrong with the first requirement that is not one.
pub(crate) fn labels(selector: &str) -> Result<(), Problem> {
    if selector.trim().is_empty() {
        return Err("is empty: leave it out to take every object".to_owned());
    }
    if let Some(quote) = selector.chars().find(|c| matches!(c, '"' | '\'')) {
        return Err(format!("has a {quote} in it: values are not quoted"));
    }
    requirements(selector)?
        .into_iter()
        .try_for_each(requirement)
}

/// Splits at the commas that are not within parentheses.
fn requirements(selector: &str) -> Result<Vec<&str>, Problem> {
    let mut parts = Vec::new();
    let (mut start, mut open) = (0, false);
    for (at, letter) in selector.char_indices() {
        match letter {
            '(' if open => return Err("has a parenthesis within another".to_owned()),
            ')' if !open => return Err("has a `)` without its `(`".to_owned()),
            '(' | ')' => open = letter == '(',
            ',' if !open => {
                parts.push(&selector[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if open {
        return Err("has a `(` without its `)`".to_owned());
    }
    parts.push(&selector[start..]);
    Ok(parts)
}

/// Checks one requirement, such as `tier!=test`.
fn requirement(text: &str) -> Result<(), Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Err("has a comma with nothing on one side".to_owned());
    }
    if let Some(key) = text.strip_prefix('!') {
        return check_key(key.trim());
    }
    let key_end = text
        .find(|c: char| c.is_whitespace() || "=!<>()".contains(c))
        .unwrap_or(text.len());
    let (key, rest) = text.split_at(key_end);
    check_key(key)?;
    let rest = rest.trim();
    if rest.is_empty() {
        return Ok(());
    }
    if let Some(value) = ["==", "!=", "="]
        .iter()
        .find_map(|operator| rest.strip_prefix(operator))
    {
        return check_value(value.trim());
    }
    if let Some(number) = rest.strip_prefix(['<', '>']) {
        return check_number(number.trim());
    }
    check_set(text, rest)
}

/// Checks `in (a, b)`, the part of a requirement after its key.
fn check_set(requirement: &str, rest: &str) -> Result<(), Problem> {
    let unknown = || {
        format!(
            "has no operator in `{requirement}`: write `key=value`, `key!=value`, `key in (a, b)`, `key notin (a, b)`, `key` or `!key`"
        )
    };
    let set = ["notin", "in"]
        .iter()
        .find_map(|operator| rest.strip_prefix(operator))
        .map(str::trim_start)
        .and_then(|set| set.strip_prefix('('))
        .and_then(|set| set.strip_suffix(')'))
        .ok_or_else(unknown)?;
    if set.trim().is_empty() {
        return Err(format!("has no values in `{requirement}`"));
    }
    set.split(',').map(str::trim).try_for_each(check_value)
}

fn check_key(key: &str) -> Result<(), Problem> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let problem = if name.is_empty() {
        Some("without a name")
    } else if prefix.is_some_and(|prefix| !is_dns_subdomain(prefix)) {
        Some("with a prefix that is not a DNS name")
    } else {
        check_name(name).err()
    };
    match problem {
        Some(problem) => Err(format!("has the label key `{key}`, {problem}")),
        None => Ok(()),
    }
}

fn check_value(value: &str) -> Result<(), Problem> {
    if value.is_empty() {
        return Ok(()); // `key=` is legal: the label is there, and empty.
    }
    check_name(value).map_err(|problem| format!("has the label value `{value}`, {problem}"))
}

fn check_number(number: &str) -> Result<(), Problem> {
    match number.parse::<i64>() {
        Ok(_) => Ok(()),
        Err(_) => Err(format!(
            "compares with `{number}`: `<` and `>` take a whole number"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_of_the_documentation_are_taken() {
        for selector in [
            "app=web",
            "app == web",
            "app!=web",
            "app=web,tier!=test",
            "environment in (production, qa)",
            "tier notin (frontend,backend)",
            "partition",
            "!partition",
            " app = web , !legacy ",
            "app.kubernetes.io/name=web",
            "app=",
            "app in (a,)",
            "in in (in)",
            "level>3,level<9",
            "a_b.c-d=1.2_3-4",
        ] {
            assert_eq!(labels(selector), Ok(()), "{selector}");
        }
    }

    #[test]
    fn selectors_that_the_server_refuses_are_refused() {
        let long = "x".repeat(64);
        for selector in [
            "",
            " ",
            ",",
            "app=web,",
            "app=\"web\"",
            "app='web'",
            "=web",
            "app web",
            "app=a b",
            "app=-web",
            "app=web/1",
            "-app=web",
            "a/b/c=1",
            "/name=1",
            "prefix/=1",
            "Bad.Prefix/name=1",
            "app in a",
            "app in ()",
            "app in (a",
            "app in (a))",
            "app in ((a))",
            "app = in (a)",
            "app<x",
            "app=>3",
            "!",
            "!app=web",
            &format!("app={long}"),
            &format!("{long}=web"),
            &format!("{}/name=web", "a.".repeat(127) + "a"),
        ] {
            assert!(labels(selector).is_err(), "{selector}");
        }
    }

    #[test]
    fn problem_names_the_part_that_is_wrong() {
        assert_eq!(
            labels("app=web,tier=my value").unwrap_err(),
            "has the label value `my value`, not made of letters, digits, `-`, `_` and `.` only"
        );
    }
}
