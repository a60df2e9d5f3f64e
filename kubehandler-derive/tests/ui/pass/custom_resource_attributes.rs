//! Custom resources that reach every derive through the library.

use kubehandler::EventHandler;

/// As the documentation shows it.
pub mod sites {
    use kubehandler::{EventHandler, custom_resource, schema};

    #[custom_resource(group = "demo.dev", version = "v1", kind = "Site", namespaced)]
    #[kube(status = "SiteStatus", shortname = "st")]
    #[serde(rename_all = "camelCase")]
    pub struct SiteSpec {
        pub image_name: String,
        #[serde(default)]
        pub zone: Option<Zone>,
        pub ports: Vec<Port>,
    }

    #[schema]
    pub struct Zone {
        pub name: String,
    }

    #[schema]
    #[derive(Eq, PartialOrd, Ord, Hash)]
    pub struct Port(pub u16);

    #[schema()]
    #[derive(Default, Clone, kubehandler::serde::Serialize)]
    pub struct SiteStatus {
        pub phase: Phase,
    }

    #[schema]
    #[derive(Default)]
    pub enum Phase {
        #[default]
        Pending,
        Ready,
    }

    #[derive(EventHandler)]
    #[handler(resource = Site, changed = "spec.zone.name", namespace = "web")]
    pub struct Sites;
}

pub mod deps {
    pub use kubehandler as handlers;
}

#[deps::handlers::custom_resource(
    crate = super::custom_resource_attributes::deps::handlers,
    group = "demo.dev",
    version = "v1",
    kind = "Cluster",
    plural = "clusters",
    printcolumn(name = "Size", type_ = "integer", json_path = ".spec.size"),
)]
pub struct ClusterSpec {
    pub size: u8,
    pub note: Option<String>,
}

#[derive(EventHandler)]
#[handler(resource = Cluster, changed = "spec")]
pub struct Clusters;
