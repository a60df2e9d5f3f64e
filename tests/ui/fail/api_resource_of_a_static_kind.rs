//! An `ApiResource` for a kind that has its own.

use kubehandler::{EventHandler, k8s::Pod, kube::core::ApiResource};

#[derive(EventHandler)]
#[handler(resource = Pod, api_resource = self.0)]
struct Pods(ApiResource);

fn main() {}
