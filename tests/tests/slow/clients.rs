//! Clients that nobody here wrote, unchanged on the embedded API server: client-go, kube-rs, kubectl.

mod client_go;
mod kube_operator;
mod kube_rs;
mod kubectl;

use std::{fs, path::PathBuf, time::Duration};

use anyhow::Context as _;
use kubehandler_apiserver::{ApiServer, Listening};
use serde_json::{Value, json};

/// How long a test waits for what must come, on however slow a machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// An embedded server on a port of its own, and the file that leads to it.
struct Served {
    server: ApiServer,
    listening: Listening,
    /// Removed with the server; the kubeconfig is in it, and whatever a client wants to keep.
    directory: PathBuf,
}

impl Served {
    async fn start(name: &str) -> anyhow::Result<Self> {
        let server = ApiServer::builder().system_clock().build();
        let listening = server.listen("127.0.0.1:0").await?;
        let port = listening.local_addr().port();
        let directory =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("clients-{name}-{port}"));
        fs::create_dir_all(&directory)?;
        let this = Self {
            server,
            listening,
            directory,
        };
        fs::write(this.kubeconfig(), this.listening.kubeconfig())
            .context("the kubeconfig cannot be written")?;
        Ok(this)
    }

    fn kubeconfig(&self) -> PathBuf {
        self.directory.join("kubeconfig")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // A folder left over is below `target`.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Returns the definition of `widgets.example.com`, which have a scale and a status.
fn widgets() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": "widgets.example.com" },
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": { "plural": "widgets", "singular": "widget", "kind": "Widget", "shortNames": ["wd"] },
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "schema": { "openAPIV3Schema": {
                    "type": "object",
                    "x-kubernetes-preserve-unknown-fields": true,
                }},
                "subresources": {
                    "status": {},
                    "scale": {
                        "specReplicasPath": ".spec.replicas",
                        "statusReplicasPath": ".status.replicas",
                    },
                },
            }],
        },
    })
}
