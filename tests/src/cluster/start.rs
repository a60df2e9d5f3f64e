//! Starts the servers of a test cluster under a supervising shell, and tells when they are ready.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    os::unix::{fs::DirBuilderExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use anyhow::{Context as _, bail};
use kube::Client;
use tokio::time::{Instant, sleep};

use super::pki::Pki;

/// Kills the servers once its standard input closes.
const SUPERVISOR: &str = include_str!("../../cluster/supervise.sh");

/// How long a start may take; a few seconds on an idle machine.
const READY_TIMEOUT: Duration = Duration::from_secs(90);

/// Lines of each log in the error of a start that failed.
const LOG_LINES: usize = 15;

/// Both servers, or what is left of them.
#[derive(Debug)]
pub(super) struct Servers {
    directory: PathBuf,
    port: u16,
    etcd_port: u16,
    /// Runs `SUPERVISOR`. Its standard input must stay open for as long as the servers are to live.
    supervisor: Child,
}

impl Servers {
    /// Starts both servers, with `tokens` as the static token file.
    pub(super) fn start(assets: &Path, tokens: &str) -> anyhow::Result<Self> {
        let directory = make_directory()?;
        let pki = Pki::generate()?;
        for (name, content) in [
            ("authority.crt", pki.authority.as_str()),
            ("server.crt", &pki.server_certificate),
            ("server.key", &pki.server_key),
            ("accounts.key", &pki.accounts_key),
            ("accounts.pub", &pki.accounts_public_key),
            ("tokens.csv", tokens),
        ] {
            fs::write(directory.join(name), content)?;
        }

        let [port, etcd_port, etcd_peer_port] = free_ports()?;
        let supervisor = Command::new("sh")
            .args(["-c", SUPERVISOR, "supervise.sh"])
            .env("ASSETS", assets)
            .env("DIRECTORY", &directory)
            .env("SERVER_PORT", port.to_string())
            .env("ETCD_PORT", etcd_port.to_string())
            .env("ETCD_PEER_PORT", etcd_peer_port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C in a terminal is for the program that owns the cluster.
            .process_group(0)
            .spawn()
            .context("failed to start `sh`")?;
        Ok(Self {
            directory,
            port,
            etcd_port,
            supervisor,
        })
    }

    /// Returns the folder of keys, logs and data.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns where kube-apiserver listens.
    pub(super) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// Returns where etcd listens, for its clients and for its HTTP gateway.
    pub(super) fn etcd_address(&self) -> (Ipv4Addr, u16) {
        (Ipv4Addr::LOCALHOST, self.etcd_port)
    }

    /// Returns the certificate that clients must trust.
    pub(super) fn authority_path(&self) -> PathBuf {
        self.directory.join("authority.crt")
    }

    /// Waits until the server answers, its default roles exist, and namespace `default` too.
    pub(super) async fn wait_until_ready(&self, client: &Client) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_TIMEOUT;
        loop {
            let error = match check(client).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if self.directory.join("exited").exists() {
                bail!(
                    "kube-apiserver ended while it started\n{}",
                    self.last_words()
                );
            }
            if Instant::now() > deadline {
                let waited = READY_TIMEOUT.as_secs();
                let logs = self.last_words();
                return Err(error)
                    .context(format!("cluster is not ready after {waited} s\n{logs}"));
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    fn last_words(&self) -> String {
        let tail = |name: &str| {
            let log = fs::read_to_string(self.directory.join(name)).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            let last = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
            format!("--- {name}\n{last}")
        };
        ["etcd.log", "kube-apiserver.log"].map(tail).join("\n")
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        // Nothing can be done about a failure, and a panic here would hide the test's own.
        let _ = self.supervisor.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

async fn check(client: &Client) -> Result<(), kube::Error> {
    for path in ["/readyz", "/api/v1/namespaces/default"] {
        let request = http::Request::get(path).body(Vec::new());
        let request = request.map_err(|error| kube::Error::Service(error.into()))?;
        client.request_text(request).await?;
    }
    Ok(())
}

/// Makes a folder that only this user can look into.
fn make_directory() -> anyhow::Result<PathBuf> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("kubehandler-cluster-{}-{count}", std::process::id());

    let directory = std::env::temp_dir().join(name);
    let made = fs::DirBuilder::new().mode(0o700).create(&directory);
    made.with_context(|| format!("failed to make `{}`", directory.display()))?;
    Ok(directory)
}

/// Finds ports that nobody listens on; the kernel does not hand them out again soon.
fn free_ports<const N: usize>() -> anyhow::Result<[u16; N]> {
    let mut listeners = Vec::with_capacity(N); // Kept until all are found, so that they differ.
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok(ports)
}
