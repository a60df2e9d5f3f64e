//! Structs whose parts come from `macro_rules!`, within invisible groups.

use kubehandler::{EventHandler, Informer, k8s};

macro_rules! handler {
    ($name:ident, $kind:ty, $workers:expr, $timeout:literal, $when:expr) => {
        #[derive(EventHandler)]
        #[handler(resource = $kind, workers = $workers, timeout = $timeout, when = $when)]
        pub struct $name;
    };
}

handler!(Pods, k8s::Pod, 8, "30s", |pod| pod.spec.is_some());
handler!(Nodes, k8s::Node, 1, "1m", |_| true);

macro_rules! informed {
    ($name:ident, $field:ident: $ty:ty) => {
        #[derive(EventHandler)]
        pub struct $name {
            #[handler(informer)]
            pub $field: $ty,
        }
    };
}

informed!(Informed, pods: Informer<k8s::Pod>);
