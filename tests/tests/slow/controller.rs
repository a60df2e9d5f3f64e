//! A controller in a process of its own: the program `drain`.

use std::{
    collections::BTreeSet,
    path::Path,
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use kubehandler_tests::{
    pod,
    scripted::{Listening, ScriptedServer},
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStderr, ChildStdout, Command},
    time::timeout,
};

pub(crate) const WORKERS: usize = 20;

/// How long a test waits for what must come, on however slow a machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A drain deadline that a test can wait for.
pub(crate) const SHORT: Duration = Duration::from_secs(1);

/// A drain deadline that no test waits for.
pub(crate) const LONG: Duration = Duration::from_secs(600);

/// The program `drain`, with the server that it watches.
pub(crate) struct Controller {
    process: Child,
    out: Lines<BufReader<ChildStdout>>,
    /// None where the test has no end of it any more.
    log: Option<Lines<BufReader<ChildStderr>>>,
    /// Lines of the log that were read by now.
    logged: Vec<String>,
    _server: Option<Listening>,
}

/// All that is left of a controller.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) after: Duration,
    pub(crate) started: BTreeSet<String>,
    pub(crate) finished: BTreeSet<String>,
    pub(crate) log: String,
}

impl Controller {
    /// Starts `drain` against a server of 1,020 pods.
    pub(crate) async fn start(way: &str, drain: Duration, behavior: &str) -> anyhow::Result<Self> {
        Self::start_with_log(way, drain, behavior, Stdio::piped()).await
    }

    /// Starts it with this standard error.
    pub(crate) async fn start_with_log(
        way: &str,
        drain: Duration,
        behavior: &str,
        log: Stdio,
    ) -> anyhow::Result<Self> {
        let server = ScriptedServer::new();
        for number in 0..WORKERS + 1_000 {
            server.put(pod(&format!("default/pod-{number:04}")));
        }
        let listening = server.listen().await?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_drain"));
        command
            .arg(format!("http://{}", listening.address()))
            .args([way, &drain.as_secs().to_string(), behavior]);
        Self::spawn(command, log, Some(listening))
    }

    /// Starts it with this kubeconfig.
    pub(crate) fn with_kubeconfig(way: &str, kubeconfig: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_drain"));
        command
            .args(["found", way, "600", "finish"])
            .env("KUBECONFIG", kubeconfig);
        Self::spawn(command, Stdio::piped(), None)
    }

    fn spawn(mut command: Command, log: Stdio, server: Option<Listening>) -> anyhow::Result<Self> {
        let mut process = command
            // As few threads as a container has, so that callbacks can block them all.
            .env("TOKIO_WORKER_THREADS", "2")
            .env_remove("RUST_LOG")
            .env("NO_COLOR", "1")
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let out = process.stdout.take().context("stdout is piped")?;
        Ok(Self {
            log: process.stderr.take().map(|log| BufReader::new(log).lines()),
            process,
            out: BufReader::new(out).lines(),
            logged: Vec::new(),
            _server: server,
        })
    }

    /// Waits until this many callbacks have started, and returns their objects.
    pub(crate) async fn started(&mut self, count: usize) -> anyhow::Result<BTreeSet<String>> {
        let mut started = BTreeSet::new();
        while started.len() < count {
            let line = timeout(PATIENCE, self.out.next_line()).await;
            let line = line.context("no further callback started")??;
            let line = line.context("the process ended")?;
            let name = line.strip_prefix("started ").context(line.clone())?;
            started.insert(name.to_owned());
        }
        Ok(started)
    }

    /// Closes the pipe that the log goes through.
    pub(crate) fn close_log(&mut self) {
        self.log = None;
    }

    /// Waits until the log says this, and returns the line.
    pub(crate) async fn logs(&mut self, what: &str) -> anyhow::Result<String> {
        let log = self.log.as_mut().context("the log is elsewhere")?;
        loop {
            let line = timeout(PATIENCE, log.next_line()).await;
            let line = line.with_context(|| format!("never logged `{what}`"))??;
            let line = line.context("the process ended")?;
            self.logged.push(line.clone());
            if line.contains(what) {
                return Ok(line);
            }
        }
    }

    pub(crate) async fn terminate(&self) -> anyhow::Result<()> {
        let id = self.process.id().context("the process has ended")?;
        let kill = Command::new("kill")
            .args(["-TERM", &id.to_string()])
            .status();
        ensure!(kill.await?.success(), "cannot send the signal");
        Ok(())
    }

    /// Sends SIGTERM four times a second, until the task is aborted.
    pub(crate) fn terminate_again_and_again(&self) -> tokio::task::JoinHandle<()> {
        let id = self.process.id().unwrap_or_default().to_string();
        tokio::spawn(async move {
            loop {
                let _ = Command::new("kill").args(["-TERM", &id]).status().await;
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
        })
    }

    /// Sends SIGTERM and waits for the end.
    pub(crate) async fn stop(mut self) -> anyhow::Result<Ended> {
        let signal = Instant::now();
        self.terminate().await?;
        let mut started = BTreeSet::new();
        let mut finished = BTreeSet::new();
        // A callback that blocks for ever holds no output open once its process is gone.
        timeout(PATIENCE, async {
            while let Some(line) = self.out.next_line().await? {
                let (what, name) = line.split_once(' ').context(line.clone())?;
                let names = match what {
                    "started" => &mut started,
                    _ => &mut finished,
                };
                names.insert(name.to_owned());
            }
            if let Some(log) = &mut self.log {
                while let Some(line) = log.next_line().await? {
                    self.logged.push(line);
                }
            }
            anyhow::Ok(())
        })
        .await
        .context("still running")??;
        let status = self.process.wait().await?;
        Ok(Ended {
            status,
            after: signal.elapsed(),
            started,
            finished,
            log: self.logged.join("\n"),
        })
    }
}
