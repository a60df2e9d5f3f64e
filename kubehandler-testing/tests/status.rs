//! Writing a status as the cluster's own controllers do.

use kubehandler::{
    DefaultHandler, EventLoop,
    k8s::{ConfigMap, Deployment},
    kube::CustomResourceExt,
    serde_json::{self, json},
};
use kubehandler_apiserver::{Fault, Verb, When};
use kubehandler_testing::{ObjectError, TestKit};

/// A kind without a status.
#[kubehandler::custom_resource(group = "demo.dev", version = "v1", kind = "Site", namespaced)]
struct SiteSpec {
    zone: String,
}

async fn kit() -> TestKit {
    let kit = TestKit::new();
    let definition = serde_json::to_string(&Site::crd()).expect("JSON");
    let objects = [
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}}),
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web"},
            "spec": {
                "replicas": 3,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {"containers": [{"name": "web", "image": "web"}]},
                },
            },
        }),
        json!({
            "apiVersion": "demo.dev/v1",
            "kind": "Site",
            "metadata": {"name": "web"},
            "spec": {"zone": "north"},
        }),
    ];
    kit.load(&definition).await.expect("loaded");
    for object in objects {
        kit.load(&object.to_string()).await.expect("loaded");
    }
    kit
}

fn is_ready(web: &mut Deployment) {
    web.status.get_or_insert_default().ready_replicas = Some(3);
}

#[tokio::test(start_paused = true)]
async fn status_is_written_and_nothing_else() {
    let kit = kit().await;
    let handler = DefaultHandler::<Deployment>::new("web");
    let run = kit.run(EventLoop::new("test").register(handler));
    run.idle().await.expect("idle");

    let answer = kit.set_status("default/web", |web: &mut Deployment| {
        is_ready(web);
        web.spec.replicas = Some(7);
    });
    let written = answer.await.expect("written");
    run.idle().await.expect("idle");

    let web: Deployment = kit.get("default/web").await.expect("there");
    assert_eq!(web, written);
    assert_eq!(web.status.expect("a status").ready_replicas, Some(3));
    assert_eq!(web.spec.replicas, Some(3));
    assert_eq!(
        run.calls_of("web"),
        ["add default/web", "update default/web"]
    );
}

#[tokio::test(start_paused = true)]
async fn conflicts_are_tried_again_with_the_object_as_it_is_then() {
    let kit = kit().await;
    let writes = When::any().client(TestKit::CLIENT).verb(Verb::Update);
    let conflict = Fault::Status {
        code: 409,
        retry_after: None,
    };
    kit.server().faults().add(writes.times(3), conflict);

    let written = kit.set_status("default/web", is_ready).await;

    assert!(written.expect("written").status.is_some());
    let asked = kit.server().asked();
    let writes = asked.iter().filter(|asked| asked.subresource == "status");
    assert_eq!(writes.count(), 4);
    let reads = asked.iter().filter(|asked| asked.verb == Verb::Get);
    assert_eq!(reads.count(), 4);
}

#[tokio::test(start_paused = true)]
async fn conflict_without_end_is_an_error() {
    let kit = kit().await;
    let conflict = Fault::Status {
        code: 409,
        retry_after: None,
    };
    kit.server()
        .faults()
        .add(When::any().verb(Verb::Update), conflict);

    let error = kit.set_status("default/web", is_ready).await;

    let error = error.expect_err("refused");
    assert!(
        matches!(error, ObjectError::Refused { code: 409, .. }),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn object_that_is_not_there_is_named() {
    let kit = kit().await;

    let error = kit.set_status("default/none", is_ready).await;

    let error = error.expect_err("not found");
    assert!(error.is_not_found());
    assert_eq!(
        error.to_string(),
        "the server refused (404): deployments.apps \"none\" not found"
    );
}

#[tokio::test(start_paused = true)]
async fn kind_without_a_status_is_named() {
    let kit = kit().await;

    let built_in = kit.set_status("default/web", |_: &mut ConfigMap| {}).await;
    let custom = kit.set_status("default/web", |_: &mut Site| {}).await;

    let texts = [
        built_in.expect_err("it has none").to_string(),
        custom.expect_err("it has none").to_string(),
    ];
    for (text, kind) in texts.iter().zip(["ConfigMap", "Site"]) {
        let start = format!("`{kind}` has no status subresource: ");
        assert!(text.starts_with(&start), "{text}");
        assert!(text.contains("`subresources: {status: {}}`"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn key_that_is_none_is_an_error() {
    let error = TestKit::new().set_status("a/b/c", is_ready).await;

    let error = error.expect_err("no key");
    assert!(matches!(error, ObjectError::Key(_)), "{error}");
}
