//! A program that watches `ConfigMap`s, and says afterwards when its callbacks were entered.

use std::{
    collections::{BTreeMap, HashMap},
    ffi::OsString,
    path::Path,
    process::Stdio,
};

use anyhow::{Context as _, ensure};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// A running observer; killed when it is dropped.
pub(crate) struct Observer {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

/// When the callbacks of each object were entered: nanoseconds since 1970 by version.
pub(crate) struct Seen(HashMap<String, BTreeMap<u64, i128>>);

impl Observer {
    /// Starts the program, and waits until it has handled what is there.
    pub(crate) async fn start(program: OsString, kubeconfig: &Path) -> anyhow::Result<Self> {
        let mut process = Command::new(&program)
            .env("KUBECONFIG", kubeconfig)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start `{}`", program.display()))?;
        let output = process.stdout.take().context("stdout is piped")?;
        let mut lines = BufReader::new(output).lines();
        let line = lines.next_line().await?;
        ensure!(line.as_deref() == Some("ready"), "unexpected: {line:?}");
        Ok(Self { process, lines })
    }

    /// Ends it, and returns what it saw.
    pub(crate) async fn finish(mut self) -> anyhow::Result<Seen> {
        drop(self.process.stdin.take());
        let mut seen = HashMap::<String, BTreeMap<u64, i128>>::new();
        while let Some(line) = self.lines.next_line().await? {
            let words: Vec<&str> = line.split(' ').collect();
            let [name, version, entered] = words[..] else {
                anyhow::bail!("unexpected: {line}");
            };
            let calls = seen.entry(name.to_owned()).or_default();
            // Of two calls that see one version, the first counts.
            calls.entry(version.parse()?).or_insert(entered.parse()?);
        }
        let status = self.process.wait().await?;
        ensure!(status.success(), "an observer failed: {status}");
        Ok(Seen(seen))
    }
}

impl Seen {
    /// Returns when a callback was first entered that saw this version of the object or a later one.
    pub(crate) fn first_since(&self, name: &str, version: u64) -> Option<i128> {
        self.0.get(name)?.range(version..).map(|(_, at)| *at).min()
    }

    /// Returns how many callbacks there were, but for those that saw the same.
    pub(crate) fn count(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }
}
