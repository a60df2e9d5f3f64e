//! The header that warns: what it looks like, and how much of it there is.
//!
//! Source: `k8s.io/apiserver/pkg/endpoints/filters/warning.go`, and RFC 7234.

use http::HeaderValue;

/// How many characters all warnings have together; beyond it, each is cut.
const MAX_TOTAL: usize = 4096;

/// How many characters of a warning are left if it is cut.
const MAX_CUT: usize = 256;

/// Returns the headers of these warnings, in their order.
pub(super) fn headers(texts: &[String]) -> Vec<HeaderValue> {
    // What cannot stand in a header is not told.
    let mut texts = texts.iter().filter(|text| !text.contains(char::is_control));
    let mut whole: Vec<&str> = Vec::new();
    let mut total = 0;
    for text in texts.by_ref() {
        whole.push(text);
        total += text.chars().count();
        if total > MAX_TOTAL {
            break;
        }
    }
    if total <= MAX_TOTAL {
        return whole.into_iter().filter_map(header).collect();
    }
    let mut cut: Vec<&str> = whole.into_iter().map(beginning).collect();
    for text in texts {
        if cut.iter().map(|text| text.chars().count()).sum::<usize>() >= MAX_TOTAL {
            break;
        }
        cut.push(beginning(text));
    }
    cut.into_iter().filter_map(header).collect()
}

fn beginning(text: &str) -> &str {
    let end = text.char_indices().nth(MAX_CUT).map(|(at, _)| at);
    &text[..end.unwrap_or(text.len())]
}

fn header(text: &str) -> Option<HeaderValue> {
    let mut value = "299 - \"".to_owned();
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            value.push('\\');
        }
        value.push(c);
    }
    value.push('"');
    HeaderValue::from_bytes(value.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warning_stands_in_quotes() {
        let texts = [r#"unknown field "spec.ä\""#.to_owned()];

        let shown: Vec<_> = headers(&texts);

        assert_eq!(
            shown,
            [
                HeaderValue::from_bytes(r#"299 - "unknown field \"spec.ä\\\"""#.as_bytes())
                    .expect("a value")
            ]
        );
    }

    #[test]
    fn warnings_are_cut_when_they_are_too_much_together() {
        let long = |c: char| c.to_string().repeat(2000);
        let lengths = |texts: &[String]| -> Vec<usize> {
            headers(texts).iter().map(HeaderValue::len).collect()
        };
        let around = "299 - \"\"".len();

        assert_eq!(
            lengths(&[long('a'), long('b')]),
            [2000 + around, 2000 + around]
        );
        assert_eq!(
            lengths(&[long('a'), long('b'), long('c'), "d".to_owned()]),
            [256 + around, 256 + around, 256 + around, 1 + around]
        );
    }

    #[test]
    fn what_cannot_stand_in_a_header_is_not_told() {
        let texts = ["a\u{7}".to_owned(), "b".to_owned()];

        assert_eq!(headers(&texts), ["299 - \"b\""]);
    }
}
