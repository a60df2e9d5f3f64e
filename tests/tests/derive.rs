//! What `#[derive(EventHandler)]` writes, seen from outside: names, settings, informers.

use std::{collections::BTreeSet, marker::PhantomData, time::Duration};

use kubehandler::{
    DefaultHandler, Filter, Informer, Resource, Retry, Settings,
    k8s::{ConfigMap, Node, Pod},
    kube::{CustomResourceExt, core::PartialObjectMeta},
    prelude::*,
};
use kubehandler_tests::{
    pod,
    scripted::{Asked, ScriptedServer},
};
use tokio_util::sync::CancellationToken;

/// Runs the handler on a server for a while, and returns the paths and selectors it asked for.
async fn asked_by(handler: impl Callbacks, server: &ScriptedServer) -> BTreeSet<String> {
    let event_loop = EventLoop::new("test")
        .client(server.client())
        .register(handler);
    let handle = event_loop.handle();
    let stop = CancellationToken::new();
    let running = tokio::spawn(event_loop.run_until(stop.clone()));
    assert!(handle.synced().await);
    stop.cancel();
    running.await.expect("no panic").expect("ran");
    let show = |asked: Asked| {
        let (labels, fields) = (asked.param("labelSelector"), asked.param("fieldSelector"));
        format!("{}?{labels}&{fields}", asked.path)
    };
    server.asked().into_iter().map(show).collect()
}

#[derive(EventHandler)]
#[handler(resource = Pod)]
struct HTTPRoutes;

#[derive(EventHandler)]
#[handler(resource = Pod, name = "routes")]
struct Named;

#[derive(EventHandler)]
#[handler(resource = K)]
struct Mirror2<K: Resource<DynamicType: Default>>(PhantomData<fn() -> K>);

#[test]
fn name_is_that_of_the_struct_unless_it_is_given() {
    assert_eq!(HTTPRoutes.name(), "http-routes");
    assert_eq!(Named.name(), "routes");
    assert_eq!(Mirror2::<Node>(PhantomData).name(), "mirror2");
}

#[derive(EventHandler)]
#[handler(resource = Pod, workers = 8, timeout = "30s", resync = "10m")]
#[handler(retry(max = 12, base = "200ms", cap = "5m", delete_deadline = "2h"))]
#[handler(changed = "spec", when = |_| true)]
struct Tuned;

#[derive(EventHandler)]
#[handler(resource = Pod, retry(cap = "1h"))]
struct PartlyTuned;

/// Everything that the settings say, in the same words for every handler.
fn shown<H: EventHandler>(settings: &Settings<H>) -> String {
    format!("{settings:?}")
}

#[test]
fn every_setting_arrives() {
    type Same = DefaultHandler<Pod>;
    let expected = Settings::<Same>::default()
        .workers(8)
        .timeout(Duration::from_secs(30))
        .resync(Duration::from_secs(600))
        .retry(
            Retry::default()
                .max(12)
                .base(Duration::from_millis(200))
                .cap(Duration::from_secs(300))
                .delete_deadline(Duration::from_secs(7200)),
        )
        .when(|_| true)
        .changed(|_, _| true);

    assert_eq!(shown(&Tuned.settings()), shown(&expected));
}

#[test]
fn what_is_not_said_stays_at_its_default() {
    type Same = DefaultHandler<Pod>;
    let capped = Retry::default().cap(Duration::from_secs(3600));

    assert_eq!(
        shown(&PartlyTuned.settings()),
        shown(&Settings::<Same>::default().retry(capped))
    );
    assert_eq!(
        shown(&HTTPRoutes.settings()),
        shown(&Settings::<Same>::default())
    );
}

#[derive(EventHandler)]
#[handler(resource = Pod, namespace = "web", labels = "app=web,tier!=test")]
#[handler(fields = "status.phase=Running")]
struct Filtered;

impl Callbacks for Filtered {}

impl Callbacks for HTTPRoutes {}

#[tokio::test(start_paused = true)]
async fn server_is_asked_for_what_the_filter_says() {
    let filtered = asked_by(Filtered, &ScriptedServer::new()).await;
    let all = asked_by(HTTPRoutes, &ScriptedServer::new()).await;

    assert_eq!(
        filtered,
        BTreeSet::from([
            "/api/v1/namespaces/web/pods?app=web,tier!=test&status.phase=Running".to_owned()
        ])
    );
    assert_eq!(all, BTreeSet::from(["/api/v1/pods?&".to_owned()]));
}

