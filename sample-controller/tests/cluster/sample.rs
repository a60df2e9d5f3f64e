//! The sample controller logs the pods of a real API server while somebody churns them.

use std::{
    convert::Infallible,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use k8s_openapi::api::{core::v1::Pod, rbac::v1::PolicyRule};
use kube::{Api, Client, ResourceExt as _, api::ListParams};
use kubehandler_tests::cluster::Cluster;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdout, Command},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use crate::{
    churn::Churn,
    pod_log::{PodLine, Present, check_lives, differences},
    proxy::Proxy,
};

const NAMESPACES: [&str; 2] = ["churn-a", "churn-b"];

/// How long a test waits for what must come, on however slow a machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the controller may take to end: nothing is running when it is told to.
const SOON: Duration = Duration::from_secs(10);

/// The running sample controller.
struct Sample {
    process: Child,
    lines: Arc<Mutex<Vec<PodLine>>>,
    reader: JoinHandle<anyhow::Result<()>>,
}

impl Sample {
    fn start(kubeconfig: &Path) -> anyhow::Result<Self> {
        let mut process = Command::new(env!("CARGO_BIN_EXE_sample-controller"))
            .args(["--log-format", "json", "--kubeconfig"])
            .arg(kubeconfig)
            .env_remove("RUST_LOG")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let out = process.stdout.take().context("stdout is piped")?;
        let lines = Arc::default();
        let reader = tokio::spawn(read(out, Arc::clone(&lines)));
        Ok(Self {
            process,
            lines,
            reader,
        })
    }

    /// Returns the lines so far about the pods that are churned.
    fn lines(&self) -> Vec<PodLine> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.clone()
    }

    /// Waits until the log shows the pods that the server has.
    async fn agrees_with(&mut self, server: &Present) -> anyhow::Result<()> {
        let start = Instant::now();
        loop {
            let differences = differences(&self.lines(), server);
            if differences.is_empty() {
                return Ok(());
            }
            if self.reader.is_finished() {
                (&mut self.reader).await??;
                bail!("the process has ended");
            }
            ensure!(
                start.elapsed() < PATIENCE,
                "the log differs from the server:\n{}",
                differences.join("\n")
            );
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Sends SIGTERM and returns the exit code and all lines.
    async fn stop(mut self) -> anyhow::Result<(Option<i32>, Vec<PodLine>)> {
        let id = self.process.id().context("the process has ended")?;
        let kill = Command::new("kill")
            .args(["-TERM", &id.to_string()])
            .status();
        ensure!(kill.await?.success(), "cannot send the signal");
        let status = timeout(SOON, self.process.wait()).await;
        let status = status.context("still running")??;
        (&mut self.reader).await??;
        Ok((status.code(), self.lines()))
    }
}

async fn read(out: ChildStdout, lines: Arc<Mutex<Vec<PodLine>>>) -> anyhow::Result<()> {
    let mut out = BufReader::new(out).lines();
    while let Some(line) = out.next_line().await? {
        let Some(line) = PodLine::read(&line)? else {
            continue;
        };
        let namespace = line.key().split('/').next();
        if namespace.is_some_and(|namespace| NAMESPACES.contains(&namespace)) {
            let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
            lines.push(line);
        }
    }
    Ok(())
}

/// Writes a copy of a kubeconfig that connects through a relay, and returns both.
async fn through_proxy(kubeconfig: &Path) -> anyhow::Result<(Proxy, PathBuf)> {
    let mut config: Value = serde_json::from_slice(&std::fs::read(kubeconfig)?)?;
    let server = &mut config["clusters"][0]["cluster"]["server"];
    let address = server.as_str().and_then(|url| url.strip_prefix("https://"));
    let address: SocketAddr = address.context("no address in the kubeconfig")?.parse()?;
    let proxy = Proxy::start(address).await?;
    *server = format!("https://{}", proxy.address()).into();
    let path = kubeconfig.with_extension("proxied");
    std::fs::write(&path, config.to_string())?;
    Ok((proxy, path))
}

/// Returns what decides the churn: a number that is new each time, unless `CHURN_SEED` has one.
fn seed() -> anyhow::Result<u64> {
    match std::env::var("CHURN_SEED") {
        Ok(seed) => seed.parse().context("`CHURN_SEED` is no number"),
        Err(_) => Ok(fastrand::u64(..)),
    }
}

async fn on_server(client: &Client) -> anyhow::Result<Present> {
    let mut present = Present::new();
    for namespace in NAMESPACES {
        let pods = Api::<Pod>::namespaced(client.clone(), namespace);
        for pod in pods.list(&ListParams::default()).await? {
            let key = format!("{namespace}/{}", pod.name_any());
            let phase = pod.status.as_ref().and_then(|status| status.phase.clone());
            let shown = (pod.uid().unwrap_or_default(), phase.unwrap_or_default());
            present.insert(key, shown);
        }
    }
    Ok(present)
}

/// Cuts the connections of the controller, so that it gets many changes at once when it is back.
async fn cut_now_and_then(proxy: &Proxy) -> Infallible {
    loop {
        sleep(Duration::from_millis(1200)).await;
        proxy.cut();
    }
}

#[tokio::test]
async fn sample_logs_the_life_of_200_churned_pods_and_agrees_with_the_server() -> anyhow::Result<()>
{
    let Some(cluster) = Cluster::start_if_available().await? else {
        return Ok(());
    };
    for namespace in NAMESPACES {
        cluster.create_namespace(namespace).await?;
    }
    let list_and_watch = PolicyRule {
        api_groups: Some(vec![String::new()]),
        resources: Some(vec!["pods".to_owned()]),
        verbs: vec!["list".to_owned(), "watch".to_owned()],
        ..PolicyRule::default()
    };
    let account = cluster.service_account("pod-logger", vec![list_and_watch]);
    let kubeconfig = cluster.kubeconfig_of(&account.await?)?;
    let (proxy, kubeconfig) = through_proxy(&kubeconfig).await?;
    let client = cluster.client().await?;
    let seed = seed()?;
    let context = || format!("CHURN_SEED={seed}");

    let churn = Churn::start(&client, &NAMESPACES, 100, seed).await?;
    let mut sample = Sample::start(&kubeconfig)?;
    let lives = tokio::select! {
        lives = churn.run() => lives.with_context(context)?,
        never = cut_now_and_then(&proxy) => match never {},
    };
    let server = on_server(&client).await?;
    sample.agrees_with(&server).await.with_context(context)?;
    let (code, log) = sample.stop().await.with_context(context)?;

    check_lives(&log, &lives).with_context(context)?;
    let differences = differences(&log, &server);
    assert!(differences.is_empty(), "CHURN_SEED={seed}: {differences:?}");
    assert_eq!(code, Some(0));
    Ok(())
}
