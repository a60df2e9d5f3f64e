//! Somebody who creates, labels, deletes and re-creates pods, many at once, the same way for the same seed.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::Context as _;
use fastrand::Rng;
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client, ResourceExt as _,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use kubehandler_tests::pod;
use serde_json::json;
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep},
};

/// How many requests are under way at once.
const REQUESTS: usize = 32;

/// The longest pause before a step, in milliseconds.
const PAUSE: u64 = 60;

/// One pod, from its creation on.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) uid: String,
    /// When its creation was asked for.
    pub(crate) since: Instant,
}

/// The lives of each `namespace/name`, in order.
pub(crate) type Lives = BTreeMap<String, Vec<Life>>;

/// The pods of one churn.
pub(crate) struct Churn {
    pods: Vec<Churned>,
}

/// One name, and the pods that have had it.
struct Churned {
    key: String,
    api: Api<Pod>,
    name: String,
    random: Rng,
    permits: Arc<Semaphore>,
    exists: bool,
    lives: Vec<Life>,
}

impl Churn {
    /// Names `count` pods in each of the namespaces, and creates every fifth.
    pub(crate) async fn start(
        client: &Client,
        namespaces: &[&str],
        count: usize,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let mut seeds = Rng::with_seed(seed);
        let permits = Arc::new(Semaphore::new(REQUESTS));
        let mut pods = Vec::new();
        for namespace in namespaces {
            for number in 0..count {
                let name = format!("pod-{number:03}");
                pods.push(Churned {
                    key: format!("{namespace}/{name}"),
                    api: Api::namespaced(client.clone(), namespace),
                    name,
                    random: seeds.fork(),
                    permits: permits.clone(),
                    exists: false,
                    lives: Vec::new(),
                });
            }
        }
        try_join_all(pods.iter_mut().step_by(5).map(Churned::create)).await?;
        Ok(Self { pods })
    }

    /// Changes all pods at once, each a few times, and returns the lives that they have had.
    pub(crate) async fn run(self) -> anyhow::Result<Lives> {
        let churned = self.pods.into_iter().map(|mut pod| async move {
            for _ in 0..pod.random.u8(4..12) {
                pod.step().await?;
            }
            pod.finish().await?;
            anyhow::Ok((pod.key, pod.lives))
        });
        Ok(try_join_all(churned).await?.into_iter().collect())
    }
}

impl Churned {
    /// Does one thing to the pod.
    async fn step(&mut self) -> anyhow::Result<()> {
        sleep(Duration::from_millis(self.random.u64(0..PAUSE))).await;
        match self.random.u8(0..10) {
            _ if !self.exists => self.create().await,
            0..=1 => self.delete().await,
            2..=4 => {
                self.delete().await?;
                self.create().await
            }
            _ => self.label().await,
        }
    }

    /// Leaves three names in four with a pod in a phase of its own, and the others without.
    async fn finish(&mut self) -> anyhow::Result<()> {
        if self.random.u8(0..4) == 0 {
            return if self.exists {
                self.delete().await
            } else {
                Ok(())
            };
        }
        if !self.exists {
            self.create().await?;
        }
        let phase = ["Running", "Running", "Succeeded", "Failed"][self.random.usize(0..4)];
        let patch = Patch::Merge(json!({"status": {"phase": phase}}));
        let _permit = self.permits.acquire().await?;
        self.api
            .patch_status(&self.name, &PatchParams::default(), &patch)
            .await
            .with_context(|| format!("cannot set the phase of `{}`", self.key))?;
        Ok(())
    }

    async fn create(&mut self) -> anyhow::Result<()> {
        let pod = serde_json::from_value(pod(&self.key))?;
        let _permit = self.permits.acquire().await?;
        let since = Instant::now();
        let pod = self.api.create(&PostParams::default(), &pod).await;
        let pod = pod.with_context(|| format!("cannot create `{}`", self.key))?;
        let uid = pod.uid().context("the server gives each pod a uid")?;
        self.lives.push(Life { uid, since });
        self.exists = true;
        Ok(())
    }

    async fn label(&mut self) -> anyhow::Result<()> {
        let labels = json!({"step": self.random.u32(..).to_string()});
        let patch = Patch::Merge(json!({"metadata": {"labels": labels}}));
        let _permit = self.permits.acquire().await?;
        self.api
            .patch(&self.name, &PatchParams::default(), &patch)
            .await
            .with_context(|| format!("cannot label `{}`", self.key))?;
        Ok(())
    }

    async fn delete(&mut self) -> anyhow::Result<()> {
        let params = DeleteParams::default().grace_period(0);
        let _permit = self.permits.acquire().await?;
        self.api
            .delete(&self.name, &params)
            .await
            .with_context(|| format!("cannot delete `{}`", self.key))?;
        self.exists = false;
        Ok(())
    }
}
