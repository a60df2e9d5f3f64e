//! kubectl, as a person types it.
//!
//! Its tables have NAME and AGE alone: the server prints none of its own.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, ensure};
use kubehandler_tests::cluster;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::Command,
    time::timeout,
};

use super::{PATIENCE, Served, widgets};

const DEPLOYMENT: &str = r"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: nginx}]}
";

const MAPS: &str = r"
apiVersion: v1
kind: ConfigMap
metadata: {name: a, labels: {app: web}}
data: {color: red}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
";

/// kubectl on one server.
struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
    home: PathBuf,
}

impl Kubectl {
    fn new(program: &Path, served: &Served) -> Self {
        Self {
            program: program.to_owned(),
            kubeconfig: served.kubeconfig(),
            home: served.directory.clone(),
        }
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments.split(' '))
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HOME", &self.home) // It keeps what it discovered.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Runs it with `input`; returns whether it succeeded, and what it printed.
    async fn run(&self, arguments: &str, input: &str) -> anyhow::Result<(bool, String)> {
        let mut process = self.command(arguments).spawn()?;
        let mut stdin = process.stdin.take().context("stdin is piped")?;
        stdin.write_all(input.as_bytes()).await?;
        drop(stdin); // It reads to the end.
        let output = timeout(PATIENCE, process.wait_with_output()).await;
        let output = output.with_context(|| format!("`kubectl {arguments}` does not end"))??;
        let mut text = String::from_utf8(output.stdout)?;
        text.push_str(std::str::from_utf8(&output.stderr)?);
        Ok((output.status.success(), text))
    }

    /// Runs it, and returns what it printed.
    async fn says(&self, arguments: &str) -> anyhow::Result<String> {
        self.says_of(arguments, "").await
    }

    async fn says_of(&self, arguments: &str, input: &str) -> anyhow::Result<String> {
        let (succeeded, text) = self.run(arguments, input).await?;
        ensure!(succeeded, "`kubectl {arguments}` failed: {text}");
        Ok(text)
    }

    /// Runs it, and returns why it failed.
    async fn fails(&self, arguments: &str) -> anyhow::Result<String> {
        let (succeeded, text) = self.run(arguments, "").await?;
        ensure!(!succeeded, "`kubectl {arguments}` did not fail: {text}");
        Ok(text)
    }
}

/// Returns the words of a table without the last column, the age.
fn rows(table: &str) -> Vec<Vec<&str>> {
    let rows = table.lines().map(|line| line.split_whitespace().collect());
    rows.map(|mut row: Vec<&str>| {
        row.pop();
        row
    })
    .collect()
}

/// Starts a server and kubectl on it, or says that there is none.
async fn kubectl(name: &str) -> anyhow::Result<Option<(Served, Kubectl)>> {
    let Some(program) = cluster::program("kubectl")? else {
        return Ok(None);
    };
    let served = Served::start(name).await?;
    let kubectl = Kubectl::new(&program, &served);
    Ok(Some((served, kubectl)))
}

#[tokio::test]
async fn kubectl_creates_gets_and_deletes() -> anyhow::Result<()> {
    let Some((_served, kubectl)) = kubectl("kubectl-objects").await? else {
        return Ok(());
    };

    let created = kubectl
        .says_of("create --validate=false -f -", MAPS)
        .await?;
    assert_eq!(created, "configmap/a created\nconfigmap/b created\n");
    let (_, again) = kubectl.run("create --validate=false -f -", MAPS).await?;
    assert_eq!(
        again.lines().next(),
        Some(
            r#"Error from server (AlreadyExists): error when creating "STDIN": configmaps "a" already exists"#
        )
    );
    let table = kubectl.says("get configmaps").await?;
    assert_eq!(rows(&table), [["NAME"], ["a"], ["b"]]);
    let web = kubectl.says("get cm -l app=web -o name").await?;
    assert_eq!(web, "configmap/a\n");
    let by_field = kubectl
        .says("get cm --field-selector metadata.name=b -o name")
        .await?;
    assert_eq!(by_field, "configmap/b\n");
    let color = kubectl.says("get cm a -o jsonpath={.data.color}").await?;
    assert_eq!(color, "red");
    let everywhere = kubectl.says("get ns -o name").await?;
    assert_eq!(
        everywhere,
        "namespace/default\nnamespace/kube-node-lease\nnamespace/kube-public\nnamespace/kube-system\n"
    );

    let deleted = kubectl.says("delete cm a").await?;
    assert_eq!(deleted, "configmap \"a\" deleted from default namespace\n");
    let missing = kubectl.fails("get cm a").await?;
    assert_eq!(
        missing,
        "Error from server (NotFound): configmaps \"a\" not found\n"
    );
    let rest = kubectl.says("delete cm --all").await?;
    assert_eq!(rest, "configmap \"b\" deleted from default namespace\n");
    let none = kubectl.says("get cm").await?;
    assert_eq!(none, "No resources found in default namespace.\n");
    Ok(())
}

