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

    /// Contains itself through another name.
    #[schema]
    pub struct Step {
        pub name: String,
        pub then: Steps,
    }

    pub type Steps = Vec<Step>;

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

/// Types whose parts need less than a part does, or that contain each other.
pub mod parts {
    use std::collections::BTreeMap;

    use kubehandler::{
        EventHandler, custom_resource,
        k8s_openapi::api::core::v1::Container,
        schema,
        schemars::{Schema, SchemaGenerator},
    };

    #[custom_resource(group = "demo.dev", version = "v1", kind = "Plan", root = "PlanObject")]
    #[kube(status = "PlanStatus")]
    pub struct PlanSpec {
        #[serde(skip)]
        pub cache: Cache,
        #[schemars(schema_with = "any")]
        pub steps: Vec<Step>,
        pub containers: BTreeMap<String, Option<Box<Container>>>,
        pub marker: std::marker::PhantomData<Never>,
        #[cfg(any())]
        pub absent: Absent,
    }

    fn any(_: &mut SchemaGenerator) -> Schema {
        true.into()
    }

    pub mod never {
        pub struct Never;
    }
    use never::Never;

    #[derive(Clone, Debug, Default, PartialEq)]
    pub struct Cache;

    #[schema]
    pub enum Step {
        Run {
            command: String,
        },
        All(Vec<Step>),
        Other(Box<Other>),
        Text(Box<str>),
        #[cfg(any())]
        Absent(Absent),
    }

    #[schema]
    pub struct Other {
        pub step: Option<Step>,
        pub labels: BTreeMap<String, Labels>,
    }

    pub type Labels = BTreeMap<String, String>;

    #[schema]
    #[derive(Clone)]
    pub struct PlanStatus {
        pub last: Option<Last<u8>>,
    }

    #[schema]
    pub struct Last<T> {
        pub step: Option<T>,
    }

    #[derive(EventHandler)]
    #[handler(resource = PlanObject, changed = "spec")]
    pub struct Plans;
}
