use std::sync::{
    OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Method, Request, request::Parts};
use http_body_util::BodyExt as _;
use serde_json::json;

use super::*;
use crate::{
    admission::{Admission, Admitter},
    group::GroupResource,
    object,
    pipeline::{Pipeline, record::Record},
    state::{State, clock::Clock, storage::Retention},
    wire::asked::{Asked, Verb},
};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// What an admitter does with updates: the number of times that it writes to their object itself.
#[derive(Default)]
struct Meddler {
    pipeline: OnceLock<Arc<Pipeline>>,
    times: usize,
    asked: AtomicUsize,
}

impl Admitter for Meddler {
    fn admit<'a>(
        &'a self,
        request: &'a Asked,
        _: Option<&'a Value>,
        new: Option<&'a mut Value>,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            if request.client == "meddler" {
                return Ok(());
            }
            if let Some(new) = new {
                if object::name(new) == "bad" {
                    return Err(Failure::forbidden(
                        GroupResource::new("", "configmaps"),
                        "bad",
                        "it is bad",
                    ));
                }
                object::set_at(new, "data.admitted", "true".into());
            }
            let asked = self.asked.fetch_add(1, Ordering::Relaxed);
            let pipeline = self.pipeline.get().expect("it is set");
            if request.verb == Verb::Patch && asked <= self.times {
                let data = json!({ "data": { "meddled": asked.to_string() } });
                ask(pipeline, "meddler", Method::PATCH, "/a", data).await;
            }
            Ok(())
        })
    }
}

fn pipeline(times: usize) -> (Arc<Pipeline>, Arc<Meddler>) {
    let retention = Retention {
        changes: 100,
        age: std::time::Duration::from_secs(300),
    };
    let cluster = Cluster::new(State::new(0, Clock::fixed(), retention), true);
    let meddler = Arc::new(Meddler {
        times,
        ..Meddler::default()
    });
    let admission = Admission::new(vec![meddler.clone()]);
    let pipeline = Arc::new(Pipeline::new(
        Engine::new(cluster, admission),
        Record::off(),
    ));
    assert!(meddler.pipeline.set(pipeline.clone()).is_ok());
    (pipeline, meddler)
}

async fn ask(
    pipeline: &Arc<Pipeline>,
    client: &str,
    method: Method,
    path: &str,
    body: Value,
) -> (u16, Value) {
    let media = match method {
        Method::PATCH => "application/merge-patch+json",
        _ => "application/json",
    };
    let request = Request::builder()
        .method(method)
        .uri(format!("{MAPS}{path}"))
        .header("content-type", media);
    let (parts, ()): (Parts, ()) = request.body(()).expect("a request").into_parts();
    let body = Bytes::from(body.to_string());
    let answer = pipeline.answer(parts, body, client).await;
    let answer = answer.expect("no fault");
    let code = answer.status().as_u16();
    let bytes = answer
        .into_body()
        .collect()
        .await
        .expect("a body")
        .to_bytes();
    (code, serde_json::from_slice(&bytes).expect("JSON"))
}

fn map(name: &str) -> Value {
    json!({ "metadata": { "name": name } })
}

#[tokio::test]
async fn admitter_may_change_an_object_or_refuse_it() {
    let (pipeline, _) = pipeline(0);

    let (code, made) = ask(&pipeline, "", Method::POST, "", map("a")).await;
    assert_eq!((code, &made["data"]["admitted"]), (201, &json!("true")));

    let (code, refused) = ask(&pipeline, "", Method::POST, "", map("bad")).await;
    assert_eq!(code, 403);
    let message = refused["message"].as_str().expect("a message");
    assert!(message.ends_with("it is bad"), "{message}");
    let (code, _) = ask(&pipeline, "", Method::GET, "/bad", json!({})).await;
    assert_eq!(code, 404);
}

#[tokio::test]
async fn write_whose_object_changes_during_admission_is_decided_again() {
    let (pipeline, meddler) = pipeline(2);
    ask(&pipeline, "", Method::POST, "", map("a")).await;

    let data = json!({ "data": { "mine": "1" } });
    let (code, patched) = ask(&pipeline, "", Method::PATCH, "/a", data).await;

    assert_eq!(code, 200);
    let expected = json!({ "admitted": "true", "meddled": "2", "mine": "1" });
    assert_eq!(patched["data"], expected);
    assert_eq!(
        meddler.asked.load(Ordering::Relaxed),
        4,
        "a create, and three tries"
    );
}

#[tokio::test]
async fn write_whose_object_never_stands_still_is_a_conflict() {
    let (pipeline, _) = pipeline(usize::MAX);
    ask(&pipeline, "", Method::POST, "", map("a")).await;

    let data = json!({ "data": { "mine": "1" } });
    let (code, conflict) = ask(&pipeline, "", Method::PATCH, "/a", data).await;

    assert_eq!((code, &conflict["reason"]), (409, &json!("Conflict")));
}
