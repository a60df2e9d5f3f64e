//! A struct whose name makes no DNS label.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod)]
struct LogsEveryPodOfEveryNamespaceOfEveryClusterOfEveryRegionOfTheWorld;

fn main() {}
