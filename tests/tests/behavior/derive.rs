//! What `#[derive(EventHandler)]` writes, seen from outside: names, settings, informers.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    marker::PhantomData,
    sync::{Arc, Mutex},
    time::Duration,
};

use kubehandler::{
    DefaultHandler, Filter, Informer, Resource, Retry, Settings,
    k8s::{ConfigMap, Node, Pod},
    kube::{
        CustomResourceExt,
        core::{ApiResource, DynamicObject, PartialObjectMeta},
    },
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

/// Computes its name, and notes what it is called for.
#[derive(EventHandler)]
#[handler(resource = Pod, name = self.name)]
struct OfName {
    name: String,
    called: Arc<Mutex<Vec<String>>>,
}

impl OfName {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            called: Arc::default(),
        }
    }
}

impl Callbacks for OfName {
    async fn on_add(&self, ev: Event<Self>) -> Result<Action> {
        let call = format!("{} {}", self.name, ev.key());
        self.called.lock().expect("not poisoned").push(call);
        Ok(Action::DONE)
    }
}

#[derive(EventHandler)]
#[handler(resource = Pod, name = format!("web-{}", self.0))]
struct Numbered(u8);

#[derive(EventHandler)]
#[handler(resource = Pod, name = self.name())]
struct OfMethod(Arc<str>);

impl OfMethod {
    fn name(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }
}

#[derive(EventHandler)]
#[handler(resource = Pod, name = if self.0 { Self::BLUE } else { "green" })]
struct Chosen(bool);

impl Chosen {
    const BLUE: &str = "blue";
}

#[test]
fn name_is_what_an_expression_of_the_handler_says() {
    assert_eq!(OfName::new("a").name(), "a");
    assert_eq!(EventHandler::name(&Numbered(7)), "web-7");
    assert_eq!(EventHandler::name(&OfMethod("b".into())), "b");
    assert_eq!(Chosen(true).name(), "blue");
    assert_eq!(Chosen(false).name(), "green");
}

#[tokio::test(start_paused = true)]
async fn one_struct_is_registered_under_several_names_and_shares_its_informer() {
    let server = ScriptedServer::new();
    server.put(pod("default/a"));
    let (blue, green) = (OfName::new("blue"), OfName::new("green"));
    let called = [&blue, &green].map(|handler| handler.called.clone());
    let event_loop = EventLoop::new("test")
        .client(server.client())
        .register(blue)
        .register(green);
    let handle = event_loop.handle();

    let _running = tokio::spawn(event_loop.run_until(CancellationToken::new()));
    assert!(handle.idle().await);

    let called = called.map(|called| called.lock().expect("not poisoned").clone());
    assert_eq!(called, [["blue default/a"], ["green default/a"]]);
    assert_eq!(handle.informers().len(), 1);
    let names: Vec<String> = handle
        .handlers()
        .into_iter()
        .map(|state| state.handler)
        .collect();
    assert_eq!(names, ["blue", "green"]);
}

#[tokio::test(start_paused = true)]
async fn computed_name_is_checked_when_the_loop_starts() {
    let refusal = async |names: &[&str]| {
        let event_loop = names
            .iter()
            .fold(EventLoop::new("test"), |event_loop, name| {
                event_loop.register(OfName::new(name))
            });
        let run = event_loop
            .client(ScriptedServer::new().client())
            .run_until(CancellationToken::new());
        run.await.expect_err("it is refused").to_string()
    };

    let invalid = refusal(&["pods", "My Pods"]).await;
    let twice = refusal(&["pods", "nodes", "pods"]).await;

    assert_eq!(
        invalid,
        "the handler `behavior::derive::OfName` has the name `My Pods`, which is not a DNS label: use at most \
         63 of a-z, 0-9 and `-`, without `-` at the ends"
    );
    assert_eq!(
        twice,
        "handler `pods` is registered twice, both times as `behavior::derive::OfName`: give each a name of its \
         own, as with `#[handler(name = self.name)]`"
    );
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
#[handler(resource = DynamicObject, api_resource = self.kind)]
#[handler(namespace = "web", labels = "app=web", name = self.kind.plural)]
struct Things {
    kind: ApiResource,
}

impl Callbacks for Things {}

#[tokio::test(start_paused = true)]
async fn kind_known_at_run_time_is_what_the_expression_says() {
    let of = |kind| Things { kind };

    let maps = asked_by(
        of(ApiResource::erase::<ConfigMap>(&())),
        &ScriptedServer::new(),
    )
    .await;
    let pods = asked_by(of(ApiResource::erase::<Pod>(&())), &ScriptedServer::new()).await;

    let path = |plural| BTreeSet::from([format!("/api/v1/namespaces/web/{plural}?app=web&")]);
    assert_eq!((maps, pods), (path("configmaps"), path("pods")));
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
