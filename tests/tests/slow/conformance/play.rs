//! Plays a scenario on a server and notes what it answers.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::BodyExt as _;
use kubehandler_apiserver::ApiServer;
use kubehandler_tests::{
    cluster::Cluster,
    kube::{
        Client, Config,
        client::Body,
        config::{KubeConfigOptions, Kubeconfig},
    },
};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use super::{
    script::{Request, Scenario, Step, Until},
    transcript::{Names, Transcript},
};

/// How long something that is awaited may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a watch may be silent: bookmarks are a minute apart, and a little more.
const SILENCE: Duration = Duration::from_secs(80);

/// How long to wait until it is asked for again.
const PAUSE: Duration = Duration::from_millis(50);

/// A server, and a way to let it forget its history.
pub(crate) struct Target<'a> {
    pub(crate) client: Client,
    pub(crate) compact: Box<dyn Fn() -> BoxFuture<'a, anyhow::Result<()>> + Send + Sync + 'a>,
}

impl Target<'_> {
    /// An embedded server of its own.
    pub(crate) fn embedded() -> Self {
        let server = ApiServer::new();
        Self {
            client: server.client(),
            compact: Box::new(move || {
                server.faults().compact();
                Box::pin(async { Ok(()) })
            }),
        }
    }
}

impl<'a> Target<'a> {
    /// The real server, asked once: kube would ask again after a 504.
    pub(crate) async fn real(cluster: &'a Cluster) -> anyhow::Result<Self> {
        let kubeconfig = Kubeconfig::read_from(cluster.kubeconfig_path())?;
        let options = KubeConfigOptions::default();
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &options).await?;
        config.default_retry = false;
        Ok(Self {
            client: Client::try_from(config)?,
            compact: Box::new(move || Box::pin(cluster.compact())),
        })
    }
}

/// Plays a scenario in names of its own and returns what was answered.
pub(crate) async fn play(
    target: &Target<'_>,
    scenario: &Scenario,
    names: Names,
) -> anyhow::Result<Transcript> {
    let mut player = Player {
        target,
        transcript: Transcript::new(names),
        answers: BTreeMap::new(),
        watches: BTreeMap::new(),
    };
    player.make_namespace().await?;
    for step in &scenario.steps {
        let done = player.step(step).await;
        done.with_context(|| format!("`{}` at {step:?}", scenario.title))?;
    }
    Ok(player.transcript)
}

struct Player<'a, 'b> {
    target: &'a Target<'b>,
    transcript: Transcript,
    /// The answers that later steps speak of.
    answers: BTreeMap<String, Value>,
    watches: BTreeMap<String, Open>,
}

/// A watch, and what it said that was not read yet.
struct Open {
    body: Body,
    code: u16,
    pending: Vec<u8>,
    /// The last event was a bookmark.
    ends_with_bookmark: bool,
}

impl Player<'_, '_> {
    async fn make_namespace(&self) -> anyhow::Result<()> {
        let namespace = self.transcript.names().namespace.clone();
        let request = Request {
            method: "POST",
            path: "ns".to_owned(),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: format!(
                r#"{{"apiVersion":"v1","kind":"Namespace","metadata":{{"name":"{namespace}"}}}}"#
            ),
        };
        let (code, _, _) = self.send(&request).await?;
        ensure!(code == 201, "no namespace: {code}");
        Ok(())
    }

    async fn step(&mut self, step: &Step) -> anyhow::Result<()> {
        match step {
            Step::Compact => (self.target.compact)().await,
            Step::Ask { name, request } => {
                let (code, headers, body) = self.send(request).await?;
                if let Some(name) = name {
                    let answer = serde_json::from_slice(&body).unwrap_or_default();
                    self.answers.insert(name.clone(), answer);
                }
                self.transcript
                    .answer(request.method, &request.path, code, &headers, &body);
                Ok(())
            }
            Step::Await { request, code } => self.until(request, |found, _| found == *code).await,
            Step::AwaitText { request, text } => {
                self.until(request, |_, body| {
                    String::from_utf8_lossy(body).contains(text)
                })
                .await
            }
            Step::Watch { name, request } => self.open(name, request).await,
            Step::Read { name, until } => self.read(name, *until).await,
        }
    }

