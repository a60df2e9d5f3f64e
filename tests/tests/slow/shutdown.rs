//! Real processes get real signals, while callbacks run and a thousand objects wait.

use std::{
    collections::BTreeSet,
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

const WORKERS: usize = 20;

/// How long a test waits for what must come, on however slow a machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A drain deadline that a test can wait for.
const SHORT: Duration = Duration::from_secs(1);

/// A drain deadline that no test waits for.
const LONG: Duration = Duration::from_secs(600);

/// The program `drain`, with the server that it watches.
struct Controller {
    process: Child,
    out: Lines<BufReader<ChildStdout>>,
    log: Lines<BufReader<ChildStderr>>,
    /// Lines of the log that were read by now.
    logged: Vec<String>,
    _server: Listening,
}

/// All that is left of a controller.
struct Ended {
    status: ExitStatus,
    after: Duration,
    started: BTreeSet<String>,
    finished: BTreeSet<String>,
    log: String,
}

impl Controller {
    /// Starts `drain` against a server of 1,020 pods.
    async fn start(way: &str, drain: Duration, behavior: &str) -> anyhow::Result<Self> {
        let server = ScriptedServer::new();
        for number in 0..WORKERS + 1_000 {
            server.put(pod(&format!("default/pod-{number:04}")));
        }
        let listening = server.listen().await?;
        let mut process = Command::new(env!("CARGO_BIN_EXE_drain"))
            .arg(format!("http://{}", listening.address()))
            .args([way, &drain.as_secs().to_string(), behavior])
            // As few threads as a container has, so that callbacks can block them all.
            .env("TOKIO_WORKER_THREADS", "2")
            .env_remove("RUST_LOG")
            .env("NO_COLOR", "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let out = process.stdout.take().context("stdout is piped")?;
        let log = process.stderr.take().context("stderr is piped")?;
        Ok(Self {
            process,
            out: BufReader::new(out).lines(),
            log: BufReader::new(log).lines(),
            logged: Vec::new(),
            _server: listening,
        })
    }

    /// Waits until this many callbacks have started, and returns their objects.
    async fn started(&mut self, count: usize) -> anyhow::Result<BTreeSet<String>> {
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

    /// Waits until the log says this.
    async fn logs(&mut self, what: &str) -> anyhow::Result<()> {
        loop {
            let line = timeout(PATIENCE, self.log.next_line()).await;
            let line = line.with_context(|| format!("never logged `{what}`"))??;
            let line = line.context("the process ended")?;
            let is_it = line.contains(what);
            self.logged.push(line);
            if is_it {
                return Ok(());
            }
        }
    }

    async fn terminate(&self) -> anyhow::Result<()> {
        let id = self.process.id().context("the process has ended")?;
        let kill = Command::new("kill")
            .args(["-TERM", &id.to_string()])
            .status();
        ensure!(kill.await?.success(), "cannot send the signal");
        Ok(())
    }

    /// Sends SIGTERM and waits for the end.
    async fn stop(mut self) -> anyhow::Result<Ended> {
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
            while let Some(line) = self.log.next_line().await? {
                self.logged.push(line);
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

/// Checks that the end came at the drain deadline, not before, and names the one callback that was cut off.
fn assert_cut_off(ended: &Ended, running: &BTreeSet<String>, ending: &str) {
    let cut_off: Vec<&String> = running.difference(&ended.finished).collect();
    let [name] = cut_off[..] else {
        panic!("not one was cut off, but {cut_off:?}\n{}", ended.log);
    };
    let named = format!("add of `default/{name}` by `pods`{ending}");
    assert!(ended.log.contains(&named), "{named} in {}", ended.log);
    assert!(ended.started.is_empty(), "started: {:?}", ended.started);
    assert!(ended.after >= SHORT, "before the drain deadline");
    assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
}

#[tokio::test]
async fn running_callbacks_finish_and_none_of_a_thousand_waiting_ones_starts() -> anyhow::Result<()>
{
    for way in ["main", "run"] {
        let mut controller = Controller::start(way, LONG, "finish").await?;
        let running = controller.started(WORKERS).await?;

        let ended = controller.stop().await?;

        assert_eq!(ended.finished, running, "{way}");
        assert!(ended.started.is_empty(), "{way}: {:?}", ended.started);
        assert_eq!(ended.status.code(), Some(0), "{way}: {}", ended.log);
    }
    Ok(())
}

#[tokio::test]
async fn hanging_callback_is_named_at_the_drain_deadline() -> anyhow::Result<()> {
    for way in ["main", "run"] {
        let mut controller = Controller::start(way, SHORT, "hang-one").await?;
        let running = controller.started(WORKERS).await?;

        let ended = controller.stop().await?;

        assert_cut_off(&ended, &running, "");
        assert!(!ended.log.contains("blocks its thread"), "{}", ended.log);
    }
    Ok(())
}

#[tokio::test]
async fn callback_that_blocks_its_thread_is_named_and_left_behind() -> anyhow::Result<()> {
    let mut controller = Controller::start("main", SHORT, "block-one").await?;
    let running = controller.started(WORKERS).await?;

    let ended = controller.stop().await?;

    assert_cut_off(&ended, &running, " (it blocks its thread)");
    Ok(())
}

#[tokio::test]
async fn process_ends_even_if_callbacks_block_every_thread() -> anyhow::Result<()> {
    let mut controller = Controller::start("main", SHORT, "block-all").await?;
    let running = controller.started(2).await?;

    let ended = controller.stop().await?;

    for name in running {
        let named = format!("add of `default/{name}` by `pods` (it blocks its thread)");
        assert!(ended.log.contains(&named), "{named} in {}", ended.log);
    }
    assert!(ended.started.is_empty(), "{:?}", ended.started);
    assert!(ended.after >= SHORT, "before the drain deadline");
    assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
    Ok(())
}

#[tokio::test]
async fn second_signal_ends_the_process_at_once() -> anyhow::Result<()> {
    for (way, behavior, running) in [
        ("main", "hang-one", WORKERS),
        ("run", "hang-one", WORKERS),
        ("main", "block-all", 2),
    ] {
        let mut controller = Controller::start(way, LONG, behavior).await?;
        controller.started(running).await?;
        controller.terminate().await?;
        controller.logs("a second signal ends at once").await?;

        let ended = controller.stop().await?;

        assert_eq!(ended.status.code(), Some(143), "{way} {behavior}");
    }
    Ok(())
}
