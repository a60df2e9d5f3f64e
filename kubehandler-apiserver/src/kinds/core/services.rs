//! Services: their defaults, and what an update keeps of what was allocated.
//!
//! Source: `SetDefaults_Service` in `k8s.io/kubernetes/pkg/apis/core/v1/defaults.go`, and
//! `k8s.io/kubernetes/pkg/registry/core/service/strategy.go`.

mod allocate;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    failure::Cause,
    kinds::{
        defaults::{self, Fields, default_text, items, made, text},
        strategy::Strategy,
    },
};

pub(crate) use self::allocate::allocate;

/// How long a client stays with one pod, if it does.
const AFFINITY_SECONDS: i64 = 10_800;

#[derive(Debug)]
pub(super) struct Services;

impl Strategy for Services {
    fn default(&self, service: &mut Value) {
        if let Some(spec) = defaults::spec(service) {
            default_spec(spec);
        }
    }

    fn first_status(&self, _: &Value, _: &str) -> Option<Value> {
        Some(json!({ "loadBalancer": {} }))
    }

    fn prepare_changed(&self, old: &Value, new: &mut Value) {
        if let (Some(old), Some(new)) = (spec_of(old), defaults::spec(new)) {
            drop_other_type(old, new);
            keep_allocated(old, new);
        }
    }

    fn wrong_new(&self, service: &Value) -> Vec<Cause> {
        spec_of(service).map(wrong_names).unwrap_or_default()
    }

    fn wrong_change(&self, old: &Value, new: &Value) -> Vec<Cause> {
        let (Some(old), Some(new)) = (spec_of(old), spec_of(new)) else {
            return Vec::new();
        };
        let names = wrong_names(new);
        if !names.is_empty() {
            return names;
        }
        let (before, after) = (text(old, "clusterIP"), text(new, "clusterIP"));
        if before == after || before.is_empty() || !has_address(old) || !has_address(new) {
            return Vec::new();
        }
        let detail = "may not change once set";
        vec![Cause::invalid("spec.clusterIPs[0]", json!([after]), detail)]
    }

    fn returns_deleted(&self) -> bool {
        true
    }

    fn storage_path(&self) -> Option<&'static str> {
        Some("services/specs")
    }
}

/// Returns what is wrong with the names of ports: of several, each has one of its own.
fn wrong_names(spec: &Fields) -> Vec<Cause> {
    let ports = ports_of(spec);
    let mut seen = BTreeSet::new();
    let mut causes = Vec::new();
    for (place, port) in ports.iter().enumerate() {
        let field = format!("spec.ports[{place}].name");
        match port["name"].as_str().unwrap_or_default() {
            "" if ports.len() > 1 => causes.push(Cause::required(field, "")),
            "" => {}
            name if seen.insert(name) => {}
            name => causes.push(Cause::duplicate(field, name)),
        }
    }
    causes
}

fn ports_of(spec: &Fields) -> &[Value] {
    let ports = spec.get("ports").and_then(Value::as_array);
    ports.map(Vec::as_slice).unwrap_or_default()
}

fn spec_of(service: &Value) -> Option<&Fields> {
    service.get("spec")?.as_object()
}

fn default_spec(spec: &mut Fields) {
    default_text(spec, "sessionAffinity", "None");
    if text(spec, "sessionAffinity") == "ClientIP" {
        let config = made(spec, "sessionAffinityConfig");
        if let Some(client) = config.and_then(|config| made(config, "clientIP")) {
            defaults::default(client, "timeoutSeconds", AFFINITY_SECONDS);
        }
    } else {
        spec.remove("sessionAffinityConfig");
    }
    default_text(spec, "type", "ClusterIP");
    items(spec, "ports").for_each(default_port);
    if is_reached_from_outside(spec) {
        default_text(spec, "externalTrafficPolicy", "Cluster");
    }
    if has_address(spec) {
        default_text(spec, "internalTrafficPolicy", "Cluster");
    }
    if text(spec, "type") == "LoadBalancer" {
        defaults::default(spec, "allocateLoadBalancerNodePorts", true);
    }
}