    async fn until(
        &mut self,
        request: &Request,
        is_it: impl Fn(u16, &[u8]) -> bool,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (code, headers, body) = self.send(request).await?;
            if is_it(code, &body) {
                self.transcript
                    .answer("AWAIT", &request.path, code, &headers, &body);
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "still {code}: {}",
                String::from_utf8_lossy(&body)
            );
            sleep(PAUSE).await;
        }
    }

    async fn send(&self, request: &Request) -> anyhow::Result<(u16, http::HeaderMap, Bytes)> {
        let request = self.http(request)?;
        let answer = timeout(PATIENCE, self.target.client.send(request))
            .await
            .context("no answer")??;
        let (parts, body) = answer.into_parts();
        let body = timeout(PATIENCE, body.collect())
            .await
            .context("the body does not end")??;
        Ok((parts.status.as_u16(), parts.headers, body.to_bytes()))
    }

    fn http(&self, request: &Request) -> anyhow::Result<http::Request<Body>> {
        let names = self.transcript.names();
        let path = names.expand_path(&self.substituted(&request.path)?);
        let mut http = http::Request::builder().method(request.method).uri(path);
        for (name, value) in &request.headers {
            http = http.header(name, value);
        }
        let body = names.expand(&self.substituted(&request.body)?);
        Ok(http.body(Body::from(body.into_bytes()))?)
    }

    /// Puts in what earlier answers said: `<a.rv>`, `<a.uid>`, `<a.continue>`, `<a.rv+1000000>`. A `<` with
    /// a space or `=` after it is itself.
    fn substituted(&self, text: &str) -> anyhow::Result<String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('<') {
            if after.starts_with([' ', '=']) {
                out.push_str(before);
                out.push('<');
                rest = after;
                continue;
            }
            let (what, after) = after.split_once('>').context("a `<` without its `>`")?;
            let (name, field) = what.split_once('.').context("`<answer.field>`")?;
            let answer = self
                .answers
                .get(name)
                .with_context(|| format!("no answer `{name}`"))?;
            let (field, plus) = field.split_once('+').unwrap_or((field, "0"));
            let path = match field {
                "rv" => "/metadata/resourceVersion",
                "uid" => "/metadata/uid",
                "continue" => "/metadata/continue",
                "name" => "/metadata/name",
                "created" => "/metadata/creationTimestamp",
                other => anyhow::bail!("no field `{other}`"),
            };
            let value = answer.pointer(path).and_then(Value::as_str);
            let value = value.with_context(|| format!("`{name}` has no {field}: {answer}"))?;
            out.push_str(before);
            match value.parse::<u64>() {
                Ok(number) if field == "rv" => {
                    out.push_str(&(number + plus.parse::<u64>()?).to_string());
                }
                _ => out.push_str(value),
            }
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }

    async fn open(&mut self, name: &str, request: &Request) -> anyhow::Result<()> {
        let http = self.http(request)?;
        let answer = timeout(PATIENCE, self.target.client.send(http))
            .await
            .context("no answer")??;
        let (parts, body) = answer.into_parts();
        let open = Open {
            body,
            code: parts.status.as_u16(),
            pending: Vec::new(),
            ends_with_bookmark: false,
        };
        self.transcript.watch(&request.path, open.code);
        self.watches.insert(name.to_owned(), open);
        Ok(())
    }

    async fn read(&mut self, name: &str, until: Until) -> anyhow::Result<()> {
        let watch = self
            .watches
            .get_mut(name)
            .with_context(|| format!("no watch `{name}`"))?;
        if watch.code != 200 {
            let body = std::mem::replace(&mut watch.body, Body::empty());
            let body = body.collect().await?.to_bytes();
            self.transcript.body(&body);
            return Ok(());
        }
        let mut events = 0;
        loop {
            if let Until::Events(wanted) = until
                && events == wanted
            {
                return Ok(());
            }
            let Some(line) = timeout(SILENCE, watch.line())
                .await
                .with_context(|| format!("`{name}` is silent after {events} events"))??
            else {
                self.transcript.note("END");
                return Ok(());
            };
            let event: Value = serde_json::from_slice(&line)?;
            let is_bookmark = event["type"] == "BOOKMARK";
            let ends_list = !event["object"]["metadata"]["annotations"].is_null();
            // A real server looks once a second which bookmarks are due, and sends its last one once
            // more if it has looked too early.
            let is_repeated = is_bookmark && watch.ends_with_bookmark && !ends_list;
            watch.ends_with_bookmark = is_bookmark;
            if is_repeated {
                continue;
            }
            self.transcript.event(event);
            events += 1;
            if is_bookmark && matches!(until, Until::Bookmark) {
                return Ok(());
            }
        }
    }
}

impl Open {
    /// The next line, or `None` at the end.
    async fn line(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        loop {
            if let Some(end) = self.pending.iter().position(|&byte| byte == b'\n') {
                let line = self.pending.drain(..=end).collect();
                return Ok(Some(line));
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(frame) => {
                    if let Ok(data) = frame?.into_data() {
                        self.pending.extend_from_slice(&data);
                    }
                }
            }
        }
    }
}
