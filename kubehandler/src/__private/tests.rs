//! What the derive writes, run: the comparisons of `changed`, the predicates of `when`.

use kube::core::{ApiResource, DynamicObject, PartialObjectMeta};
use serde_json::{Value, json};

use crate::{
    EventHandler, Informer, Resource, Settings,
    k8s::{ConfigMap, Deployment, Pod, Service},
};

fn read<K: Resource>(value: Value) -> K {
    serde_json::from_value(value).expect("an object of the kind")
}

/// Asks `changed` of a handler about two states of an object.
fn differ<H: EventHandler>(settings: &Settings<H>, old: Value, new: Value) -> bool {
    let differ = settings.changed.as_ref().expect("`changed` is set");
    differ(&read(old), &read(new))
}

fn passes<H: EventHandler>(settings: &Settings<H>, object: Value) -> bool {
    settings.when.as_ref().expect("`when` is set")(&read(object))
}

fn pod(metadata: &Value, spec: &Value) -> Value {
    json!({"metadata": metadata, "spec": spec})
}

#[derive(EventHandler)]
#[handler(crate = crate, resource = Deployment, changed = "spec.replicas")]
struct Replicas;

#[test]
fn path_through_options_sees_its_part_and_no_other() {
    let settings = Replicas.settings();
    let deployment = |replicas: i32, paused: bool| {
        let template = json!({});
        json!({"spec": {"replicas": replicas, "paused": paused, "selector": {}, "template": template}})
    };

    assert!(differ(
        &settings,
        deployment(1, false),
        deployment(2, false)
    ));
    assert!(!differ(
        &settings,
        deployment(1, false),
        deployment(1, true)
    ));
}

#[test]
fn path_that_ends_early_differs_from_one_that_does_not() {
    let settings = Replicas.settings();
    let without = || json!({"metadata": {}});
    let with = || json!({"spec": {"replicas": 1, "selector": {}, "template": {}}});

    assert!(differ(&settings, without(), with()));
    assert!(!differ(&settings, without(), without()));
}

#[derive(EventHandler)]
#[handler(crate = crate, resource = Pod, changed = "spec")]
struct Specs;

#[derive(EventHandler)]
#[handler(crate = crate, resource = Pod, changed = "spec.nodeName")]
struct NodeNames;

#[derive(EventHandler)]
#[handler(crate = crate, resource = Pod, changed = "metadata.labels")]
struct Labels;

#[test]
fn each_path_sees_its_own_part_of_a_pod() {
    let old = || pod(&json!({}), &json!({"containers": []}));
    let moved = || pod(&json!({}), &json!({"containers": [], "nodeName": "a"}));
    let labelled = || pod(&json!({"labels": {"a": "b"}}), &json!({"containers": []}));

    assert!(differ(&Specs.settings(), old(), moved()));
    assert!(differ(&NodeNames.settings(), old(), moved()));
    assert!(!differ(&Labels.settings(), old(), moved()));
    assert!(!differ(&Specs.settings(), old(), labelled()));
    assert!(!differ(&NodeNames.settings(), old(), labelled()));
    assert!(differ(&Labels.settings(), old(), labelled()));
}

#[derive(EventHandler)]
#[handler(crate = crate, resource = Service, changed = "spec.clusterIPs")]
struct ClusterIps;

#[test]
fn name_of_kubernetes_finds_the_field_of_rust() {
    let service = |ips: Value| json!({"spec": {"clusterIPs": ips, "clusterIP": "x"}});

    assert!(differ(
        &ClusterIps.settings(),
        service(json!([])),
        service(json!(["10.0.0.1"]))
    ));
}

#[derive(EventHandler)]
#[handler(crate = crate, changed = "spec.size")]
struct Things(#[handler(informer)] Informer<DynamicObject>);

#[derive(EventHandler)]
#[handler(crate = crate, changed = "metadata.labels")]
struct ThingLabels(#[handler(informer)] Informer<DynamicObject>);

#[tokio::test]
async fn path_into_a_dynamic_object_is_read_from_its_data() {
    let kind = ApiResource::from_gvk(&kube::core::GroupVersionKind::gvk("a.b", "v1", "Thing"));
    let client = || kube::Client::new(Nobody, "default");
    let informer = || Informer::with_type(client(), &kind, crate::Filter::default());
    let thing = |size: u8, label: &str| json!({"metadata": {"labels": {"a": label}}, "spec": {"size": size, "other": label}});
    let (by_size, by_label) = (
        Things(informer()).settings(),
        ThingLabels(informer()).settings(),
    );

    assert!(differ(&by_size, thing(1, "x"), thing(2, "x")));
    assert!(!differ(&by_size, thing(1, "x"), thing(1, "y")));
    assert!(!differ(&by_label, thing(1, "x"), thing(2, "x")));
    assert!(differ(&by_label, thing(1, "x"), thing(1, "y")));
}

#[derive(EventHandler)]
#[handler(crate = crate, resource = PartialObjectMeta<Pod>, changed = "metadata.annotations")]
struct Annotations;

#[test]
fn metadata_only_objects_are_compared_by_their_metadata() {
    let meta = |value: &str| json!({"metadata": {"annotations": {"a": value}}});

    assert!(differ(&Annotations.settings(), meta("x"), meta("y")));
    assert!(!differ(&Annotations.settings(), meta("x"), meta("x")));
}

#[derive(EventHandler)]
#[handler(
    crate = crate,
    resource = ConfigMap,
    changed = |map| &map.data,
    when = |map| map.data.as_ref().is_some_and(|data| data.len() >= least()),
)]
struct Closures;

fn least() -> usize {
    2
}

#[test]
fn closures_are_called_with_the_object() {
    let settings = Closures.settings();
    let small = || json!({"data": {"a": "1"}});
    let large = || json!({"data": {"a": "1", "b": "2"}});

    assert!(differ(&settings, small(), large()));
    assert!(!differ(&settings, large(), large()));
    assert!(!passes(&settings, small()));
    assert!(passes(&settings, large()));
    assert!(!passes(&settings, json!({})));
}

#[derive(EventHandler)]
#[handler(crate = crate, resource = Pod, when = {
    let name = self.name.clone();
    move |pod| pod.metadata.name.as_ref() == Some(&name)
})]
struct Named {
    name: String,
}

#[test]
fn closure_may_hold_what_the_handler_knows() {
    let settings = Named {
        name: "web".to_owned(),
    }
    .settings();

    assert!(passes(&settings, json!({"metadata": {"name": "web"}})));
    assert!(!passes(&settings, json!({"metadata": {"name": "db"}})));
}

#[derive(EventHandler)]
#[handler(crate = crate, resource = Pod)]
struct Plain;

#[test]
fn handler_that_says_nothing_has_no_predicates() {
    let settings = Plain.settings();

    assert!(settings.when.is_none());
    assert!(settings.changed.is_none());
}

/// A server that is not asked anything.
#[derive(Clone)]
struct Nobody;

impl tower::Service<http::Request<kube::client::Body>> for Nobody {
    type Response = http::Response<kube::client::Body>;
    type Error = std::io::Error;
    type Future = std::future::Pending<Result<Self::Response, Self::Error>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<kube::client::Body>) -> Self::Future {
        std::future::pending()
    }
}
