//! kube-rs's runtime: its reflector and its `Controller`, listing and streaming, in the process with
//! the clock held still and over a socket.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::Context as _;
use futures::{StreamExt as _, stream::BoxStream};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{
    Api, Client, Config, Resource as _, ResourceExt as _,
    api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams},
    runtime::{
        Controller,
        controller::Action,
        reflector::{self, ObjectRef, Store},
        watcher,
    },
};
use kubehandler_apiserver::{ApiServer, Asked, When};
use serde_json::json;
use tokio::{sync::mpsc, time::timeout};

use super::{PATIENCE, Served};

/// How a watcher gets its first objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Lists,
    Streams,
}

impl Mode {
    fn config(self) -> watcher::Config {
        match self {
            Self::Lists => watcher::Config::default(),
            Self::Streams => watcher::Config::default().streaming_lists(),
        }
    }
}

/// A client that goes through the socket.
fn socket_client(served: &Served) -> anyhow::Result<Client> {
    let config = Config::new(served.listening.url().parse()?);
    Ok(Client::try_from(config)?)
}

fn map(name: &str, app: &str) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(BTreeMap::from([("app".to_owned(), app.to_owned())])),
            ..ObjectMeta::default()
        },
        ..ConfigMap::default()
    }
}

async fn create(maps: &Api<ConfigMap>, name: &str, app: &str) -> anyhow::Result<()> {
    maps.create(&PostParams::default(), &map(name, app)).await?;
    Ok(())
}

async fn label(maps: &Api<ConfigMap>, name: &str, app: &str) -> anyhow::Result<()> {
    let labelled = Patch::Merge(json!({ "metadata": { "labels": { "app": app } } }));
    maps.patch(name, &PatchParams::default(), &labelled).await?;
    Ok(())
}

async fn delete(maps: &Api<ConfigMap>, name: &str) -> anyhow::Result<()> {
    maps.delete(name, &DeleteParams::default()).await?;
    Ok(())
}

/// A reflector under way: its store, and a word for each event.
struct Reflected {
    store: Store<ConfigMap>,
    events: BoxStream<'static, Result<watcher::Event<ConfigMap>, watcher::Error>>,
}

impl Reflected {
    fn new(maps: Api<ConfigMap>, config: watcher::Config) -> Self {
        let (store, writer) = reflector::store();
        let events = reflector::reflector(writer, watcher::watcher(maps, config)).boxed();
        Self { store, events }
    }

    /// Takes the next events up to and with `last`; errors are events too.
    async fn until(&mut self, last: &str) -> anyhow::Result<Vec<String>> {
        let mut words = Vec::new();
        while words.last().is_none_or(|word| word != last) {
            let event = timeout(PATIENCE, self.events.next()).await;
            let event = event.with_context(|| format!("no `{last}` after {words:?}"))?;
            words.push(word(event.context("watchers do not end")?));
        }
        Ok(words)
    }

    fn contents(&self) -> BTreeMap<String, Option<String>> {
        let objects = self.store.state().into_iter();
        objects
            .map(|object| (object.name_any(), object.resource_version()))
            .collect()
    }
}

fn word(event: Result<watcher::Event<ConfigMap>, watcher::Error>) -> String {
    match event {
        Ok(watcher::Event::Init) => "init".to_owned(),
        Ok(watcher::Event::InitApply(object)) => format!("has {}", object.name_any()),
        Ok(watcher::Event::InitDone) => "done".to_owned(),
        Ok(watcher::Event::Apply(object)) => format!("apply {}", object.name_any()),
        Ok(watcher::Event::Delete(object)) => format!("delete {}", object.name_any()),
        Err(watcher::Error::WatchError(status)) => format!("error {}", status.code),
        Err(error) => format!("error {error}"),
    }
}

async fn contents(
    maps: &Api<ConfigMap>,
    params: &ListParams,
) -> anyhow::Result<BTreeMap<String, Option<String>>> {
    let list = maps.list(params).await?;
    let objects = list.items.into_iter();
    Ok(objects
        .map(|object| (object.name_any(), object.resource_version()))
        .collect())
}

/// Drives a reflector of the objects labelled `app=web` through every sort of change.
async fn reflector_follows(server: &ApiServer, client: Client, mode: Mode) -> anyhow::Result<()> {
    let maps: Api<ConfigMap> = Api::default_namespaced(server.client());
    for (name, app) in [("a", "web"), ("b", "db")] {
        create(&maps, name, app).await?;
    }
    let seen: Api<ConfigMap> = Api::default_namespaced(client);
    let mut reflected = Reflected::new(seen, mode.config().labels("app=web"));
    assert_eq!(reflected.until("done").await?, ["init", "has a", "done"]);

    label(&maps, "b", "web").await?;
    delete(&maps, "a").await?;
    create(&maps, "a", "web").await?;
    label(&maps, "b", "db").await?;
    assert_eq!(
        reflected.until("delete b").await?,
        ["apply b", "delete a", "apply a", "delete b"]
    );

    // The watcher is only polled here: nothing of this is seen before the history is gone.
    server.faults().cut_watches(&When::any());
    delete(&maps, "a").await?;
    create(&maps, "c", "web").await?;
    server.faults().compact();
    let relisted = reflected.until("done").await?;
    assert_eq!(relisted, ["error 410", "init", "has c", "done"]);

    create(&maps, "d", "web").await?;
    assert_eq!(reflected.until("apply d").await?, ["apply d"]);
    let web = ListParams::default().labels("app=web");
    assert_eq!(reflected.contents(), contents(&maps, &web).await?);
    let streamed = server.asked().iter().any(Asked::is_streaming_list);
    assert_eq!(streamed, mode == Mode::Streams);
    Ok(())
}

