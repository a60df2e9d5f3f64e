//! Kubernetes controllers as annotated structs: override the callbacks that matter, run.
//!
//! # The shortest whole program
//!
//! ```no_run
//! use kubehandler::{k8s::Pod, prelude::*};
//!
//! #[derive(EventHandler)]
//! #[handler(resource = Pod)]
//! struct PodLogger;
//!
//! impl Callbacks for PodLogger {
//!     async fn on_add(&self, ev: Event<Self>) -> Result<Action> {
//!         info!("pod {} added", ev.key());
//!         Ok(Action::DONE)
//!     }
//! }
//!
//! fn main() -> Result {
//!     EventLoop::new("pods").register(PodLogger).main()
//! }
//! ```
//!
//! `kubehandler` is the only dependency it needs. It runs against the cluster of your
//! kubeconfig, or of the pod it runs in, until SIGINT or SIGTERM; [`Cluster`] says how that is found.
//!
//! # How a controller is written
//!
//! 1. **A struct.** Its fields are what the callbacks need: clients, caches, settings.
//!    `#[derive(EventHandler)]` and `#[handler(...)]` say what it handles; the keys are
//!    listed at the [derive](macro@EventHandler).
//! 2. **`impl Callbacks`.** Override [`on_add`](Callbacks::on_add),
//!    [`on_update`](Callbacks::on_update) and [`on_delete`](Callbacks::on_delete), or
//!    [`reconcile`](Callbacks::reconcile), which the first two fall back to. What is not
//!    overridden does nothing.
//! 3. **An [`EventLoop`].** Register the handlers and run: [`main`](EventLoop::main) is a whole
//!    program, [`run`](EventLoop::run) runs in a runtime of your own until a signal,
//!    [`run_until`](EventLoop::run_until) until a token is cancelled.
//!
//! ```
//! use kubehandler::{k8s::Deployment, prelude::*};
//! use std::time::Duration;
//!
//! #[derive(EventHandler)]
//! #[handler(resource = Deployment, namespace = "shop", labels = "tier!=test", changed = "spec")]
//! #[handler(workers = 8, timeout = "30s", retry(max = 12, base = "200ms", cap = "5m"))]
//! struct Replicas {
//!     limit: i32,
//! }
//!
//! impl Callbacks for Replicas {
//!     async fn reconcile(&self, ev: Event<Self>) -> Result<Action> {
//!         let deployment = ev.object()?;
//!         let wanted = deployment.spec.replicas.unwrap_or(1);
//!         if wanted > self.limit {
//!             bail_terminal!("{wanted} replicas; the limit is {}", self.limit);
//!         }
//!         if ev.changed(|deployment| &deployment.spec) {
//!             info!(replicas = wanted, "desired state changed");
//!         }
//!         Ok(Action::requeue_after(Duration::from_secs(600)))
//!     }
//! }
//! ```
//!
//! # The keys of `#[handler(...)]`
//!
//! | key | default |
//! | --- | --- |
//! | `resource = Pod` | required, unless a field marked `#[handler(informer)]` says it |
//! | `name = ".."`, or an expression such as `self.name` | the struct's name in kebab-case; unique in a loop |
//! | `namespace = ".."` | all namespaces |
//! | `labels = "app=web"`, `fields = "spec.nodeName=a"` | all objects; the server selects |
//! | `changed = "spec"`, or a closure | every change is an update |
//! | `when = \|pod\| ..` | every state is handed out |
//! | `workers = 8` | the loop's number, 16 |
//! | `timeout = "30s"` | none; a warning each minute |
//! | `retry(max = 12, base = "200ms", cap = "5m", delete_deadline = "2h")` | for ever, 5 ms, 1000 s; a delete for a day |
//! | `resync = "10m"` | off |
//! | `api_resource = self.api_resource` | none; for `DynamicObject`, whose kind it says |
//! | `informer = expression`, or on a field | the loop's own, shared by handlers of equal filters |
//! | `crate = path` | `::kubehandler` |
//!
//! # What a callback gets and answers
//!
//! An [`Event`] holds the object's [`key`](Event::key), its state when the callback started
//! ([`object`](Event::object), decoded on demand), its state when it was last handled
//! ([`old`](Event::old), [`changed`](Event::changed)), and how many tries have failed
//! ([`attempt`](Event::attempt)).
//!
//! | answer | what follows |
//! | --- | --- |
//! | `Ok(Action::DONE)` | the next change |
//! | `Ok(Action::requeue_after(d))` | `on_update` after `d`, or at the next change if that is earlier |
//! | `Err(..)` from `?`, a panic, a timeout | again after 5 ms, 10 ms, .. up to 1000 s, until it succeeds |
//! | `Err` with [`retry_after(d)`](ResultExt::retry_after) | again after `d` |
//! | `Err` with [`terminal()`](ResultExt::terminal), [`bail_terminal!`] | given up until the object changes |
//!
//! # Code that blocks
//!
//! Callbacks share the threads of the runtime. One that blocks, with `std::fs`, `std::thread::sleep`,
//! a lock or a long computation, holds up whatever waits for its thread: other callbacks, their
//! timeouts, on a runtime of one thread everything. Such code belongs in
//! [`ev.blocking`](Event::blocking):
//!
//! ```
//! # use kubehandler::{k8s::ConfigMap, prelude::*};
//! # #[derive(EventHandler)]
//! # #[handler(resource = ConfigMap)]
//! # struct Counter;
//! # impl Callbacks for Counter {
//! async fn on_add(&self, ev: Event<Self>) -> Result<Action> {
//!     let path = format!("/var/lib/maps/{}", ev.name());
//!     let text = ev.blocking(move || std::fs::read_to_string(path)).await??;
//!     info!(lines = text.lines().count(), "read");
//!     Ok(Action::DONE)
//! }
//! # }
//! ```
//!
//! A callback, predicate or index function that has kept its thread for a second is named in the
//! log, by a thread beside the runtime, and again each time it has taken twice as long. At the
//! drain deadline [`CutOff::is_blocking`] says of which callbacks that is true.
//!
//! # Logs
//!
//! All is logged with [`tracing`]. [`EventLoop::main`] logs to standard error, as [`logging::init`]
//! does for a program with a `main` of its own: a pipe that nobody reads, or a full disk, holds up
//! nothing, and a record is one line. With a subscriber of your own, print names and messages that
//! come from the cluster as [`Printable`]; this crate does. No error of this crate quotes the
//! content of an object.
//!
//! # What you can rely on
//!
//! - For one handler and one object, never two callbacks at once; different objects and
//!   different handlers run in parallel, each handler on its own workers.
//! - For each life of an object the callbacks that succeed are one add, then updates, then
//!   one delete. An object deleted and made again is two lives.
//! - No delete is lost while the controller runs, and no change: changes merge, and a
//!   callback starts that sees the last state.
//! - A first delivery is never rate-limited; only retries wait. Changes use up no retries: a call
//!   that a change brought before the retry was due, and that fails, does not count.
//! - A delete that keeps failing is given up after a [day](Retry::delete_deadline), which is logged.
//! - On shutdown running callbacks finish, and nothing queued starts. A delete that
//!   happens while no controller runs is not seen by anyone: that is what finalizers are for.
//!
//! # Kinds
//!
//! | what | how |
//! | --- | --- |
//! | built-in kinds | `use kubehandler::k8s::Pod`, or any of `k8s_openapi` |
//! | your own custom resource | [`#[custom_resource(..)]`](macro@custom_resource), or `#[derive(CustomResource)]` of `kube` |
//! | kinds known at run time | `resource = DynamicObject, api_resource = self.api_resource`, or [`DefaultHandler::with_type`] |
//! | other forms of the store, dropped fields, indexes, limits | an informer made by [`Informer::with_options`], given to the handler |
//! | metadata only, far less memory | `resource = PartialObjectMeta<Pod>` (from `kube::core`) |
//!
//! # One dependency
//!
//! What a controller needs beside its own logic is here, in the versions that fit: [`kube`],
//! `k8s_openapi`, [`schemars`], [`serde`], [`serde_json`], [`tokio`], [`tracing`] and
//! [`CancellationToken`]. Macros take the path of their crate:
//!
//! ```no_run
//! use kubehandler::{k8s::Pod, prelude::*, tokio};
//!
//! # #[derive(EventHandler)]
//! # #[handler(resource = Pod)]
//! # struct PodLogger;
//! # impl Callbacks for PodLogger {}
//! #[tokio::main(crate = "kubehandler::tokio")]
//! async fn main() -> Result {
//!     Ok(EventLoop::new("pods").register(PodLogger).run().await?)
//! }
//! ```
//!
//! # Features
//!
//! | feature | default | what it is |
//! | --- | --- | --- |
//! | `derive` | yes | the derive, and `CustomResource` of `kube` |
//! | `main` | yes | [`EventLoop::main`]: runtime and [`logging`] |
//! | `rustls-tls`, `ring` | yes | TLS; `aws-lc-rs` instead of `ring` if you prefer it |
//! | `proxy` | yes | proxies of HTTP, HTTPS and SOCKS5 |
//! | `oidc`, `oauth` | no | what `auth-provider` of `oidc` and `gcp` needs to renew tokens; with `ring` or `aws-lc-rs` |
//! | `embedded` | no | `Cluster::embedded`: an API server in memory, for first runs |
//! | `latest`, or one of `v1_33` to `v1_37` | no | the version of Kubernetes whose types are compiled; `latest` is 1.37 |
//! | `any-version` | no | the version that another package selects |
//!
//! A program selects one version, best that of the oldest API server that it is for. A library uses
//! `any-version`, in its `dev-dependencies` a version, and leaves the choice to the program; so does a
//! program that selects the version by a feature of its own dependency on `k8s-openapi`.
//!
//! # More
//!
//! [`queue::Queue`] is client-go's rate-limiting work queue, typed and async; it is a crate of its own,
//! `kubehandler-queue`, for programs that know no Kubernetes.
//! [`WorkQueue`] stands alone: callbacks per kind, for programs with a source of events of their own.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[doc(hidden)]
pub mod __private;
mod budget;
mod chain;
mod cluster;
mod event;
mod event_loop;
mod handler;
mod informer;
pub mod k8s;
mod lane;
mod log;
#[cfg(feature = "main")]
pub mod logging;
mod object_key;
mod observe;
mod outcome;
pub mod prelude;
pub mod queue;
mod resource;
mod settings;
mod watchdog;
mod work_queue;

