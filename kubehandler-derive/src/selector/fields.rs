//! Field selectors: `status.phase=Running,spec.nodeName!=`.

use super::Problem;

/// Checks a field selector.
///
/// Which fields a kind can be selected by is known to the server only.
///
/// # Errors
///
/// Says what is wrong with the first requirement that is not one.
pub(crate) fn fields(selector: &str) -> Result<(), Problem> {
    if selector.trim().is_empty() {
        return Err("is empty: leave it out to take every object".to_owned());
    }
    requirements(selector).into_iter().try_for_each(requirement)
}

/// Splits at the commas that are not escaped by a backslash.
fn requirements(selector: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (at, letter) in selector.char_indices() {
        if letter == ',' && !escaped {
            parts.push(&selector[start..at]);
            start = at + 1;
        }
        escaped = letter == '\\' && !escaped;
    }
    parts.push(&selector[start..]);
    parts
}

/// Checks one requirement, such as `status.phase=Running`.
fn requirement(text: &str) -> Result<(), Problem> {
    if text.is_empty() {
        return Err("has a comma with nothing on one side".to_owned());
    }
    let operator = ["!=", "==", "="]
        .into_iter()
        .filter_map(|operator| text.find(operator).map(|at| (at, operator)))
        .min_by_key(|(at, operator)| (*at, std::cmp::Reverse(operator.len())));
    let Some((at, operator)) = operator else {
        return Err(format!(
            "has no operator in `{text}`: write `field=value` or `field!=value`"
        ));
    };
    check_field(&text[..at])?;
    check_value(&text[at + operator.len()..])
}

fn check_field(field: &str) -> Result<(), Problem> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let is_path = field
        .split('.')
        .all(|segment| !segment.is_empty() && segment.chars().all(plain));
    if is_path {
        return Ok(());
    }
    Err(format!(
        "has the field `{field}`: write a path such as `status.phase`, without spaces"
    ))
}

/// Checks a value: commas, equal signs and backslashes in it are escaped by a backslash.
fn check_value(value: &str) -> Result<(), Problem> {
    if value.trim() != value {
        return Err(format!(
            "has spaces around the value `{}`: the server would look for them",
            value.trim()
        ));
    }
    if value.contains(['"', '\'']) {
        return Err(format!("has quotes in `{value}`: values are not quoted"));
    }
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if matches!(letters.next(), Some('\\' | ',' | '=')) => {}
            '\\' => return Err(r"has a lone `\`: write `\\`, `\,` or `\=`".to_owned()),
            '=' => {
                return Err(format!(
                    r"has a second operator at `{value}`: write `,` between requirements, and `\=` in a value"
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_of_the_documentation_are_taken() {
        for selector in [
            "metadata.name=my-service",
            "metadata.namespace!=default",
            "status.phase==Running",
            "status.phase!=Running,spec.restartPolicy=Always",
            "spec.nodeName=",
            r"spec.host=a\,b\=c\\d",
            "spec.image=registry:5000/web",
        ] {
            assert_eq!(fields(selector), Ok(()), "{selector}");
        }
    }

    #[test]
    fn selectors_that_no_server_understands_are_refused() {
        for selector in [
            "",
            "status.phase",
            "status.phase in (Running)",
            "status.phase=Running,",
            "=Running",
            "status..phase=Running",
            "status.phase = Running",
            "status.phase= Running",
            "status.phase=\"Running\"",
            r"spec.host=a\b",
            r"spec.host=a\",
            "spec.host=a=b",
        ] {
            assert!(fields(selector).is_err(), "{selector}");
        }
    }
}