#[tokio::test]
async fn kubectl_is_told_that_protobuf_is_not_read() -> anyhow::Result<()> {
    let Some((_served, kubectl)) = kubectl("kubectl-protobuf").await? else {
        return Ok(());
    };

    // Objects made from flags are sent as protobuf.
    let refused = kubectl.fails("create configmap a").await?;

    assert_eq!(
        refused,
        "error: failed to create configmap: reading application/vnd.kubernetes.protobuf is not in the \
         embedded server (the README of kubehandler-apiserver lists all that is missing under `What is \
         not there`): the body of the request was in an unknown format - accepted media types include: \
         application/json\n"
    );
    Ok(())
}

#[tokio::test]
async fn kubectl_patches_and_labels() -> anyhow::Result<()> {
    let Some((_served, kubectl)) = kubectl("kubectl-patches").await? else {
        return Ok(());
    };
    kubectl
        .says_of("create --validate=false -f -", MAPS)
        .await?;

    let merge = r#"patch cm a --type=merge -p {"data":{"color":null,"size":"big"}}"#;
    assert_eq!(kubectl.says(merge).await?, "configmap/a patched\n");
    assert_eq!(
        kubectl.says(merge).await?,
        "configmap/a patched (no change)\n"
    );
    let json =
        r#"patch cm a --type=json -p [{"op":"replace","path":"/data/size","value":"small"}]"#;
    assert_eq!(kubectl.says(json).await?, "configmap/a patched\n");
    let data = kubectl.says("get cm a -o jsonpath={.data}").await?;
    assert_eq!(data, r#"{"size":"small"}"#);
    let wrong = r#"patch cm a --type=json -p [{"op":"remove","path":"/data/none"}]"#;
    let refused = kubectl.fails(wrong).await?;
    assert!(
        refused.contains("the server rejected our request"),
        "{refused}"
    );

    assert_eq!(
        kubectl.says("label cm b app=db").await?,
        "configmap/b labeled\n"
    );
    let taken = kubectl.fails("label cm b app=web").await?;
    assert!(taken.contains("'app' already has a value (db)"), "{taken}");
    assert_eq!(
        kubectl.says("label cm b app=web --overwrite").await?,
        "configmap/b labeled\n"
    );
    assert_eq!(
        kubectl.says("get cm -l app=web -o name").await?,
        "configmap/a\nconfigmap/b\n"
    );
    assert_eq!(
        kubectl.says("label cm b app-").await?,
        "configmap/b unlabeled\n"
    );
    assert_eq!(
        kubectl.says("get cm -l app -o name").await?,
        "configmap/a\n"
    );
    Ok(())
}

#[tokio::test]
async fn kubectl_scales_built_in_and_custom_kinds() -> anyhow::Result<()> {
    let Some((_served, kubectl)) = kubectl("kubectl-scale").await? else {
        return Ok(());
    };
    let create = "create --validate=false -f -";
    kubectl.says_of(create, DEPLOYMENT).await?;
    kubectl.says_of(create, &widgets().to_string()).await?;
    let established = kubectl
        .says("wait --for=condition=Established crd/widgets.example.com")
        .await?;
    assert_eq!(
        established,
        "customresourcedefinition.apiextensions.k8s.io/widgets.example.com condition met\n"
    );
    let widget =
        "{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}, spec: {replicas: 1}}";
    assert_eq!(
        kubectl.says_of(create, widget).await?,
        "widget.example.com/w created\n"
    );

    let scaled = kubectl.says("scale deployment web --replicas=3").await?;
    assert_eq!(scaled, "deployment.apps/web scaled\n");
    let scaled = kubectl
        .says("scale wd w --replicas=2 --current-replicas=1")
        .await?;
    assert_eq!(scaled, "widget.example.com/w scaled\n");
    let refused = kubectl
        .fails("scale wd w --replicas=4 --current-replicas=1")
        .await?;
    assert!(
        refused.contains("Expected replicas to be 1, was 2"),
        "{refused}"
    );

    let replicas = "-o jsonpath={.items[*].spec.replicas}";
    assert_eq!(kubectl.says(&format!("get deploy {replicas}")).await?, "3");
    assert_eq!(kubectl.says(&format!("get widgets {replicas}")).await?, "2");
    Ok(())
}

#[tokio::test]
async fn kubectl_finds_the_kinds() -> anyhow::Result<()> {
    let Some((_served, kubectl)) = kubectl("kubectl-kinds").await? else {
        return Ok(());
    };
    kubectl
        .says_of("create --validate=false -f -", &widgets().to_string())
        .await?;

    let table = kubectl.says("api-resources").await?;
    let names: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert!(names.len() > 50, "{table}");
    for row in [
        vec!["pods", "po", "v1", "true", "Pod"],
        vec!["namespaces", "ns", "v1", "false", "Namespace"],
        vec!["deployments", "deploy", "apps/v1", "true", "Deployment"],
        vec!["widgets", "wd", "example.com/v1", "true", "Widget"],
    ] {
        assert!(names.contains(&row), "no {row:?} in {table}");
    }
    let listed = kubectl
        .says("api-resources --api-group=example.com -o name --verbs=list,watch")
        .await?;
    assert_eq!(listed, "widgets.example.com\n");
    Ok(())
}

#[tokio::test]
async fn kubectl_waits_and_watches() -> anyhow::Result<()> {
    let Some((_served, kubectl)) = kubectl("kubectl-waits").await? else {
        return Ok(());
    };
    kubectl
        .says_of("create --validate=false -f -", MAPS)
        .await?;
    let watching = kubectl.command("get cm -w --output-watch-events");
    let mut watch = Watch::start(watching)?;
    assert_eq!(
        watch.until("b").await?,
        [["EVENT", "NAME"], ["ADDED", "a"], ["ADDED", "b"]]
    );

    let gone = async { kubectl.says("wait --for=delete cm/a --timeout=60s").await };
    let red = async {
        kubectl
            .says("wait --for=jsonpath={.data.color}=blue cm/b --timeout=60s")
            .await
    };
    let change = async {
        kubectl
            .says(r#"patch cm b --type=merge -p {"data":{"color":"blue"}}"#)
            .await?;
        kubectl.says("delete cm a --wait=false").await
    };
    let (gone, red, change) = tokio::join!(gone, red, change);
    change?;
    assert_eq!(gone?, "configmap/a condition met\n");
    assert_eq!(red?, "configmap/b condition met\n");
    assert_eq!(
        watch.until("a").await?,
        [["MODIFIED", "b"], ["DELETED", "a"]]
    );

    let late = kubectl
        .fails("wait --for=jsonpath={.data.color}=green cm/b --timeout=100ms")
        .await?;
    assert_eq!(
        late,
        "error: timed out waiting for the condition on configmaps/b\n"
    );
    Ok(())
}

/// `kubectl get -w` under way.
struct Watch {
    _process: tokio::process::Child,
    lines: tokio::io::Lines<BufReader<tokio::process::ChildStdout>>,
}

impl Watch {
    fn start(mut command: Command) -> anyhow::Result<Self> {
        let mut process = command.spawn()?;
        let output = process.stdout.take().context("stdout is piped")?;
        Ok(Self {
            _process: process,
            lines: BufReader::new(output).lines(),
        })
    }

    /// Returns the next rows up to and with that of `name`, each without the age.
    async fn until(&mut self, name: &str) -> anyhow::Result<Vec<Vec<String>>> {
        let mut found: Vec<Vec<String>> = Vec::new();
        while found.last().is_none_or(|row| row[1] != name) {
            let line = timeout(PATIENCE, self.lines.next_line()).await??;
            let line = line.context("the watch has ended")?;
            let row = line.split_whitespace().take(2).map(str::to_owned);
            found.push(row.collect());
        }
        Ok(found)
    }
}
