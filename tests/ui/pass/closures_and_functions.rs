//! Whatever can be called, with the types inferred.

use std::collections::BTreeMap;

use kubehandler::{
    EventHandler,
    k8s::{ConfigMap, Pod},
};

#[derive(EventHandler)]
#[handler(resource = ConfigMap, when = |c| c.data.is_some())]
pub struct Closure;

#[derive(EventHandler)]
#[handler(resource = ConfigMap, when = |ConfigMap { data, immutable, .. }: &ConfigMap| -> bool {
    let Some(data) = data else { return false };
    data.len() > 1 && *immutable != Some(true)
}, workers = 2)]
pub struct Block;

#[derive(EventHandler)]
#[handler(resource = ConfigMap, when = Self::is_wanted, changed = Self::part)]
pub struct Paths;

impl Paths {
    fn is_wanted(map: &ConfigMap) -> bool {
        map.data.is_some()
    }

    fn part(map: &ConfigMap) -> &Option<BTreeMap<String, String>> {
        &map.data
    }
}

#[derive(EventHandler)]
#[handler(resource = Pod, when = {
    let node = self.node.clone();
    move |pod| pod.spec.as_ref().and_then(|spec| spec.node_name.as_ref()) == Some(&node)
})]
pub struct Capturing {
    pub node: String,
}

#[derive(EventHandler)]
#[handler(resource = Pod, changed = |pod| pod.metadata.name.as_deref().unwrap_or_default())]
pub struct Unsized;

#[derive(EventHandler)]
#[handler(resource = Pod, changed = |pod| match &pod.spec {
    Some(spec) => &spec.containers[..],
    None => &[],
})]
pub struct Slice;
