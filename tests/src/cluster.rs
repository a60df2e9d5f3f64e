//! A real kube-apiserver with its etcd, started for a test and gone with it.
//!
//! Servers listen on free loopback ports and keep everything in one temporary folder. Neither the
//! servers nor the folder outlive the process that started them, however it ends.

mod assets;
mod controllers;
mod etcd;
mod pki;
mod start;

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, ensure};
use k8s_openapi::api::{
    core::v1::{Namespace, ServiceAccount},
    rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, RoleRef, Subject},
};
use kube::{
    Api, Client, Config,
    api::{ObjectMeta, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::json;
use tokio::{io::AsyncWriteExt as _, process::Command};

use self::start::Servers;

pub use self::controllers::Controllers;

/// A running Kubernetes API server; dropping it kills the servers and removes their folder.
///
/// There are no nodes and no controllers: pods stay Pending unless a test writes their status, and
/// deleting an object deletes nothing else.
#[derive(Debug)]
pub struct Cluster {
    servers: Servers,
    assets: PathBuf,
    kubeconfig: PathBuf,
    stranger: Identity,
}

/// Returns the path of a program in `KUBEBUILDER_ASSETS`, such as `kubectl`, for a test that needs no cluster.
///
/// Where the variable is unset, it says so and returns `None`.
///
/// # Errors
///
/// Fails if the folder lacks the program; in CI, if the variable is unset.
pub fn program(name: &str) -> anyhow::Result<Option<PathBuf>> {
    assets::program(name)
}

/// Somebody whom the cluster knows: a name that RBAC sees, and the token that proves it.
#[derive(Clone, Debug)]
pub struct Identity {
    name: String,
    token: String,
}

impl Identity {
    /// Returns the name that RBAC sees, such as `system:serviceaccount:default:sample-controller`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Cluster {
    /// Starts a cluster from the programs in `KUBEBUILDER_ASSETS` and waits until it is ready.
    ///
    /// # Errors
    ///
    /// Fails if the variable is unset or its folder lacks a program, and if a server ends or is not
    /// ready within 90 seconds; the error has the last lines of both logs.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future kills what was started.
    pub async fn start() -> anyhow::Result<Self> {
        let assets = assets::find()?;
        Self::start_from(assets.context(assets::HOW_TO_SET)?).await
    }

    /// Starts a cluster, or returns `None` and says so where `KUBEBUILDER_ASSETS` is unset.
    ///
    /// # Errors
    ///
    /// Those of [`Cluster::start`]; in CI an unset variable is one of them.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future kills what was started.
    pub async fn start_if_available() -> anyhow::Result<Option<Self>> {
        let Some(assets) = assets::find()? else {
            assets::say_skipped();
            return Ok(None);
        };
        Self::start_from(assets).await.map(Some)
    }

    async fn start_from(assets: PathBuf) -> anyhow::Result<Self> {
        let admin = Identity::new("admin")?;
        let stranger = Identity::new("stranger")?;
        // `system:masters` may do everything; the other user is in no group at all.
        let tokens = format!(
            "{},{1},{1},\"system:masters\"\n{2},{3},{3}\n",
            admin.token, admin.name, stranger.token, stranger.name
        );

        let servers = Servers::start(&assets, &tokens)?;
        let kubeconfig = write_kubeconfig(&servers, &admin)?;
        let cluster = Self {
            servers,
            assets,
            kubeconfig,
            stranger,
        };
        cluster
            .servers
            .wait_until_ready(&cluster.client().await?)
            .await?;
        Ok(cluster)
    }

    /// Returns the kubeconfig file of a user who may do everything.
    #[must_use]
    pub fn kubeconfig_path(&self) -> &Path {
        &self.kubeconfig
    }

    /// Writes a kubeconfig file that logs in as `identity`, and returns its path.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written.
    pub fn kubeconfig_of(&self, identity: &Identity) -> anyhow::Result<PathBuf> {
        write_kubeconfig(&self.servers, identity)
    }

    /// Returns a client of a user who may do everything.
    ///
    /// # Errors
    ///
    /// Fails if the kubeconfig cannot be read or the TLS configuration cannot be made.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is sent.
    pub async fn client(&self) -> anyhow::Result<Client> {
        client_from(&self.kubeconfig).await
    }

    /// Returns a client of `identity`.
    ///
    /// # Errors
    ///
    /// Those of [`Cluster::client`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is sent.
    pub async fn client_as(&self, identity: &Identity) -> anyhow::Result<Client> {
        client_from(&self.kubeconfig_of(identity)?).await
    }

    /// Returns a user who can log in and is then refused everything with 403.
    #[must_use]
    pub fn stranger(&self) -> &Identity {
        &self.stranger
    }

    /// Creates a namespace.
    ///
    /// # Errors
    ///
    /// Fails if the server refuses it.
    pub async fn create_namespace(&self, name: &str) -> anyhow::Result<()> {
        let namespace = Namespace {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                ..ObjectMeta::default()
            },
            ..Namespace::default()
        };
        let namespaces = Api::all(self.client().await?);
        namespaces
            .create(&PostParams::default(), &namespace)
            .await?;
        Ok(())
    }

    /// Makes the service account `name` in namespace `default`, with a cluster role of these rules.
    ///
    /// # Errors
    ///
    /// Fails if the server refuses one of the objects, such as when the name is taken.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: some of the objects may have been made.
    pub async fn service_account(
        &self,
        name: &str,
        rules: Vec<PolicyRule>,
    ) -> anyhow::Result<Identity> {
        let client = self.client().await?;
        let params = PostParams::default();
        let metadata = ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        };

        let account = ServiceAccount {
            metadata: metadata.clone(),
            ..ServiceAccount::default()
        };
        let accounts = Api::<ServiceAccount>::default_namespaced(client.clone());
        accounts.create(&params, &account).await?;

        let role = ClusterRole {
            metadata: metadata.clone(),
            rules: Some(rules),
            ..ClusterRole::default()
        };
        Api::all(client.clone()).create(&params, &role).await?;

        let binding = ClusterRoleBinding {
            metadata,
            role_ref: RoleRef {
                api_group: Some("rbac.authorization.k8s.io".to_owned()),
                kind: "ClusterRole".to_owned(),
                name: name.to_owned(),
            },
            subjects: Some(vec![Subject {
                kind: "ServiceAccount".to_owned(),
                name: name.to_owned(),
                namespace: Some("default".to_owned()),
                ..Subject::default()
            }]),
        };
        Api::all(client).create(&params, &binding).await?;
        self.log_in("default", name).await
    }

    /// Returns the service account `namespace/name`, which must exist, with a token that lives an hour.
    ///
    /// # Errors
    ///
    /// Fails if there is no such service account.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the token is lost, and nothing else.
    pub async fn log_in(&self, namespace: &str, name: &str) -> anyhow::Result<Identity> {
        let token = self
            .kubectl(&["create", "token", name, "--namespace", namespace])
            .await?;
        Ok(Identity {
            name: format!("system:serviceaccount:{namespace}:{name}"),
            token: token.trim().to_owned(),
        })
    }

    /// Runs kubectl as a user who may do everything, and returns what it printed.
    ///
    /// # Errors
    ///
    /// Fails if kubectl does; the error has its standard error.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future kills kubectl, which may have done its work or not.
    pub async fn kubectl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        self.kubectl_with_input(arguments, "").await
    }

    /// Runs kubectl with `input` as its standard input, as for `apply -f -`.
    ///
    /// # Errors
    ///
    /// Those of [`Cluster::kubectl`].
    ///
    /// # Cancel safety
    ///
    /// As for [`Cluster::kubectl`].
    pub async fn kubectl_with_input(
        &self,
        arguments: &[&str],
        input: &str,
    ) -> anyhow::Result<String> {
        let mut kubectl = Command::new(self.assets.join("kubectl"))
            .args(arguments)
            .env("KUBECONFIG", &self.kubeconfig)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("failed to start kubectl")?;
        let mut stdin = kubectl.stdin.take().context("stdin is piped")?;
        stdin.write_all(input.as_bytes()).await?;
        drop(stdin); // kubectl reads to the end.

        let output = kubectl.wait_with_output().await?;
        ensure!(
            output.status.success(),
            "`kubectl {}` failed: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8(output.stdout)?)
    }
}

