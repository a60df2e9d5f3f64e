//! Pods that come, get ready, fail and go, so that there is something to see.

use std::{collections::VecDeque, time::Duration};

use kube::{
    Api, Client,
    api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::json;
use tokio::time::sleep;

use crate::{
    Printable,
    k8s::{Namespace, Pod},
    log::debug,
};

const NAMESPACE: &str = "shop";

/// What the pods are called, in turn.
const APPS: [&str; 4] = ["web", "cart", "mail", "search"];

/// How many pods there are at most.
const PODS: usize = 4;

/// How long it takes until something happens again.
const PACE: Duration = Duration::from_millis(1_200);

/// Makes the namespace and the pods that are there from the start.
pub(super) async fn settle_in(client: &Client) {
    let namespace = Namespace {
        metadata: ObjectMeta {
            name: Some(NAMESPACE.to_owned()),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    };
    let namespaces: Api<Namespace> = Api::all(client.clone());
    tell(&namespaces.create(&PostParams::default(), &namespace).await);
    let mut shop = Shop::new(client);
    for _ in 0..2 {
        shop.open().await;
    }
}

/// Lets pods come, get ready, fail and go, for as long as it is polled.
pub(super) async fn live(client: &Client) {
    let mut shop = Shop::new(client);
    shop.adopt().await;
    loop {
        sleep(PACE).await;
        shop.step().await;
    }
}

/// The pods and what is to happen to them next.
struct Shop {
    pods: Api<Pod>,
    /// The oldest first, each with its phase.
    open: VecDeque<(String, PodPhase)>,
    opened: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PodPhase {
    Pending,
    Running,
    Failed,
}

impl Shop {
    fn new(client: &Client) -> Self {
        Self {
            pods: Api::namespaced(client.clone(), NAMESPACE),
            open: VecDeque::new(),
            opened: 0,
        }
    }

    /// Takes over the pods that are there.
    async fn adopt(&mut self) {
        let pods = self
            .pods
            .list_metadata(&kube::api::ListParams::default())
            .await;
        let pods = pods.map(|list| list.items).unwrap_or_default();
        let names = pods.into_iter().filter_map(|pod| pod.metadata.name);
        self.open = names.map(|name| (name, PodPhase::Pending)).collect();
        self.opened = self.open.len();
    }

    /// Lets the next thing happen.
    async fn step(&mut self) {
        let pending = self
            .open
            .iter()
            .position(|(_, phase)| *phase == PodPhase::Pending);
        if let Some(index) = pending {
            // Every fifth does not come up.
            let phase = if self.opened.is_multiple_of(5) {
                PodPhase::Failed
            } else {
                PodPhase::Running
            };
            self.turn(index, phase).await;
        } else if self.open.len() < PODS {
            self.open().await;
        } else {
            let failed = self
                .open
                .iter()
                .position(|(_, phase)| *phase == PodPhase::Failed);
            self.close(failed.unwrap_or(0)).await;
        }
    }

    async fn open(&mut self) {
        let app = APPS[self.opened % APPS.len()];
        self.opened += 1;
        let name = format!("{app}-{}", self.opened);
        let pod: Pod = match serde_json::from_value(json!({
            "metadata": { "name": name, "labels": { "app": app } },
            "spec": {
                "nodeName": format!("node-{}", self.opened % 3 + 1),
                "containers": [{ "name": app, "image": format!("registry.example/{app}:1.0") }],
            },
        })) {
            Ok(pod) => pod,
            Err(error) => {
                debug!(error = %Printable::new(error), "not a pod");
                return;
            }
        };
        if tell(&self.pods.create(&PostParams::default(), &pod).await) {
            self.open.push_back((name, PodPhase::Pending));
        }
    }

    async fn turn(&mut self, index: usize, phase: PodPhase) {
        let (name, current) = &mut self.open[index];
        let is_ready = phase == PodPhase::Running;
        let status = json!({
            "status": {
                "phase": format!("{phase:?}"),
                "conditions": [{ "type": "Ready", "status": if is_ready { "True" } else { "False" } }],
            },
        });
        let status = Patch::Merge(&status);
        if tell(
            &self
                .pods
                .patch_status(name, &PatchParams::default(), &status)
                .await,
        ) {
            *current = phase;
        }
    }

    async fn close(&mut self, index: usize) {
        let Some((name, _)) = self.open.get(index) else {
            return;
        };
        // At once: there is no kubelet to stop the containers.
        if tell(
            &self
                .pods
                .delete(name, &DeleteParams::default().grace_period(0))
                .await,
        ) {
            self.open.remove(index);
        }
    }
}

/// Returns whether it went well; the workload goes on either way.
fn tell<T>(result: &kube::Result<T>) -> bool {
    if let Err(error) = result {
        debug!(error = %Printable::new(error), "the workload stumbles");
    }
    result.is_ok()
}
