//! Where the loop's client comes from, and how long that may take.

use std::{error::Error, pin::Pin, thread, time::Duration};

use kube::{
    Client, Config,
    config::{AuthInfo, InferConfigError},
};
use tokio::{
    runtime::Handle,
    sync::oneshot,
    time::{Instant, timeout_at},
};

use super::RunError;
use crate::{
    chain::{chain, quotes_secrets},
    printable::Printable,
};

/// Where the client comes from.
#[derive(Default)]
pub(super) enum Connect {
    /// The kubeconfig, or the cluster's environment.
    #[default]
    Infer,
    Config(PendingConfig),
    Client(Client),
}

type PendingConfig =
    Pin<Box<dyn Future<Output = Result<Config, Box<dyn Error + Send + Sync>>> + Send>>;

/// What did not answer in time.
#[derive(Debug, thiserror::Error)]
#[error("{} did not answer within {limit:?}", Printable::new(who))]
struct NoAnswer {
    who: String,
    limit: Duration,
}

impl NoAnswer {
    fn of(who: impl Into<String>, limit: Duration) -> RunError {
        let who = who.into();
        RunError::Client(Box::new(Self { who, limit }))
    }
}

impl Connect {
    /// Makes the client, or fails after this time.
    pub(super) async fn client(self, limit: Duration) -> Result<Client, RunError> {
        // No clock reaches further than a hundred years.
        let deadline = Instant::now() + limit.min(Duration::from_secs(100 * 365 * 86_400));
        let mut config = match self {
            Self::Client(client) => return Ok(client),
            Self::Config(config) => timeout_at(deadline, config)
                .await
                .map_err(|_| NoAnswer::of("what finds the configuration", limit))?
                .map_err(no_client)?,
            Self::Infer => Config::infer().await.map_err(no_cluster)?,
        };
        // The informers back off by themselves; kube would retry POST too.
        config.default_retry = false;
        match plugin(&config.auth_info) {
            None => make(config),
            Some(plugin) => timeout_at(deadline, make_aside(config))
                .await
                .map_err(|_| NoAnswer::of(format!("the credentials plugin `{plugin}`"), limit))?,
        }
    }
}

fn make(config: Config) -> Result<Client, RunError> {
    Client::try_from(config).map_err(|error| no_client(error.into()))
}

/// Keeps what an error quotes of the credentials out of those that print its causes.
fn no_client(error: Box<dyn Error + Send + Sync>) -> RunError {
    RunError::Client(if quotes_secrets(&*error) {
        chain(&*error).into()
    } else {
        error
    })
}

fn no_cluster(error: InferConfigError) -> RunError {
    if quotes_secrets(&error) {
        return no_client(error.into());
    }
    RunError::NoCluster(Box::new(kube::Error::InferConfig(error)))
}

/// Makes a client on a thread of its own, which is left behind if nobody waits for it.
///
/// A plugin is run to its end, on the thread that asks; it may wait for a login in a browser.
async fn make_aside(config: Config) -> Result<Client, RunError> {
    let (done, made) = oneshot::channel();
    let runtime = Handle::current();
    let run = move || {
        let _runtime = runtime.enter();
        let _ = done.send(make(config));
    };
    thread::Builder::new()
        .name("kubehandler-credentials".to_owned())
        .spawn(run)
        .map_err(|error| RunError::Client(error.into()))?;
    made.await
        .unwrap_or_else(|_| Err(RunError::Client("making it panicked".into())))
}

/// Returns the name of the program that gives the credentials, if one does.
fn plugin(user: &AuthInfo) -> Option<String> {
    if let Some(exec) = &user.exec {
        return Some(exec.command.clone().unwrap_or_default());
    }
    let provider = user.auth_provider.as_ref()?;
    Some(provider.name.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config() -> Config {
        Config::new("http://127.0.0.1:1".parse().expect("a URI"))
    }

    #[tokio::test(start_paused = true)]
    async fn configuration_that_never_comes_is_given_up() {
        let start = Instant::now();
        let connect = Connect::Config(Box::pin(std::future::pending()));

        let client = connect.client(Duration::from_secs(300)).await;

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
        });
        config.auth_info.exec = serde_json::from_value(exec).expect("a plugin");
        let start = Instant::now();
        let connect = Connect::Config(Box::pin(async { Ok(config) }));

        let client = connect.client(Duration::from_secs(300)).await;

        let error = client.err().expect("no client");
        assert_eq!(start.elapsed(), Duration::from_secs(300));
        assert_eq!(
            chain(&error),
            "cannot make a client for the cluster: the credentials plugin `sleep` did not answer within 300s"
        );
    }

    #[tokio::test]
    async fn client_that_needs_no_plugin_is_made_at_once() {
        let connect = Connect::Config(Box::pin(async { Ok(config()) }));

        assert!(connect.client(Duration::MAX).await.is_ok());
    }
}