impl Identity {
    /// Makes a user with a token that nobody can guess.
    fn new(name: &str) -> anyhow::Result<Self> {
        // Part of the public point of a key that is thrown away: random, without another crate.
        let key = rcgen::KeyPair::generate()?;
        let random = key.public_key_raw().last_chunk();
        let random = u128::from_be_bytes(*random.context("key of less than 16 bytes")?);
        let token = format!("{random:032x}");
        Ok(Self {
            name: name.to_owned(),
            token,
        })
    }
}

fn write_kubeconfig(servers: &Servers, identity: &Identity) -> anyhow::Result<PathBuf> {
    let kubeconfig = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": "test",
            "cluster": {"server": servers.url(), "certificate-authority": servers.authority_path()},
        }],
        "users": [{"name": identity.name, "user": {"token": identity.token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": identity.name}}],
        "current-context": "test",
    });
    let name = identity.name.replace(':', "-");
    let path = servers.directory().join(format!("{name}.kubeconfig"));
    std::fs::write(&path, serde_json::to_vec_pretty(&kubeconfig)?)?;
    Ok(path)
}

async fn client_from(kubeconfig: &Path) -> anyhow::Result<Client> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let options = KubeConfigOptions::default();
    Ok(Client::try_from(
        Config::from_custom_kubeconfig(kubeconfig, &options).await?,
    )?)
}
