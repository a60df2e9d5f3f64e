//! Every sort of kind in one event loop: custom, known at run time only, metadata only, cluster-scoped.

use std::time::Duration;

use anyhow::Context as _;
use kubehandler::{
    Filter, Informer,
    k8s::{CustomResourceDefinition, Namespace, Pod},
    kube::{
        Api, Client, CustomResource, CustomResourceExt as _,
        api::{DeleteParams, Patch, PatchParams, PostParams},
        core::{ApiResource, DynamicObject, PartialObjectMeta},
    },
    prelude::*,
    schemars::JsonSchema,
    serde::{Deserialize, Serialize},
};
use kubehandler_tests::pod;
use serde_json::json;
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;

/// How long a test waits for what must come, on however slow a machine.
const PATIENCE: Duration = Duration::from_secs(60);

const NAMESPACE: &str = "kinds";

/// A custom resource, made with what `kubehandler` re-exports.
#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "demo.example.com",
    version = "v1",
    kind = "Site",
    namespaced,
    crates(
        kube_core = "kubehandler::kube::core",
        k8s_openapi = "kubehandler::k8s_openapi",
        schemars = "kubehandler::schemars",
        serde = "kubehandler::serde",
        serde_json = "kubehandler::serde_json"
    )
)]
#[serde(crate = "kubehandler::serde")]
#[schemars(crate = "kubehandler::schemars")]
struct SiteSpec {
    zone: String,
}

/// What the callbacks of one handler were called for.
type Calls = mpsc::UnboundedSender<String>;

#[derive(EventHandler)]
#[handler(resource = Site, namespace = "kinds")]
struct Typed(Calls);

impl Callbacks for Typed {
    async fn reconcile(&self, ev: Event<Self>) -> Result<Action> {
        let zone = ev.object()?.spec.zone.clone();
        let was = ev.old().map(|old| old.spec.zone.clone());
        self.0
            .send(format!("{} {} {was:?} {zone}", ev.event_type(), ev.key()))?;
        Ok(Action::DONE)
    }

    async fn on_delete(&self, ev: Event<Self>) -> Result {
        Ok(self.0.send(format!("{} {}", ev.event_type(), ev.key()))?)
    }
}

#[derive(EventHandler)]
#[handler(
    resource = DynamicObject,
    informer = Informer::with_type(informers.client().clone(), &self.kind, self.filter.clone())
)]
struct Dynamic {
    kind: ApiResource,
    filter: Filter,
    calls: Calls,
}

impl Callbacks for Dynamic {
    async fn reconcile(&self, ev: Event<Self>) -> Result<Action> {
        let site = ev.object()?;
        let kind = site.types.as_ref().map(|types| types.kind.as_str());
        let kind = kind.unwrap_or_default();
        let zone = &site.data["spec"]["zone"];
        self.calls
            .send(format!("{} {} {kind} {zone}", ev.event_type(), ev.key()))?;
        Ok(Action::DONE)
    }

    async fn on_delete(&self, ev: Event<Self>) -> Result {
        Ok(self
            .calls
            .send(format!("{} {}", ev.event_type(), ev.key()))?)
    }
}

#[derive(EventHandler)]
#[handler(resource = PartialObjectMeta<Pod>, namespace = "kinds", changed = "metadata.labels")]
struct Metadata(Calls);

impl Callbacks for Metadata {
    async fn reconcile(&self, ev: Event<Self>) -> Result<Action> {
        let pod = ev.object()?;
        if pod.metadata.deletion_timestamp.is_some() {
            return Ok(Action::DONE); // Passes the gate, unless the delete overtakes it.
        }
        let types = pod.types.as_ref().map(|types| types.kind.as_str());
        let types = types.unwrap_or_default();
        let labels = pod.metadata.labels.clone().unwrap_or_default();
        self.0.send(format!(
            "{} {} {types} {labels:?}",
            ev.event_type(),
            ev.key()
        ))?;
        Ok(Action::DONE)
    }

    async fn on_delete(&self, ev: Event<Self>) -> Result {
        Ok(self.0.send(format!("{} {}", ev.event_type(), ev.key()))?)
    }
}

#[derive(EventHandler)]
#[handler(resource = Namespace, fields = "metadata.name=kinds")]
struct ClusterScoped(Calls);

impl Callbacks for ClusterScoped {
    async fn on_add(&self, ev: Event<Self>) -> Result<Action> {
        let call = format!("{} {} {:?}", ev.event_type(), ev.key(), ev.namespace());
        self.0.send(call)?;
        Ok(Action::DONE)
    }
}

