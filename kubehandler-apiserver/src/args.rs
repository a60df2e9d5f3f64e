//! The command line, and what the program does with it.

use std::{
    error::Error,
    fs,
    io::{self, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::Parser;
use kubehandler_apiserver::ApiServer;

/// A Kubernetes API server in memory: nothing to install, nothing left behind.
///
/// It serves every built-in kind and custom resources, without nodes, without TLS and without
/// authentication. Everything is gone when it ends.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Args {
    /// Where to listen; port 0 finds a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    addr: SocketAddr,

    /// Serve clients that reach it by this host too, a name or an address without port
    #[arg(long, value_name = "HOST", value_parser = host)]
    allow_host: Vec<String>,

    /// Where to write the kubeconfig; by default a file in the temporary folder
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// Apply these manifests at start
    #[arg(long, value_name = "FILE", num_args = 1..)]
    load: Vec<PathBuf>,

    /// Misbehave as this file says, one JSON object a line
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,

    /// Remember the last 100,000 requests, for `GET /kubehandler/requests`
    #[arg(long)]
    record: bool,

    /// Make uids and generated names from this number, and start the clock at 2026-01-01
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Leave `metadata.managedFields` out of objects without a server-side apply
    #[arg(long)]
    without_managed_fields: bool,

    /// Leave out garbage collection and the end of deleted namespaces
    #[arg(long)]
    without_controllers: bool,
}

type Failed = Box<dyn Error + Send + Sync>;

impl Args {
    /// Serves until it is told to stop.
    pub(crate) async fn run(self) -> Result<(), Failed> {
        let mut builder = ApiServer::builder();
        if !self.record {
            builder = builder.without_record();
        }
        builder = match self.seed {
            Some(seed) => builder.seed(seed),
            None => builder.random_seed().system_clock(),
        };
        if self.without_controllers {
            builder = builder.without_controllers();
        }
        if self.without_managed_fields {
            builder = builder.without_managed_fields();
        }
        for host in self.allow_host {
            builder = builder.allow_host(host);
        }
        let server = builder.build();
        for file in &self.load {
            let manifests = read(file)?;
            let loaded = server.load(&manifests).await;
            loaded.map_err(|error| format!("cannot load `{}`: {error}", file.display()))?;
        }
        if let Some(file) = &self.faults {
            let script = read(file)?;
            let added = server.faults().load(&script);
            added.map_err(|error| format!("cannot use `{}`: {error}", file.display()))?;
        }

        let listening = server.listen(self.addr).await;
        let listening =
            listening.map_err(|error| format!("cannot listen on `{}`: {error}", self.addr))?;
        // Before there is a file to remove, and before the word that it serves: who reads it may stop
        // the program at once.
        let told_to_stop = told_to_stop()?;
        let kubeconfig = Kubeconfig::write(self.kubeconfig, &listening.kubeconfig())?;
        say(&format!(
            "serving on {}\nexport KUBECONFIG={}",
            listening.url(),
            kubeconfig.path.display()
        ));
        told_to_stop.await;
        drop(kubeconfig);
        listening.stop().await;
        Ok(())
    }
}

/// Refuses what is more than a host, and would never be the same as one.
fn host(text: &str) -> Result<String, String> {
    let is_of_a_host = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    let has_port = text.matches(':').count() == 1;
    if text.is_empty() || has_port || !text.chars().all(is_of_a_host) {
        return Err("write the host alone, such as `apiserver.test`".to_owned());
    }
    Ok(text.to_owned())
}

fn read(file: &Path) -> Result<String, Failed> {
    let read = fs::read_to_string(file);
    read.map_err(|error| format!("cannot read `{}`: {error}", file.display()).into())
}

/// The kubeconfig file; removed at the end unless its place was asked for.
struct Kubeconfig {
    path: PathBuf,
    is_ours: bool,
}

impl Kubeconfig {
    fn write(path: Option<PathBuf>, text: &str) -> Result<Self, Failed> {
        let is_ours = path.is_none();
        let path = path.unwrap_or_else(|| {
            let name = format!("kubehandler-apiserver-{}.kubeconfig", std::process::id());
            std::env::temp_dir().join(name)
        });
        let written = fs::write(&path, text);
        written.map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
        Ok(Self { path, is_ours })
    }
}

impl Drop for Kubeconfig {
    fn drop(&mut self) {
        if self.is_ours {
            // It is in the temporary folder: worth no word.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Ends with Ctrl-C or SIGTERM, which are caught from now on.
fn told_to_stop() -> io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};

        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    {
        let mut interrupt = tokio::signal::windows::ctrl_c()?;
        Ok(async move {
            interrupt.recv().await;
        })
    }
}

fn say(text: &str) {
    // A reader who is gone wants to hear nothing.
    let _ = writeln!(io::stdout(), "{text}");
}

/// Says why the program ends.
pub(crate) fn say_error(error: &(dyn Error + Send + Sync)) {
    let _ = writeln!(io::stderr(), "error: {error}");
}
