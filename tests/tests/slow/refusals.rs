//! What an event loop says of a server that refuses it, lacks the kind, or is not there.

use std::{net::TcpListener, time::Duration};

use anyhow::Context as _;
use kubehandler::{
    DefaultHandler, EventLoop, Filter, Informer, Resource, RunError, Unsynced,
    k8s::{Deployment, Pod},
    kube::{
        Api, Client, Config, CustomResource,
        api::PostParams,
        config::{KubeConfigOptions, Kubeconfig},
    },
    schemars::JsonSchema,
    serde::{Deserialize, Serialize},
};
use kubehandler_tests::{
    cluster::Cluster,
    pod,
    recorder::{Log, Recorder},
};
use tokio_util::sync::CancellationToken;

const NAMESPACE: &str = "refusals";

/// Longer than a real server takes to refuse.
const SYNC_TIMEOUT: Duration = Duration::from_secs(5);

/// A kind that no server has.
#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
#[kube(
    group = "demo.example.com",
    version = "v1",
    kind = "Unicorn",
    namespaced,
    crates(
        kube_core = "kubehandler::kube::core",
        k8s_openapi = "kubehandler::k8s_openapi",
        schemars = "kubehandler::schemars",
        serde = "kubehandler::serde",
        serde_json = "kubehandler::serde_json"
    )
)]
#[serde(crate = "kubehandler::serde")]
#[schemars(crate = "kubehandler::schemars")]
struct UnicornSpec {}

fn handler<K>(name: &str, client: Client, filter: Filter) -> DefaultHandler<K>
where
    K: Resource<DynamicType: Default>,
{
    DefaultHandler::new(name).with_informer(Informer::new(client, filter))
}

/// Returns a client of a port where nobody listens.
fn client_of_nobody() -> anyhow::Result<Client> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let mut config = Config::new(format!("http://127.0.0.1:{port}").parse()?);
    config.default_retry = false;
    Ok(Client::try_from(config)?)
}

/// Returns a client that does not trust the authority of the cluster.
async fn client_without_trust(cluster: &Cluster) -> anyhow::Result<Client> {
    let kubeconfig = Kubeconfig::read_from(cluster.kubeconfig_path())?;
    let options = KubeConfigOptions::default();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options).await?;
    config.root_cert = None;
    config.default_retry = false;
    Ok(Client::try_from(config)?)
}

/// Checks that an informer is named, and that its cause says all of this.
fn assert_named(unsynced: &[Unsynced], informer: &str, cause: &[&str]) {
    let named = unsynced.iter().find(|of| of.informer == informer);
    let named = named.unwrap_or_else(|| panic!("`{informer}` is not in {unsynced:#?}"));
    let text = named.cause.as_deref().unwrap_or_default();
    for part in cause {
        assert!(text.contains(part), "`{part}` is not in `{text}`");
    }
}

#[tokio::test]
async fn informers_that_cannot_sync_are_named_with_cause_and_remedy() -> anyhow::Result<()> {
    let Some(cluster) = crate::cluster().await? else {
        return Ok(());
    };
    cluster.create_namespace(NAMESPACE).await?;
    let admin = cluster.client().await?;
    Api::<Pod>::namespaced(admin.clone(), NAMESPACE)
        .create(
            &PostParams::default(),
            &serde_json::from_value(pod("refusals/web"))?,
        )
        .await?;
    let stranger = cluster.client_as(cluster.stranger()).await?;
    let here = Filter::default().namespace(NAMESPACE);
    let log = Log::new();

    let result = EventLoop::new("refusals")
        .client(admin.clone())
        .sync_timeout(SYNC_TIMEOUT)
        .register(Recorder::new("healthy", &log).filter(here.clone()))
        .register(handler::<Pod>(
            "all-pods",
            stranger.clone(),
            Filter::default(),
        ))
        .register(handler::<Deployment>("deployments", stranger, here))
        .register(handler::<Unicorn>("unicorns", admin, Filter::default()))
        .register(handler::<Pod>(
            "nobody",
            client_of_nobody()?,
            Filter::default().labels("app=nobody"),
        ))
        .register(handler::<Pod>(
            "no-trust",
            client_without_trust(cluster).await?,
            Filter::default().labels("app=no-trust"),
        ))
        // Not `run`, after which neither SIGTERM nor Ctrl-C would end the test process.
        .run_until(CancellationToken::new())
        .await;

    let Err(RunError::NotSynced(unsynced)) = result else {
        panic!("not `NotSynced`: {result:?}");
    };
    let calls: Vec<_> = log
        .succeeded()
        .into_iter()
        .map(|seen| seen.object)
        .collect();
    assert_eq!(calls, ["refusals/web"], "the healthy handler was held up");
    assert_eq!(unsynced.len(), 5, "{unsynced:#?}");
    assert_named(
        &unsynced,
        "pods",
        &[
            "cannot watch resource \"pods\"",
            "403 Forbidden",
            "grant `list` and `watch` on `pods` to this user with a ClusterRole",
        ],
    );
    assert_named(
        &unsynced,
        "deployments.apps in namespace `refusals`",
        &[
            "403 Forbidden",
            "grant `list` and `watch` on `deployments` of the API group `apps`",
            "a Role in the namespace `refusals`",
        ],
    );
    assert_named(
        &unsynced,
        "unicorns.demo.example.com",
        &["404", "install its CustomResourceDefinition"],
    );
    assert_named(
        &unsynced,
        "pods with labels `app=nobody`",
        &["refused", "check that the API server runs"],
    );
    assert_named(
        &unsynced,
        "pods with labels `app=no-trust`",
        &["ertificate", "check the certificate authority"],
    );
    let error = RunError::NotSynced(unsynced).to_string();
    let first = error.split("; ").next().context("no text")?;
    assert!(first.starts_with("failed to wait for caches to sync: "));
    Ok(())
}
