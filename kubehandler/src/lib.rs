//! Kubernetes controllers as annotated structs: override the callbacks that matter, run.

mod event;
mod handler;
mod informer;
pub mod k8s;
mod object_key;
mod outcome;
pub mod prelude;
pub mod queue;
mod settings;

pub use event::{Event, EventKind};
pub use handler::{Callbacks, DefaultHandler, EventHandler, Resource};
pub use informer::{DecodeError, Filter, Informer, Informers};
pub use k8s_openapi;
pub use kube;
#[cfg(feature = "derive")]
pub use kubehandler_derive::EventHandler;
pub use object_key::{InvalidObjectKey, ObjectKey};
pub use outcome::{Action, HandlerError, Result, ResultExt};
pub use schemars;
pub use serde;
pub use serde_json;
pub use settings::{Retry, Settings};
