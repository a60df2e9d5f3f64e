//! The whole way to a server, against servers and proxies of this process.

mod credentials;
mod files;
mod proxies;
mod requests;
mod secure;
mod server;

use std::{
    fs,
    path::{Path, PathBuf},
};

use http::{Request, Response};
use kube::{Client, client::Body};

use super::*;

pub(super) use server::{Fake, Pki};

/// A folder of files, removed at its end.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        let name = format!("kubehandler-cluster-{:016x}", fastrand::u64(..));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).expect("a folder");
        Self(folder)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file, and the folders above it.
    pub(super) fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let file = self.path(name);
        fs::create_dir_all(file.parent().unwrap_or(Path::new("/"))).expect("a folder");
        fs::write(&file, text).expect("written");
        file
    }

    /// Asks until there is an answer: files are read again on another thread.
    pub(super) fn eventually<T>(&self, mut ask: impl FnMut() -> Option<T>) -> T {
        let start = std::time::Instant::now();
        loop {
            if let Some(answer) = ask() {
                return answer;
            }
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "never, in {:?}",
                self.0
            );
            std::thread::yield_now();
        }
    }

    /// Writes a kubeconfig whose current context has this cluster and this user.
    pub(super) fn config(&self, cluster: &str, user: &str) -> PathBuf {
        let text = format!(
            "current-context: dev\ncontexts: [{{name: dev, context: {{cluster: c, user: u}}}}]\n\
             clusters: [{{name: c, cluster: {{{cluster}}}}}]\nusers: [{{name: u, user: {{{user}}}}}]\n"
        );
        self.file("config", text)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Connects with this kubeconfig, in an empty environment.
async fn connect(file: &Path) -> Result<Client, ClusterError> {
    let environment = Environment::default();
    connect_in(&Cluster::kubeconfig(file), &environment).await
}

async fn connect_in(cluster: &Cluster, environment: &Environment) -> Result<Client, ClusterError> {
    let times = AnswerTimes::of(Duration::from_secs(30));
    cluster
        .connect_in(environment, Stages::default(), times)
        .await
}

/// Asks until the answer is one that is hoped for: files are read again on another thread.
async fn get_until(client: &Client, is_it: impl Fn(&Result<Response<Body>, String>) -> bool) {
    for _ in 0..600 {
        if is_it(&get(client, "/api").await) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("never");
}

/// Asks for this path; returns the response, or the error with its causes.
async fn get(client: &Client, path: &str) -> Result<Response<Body>, String> {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = path.parse().expect("a path");
    client
        .send(request)
        .await
        .map_err(|error| crate::chain::chain(&error))
}