#[derive(EventHandler)]
#[handler(resource = ConfigMap, informer = {
    informers.informer(Filter::default().namespace(&self.namespace))
})]
struct OfNamespace {
    namespace: String,
}

impl Callbacks for OfNamespace {}

#[tokio::test(start_paused = true)]
async fn informer_expression_sees_the_handler() {
    let namespace = "platform".to_owned();

    let asked = asked_by(OfNamespace { namespace }, &ScriptedServer::new()).await;

    assert_eq!(
        asked,
        BTreeSet::from(["/api/v1/namespaces/platform/configmaps?&".to_owned()])
    );
}

#[derive(EventHandler)]
struct Brought {
    #[handler(informer)]
    pods: Informer<Pod>,
    #[allow(dead_code, reason = "only the marked field is the informer")]
    others: Informer<Pod>,
}

impl Callbacks for Brought {}

#[tokio::test(start_paused = true)]
async fn informer_is_the_marked_field() {
    let server = ScriptedServer::new();
    server.put(pod("mine/a"));
    let informer =
        |namespace: &str| Informer::new(server.client(), Filter::default().namespace(namespace));
    let pods: Informer<Pod> = informer("mine");
    let handler = Brought {
        pods: pods.clone(),
        others: informer("others"),
    };

    let asked = asked_by(handler, &server).await;

    assert_eq!(
        asked,
        BTreeSet::from(["/api/v1/namespaces/mine/pods?&".to_owned()])
    );
    assert!(pods.has_synced());
}

#[derive(EventHandler)]
#[handler(resource = PartialObjectMeta<Pod>)]
struct MetadataOnly;

impl Callbacks for MetadataOnly {}

#[tokio::test(start_paused = true)]
async fn metadata_only_is_asked_for_as_such() {
    let server = ScriptedServer::new();

    asked_by(MetadataOnly, &server).await;

    let accepts: Vec<String> = server
        .asked()
        .iter()
        .filter_map(|asked| {
            asked
                .headers
                .get("accept")?
                .to_str()
                .ok()
                .map(str::to_owned)
        })
        .collect();
    assert!(!accepts.is_empty());
    assert!(
        accepts
            .iter()
            .all(|accept| accept.contains("PartialObjectMetadata"))
    );
}

#[kubehandler::custom_resource(group = "demo.dev", version = "v1", kind = "Site", namespaced)]
#[kube(status = "SiteStatus")]
#[serde(rename_all = "camelCase")]
struct SiteSpec {
    image_name: String,
    zone: Zone,
}

#[kubehandler::schema]
struct Zone {
    name: String,
}

#[kubehandler::schema]
struct SiteStatus {
    ready: i32,
}

#[derive(EventHandler)]
#[handler(resource = Site, namespace = "web", changed = "spec.zone")]
struct Sites;

impl Callbacks for Sites {}

#[test]
fn custom_resource_has_the_schema_of_its_struct() {
    let crd = serde_json::to_value(Site::crd()).expect("JSON");

    let version = &crd["spec"]["versions"][0];
    let properties = &version["schema"]["openAPIV3Schema"]["properties"];
    assert_eq!(crd["metadata"]["name"], "sites.demo.dev");
    assert_eq!(crd["spec"]["scope"], "Namespaced");
    assert_eq!(version["subresources"]["status"], serde_json::json!({}));
    assert_eq!(
        properties["spec"]["properties"]["imageName"]["type"],
        "string"
    );
    assert_eq!(
        properties["spec"]["properties"]["zone"]["properties"]["name"]["type"],
        "string"
    );
    assert_eq!(
        properties["status"]["properties"]["ready"]["type"],
        "integer"
    );
}

#[tokio::test(start_paused = true)]
async fn custom_resource_is_watched_like_any_other() {
    let server = ScriptedServer::new();
    server.put(serde_json::to_value(Site::crd()).expect("JSON"));

    let asked = asked_by(Sites, &server).await;

    assert_eq!(
        asked,
        BTreeSet::from(["/apis/demo.dev/v1/namespaces/web/sites?&".to_owned()])
    );
}
