//! The defaults of a pod's spec and of a pod template, and what is wrong with one.
//!
//! Source: `SetDefaults_PodSpec` and its neighbours in `k8s.io/kubernetes/pkg/apis/core/v1/defaults.go`.

mod containers;
mod volumes;
mod wrong;

use serde_json::json;

use super::defaults::{Fields, default, default_text, items, made, part, round_amounts, text};

pub(super) use self::wrong::{wrong_number, wrong_spec};

/// Fills in what the template in `fields` leaves out, if there is one.
pub(super) fn default_template(fields: &mut Fields) {
    let Some(template) = part(fields, "template") else {
        return;
    };
    default(template, "metadata", json!({}));
    if let Some(spec) = part(template, "spec") {
        default_spec(spec);
    }
}

/// Fills in what a spec leaves out, of a pod or of a template.
pub(super) fn default_spec(spec: &mut Fields) {
    default_text(spec, "dnsPolicy", "ClusterFirst");
    default_text(spec, "restartPolicy", "Always");
    default_text(spec, "schedulerName", "default-scheduler");
    default(spec, "securityContext", json!({}));
    default(spec, "terminationGracePeriodSeconds", 30);
    join_account_names(spec);
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        for container in items(spec, list) {
            containers::default_container(container);
            if list != "ephemeralContainers" {
                default(container, "resources", json!({}));
            }
        }
    }
    items(spec, "volumes").for_each(volumes::default_volume);
    if let Some(overhead) = spec.get_mut("overhead") {
        round_amounts(overhead);
    }
}

/// Fills in what only a pod has, and no template.
pub(super) fn default_pod(spec: &mut Fields) {
    default(spec, "enableServiceLinks", true);
    let is_in_node_network = spec.get("hostNetwork") == Some(&json!(true));
    for list in ["containers", "initContainers"] {
        for container in items(spec, list) {
            if is_in_node_network {
                containers::use_host_ports(container);
            }
            if let Some(resources) = part(container, "resources") {
                containers::request_limits(resources);
            }
        }
    }
    if let Some(resources) = part(spec, "resources") {
        containers::normalize(resources);
        containers::request_limits(resources);
    }
}

/// `serviceAccount` is the older name of `serviceAccountName`.
fn join_account_names(spec: &mut Fields) {
    let name = ["serviceAccountName", "serviceAccount"]
        .map(|field| text(spec, field))
        .into_iter()
        .find(|name| !name.is_empty())
        .map(str::to_owned);
    if let Some(name) = name {
        spec.insert("serviceAccountName".to_owned(), json!(name));
        spec.insert("serviceAccount".to_owned(), json!(name));
    }
}

/// Fills in what a claim leaves out, of its own or of a template.
pub(super) fn default_claim(spec: &mut Fields) {
    default_text(spec, "volumeMode", "Filesystem");
    let Some(resources) = made(spec, "resources") else {
        return;
    };
    for side in ["limits", "requests"] {
        if let Some(amounts) = resources.get_mut(side) {
            round_amounts(amounts);
        }
    }
}
