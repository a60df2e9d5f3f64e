//! A test kit for handlers: an API server in memory, the event loop, and what happened.
//!
//! [`TestKit`] joins [`kubehandler_apiserver`] and [`kubehandler`]. There is no cluster, no socket and
//! no sleep: a test loads objects, runs the loop, waits until it is [idle](Run::idle), and asserts on
//! the objects, on the callbacks and on the requests that the controller made.
//!
//! # A whole test
//!
//! ```
//! use kubehandler::{k8s::Pod, kube::api::{Api, Patch, PatchParams}, prelude::*, serde_json::json};
//! use kubehandler_testing::TestKit;
//!
//! #[derive(EventHandler)]
//! #[handler(resource = Pod, labels = "app=web")]
//! struct Labeller;
//!
//! impl Callbacks for Labeller {
//!     async fn reconcile(&self, ev: Event<Self>) -> Result<Action> {
//!         let pods: Api<Pod> = Api::namespaced(ev.client().clone(), ev.namespace().unwrap_or_default());
//!         let patch = Patch::Merge(json!({"metadata": {"labels": {"seen": "yes"}}}));
//!         pods.patch(ev.name(), &PatchParams::default(), &patch).await?;
//!         Ok(Action::DONE)
//!     }
//! }
//!
//! #[tokio::test(start_paused = true)]
//! # async fn ignored() {}
//! async fn new_pod_is_labelled() -> anyhow::Result<()> {
//!     let kit = TestKit::new();
//!     kit.load("{apiVersion: v1, kind: Pod, metadata: {name: web, labels: {app: web}}, \
//!               spec: {containers: [{name: web, image: nginx}]}}").await?;
//!
//!     let run = kit.run(EventLoop::new("test").register(Labeller));
//!     run.idle().await?;
//!
//!     let pod: Pod = kit.get("default/web").await?;
//!     assert_eq!(pod.metadata.labels.unwrap_or_default()["seen"], "yes");
//!     assert_eq!(run.calls_of("labeller"), ["add default/web", "update default/web"]);
//!     // The second patch changed nothing, so there is no third call.
//!     assert_eq!(run.requests().of_resource("pods").writes().len(), 2);
//!     run.stop().await?;
//!     Ok(())
//! }
//! # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()
//! #     .unwrap().block_on(new_pod_is_labelled()).unwrap();
//! ```
//!
//! With `start_paused = true` the clock of tokio stands still while anything can happen, and jumps to
//! the next timer when nothing can: retries, requeues and timeouts take no time, and a test that
//! passes once passes always. The kit works with a running clock too.
//!
//! # What the cluster would do
//!
//! No kubelet and no controllers but garbage collection run in the server: a pod stays pending, and a
//! deployment has no replicas, until the test says otherwise with [`set_status`](TestKit::set_status):
//!
//! ```
//! # use kubehandler::{EventLoop, DefaultHandler, k8s::Deployment};
//! # use kubehandler_testing::TestKit;
//! # async fn example() -> anyhow::Result<()> {
//! # let kit = TestKit::new();
//! # kit.load("{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {selector: {matchLabels: {app: web}}, \
//! #     template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: nginx}]}}}}").await?;
//! # let run = kit.run(EventLoop::new("test").register(DefaultHandler::<Deployment>::new("web")));
//! kit.set_status("default/web", |web: &mut Deployment| {
//!     web.status.get_or_insert_default().ready_replicas = Some(3);
//! })
//! .await?;
//! run.idle().await?;
//! # assert_eq!(run.calls_of("web").last().map(String::as_str), Some("update default/web"));
//! # Ok(())
//! # }
//! # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()
//! #     .unwrap().block_on(example()).unwrap();
//! ```
//!
//! # What the server lacks
//!
//! Protobuf, for one: a request for what real servers have and this one has not fails with a message
//! that begins with what "is not in the embedded server", also in the error of the callback that made
//! it and in that of [`Run::idle`]. The documentation of [`kubehandler_apiserver`] lists it all under
//! *What is not there*.
//!
//! # When something goes wrong on the way
//!
//! [`TestKit::server`] is the server; [its faults](kubehandler_apiserver::ApiServer::faults) cut watches,
//! refuse writes, lose answers. [`Run::client_name`] aims them at the loop and spares the test.
//!
//! ```
//! # use kubehandler::{EventLoop, DefaultHandler, k8s::Pod};
//! # use kubehandler_testing::TestKit;
//! use kubehandler_apiserver::{Fault, Verb, When};
//!
//! # async fn example() -> anyhow::Result<()> {
//! let kit = TestKit::new();
//! let faults = kit.server().faults();
//! faults.add(When::any().verb(Verb::List).times(2), Fault::Status { code: 503, retry_after: None });
//!
//! let run = kit.run(EventLoop::new("test").register(DefaultHandler::<Pod>::new("pods")));
//! run.idle().await?;
//! # run.stop().await?;
//! # Ok(())
//! # }
//! # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()
//! #     .unwrap().block_on(example()).unwrap();
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]

mod calls;
mod idle;
mod kit;
mod objects;
mod requests;
mod run;

pub use self::{
    calls::{Call, Calls},
    idle::{Busy, NotIdle},
    kit::TestKit,
    objects::ObjectError,
    requests::Requests,
    run::Run,
};
pub use kubehandler_apiserver;
