//! etcd, asked directly for what no Kubernetes client can ask for.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::Cluster;

impl Cluster {
    /// Forgets the history up to now: older versions can be neither listed nor watched.
    ///
    /// # Errors
    ///
    /// Fails if etcd does not answer, or refuses.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave it done or not.
    pub async fn compact(&self) -> anyhow::Result<()> {
        let status = self.ask_etcd("/v3/maintenance/status", &json!({})).await?;
        let revision = &status["header"]["revision"];
        ensure!(revision.is_string(), "etcd has no revision: {status}");
        let answer = self
            .ask_etcd("/v3/kv/compaction", &json!({ "revision": revision }))
            .await?;
        ensure!(
            answer["header"].is_object(),
            "etcd does not compact: {answer}"
        );
        Ok(())
    }

    async fn ask_etcd(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let body = body.to_string();
        let length = body.len();
        let mut stream = TcpStream::connect(self.servers.etcd_address()).await?;
        let request = format!(
            "POST {path} HTTP/1.0\r\nHost: etcd\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (_, body) = answer.split_once("\r\n\r\n").context("etcd hangs up")?;
        serde_json::from_str(body).with_context(|| format!("etcd answers {body}"))
    }
}