fn default_port(port: &mut Fields) {
    default_text(port, "protocol", "TCP");
    let number = port.get("port").cloned().unwrap_or_default();
    let target = port.entry("targetPort").or_insert(Value::Null);
    if [json!(null), json!(0), json!("")].contains(target) {
        *target = number;
    }
}

/// Returns true if the type of the service is one with an address in the cluster.
fn has_address(spec: &Fields) -> bool {
    ["ClusterIP", "LoadBalancer", "NodePort"].contains(&text(spec, "type"))
}

fn has_node_ports(spec: &Fields) -> bool {
    match text(spec, "type") {
        "NodePort" => true,
        "LoadBalancer" => spec.get("allocateLoadBalancerNodePorts") != Some(&json!(false)),
        _ => false,
    }
}

fn is_reached_from_outside(spec: &Fields) -> bool {
    let addresses = spec.get("externalIPs").and_then(Value::as_array);
    match text(spec, "type") {
        "LoadBalancer" | "NodePort" => true,
        "ClusterIP" => addresses.is_some_and(|addresses| !addresses.is_empty()),
        _ => false,
    }
}

/// What only the old type has goes, unless the update says otherwise.
fn drop_other_type(old: &Fields, new: &mut Fields) {
    if has_address(old) && !has_address(new) {
        for name in [
            "clusterIP",
            "clusterIPs",
            "internalTrafficPolicy",
            "ipFamilies",
            "ipFamilyPolicy",
        ] {
            drop_same(old, new, name);
        }
    }
    if text(new, "type") != "LoadBalancer" {
        drop_same(old, new, "allocateLoadBalancerNodePorts");
    }
    if !is_reached_from_outside(new) {
        drop_same(old, new, "externalTrafficPolicy");
    }
    let node_ports = |spec: &Fields| {
        let ports = ports_of(spec).iter();
        let numbers = ports.map(|port| port.get("nodePort").cloned());
        numbers.collect::<Vec<_>>()
    };
    if has_node_ports(old) && !has_node_ports(new) && node_ports(old) == node_ports(new) {
        for port in items(new, "ports") {
            port.remove("nodePort");
        }
    }
}

fn drop_same(old: &Fields, new: &mut Fields, name: &str) {
    if old.get(name) == new.get(name) {
        new.remove(name);
    }
}

/// Addresses and node ports that an update leaves out stay as they are.
fn keep_allocated(old: &Fields, new: &mut Fields) {
    if has_address(old) && has_address(new) {
        if text(new, "clusterIP").is_empty() {
            keep(old, new, "clusterIP");
            keep(old, new, "clusterIPs");
        }
        for name in ["ipFamilies", "ipFamilyPolicy"] {
            keep(old, new, name);
        }
    }
    if has_node_ports(old) && has_node_ports(new) {
        for port in items(new, "ports") {
            let same = |old: &&Value| {
                ["protocol", "port"]
                    .iter()
                    .all(|name| old.get(name) == port.get(*name))
            };
            let node_port = ports_of(old)
                .iter()
                .find(same)
                .and_then(|old| old.get("nodePort"));
            if let Some(node_port) = node_port.cloned() {
                defaults::default(port, "nodePort", node_port);
            }
        }
    }
    let needs_check = |spec: &Fields| {
        text(spec, "type") == "LoadBalancer" && text(spec, "externalTrafficPolicy") == "Local"
    };
    if needs_check(old) && needs_check(new) {
        keep(old, new, "healthCheckNodePort");
    }
}

fn keep(old: &Fields, new: &mut Fields, name: &str) {
    if let Some(value) = old.get(name) {
        defaults::default(new, name, value.clone());
    }
}
