//! The kinds of the core group.

mod claims;
mod configmaps;
mod endpoints;
mod entries;
pub(crate) mod events;
mod namespaces;
mod nodes;
mod persistent_volumes;
pub(crate) mod pods;
mod replication_controllers;
mod resource_quotas;
mod secrets;
pub(crate) mod services;

use crate::{
    kinds::{
        pod_spec,
        strategy::{Dependents, PLAIN, Plain, Strategy},
    },
    object,
};

static RETURNED: Plain = Plain {
    returns_deleted: true,
    ..Plain::DEFAULT
};

static RESOURCE_QUOTAS: Plain = Plain {
    defaults: resource_quotas::default,
    ..RETURNED
};

static POD_TEMPLATES: Plain = Plain {
    defaults: |template| pod_spec::default_template(object::as_fields(template)),
    counted: &["template"],
    returns_deleted: true,
    ..Plain::DEFAULT
};

static ENDPOINTS: Plain = Plain {
    defaults: endpoints::default,
    storage_path: Some("services/endpoints"),
    ..Plain::DEFAULT
};

static CLAIMS: Plain = Plain {
    defaults: claims::default,
    status: r#"{"phase":"Pending"}"#,
    returns_deleted: true,
    // A real controller removes it when no pod uses the volume; here its owner has to.
    finalizer: Some("kubernetes.io/pvc-protection"),
    ..Plain::DEFAULT
};

static REPLICATION_CONTROLLERS: Plain = Plain {
    defaults: replication_controllers::default,
    status: r#"{"replicas":0}"#,
    dependents: Dependents::Orphaned,
    storage_path: Some("controllers"),
    ..Plain::DEFAULT
};

pub(super) fn strategy(plural: &str) -> &'static dyn Strategy {
    match plural {
        "configmaps" => &configmaps::ConfigMaps,
        "endpoints" => &ENDPOINTS,
        "events" => &events::EVENTS,
        "namespaces" => &namespaces::Namespaces,
        "nodes" => &nodes::Nodes,
        "persistentvolumeclaims" => &CLAIMS,
        "persistentvolumes" => &persistent_volumes::PersistentVolumes,
        "pods" => &pods::Pods,
        "podtemplates" => &POD_TEMPLATES,
        "replicationcontrollers" => &REPLICATION_CONTROLLERS,
        "resourcequotas" => &RESOURCE_QUOTAS,
        "serviceaccounts" => &RETURNED,
        "secrets" => &secrets::Secrets,
        "services" => &services::Services,
        _ => &PLAIN,
    }
}
