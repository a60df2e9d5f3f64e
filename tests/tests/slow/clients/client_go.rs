//! client-go's shared informers, in a process of their own: lists and watches, streaming and not.

use std::{
    collections::BTreeMap,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Resource, ResourceExt as _,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams},
    core::{ApiResource, GroupVersionKind},
};
use kubehandler_apiserver::{ApiServer, Fault, Verb, When};
use kubehandler_tests::cluster;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::{sleep, timeout},
};

use super::{PATIENCE, Served, widgets};

/// Each informer, and which objects it sees.
const INFORMERS: [&str; 3] = ["configmaps", "selected", "widgets"];

/// How long a watch that is opened anew has to wait; changes are made meanwhile.
const HELD: Duration = Duration::from_secs(1);

/// What the informer program prints.
#[derive(Clone, Debug, Deserialize)]
struct Line {
    informer: String,
    event: String,
    #[serde(default)]
    key: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    store: BTreeMap<String, String>,
}

/// By informer and key, each event with the version of its object.
type Events = BTreeMap<(String, String), Vec<(String, String)>>;

/// The informers at work.
struct Informers {
    process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    lines: Vec<Line>,
}

impl Informers {
    fn start(program: &std::path::Path, served: &Served, streams: bool) -> anyhow::Result<Self> {
        let mut process = Command::new(program)
            .env("KUBECONFIG", served.kubeconfig())
            .env("KUBE_FEATURE_WatchListClient", streams.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = process.stdout.take().context("stdout is piped")?;
        Ok(Self {
            input: process.stdin.take().context("stdin is piped")?,
            output: BufReader::new(output).lines(),
            process,
            lines: Vec::new(),
        })
    }

    /// Reads until there are that many lines about events, and returns them all.
    async fn events(&mut self, count: usize) -> anyhow::Result<Events> {
        loop {
            let events = events(&self.lines);
            if events.values().map(Vec::len).sum::<usize>() >= count {
                return Ok(events);
            }
            self.read()
                .await
                .with_context(|| format!("{count} events do not come, but {events:#?}"))?;
        }
    }

    async fn synced(&mut self) -> anyhow::Result<()> {
        while self
            .lines
            .iter()
            .filter(|line| line.event == "synced")
            .count()
            < INFORMERS.len()
        {
            self.read().await.context("the informers do not sync")?;
        }
        Ok(())
    }

    /// Asks for the stores, and returns each object's version by informer.
    async fn stores(&mut self) -> anyhow::Result<BTreeMap<String, BTreeMap<String, String>>> {
        self.input.write_all(b"\n").await?;
        let asked_at = self.lines.len();
        loop {
            let lines = self.lines[asked_at..].iter();
            let stores: BTreeMap<_, _> = lines
                .filter(|line| line.event == "store")
                .map(|line| (line.informer.clone(), line.store.clone()))
                .collect();
            if stores.len() == INFORMERS.len() {
                return Ok(stores);
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> anyhow::Result<()> {
        let line = timeout(PATIENCE, self.output.next_line()).await??;
        let line = line.context("the program has ended")?;
        self.lines.push(serde_json::from_str(&line)?);
        Ok(())
    }

    async fn stop(mut self) -> anyhow::Result<()> {
        drop(self.input);
        let status = timeout(PATIENCE, self.process.wait()).await??;
        anyhow::ensure!(status.success(), "the program ended with {status}");
        Ok(())
    }
}

fn events(lines: &[Line]) -> Events {
    let mut events = Events::new();
    for line in lines {
        if ["add", "update", "delete"].contains(&line.event.as_str()) {
            let place = (line.informer.clone(), line.key.clone());
            let event = (line.event.clone(), line.version.clone());
            events.entry(place).or_default().push(event);
        }
    }
    events
}

/// Makes changes, and keeps the books on what informers must say of them.
struct Script {
    maps: Api<ConfigMap>,
    widgets: Api<DynamicObject>,
    expected: Events,
}

impl Script {
    async fn new(server: &ApiServer) -> anyhow::Result<Self> {
        let client = server.client_named("script");
        let definitions: Api<DynamicObject> = Api::all_with(
            client.clone(),
            &ApiResource::from_gvk(&GroupVersionKind::gvk(
                "apiextensions.k8s.io",
                "v1",
                "CustomResourceDefinition",
            )),
        );
        let definition = serde_json::from_value(widgets())?;
        definitions
            .create(&PostParams::default(), &definition)
            .await?;
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("example.com", "v1", "Widget"));
        Ok(Self {
            maps: Api::default_namespaced(client.clone()),
            widgets: Api::default_namespaced_with(client, &resource),
            expected: Events::new(),
        })
    }

    /// Expects an event; the version is of the object as it is then.
    fn expect(&mut self, informer: &str, event: &str, name: &str, version: &str) {
        let place = (informer.to_owned(), format!("default/{name}"));
        let event = (event.to_owned(), version.to_owned());
        self.expected.entry(place).or_default().push(event);
    }

    fn count(&self) -> usize {
        self.expected.values().map(Vec::len).sum()
    }

    async fn create(&self, name: &str, app: Option<&str>) -> anyhow::Result<String> {
        create(&self.maps, "v1", "ConfigMap", name, app).await
    }

    async fn create_widget(&self, name: &str) -> anyhow::Result<String> {
        create(&self.widgets, "example.com/v1", "Widget", name, None).await
    }

    async fn label(&self, name: &str, app: Option<&str>) -> anyhow::Result<String> {
        patch(
            &self.maps,
            name,
            &json!({"metadata": {"labels": {"app": app}}}),
        )
        .await
    }

    async fn touch(&self, name: &str, value: &str) -> anyhow::Result<String> {
        patch(&self.maps, name, &json!({"data": {"value": value}})).await
    }

    /// Deletes a ConfigMap, and returns the version of its deletion.
    async fn delete(&self, name: &str) -> anyhow::Result<String> {
        self.maps.delete(name, &DeleteParams::default()).await?;
        let list = self.maps.list(&ListParams::default()).await?;
        list.metadata
            .resource_version
            .context("lists have versions")
    }

    async fn delete_widget(&self, name: &str) -> anyhow::Result<String> {
        self.widgets.delete(name, &DeleteParams::default()).await?;
        let list = self.widgets.list(&ListParams::default()).await?;
        list.metadata
            .resource_version
            .context("lists have versions")
    }

    /// What is there before the informers start.
    async fn before(&mut self) -> anyhow::Result<()> {
        for (name, app) in [("a", Some("web")), ("b", None), ("e", Some("web"))] {
            let version = self.create(name, app).await?;
            self.expect("configmaps", "add", name, &version);
            if app.is_some() {
                self.expect("selected", "add", name, &version);
            }
        }
        let version = self.create_widget("w").await?;
        self.expect("widgets", "add", "w", &version);
        Ok(())
    }

    /// Changes that come over watches, one by one.
    async fn live(&mut self) -> anyhow::Result<()> {
        let version = self.touch("a", "1").await?;
        self.expect("configmaps", "update", "a", &version);
        self.expect("selected", "update", "a", &version);
        let version = self.label("b", Some("web")).await?;
        self.expect("configmaps", "update", "b", &version);
        self.expect("selected", "add", "b", &version);
        let version = self.label("a", Some("db")).await?;
        self.expect("configmaps", "update", "a", &version);
        self.expect("selected", "delete", "a", &version);
        let version = self.delete("b").await?;
        self.expect("configmaps", "delete", "b", &version);
        self.expect("selected", "delete", "b", &version);
        for _ in 0..2 {
            let version = self.create("c", Some("web")).await?;
            self.expect("configmaps", "add", "c", &version);
            self.expect("selected", "add", "c", &version);
            let version = self.delete("c").await?;
            self.expect("configmaps", "delete", "c", &version);
            self.expect("selected", "delete", "c", &version);
        }
        let version = self.create("c", None).await?;
        self.expect("configmaps", "add", "c", &version);

        let version = patch(&self.widgets, "w", &json!({"spec": {"replicas": 3}})).await?;
        self.expect("widgets", "update", "w", &version);
        let version = self.create_widget("v").await?;
        self.expect("widgets", "add", "v", &version);
        let version = self.delete_widget("w").await?;
        self.expect("widgets", "delete", "w", &version);
        Ok(())
    }

    /// Changes that no watch sees: informers learn of them from a list. What was deleted then has the
    /// version that was last seen; what was deleted and created again looks like an update.
    async fn unseen(&mut self) -> anyhow::Result<()> {
        self.touch("a", "2").await?;
        let version = self.touch("a", "3").await?;
        self.expect("configmaps", "update", "a", &version);

        let last = self.last_version("configmaps", "c");
        self.delete("c").await?;
        self.expect("configmaps", "delete", "c", &last);

        self.delete("e").await?;
        let version = self.create("e", Some("web")).await?;
        self.expect("configmaps", "update", "e", &version);
        self.expect("selected", "update", "e", &version);

        let version = self.create("f", Some("web")).await?;
        self.expect("configmaps", "add", "f", &version);
        self.expect("selected", "add", "f", &version);

        let last = self.last_version("widgets", "v");
        self.delete_widget("v").await?;
        self.expect("widgets", "delete", "v", &last);
        Ok(())
    }

    fn last_version(&self, informer: &str, name: &str) -> String {
        let place = (informer.to_owned(), format!("default/{name}"));
        let events = &self.expected[&place];
        events.last().expect("it was seen").1.clone()
    }

    /// What the server has, as the informers' stores should be.
    async fn stores(&self) -> anyhow::Result<BTreeMap<String, BTreeMap<String, String>>> {
        let all = ListParams::default();
        let web = ListParams::default().labels("app=web");
        Ok(BTreeMap::from([
            ("configmaps".to_owned(), versions(&self.maps, &all).await?),
            ("selected".to_owned(), versions(&self.maps, &web).await?),
            ("widgets".to_owned(), versions(&self.widgets, &all).await?),
        ]))
    }
}

async fn create<K>(
    api: &Api<K>,
    api_version: &str,
    kind: &str,
    name: &str,
    app: Option<&str>,
) -> anyhow::Result<String>
where
    K: Resource + Clone + std::fmt::Debug + DeserializeOwned + serde::Serialize,
{
    let labels = app.map(|app| json!({ "app": app })).unwrap_or(json!({}));
    let object = serde_json::from_value(json!({
        "apiVersion": api_version,
        "kind": kind,
        "metadata": { "name": name, "labels": labels },
    }))?;
    let created = api.create(&PostParams::default(), &object).await?;
    created.resource_version().context("objects have versions")
}

async fn patch<K>(api: &Api<K>, name: &str, patch: &Value) -> anyhow::Result<String>
where
    K: Resource + Clone + std::fmt::Debug + DeserializeOwned,
{
    let patched = api
        .patch(name, &PatchParams::default(), &Patch::Merge(patch))
        .await?;
    patched.resource_version().context("objects have versions")
}

async fn versions<K>(api: &Api<K>, params: &ListParams) -> anyhow::Result<BTreeMap<String, String>>
where
    K: Resource + Clone + std::fmt::Debug + DeserializeOwned,
{
    let list = api.list(params).await?;
    let versions = list.items.iter().map(|object| {
        let key = format!(
            "{}/{}",
            object.namespace().unwrap_or_default(),
            object.name_any()
        );
        (key, object.resource_version().unwrap_or_default())
    });
    Ok(versions.collect())
}

/// Cuts the watches, lets `unseen` changes happen before they are back, and compacts the history.
async fn change_behind_their_back(server: &ApiServer, script: &mut Script) -> anyhow::Result<()> {
    let reopened = When::any().verb(Verb::Watch).times(INFORMERS.len() as u64);
    let held = server.faults().add(reopened, Fault::Delay(HELD));
    server.faults().cut_watches(&When::any());
    let deadline = Instant::now() + PATIENCE;
    while server.faults().struck(held) < INFORMERS.len() as u64 {
        if Instant::now() > deadline {
            bail!("the watches are not opened again");
        }
        sleep(Duration::from_millis(5)).await;
    }
    script.unseen().await?;
    server.faults().compact();
    Ok(())
}

async fn informers_follow(streams: bool) -> anyhow::Result<()> {
    let Some(program) = cluster::program("informer")? else {
        return Ok(());
    };
    let served = Served::start(if streams { "streams" } else { "lists" }).await?;
    let mut script = Script::new(&served.server).await?;
    script.before().await?;

    let mut informers = Informers::start(&program, &served, streams)?;
    informers.synced().await?;
    assert_eq!(informers.events(script.count()).await?, script.expected);
    script.live().await?;
    assert_eq!(informers.events(script.count()).await?, script.expected);
    served.server.forget_asked();
    change_behind_their_back(&served.server, &mut script).await?;
    assert_eq!(informers.events(script.count()).await?, script.expected);

    assert_eq!(informers.stores().await?, script.stores().await?);
    assert_eq!(
        events(&informers.lines),
        script.expected,
        "nothing more is said"
    );
    let relists = |resource: &str| {
        let asked = served.server.asked();
        let from_scratch = asked.into_iter().filter(|asked| {
            let starts = asked.verb == Verb::List || asked.is_streaming_list();
            starts && asked.resource == resource && asked.client != "script"
        });
        from_scratch
            .map(|asked| asked.is_streaming_list())
            .collect::<Vec<_>>()
    };
    assert_eq!(relists("configmaps"), [streams, streams]);
    assert_eq!(relists("widgets"), [streams]);
    informers.stop().await
}

#[tokio::test]
async fn client_go_informers_list_and_watch() -> anyhow::Result<()> {
    informers_follow(false).await
}

#[tokio::test]
async fn client_go_informers_stream_their_lists() -> anyhow::Result<()> {
    informers_follow(true).await
}
