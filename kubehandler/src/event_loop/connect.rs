//! Where the loop's client comes from, and how long that may take.

use std::{error::Error, pin::Pin, time::Duration};

use kube::{Client, Config};
use tokio::time::timeout;

use super::error::RunError;
use crate::{
    chain::{chain, quotes_secrets},
    cluster::{AnswerTimes, Cluster, Stages},
};

/// Where the client comes from.
pub(super) enum Connect {
    Cluster(Cluster),
    Config(PendingConfig),
    Client(Client),
}

impl Default for Connect {
    fn default() -> Self {
        Self::Cluster(Cluster::find())
    }
}

type PendingConfig =
    Pin<Box<dyn Future<Output = Result<Config, Box<dyn Error + Send + Sync>>> + Send>>;

/// The future that finds the configuration did not end in time.
#[derive(Debug, thiserror::Error)]
#[error("what finds the configuration did not answer within {limit:?}")]
struct NoConfig {
    limit: Duration,
}

impl Connect {
    /// Makes the client, or fails if what it waits for takes longer; that is noted in `stages`.
    pub(super) async fn client(
        self,
        times: AnswerTimes,
        stages: Stages,
    ) -> Result<Client, RunError> {
        let cluster = match self {
            Self::Client(client) => return Ok(client),
            Self::Cluster(cluster) => cluster,
            Self::Config(config) => {
                let _stage = stages.enter("what finds the configuration");
                let limit = times.asking;
                let config = timeout(limit, config).await;
                let config = config.map_err(|_| RunError::Client(Box::new(NoConfig { limit })))?;
                Cluster::config(config.map_err(no_client)?).credentials_over_http()
            }
        };
        let client = cluster.connect_within(times, stages).await;
        client.map_err(RunError::Cluster)
    }
}

/// Keeps what an error quotes of the credentials out of those that print its causes.
fn no_client(error: Box<dyn Error + Send + Sync>) -> RunError {
    RunError::Client(if quotes_secrets(&*error) {
        chain(&*error).into()
    } else {
        error
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::time::Instant;

    use super::*;

    fn config() -> Config {
        Config::new("http://127.0.0.1:1".parse().expect("a URI"))
    }

    fn times() -> AnswerTimes {
        AnswerTimes {
            alone: Duration::from_secs(120),
            asking: Duration::from_secs(300),
        }
    }

    async fn client(config: Config) -> Result<Client, RunError> {
        let connect = Connect::Config(Box::pin(async { Ok(config) }));
        connect.client(times(), Stages::default()).await
    }

    #[tokio::test(start_paused = true)]
    async fn configuration_that_never_comes_is_given_up() {
        let start = Instant::now();
        let connect = Connect::Config(Box::pin(std::future::pending()));

        let client = connect.client(times(), Stages::default()).await;

        let error = client.err().expect("no client");
        assert_eq!(start.elapsed(), Duration::from_secs(300));
        assert_eq!(
            chain(&error),
            "cannot make a client for the cluster: what finds the configuration did not answer within 300s"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn plugin_that_hangs_is_given_up_and_named() {
        let mut config = config();
        // Longer than the test takes: the clock stands still.
        let exec = json!({
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "sleep",
            "args": ["20"],
            "interactiveMode": "Never",
        });
        config.auth_info.exec = serde_json::from_value(exec).expect("a plugin");
        let start = Instant::now();

        let client = client(config).await;

        let error = client.err().expect("no client");
        assert_eq!(start.elapsed(), Duration::from_secs(120));
        assert_eq!(
            chain(&error),
            "the configuration given to the event loop: the credentials plugin `sleep` did not answer within 120s; run it by hand, or allow it more time"
        );
    }

    #[tokio::test]
    async fn client_that_needs_no_plugin_is_made_at_once() {
        assert!(client(config()).await.is_ok());
    }
}
