//! The embedded API server as a process.

use std::{
    fs,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use bytes::Bytes;
use http::Method;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::connection::Target;

/// A running server; killed when it is dropped.
pub(crate) struct Program {
    process: Child,
    target: Target,
}

impl Program {
    /// Starts the program, and waits until it says where it serves.
    pub(crate) async fn start(program: &Path) -> anyhow::Result<Self> {
        let mut process = Command::new(program)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start `{}`", program.display()))?;
        let output = process.stdout.take().context("stdout is piped")?;
        let line = BufReader::new(output).lines().next_line().await?;
        let line = line.context("the server has ended")?;
        let address = line
            .strip_prefix("serving on http://")
            .with_context(|| format!("unexpected line: {line}"))?;
        let target = Target::plain(address)?;
        Ok(Self { process, target })
    }

    /// Starts the program, and tells how long it took until a list was there.
    pub(crate) async fn start_and_list(program: &Path) -> anyhow::Result<(Self, Duration)> {
        let started = Instant::now();
        let program = Self::start(program).await?;
        let mut connection = program.target.connect().await?;
        connection
            .send(Method::GET, "/api/v1/namespaces", Bytes::new())
            .await?;
        Ok((program, started.elapsed()))
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// Returns how much of its memory is in use, as Linux counts it.
    pub(crate) fn resident_mib(&self) -> anyhow::Result<f64> {
        let id = self.process.id().context("the server has ended")?;
        let status = fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next());
        let kib: f64 = kib.context("no VmRSS")?.parse()?;
        Ok(kib / 1024.0)
    }

    /// Returns how many seconds of processor time it has used, as Linux counts it.
    pub(crate) fn processor_seconds(&self) -> anyhow::Result<f64> {
        let id = self.process.id().context("the server has ended")?;
        let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
        let (_, fields) = stat.rsplit_once(") ").context("no name")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let ticks = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        Ok(ticks / 100.0)
    }
}
