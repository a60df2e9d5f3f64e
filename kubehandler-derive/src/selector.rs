//! Label and field selectors, checked as the API server would check them.

mod fields;
mod labels;

pub(crate) use fields::fields;
pub(crate) use labels::labels;

/// What is wrong with a selector, as the rest of the sentence after the selector.
type Problem = String;

/// Says what is wrong with a name of labels' charset: letters, digits, `-`, `_` and `.`.
fn check_name(text: &str) -> Result<(), &'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric();
    if text.len() > 63 {
        return Err("longer than 63 characters");
    }
    if !text
        .chars()
        .all(|c| plain(c) || matches!(c, '-' | '_' | '.'))
    {
        return Err("not made of letters, digits, `-`, `_` and `.` only");
    }
    if !text.starts_with(plain) || !text.ends_with(plain) {
        return Err("not beginning and ending with a letter or a digit");
    }
    Ok(())
}
