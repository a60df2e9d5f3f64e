//! Faults and the record of requests over HTTP, for programs that cannot call the library.

use std::sync::Arc;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    failure::{Failure, PAGE_NOT_FOUND},
    pipeline::{Pipeline, faults::Faults},
    wire::reply::{self, Reply},
};

/// Where it is; no path of the API begins so.
const ROOT: &str = "/kubehandler/";

/// Returns true if a path is about the faults or the record.
pub(crate) fn is_path(path: &str) -> bool {
    path.starts_with(ROOT)
}

/// Answers what is about the faults or the record; `None` if the path is another.
///
/// No fault is applied here, and the record has nothing of it.
pub(super) fn answer(
    pipeline: &Arc<Pipeline>,
    method: &Method,
    path: &str,
    body: &[u8],
) -> Option<Reply> {
    let what = path.strip_prefix(ROOT)?;
    let faults = Faults::new(Arc::clone(pipeline));
    let answered = match (what, method) {
        ("faults", &Method::GET) => Ok(struck(pipeline)),
        ("faults", &Method::POST) => add(&faults, body),
        ("faults", &Method::DELETE) => {
            faults.clear();
            Ok(json!({}))
        }
        ("requests", &Method::GET) => {
            let asked = serde_json::to_value(pipeline.record().entries());
            Ok(asked.expect("its keys are text"))
        }
        ("requests", &Method::DELETE) => {
            pipeline.record().forget();
            Ok(json!({}))
        }
        ("faults" | "requests", _) => Err(Failure::method_not_allowed()),
        _ => return Some(reply::text(StatusCode::NOT_FOUND, PAGE_NOT_FOUND)),
    };
    Some(match answered {
        Ok(value) => reply::value(StatusCode::OK, &value),
        Err(failure) => reply::failure(&failure),
    })
}

fn add(faults: &Faults, script: &[u8]) -> Result<Value, Failure> {
    let script = str::from_utf8(script).map_err(|error| Failure::bad_request(error.to_string()))?;
    let added = faults.load(script);
    let added = added.map_err(|error| Failure::bad_request(error.to_string()))?;
    Ok(json!({ "added": added }))
}

/// Which faults are set, and how many requests each has struck.
fn struck(pipeline: &Pipeline) -> Value {
    let script = pipeline.script();
    let struck = script
        .all_struck()
        .map(|(id, times)| json!({ "id": id, "struck": times }));
    struck.collect()
}
