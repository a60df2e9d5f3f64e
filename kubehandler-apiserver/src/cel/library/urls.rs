//! Functions of URLs.
//!
//! Source: `pkg/cel/library/urls.go` of `k8s.io/apiserver`.

use std::{collections::BTreeMap, sync::Arc};

use crate::cel::{
    outcome::{EvalError, Outcome},
    value::{CelValue, Key, Url},
};

pub(super) fn call(function: &str, arguments: &[CelValue]) -> Option<Outcome> {
    use CelValue::{Bool, String, Url as Parsed};
    Some(match (function, arguments) {
        ("url", [String(text)]) => match Url::parse(text) {
            Ok(url) => Ok(Parsed(Arc::new(url))),
            Err(why) => {
                let text = format!("URL parse error during conversion from string: {why}");
                Err(EvalError::new(text))
            }
        },
        ("isURL", [String(text)]) => Ok(Bool(Url::parse(text).is_ok())),
        ("getScheme", [Parsed(url)]) => Ok(CelValue::string(&url.scheme)),
        ("getHost", [Parsed(url)]) => Ok(CelValue::string(&url.host)),
        ("getHostname", [Parsed(url)]) => Ok(CelValue::string(url.host_and_port().0)),
        ("getPort", [Parsed(url)]) => Ok(CelValue::string(url.host_and_port().1)),
        ("getEscapedPath", [Parsed(url)]) => Ok(CelValue::string(&url.escaped_path())),
        ("getQuery", [Parsed(url)]) => Ok(query(url)),
        _ => return None,
    })
}

fn query(url: &Url) -> CelValue {
    let mut values: BTreeMap<Key, Vec<String>> = BTreeMap::new();
    for (name, value) in url.query() {
        let key = Key::String(name.into());
        values.entry(key).or_default().push(value);
    }
    let values = values.into_iter();
    CelValue::map(
        values
            .map(|(key, values)| (key, CelValue::strings(values)))
            .collect(),
    )
}
