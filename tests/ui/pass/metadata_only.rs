//! Kinds of which only the metadata is wanted.

use kubehandler::{EventHandler, k8s::Pod, kube::core::PartialObjectMeta};

#[derive(EventHandler)]
#[handler(resource = PartialObjectMeta<Pod>, namespace = "web", changed = "metadata.annotations")]
pub struct Pods;
