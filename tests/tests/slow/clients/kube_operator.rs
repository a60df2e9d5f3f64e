//! An operator as it is written with kube-rs, unchanged, on both servers: a definition by apply, children and
//! status by apply, a finalizer, events, conflicts.

use std::{fmt::Debug, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use futures::StreamExt as _;
use k8s_openapi::{
    api::{core::v1::ConfigMap, events::v1::Event as RecordedEvent},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, CustomResourceExt as _, Resource, ResourceExt as _,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
    runtime::{
        Controller,
        controller::Action,
        events::{Event, EventType, Recorder, Reporter},
        finalizer::{Event as Finalizer, finalizer},
        wait::{await_condition, conditions},
        watcher,
    },
};
use kubehandler_apiserver::ApiServer;
use kubehandler_tests::cluster::Cluster;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::PATIENCE;

const MANAGER: &str = "operator";
const FINALIZER: &str = "demo.dev/clean-up";

#[kubehandler::custom_resource(group = "demo.dev", version = "v1", kind = "Site", namespaced)]
#[kube(status = "SiteStatus")]
struct SiteSpec {
    image: String,
    #[serde(default)]
    #[schemars(range(min = 0, max = 100))]
    replicas: i32,
}

#[kubehandler::schema]
#[serde(rename_all = "camelCase")]
struct SiteStatus {
    ready: bool,
    observed_generation: Option<i64>,
}

#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Failed(#[from] kube::Error);

struct Operator {
    client: Client,
    recorder: Recorder,
}

impl Operator {
    /// Keeps a ConfigMap and the status as the site says, and tells of it.
    async fn apply(&self, site: &Site) -> Result<Action, Failed> {
        let maps = Api::<ConfigMap>::default_namespaced(self.client.clone());
        let owner = site.controller_owner_ref(&()).expect("it is stored");
        let map = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": { "name": site.name_any(), "ownerReferences": [owner] },
            "data": { "image": site.spec.image },
        });
        let parameters = PatchParams::apply(MANAGER).force();
        maps.patch(&site.name_any(), &parameters, &Patch::Apply(&map))
            .await?;
        let status = json!({
            "apiVersion": "demo.dev/v1",
            "kind": "Site",
            "status": { "ready": true, "observedGeneration": site.metadata.generation },
        });
        let sites = Api::<Site>::default_namespaced(self.client.clone());
        sites
            .patch_status(&site.name_any(), &parameters, &Patch::Apply(&status))
            .await?;
        self.tell(site, "Applied").await
    }

    async fn tell(&self, site: &Site, reason: &str) -> Result<Action, Failed> {
        let event = Event {
            type_: EventType::Normal,
            reason: reason.to_owned(),
            note: Some("as the site says".to_owned()),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        self.recorder.publish(&event, &site.object_ref(&())).await?;
        Ok(Action::await_change())
    }
}

async fn reconcile(
    site: Arc<Site>,
    operator: Arc<Operator>,
) -> Result<Action, kube::runtime::finalizer::Error<Failed>> {
    let sites = Api::<Site>::default_namespaced(operator.client.clone());
    finalizer(&sites, FINALIZER, site, |event| async {
        match event {
            Finalizer::Apply(site) => operator.apply(&site).await,
            Finalizer::Cleanup(site) => operator.tell(&site, "CleanedUp").await,
        }
    })
    .await
}