/// Why a reconciliation failed.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Failed(#[from] kube::Error);

/// Gives each ConfigMap a Secret that it owns.
async fn reconcile(map: Arc<ConfigMap>, client: Arc<Client>) -> Result<Action, Failed> {
    let secrets: Api<Secret> = Api::default_namespaced(Client::clone(&client));
    let owner = map.controller_owner_ref(&()).expect("it is stored");
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(map.name_any()),
            owner_references: Some(vec![owner]),
            ..ObjectMeta::default()
        },
        ..Secret::default()
    };
    match secrets.create(&PostParams::default(), &secret).await {
        Ok(_) => Ok(Action::await_change()),
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(Action::await_change()),
        Err(error) => Err(error.into()),
    }
}

/// Runs a `Controller` that makes Secrets, and takes them away from it.
async fn controller_reconciles(
    server: &ApiServer,
    client: Client,
    mode: Mode,
) -> anyhow::Result<()> {
    let maps: Api<ConfigMap> = Api::default_namespaced(server.client());
    let secrets: Api<Secret> = Api::default_namespaced(server.client());
    create(&maps, "first", "web").await?;

    let (done, mut reconciled) = mpsc::unbounded_channel();
    let seen = Api::default_namespaced(client.clone());
    let owned = Api::<Secret>::default_namespaced(client.clone());
    let controller = Controller::new(seen, mode.config())
        .owns(owned, mode.config())
        .run(
            reconcile,
            |_, _, _| Action::requeue(Duration::from_secs(1)),
            Arc::new(client),
        )
        .for_each(move |result| {
            // Who has seen enough listens no more.
            let _ = done.send(result.map(|(object, _)| object));
            std::future::ready(())
        });
    let story = async {
        until_reconciled(&mut reconciled, "first").await?;
        secrets.get("first").await?;

        create(&maps, "second", "web").await?;
        until_reconciled(&mut reconciled, "second").await?;
        let uid = secrets.get("second").await?.uid();

        // What it owns is made again when somebody deletes it.
        secrets.delete("second", &DeleteParams::default()).await?;
        let again = loop {
            until_reconciled(&mut reconciled, "second").await?;
            if let Some(secret) = secrets.get_opt("second").await? {
                break secret;
            }
        };
        assert_ne!(again.uid(), uid);

        // What it owns goes with its owner.
        delete(&maps, "first").await?;
        assert!(secrets.get_opt("first").await?.is_none());
        assert!(secrets.get_opt("second").await?.is_some());
        anyhow::Ok(())
    };
    tokio::select! {
        () = controller => anyhow::bail!("the controller has ended"),
        told = story => told,
    }
}

type Reconciled = Result<ObjectRef<ConfigMap>, ReconcileError>;
type ReconcileError = kube::runtime::controller::Error<Failed, watcher::Error>;

async fn until_reconciled(
    reconciled: &mut mpsc::UnboundedReceiver<Reconciled>,
    name: &str,
) -> anyhow::Result<()> {
    loop {
        let next = timeout(PATIENCE, reconciled.recv()).await;
        let next = next.with_context(|| format!("`{name}` is not reconciled"))?;
        if next.context("the controller has ended")??.name == name {
            return Ok(());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn kube_reflector_lists_in_the_process() -> anyhow::Result<()> {
    let server = ApiServer::new();
    reflector_follows(&server, server.client(), Mode::Lists).await
}

#[tokio::test(start_paused = true)]
async fn kube_reflector_streams_in_the_process() -> anyhow::Result<()> {
    let server = ApiServer::new();
    reflector_follows(&server, server.client(), Mode::Streams).await
}

#[tokio::test]
async fn kube_reflector_lists_over_a_socket() -> anyhow::Result<()> {
    let served = Served::start("reflector-lists").await?;
    reflector_follows(&served.server, socket_client(&served)?, Mode::Lists).await
}

#[tokio::test]
async fn kube_reflector_streams_over_a_socket() -> anyhow::Result<()> {
    let served = Served::start("reflector-streams").await?;
    reflector_follows(&served.server, socket_client(&served)?, Mode::Streams).await
}

#[tokio::test(start_paused = true)]
async fn kube_controller_lists_in_the_process() -> anyhow::Result<()> {
    let server = ApiServer::new();
    controller_reconciles(&server, server.client(), Mode::Lists).await
}

#[tokio::test(start_paused = true)]
async fn kube_controller_streams_in_the_process() -> anyhow::Result<()> {
    let server = ApiServer::new();
    controller_reconciles(&server, server.client(), Mode::Streams).await
}

#[tokio::test]
async fn kube_controller_lists_over_a_socket() -> anyhow::Result<()> {
    let served = Served::start("controller-lists").await?;
    controller_reconciles(&served.server, socket_client(&served)?, Mode::Lists).await
}

#[tokio::test]
async fn kube_controller_streams_over_a_socket() -> anyhow::Result<()> {
    let served = Served::start("controller-streams").await?;
    controller_reconciles(&served.server, socket_client(&served)?, Mode::Streams).await
}
