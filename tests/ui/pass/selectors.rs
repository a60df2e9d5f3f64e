//! Selectors of every form.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, namespace = "kube-system")]
#[handler(
    labels = "app.kubernetes.io/name=web, tier in (front, back), env notin (test), !legacy, canary"
)]
#[handler(fields = r"status.phase!=Succeeded,spec.nodeName=,metadata.name=a\,b")]
pub struct Pods;

#[derive(EventHandler)]
#[handler(resource = Pod, labels = "empty=,level>3,in in (in)")]
pub struct Odd;