/// Asks until the answer is what is waited for.
async fn until<T, F: Future<Output = kube::Result<T>>>(
    what: &str,
    ask: impl Fn() -> F,
    is_it: impl Fn(&T) -> bool,
) -> anyhow::Result<T> {
    let asking = async {
        loop {
            let answer = ask().await?;
            if is_it(&answer) {
                return anyhow::Ok(answer);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, asking)
        .await
        .with_context(|| format!("never: {what}"))?
}

/// Returns the code and the message of a refusal.
fn refusal<T: Debug>(answer: kube::Result<T>) -> anyhow::Result<(u16, String)> {
    match answer {
        Err(kube::Error::Api(status)) => Ok((status.code, status.message.clone())),
        other => anyhow::bail!("it is no refusal: {other:?}"),
    }
}

fn manager_of(object: &impl Resource, name: &str, subresource: Option<&str>) -> Option<Value> {
    let fields = object.meta().managed_fields.iter().flatten();
    let mut fields = fields.filter(|entry| {
        entry.manager.as_deref() == Some(name) && entry.subresource.as_deref() == subresource
    });
    let entry = fields.next()?;
    serde_json::to_value(entry.fields_v1.clone()).ok()
}

/// The definition is applied, and again without a change.
async fn define(client: &Client) -> anyhow::Result<()> {
    let definitions = Api::<CustomResourceDefinition>::all(client.clone());
    let (name, parameters) = (Site::crd_name(), PatchParams::apply(MANAGER));
    let apply = || async {
        let definition = Patch::Apply(Site::crd());
        definitions.patch(name, &parameters, &definition).await
    };
    let first = apply().await?;
    ensure!(
        manager_of(&first, MANAGER, None).is_some(),
        "it has no manager"
    );
    let established = await_condition(definitions.clone(), name, conditions::is_crd_established());
    timeout(PATIENCE, established).await??;
    let before = definitions.get(name).await?.resource_version();
    let second = apply().await?;
    ensure!(
        second.resource_version() == before,
        "the second apply changes it"
    );
    Ok(())
}

/// What is wrong is refused, and what is unknown is dropped.
async fn check_writes(sites: &Api<Site>) -> anyhow::Result<()> {
    let parameters = PatchParams::apply("person");
    let apply = |spec: Value| {
        let site = json!({ "apiVersion": "demo.dev/v1", "kind": "Site", "metadata": { "name": "x" }, "spec": spec });
        let parameters = parameters.clone().dry_run();
        async move { sites.patch("x", &parameters, &Patch::Apply(&site)).await }
    };
    let (code, message) = refusal(apply(json!({ "image": "a", "replicas": 101 })).await)?;
    ensure!(
        code == 422 && message.contains("spec.replicas"),
        "{code} {message}"
    );
    let (code, message) = refusal(apply(json!({ "replicas": 1 })).await)?;
    ensure!(
        code == 422 && message.contains("spec.image: Required value"),
        "{code} {message}"
    );
    let (code, message) = refusal(apply(json!({ "image": "a", "other": 1 })).await)?;
    ensure!(
        code == 500 && message.contains(".spec.other"),
        "{code} {message}"
    );
    let site = apply(json!({ "image": "a" })).await?;
    ensure!(site.spec.replicas == 0, "the default is missing: {site:?}");
    ensure!(
        sites.get_opt("x").await?.is_none(),
        "a dry run stores nothing"
    );
    Ok(())
}

/// The operator keeps the child as it should be, whatever others do to it.
async fn check_child(client: &Client, sites: &Api<Site>) -> anyhow::Result<()> {
    let maps = Api::<ConfigMap>::default_namespaced(client.clone());
    let map = maps.get("web").await?;
    let owner = map.owner_references().first().context("it has no owner")?;
    ensure!(
        owner.kind == "Site" && owner.controller == Some(true),
        "{owner:?}"
    );
    ensure!(
        manager_of(&map, MANAGER, None).is_some(),
        "it has no manager"
    );

    // Somebody else wants another image: a conflict, then by force, and the operator takes it back.
    let other = json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": { "image": "other" } });
    let parameters = PatchParams::apply("person");
    let (code, message) = refusal(maps.patch("web", &parameters, &Patch::Apply(&other)).await)?;
    ensure!(code == 409, "{code} {message}");
    ensure!(
        message.contains(&format!(r#"conflict with "{MANAGER}": .data.image"#)),
        "{message}"
    );
    let forced = parameters.clone().force();
    maps.patch("web", &forced, &Patch::Apply(&other)).await?;
    let is_back = |map: &ConfigMap| {
        map.data
            .as_ref()
            .is_some_and(|data| data["image"] == "nginx:1")
    };
    until("the image is back", || maps.get("web"), is_back).await?;

    // A field of one's own stays, until it is left out.
    let more = |data: Value| json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": data });
    let own = Patch::Apply(more(json!({ "own": "1" })));
    let map = maps.patch("web", &parameters, &own).await?;
    let data = map.data.unwrap_or_default();
    ensure!(data.len() == 2, "{data:?}");
    let map = maps
        .patch("web", &parameters, &Patch::Apply(more(json!({}))))
        .await?;
    let data = map.data.unwrap_or_default();
    ensure!(data.len() == 1, "{data:?}");

    // A child that is deleted comes again.
    let uid = map.metadata.uid;
    maps.delete("web", &DeleteParams::default()).await?;
    let is_new = |map: &Option<ConfigMap>| map.as_ref().is_some_and(|map| map.metadata.uid != uid);
    until("a new child", || maps.get_opt("web"), is_new).await?;

    // A new spec is a new generation; a new status is not.
    let change = Patch::Merge(json!({ "spec": { "image": "nginx:2" } }));
    let site = sites.patch("web", &PatchParams::default(), &change).await?;
    ensure!(
        site.metadata.generation == Some(2),
        "{:?}",
        site.metadata.generation
    );
    let is_observed = |site: &Site| {
        let status = site.status.as_ref();
        status.is_some_and(|status| status.observed_generation == Some(2))
    };
    let site = until("the new spec is handled", || sites.get("web"), is_observed).await?;
    ensure!(
        site.metadata.generation == Some(2),
        "the status is a generation"
    );
    ensure!(
        manager_of(&site, MANAGER, Some("status")).is_some(),
        "the status has no manager"
    );
    let map = maps.get("web").await?;
    ensure!(
        map.data.is_some_and(|data| data["image"] == "nginx:2"),
        "the child is old"
    );
    Ok(())
}

async fn check_events(client: &Client, reason: &str) -> anyhow::Result<()> {
    async fn found<K>(client: &Client, field: &str, reason: &str) -> anyhow::Result<usize>
    where
        K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned,
    {
        let events = Api::<K>::default_namespaced(client.clone());
        let fields = format!("reason={reason},{field}=web");
        Ok(events
            .list(&ListParams::default().fields(&fields))
            .await?
            .items
            .len())
    }
    let new = found::<RecordedEvent>(client, "regarding.name", reason).await?;
    let core =
        found::<k8s_openapi::api::core::v1::Event>(client, "involvedObject.name", reason).await?;
    ensure!(new >= 1 && core == new, "{reason}: {new} and {core} events");
    Ok(())
}

/// All of it, from the definition to the end of the site.
async fn play(client: Client) -> anyhow::Result<()> {
    define(&client).await?;
    let sites = Api::<Site>::default_namespaced(client.clone());
    check_writes(&sites).await?;

    let operator = Operator {
        client: client.clone(),
        recorder: Recorder::new(client.clone(), Reporter::from(MANAGER)),
    };
    let maps = Api::<ConfigMap>::default_namespaced(client.clone());
    let controller = Controller::new(sites.clone(), watcher::Config::default())
        .owns(maps.clone(), watcher::Config::default())
        .run(
            reconcile,
            |_, _, _| Action::requeue(Duration::from_millis(200)),
            Arc::new(operator),
        )
        .for_each(|_| std::future::ready(()));
    let story = async {
        let site = Site::new(
            "web",
            SiteSpec {
                image: "nginx:1".to_owned(),
                replicas: 1,
            },
        );
        sites.create(&PostParams::default(), &site).await?;
        let is_ready = |site: &Site| site.status.as_ref().is_some_and(|status| status.ready);
        let site = until("it is ready", || sites.get("web"), is_ready).await?;
        ensure!(site.finalizers() == [FINALIZER], "{:?}", site.finalizers());
        check_child(&client, &sites).await?;
        check_events(&client, "Applied").await?;

        sites.delete("web", &DeleteParams::default()).await?;
        until("the site is gone", || sites.get_opt("web"), Option::is_none).await?;
        check_events(&client, "CleanedUp").await?;
        until("its child is gone", || maps.get_opt("web"), Option::is_none).await?;
        anyhow::Ok(())
    };
    tokio::select! {
        () = controller => anyhow::bail!("the controller has ended"),
        told = story => told,
    }
}

#[tokio::test]
async fn operator_of_kube_rs_runs_on_the_embedded_server() -> anyhow::Result<()> {
    play(ApiServer::new().client()).await
}

#[tokio::test]
async fn operator_of_kube_rs_runs_on_a_real_server() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::start_if_available().await? else {
        return Ok(());
    };
    let _controllers = cluster.start_controllers()?;
    play(cluster.client().await?).await
}