use kubehandler_queue::__private::contained;

#[cfg(fuzzing)]
#[doc(hidden)]
pub use cluster::fuzzing;
pub use cluster::{Cluster, ClusterError, Place};
pub use event::{Event, EventType};
pub use event_loop::{
    CutOff, EventLoop, EventLoopHandle, HandlerState, InformerState, RunError, RunningCallback,
    Unsynced, WaitingCallback,
};
pub use handler::{ActionFuture, Callbacks, DefaultHandler, DeleteFuture, EventHandler};
pub use informer::{
    DecodeError, Filter, Index, Informer, InformerOptions, InformerStage, Informers, Limits,
    ListCause, StoreFormat,
};
pub use k8s_openapi;
pub use kube;
#[cfg(feature = "derive")]
pub use kubehandler_derive::{EventHandler, custom_resource, schema};
#[doc(inline)]
pub use kubehandler_queue::Printable;
pub use object_key::{InvalidObjectKey, ObjectKey};
pub use observe::{CallbackReport, CallbackStage, DueReport, Fact, InformerReport};
pub use outcome::{Action, HandlerError, Result, ResultExt};
pub use resource::Resource;
pub use schemars;
pub use serde;
pub use serde_json;
pub use settings::{Retry, Settings, Workers};
pub use tokio;
pub use tokio_util::sync::CancellationToken;
pub use tracing;
pub use work_queue::{UnfinishedCall, WorkContext, WorkQueue, WorkQueueError};