/// Waits for the next call of a handler, and checks it.
async fn expect(calls: &mut mpsc::UnboundedReceiver<String>, call: &str) -> anyhow::Result<()> {
    let next = timeout(PATIENCE, calls.recv()).await;
    let next = next.with_context(|| format!("never called: {call}"))?;
    assert_eq!(next.as_deref(), Some(call));
    Ok(())
}

/// Creates a site, changes it and deletes it, and sees that the handlers of both sorts follow.
async fn follow_a_site(
    client: &Client,
    typed: &mut mpsc::UnboundedReceiver<String>,
    dynamic: &mut mpsc::UnboundedReceiver<String>,
) -> anyhow::Result<()> {
    let sites = Api::<Site>::namespaced(client.clone(), NAMESPACE);
    let site = Site::new(
        "alpha",
        SiteSpec {
            zone: "north".to_owned(),
        },
    );
    sites.create(&PostParams::default(), &site).await?;
    expect(typed, "add kinds/alpha None north").await?;
    expect(dynamic, r#"add kinds/alpha Site "north""#).await?;

    let patch = Patch::Merge(json!({"spec": {"zone": "south"}}));
    sites
        .patch("alpha", &PatchParams::default(), &patch)
        .await?;
    expect(typed, r#"update kinds/alpha Some("north") south"#).await?;
    expect(dynamic, r#"update kinds/alpha Site "south""#).await?;

    sites.delete("alpha", &DeleteParams::default()).await?;
    expect(typed, "delete kinds/alpha").await?;
    expect(dynamic, "delete kinds/alpha").await
}

/// Creates a pod, changes it and deletes it, and sees that the handler of metadata follows.
async fn follow_a_pod(
    client: &Client,
    metadata: &mut mpsc::UnboundedReceiver<String>,
) -> anyhow::Result<()> {
    let pods = Api::<Pod>::namespaced(client.clone(), NAMESPACE);
    let params = PatchParams::default();
    let pod = serde_json::from_value(pod("kinds/web"))?;
    pods.create(&PostParams::default(), &pod).await?;
    expect(metadata, "add kinds/web PartialObjectMetadata {}").await?;

    // A change that the handler does not ask for is none.
    let phase = Patch::Merge(json!({"status": {"phase": "Running"}}));
    pods.patch_status("web", &params, &phase).await?;
    let labels = Patch::Merge(json!({"metadata": {"labels": {"tier": "front"}}}));
    pods.patch("web", &params, &labels).await?;
    expect(
        metadata,
        r#"update kinds/web PartialObjectMetadata {"tier": "front"}"#,
    )
    .await?;

    let now = DeleteParams::default().grace_period(0);
    pods.delete("web", &now).await?;
    expect(metadata, "delete kinds/web").await
}

#[tokio::test]
async fn handlers_of_every_sort_of_kind_follow_their_objects() -> anyhow::Result<()> {
    let Some(cluster) = crate::cluster().await? else {
        return Ok(());
    };
    cluster.create_namespace(NAMESPACE).await?;
    let client = cluster.client().await?;
    let (to_typed, mut typed) = mpsc::unbounded_channel();
    let (to_dynamic, mut dynamic) = mpsc::unbounded_channel();
    let (to_metadata, mut metadata) = mpsc::unbounded_channel();
    let (to_cluster_scoped, mut cluster_scoped) = mpsc::unbounded_channel();
    let event_loop = EventLoop::new("kinds")
        .client(client.clone())
        .register(Typed(to_typed))
        .register(Dynamic {
            kind: ApiResource::erase::<Site>(&()),
            filter: Filter::default().namespace(NAMESPACE),
            calls: to_dynamic,
        })
        .register(Metadata(to_metadata))
        .register(ClusterScoped(to_cluster_scoped));
    let handle = event_loop.handle();
    let stop = CancellationToken::new();
    let running = tokio::spawn(event_loop.run_until(stop.clone()));

    // The loop runs by now, and the kind of two of its handlers is only made.
    expect(&mut cluster_scoped, "add kinds None").await?;
    assert!(!handle.has_synced());
    Api::<CustomResourceDefinition>::all(client.clone())
        .create(&PostParams::default(), &Site::crd())
        .await?;
    assert!(timeout(PATIENCE, handle.synced()).await?);
    follow_a_site(&client, &mut typed, &mut dynamic).await?;
    follow_a_pod(&client, &mut metadata).await?;
    stop.cancel();
    timeout(PATIENCE, running).await???;

    for mut calls in [typed, dynamic, metadata, cluster_scoped] {
        assert_eq!(calls.try_recv().ok(), None, "one call too many");
    }
    Ok(())
}
