//! Many pods held, and what they weigh.

use std::path::Path;

use anyhow::Context as _;
use bytes::Bytes;
use futures::future::try_join_all;
use http::Method;
use serde_json::{Value, json};

use crate::{creates::CLIENTS, program::Program, row};

const PODS: usize = 100_000;

/// Prints what 100,000 pods weigh: when they are new, and when each had a change.
pub(crate) async fn measure(server: &Path) -> anyhow::Result<()> {
    let program = Program::start(server).await?;
    let owner = owner(&program).await?;
    each(&program, |_| {
        (
            Method::POST,
            "/api/v1/namespaces/default/pods".to_owned(),
            |number| pod(number, &owner),
        )
    })
    .await?;
    let mut connection = program.target().connect().await?;
    let one = connection
        .send(
            Method::GET,
            "/api/v1/namespaces/default/pods/load-0",
            Bytes::new(),
        )
        .await?;
    row(
        "One pod, as its JSON is answered",
        &format!("{} bytes", one.len()),
    );
    row(
        "Resident memory with 100,000 pods",
        &format!("{:.0} MiB", program.resident_mib()?),
    );

    each(&program, |number| {
        (
            Method::PATCH,
            format!("/api/v1/namespaces/default/pods/load-{number}/status"),
            |_| Bytes::from_static(br#"{"status":{"phase":"Running"}}"#),
        )
    })
    .await?;
    row(
        "The same after a change of each, whose last 100,000 are the history",
        &format!("{:.0} MiB", program.resident_mib()?),
    );
    Ok(())
}

/// Sends a request for each pod.
async fn each<B: Fn(usize) -> Bytes>(
    program: &Program,
    request: impl Fn(usize) -> (Method, String, B),
) -> anyhow::Result<()> {
    let request = &request;
    let all = (0..CLIENTS).map(|client| async move {
        let mut connection = program.target().connect().await?;
        for number in (client..PODS).step_by(CLIENTS) {
            let (method, path, body) = request(number);
            connection.send(method, &path, body(number)).await?;
        }
        anyhow::Ok(())
    });
    try_join_all(all).await?;
    Ok(())
}

/// Makes the `ReplicaSet` of the pods, and returns its uid.
async fn owner(program: &Program) -> anyhow::Result<String> {
    let owner = json!({
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "load-5d4f8c7b9"},
        "spec": {
            "selector": {"matchLabels": {"app": "load"}},
            "template": {
                "metadata": {"labels": {"app": "load"}},
                "spec": {"containers": [{"name": "main", "image": "registry.example/load:1.0.0"}]},
            },
        },
    });
    let path = "/apis/apps/v1/namespaces/default/replicasets";
    let mut connection = program.target().connect().await?;
    let created = connection
        .send(Method::POST, path, owner.to_string().into())
        .await?;
    let created: Value = serde_json::from_slice(&created)?;
    let uid = created["metadata"]["uid"].as_str();
    Ok(uid.context("objects have uids")?.to_owned())
}

/// A pod as a `ReplicaSet` makes them, with what everybody adds.
fn pod(number: usize, owner: &str) -> Bytes {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": format!("load-{number}"),
            "labels": {"app": "load", "pod-template-hash": "5d4f8c7b9"},
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "load-5d4f8c7b9",
                "uid": owner, "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "spec": {
            "nodeName": format!("node-{}", number % 1_000),
            "containers": [{
                "name": "main", "image": "registry.example/load:1.0.0",
                "ports": [{"containerPort": 8080, "protocol": "TCP"}],
                "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
                "env": [{"name": "MODE", "value": "load"}],
            }],
        },
    })
    .to_string()
    .into()
}
