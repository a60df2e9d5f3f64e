//! The defaults of a replication controller.

use serde_json::Value;

use crate::{
    kinds::{
        defaults::{self, label_as_template},
        pod_spec,
    },
    object,
};

pub(super) fn default(controller: &mut Value) {
    let labels = object::field(controller, &["spec", "template", "metadata", "labels"]).cloned();
    let Some(spec) = defaults::spec(controller) else {
        return;
    };
    pod_spec::default_template(spec);
    defaults::default(spec, "replicas", 1);
    if let Some(labels) = labels {
        defaults::default(spec, "selector", labels);
    }
    label_as_template(controller);
}
