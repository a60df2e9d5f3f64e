//! What is wrong with a pod's spec, in the order in which the real server says it.
//!
//! Checked is what must be there and what must fit together: names, images, ports, mounts, the policy
//! of restarts. Affinity, probes, security and resources are not looked at.
//!
//! Source: `ValidatePodSpec` in `k8s.io/kubernetes/pkg/apis/core/validation/validation.go`.

use std::collections::HashSet;

use serde_json::Value;

use crate::{
    failure::Cause,
    kinds::{NameRule, names},
    object,
};

const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];
const RESTART_POLICIES: [&str; 3] = ["Always", "OnFailure", "Never"];

/// The sources of volumes that name something, and the field that names it.
const NAMED_SOURCES: [(&str, &str); 4] = [
    ("hostPath", "path"),
    ("secret", "secretName"),
    ("configMap", "name"),
    ("persistentVolumeClaim", "claimName"),
];

/// Returns what is wrong with the spec of a pod or of a template; `path` is where it stands.
pub(in crate::kinds) fn wrong_spec(spec: Option<&Value>, path: &str) -> Vec<Cause> {
    let empty = Value::Null;
    let spec = spec.unwrap_or(&empty);
    let mut causes = Vec::new();
    let volumes = volumes(spec, path, &mut causes);
    let containers = object::list_at(spec, "containers");
    if containers.is_empty() {
        causes.push(Cause::required(format!("{path}.containers"), ""));
    }
    let mut names = HashSet::new();
    for name in ["containers", "initContainers"] {
        for (index, container) in object::list_at(spec, name).iter().enumerate() {
            let path = format!("{path}.{name}[{index}]");
            causes.extend(wrong_container(container, &path, &volumes));
            let name = object::text(container, &["name"]);
            if !names.insert(name) {
                causes.push(Cause::duplicate(format!("{path}.name"), name));
            }
        }
    }
    let policy = object::text(spec, &["restartPolicy"]);
    if !policy.is_empty() && !RESTART_POLICIES.contains(&policy) {
        let field = format!("{path}.restartPolicy");
        causes.push(Cause::not_supported(field, policy, &RESTART_POLICIES));
    }
    causes
}

/// Checks the volumes; returns the names of those that are right, which can be mounted.
fn volumes<'a>(spec: &'a Value, path: &str, causes: &mut Vec<Cause>) -> HashSet<&'a str> {
    let mut names = HashSet::new();
    for (index, volume) in object::list_at(spec, "volumes").iter().enumerate() {
        let path = format!("{path}.volumes[{index}]");
        let name = object::text(volume, &["name"]);
        let mut wrong = wrong_source(volume, &path);
        wrong.extend(wrong_label(name, &format!("{path}.name")));
        if names.contains(name) {
            wrong.push(Cause::duplicate(format!("{path}.name"), name));
        }
        if wrong.is_empty() {
            names.insert(name);
        }
        causes.extend(wrong);
    }
    names
}

fn wrong_source(volume: &Value, path: &str) -> Vec<Cause> {
    let named = NAMED_SOURCES.iter();
    let missing = named.filter(|(source, field)| {
        volume.get(source).is_some() && object::text(volume, &[source, field]).is_empty()
    });
    missing
        .map(|(source, field)| Cause::required(format!("{path}.{source}.{field}"), ""))
        .collect()
}

fn wrong_container(container: &Value, path: &str, volumes: &HashSet<&str>) -> Vec<Cause> {
    let mut causes = wrong_label(object::text(container, &["name"]), &format!("{path}.name"));
    if object::text(container, &["image"]).is_empty() {
        causes.push(Cause::required(format!("{path}.image"), ""));
    }
    causes.extend(wrong_ports(container, &format!("{path}.ports")));
    for (index, variable) in object::list_at(container, "env").iter().enumerate() {
        if object::text(variable, &["name"]).is_empty() {
            causes.push(Cause::required(format!("{path}.env[{index}].name"), ""));
        }
    }
    causes.extend(wrong_mounts(
        container,
        &format!("{path}.volumeMounts"),
        volumes,
    ));
    causes
}

fn wrong_ports(container: &Value, path: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut names = HashSet::new();
    for (index, port) in object::list_at(container, "ports").iter().enumerate() {
        let path = format!("{path}[{index}]");
        let name = object::text(port, &["name"]);
        if !name.is_empty() {
            let errors = names::port_name(name);
            if errors.is_empty() && !names.insert(name) {
                causes.push(Cause::duplicate(format!("{path}.name"), name));
            }
            let field = format!("{path}.name");
            causes.extend(Cause::all_invalid(&field, name, &errors));
        }
        let number = |field: &str| port.get(field).and_then(Value::as_i64).unwrap_or(0);
        let field = format!("{path}.containerPort");
        match number("containerPort") {
            0 => causes.push(Cause::required(field, "")),
            number => causes.extend(wrong_number(number, field)),
        }
        let host = number("hostPort");
        if host != 0 {
            causes.extend(wrong_number(host, format!("{path}.hostPort")));
        }
        let protocol = object::text(port, &["protocol"]);
        if !protocol.is_empty() && !PROTOCOLS.contains(&protocol) {
            let field = format!("{path}.protocol");
            causes.push(Cause::not_supported(field, protocol, &PROTOCOLS));
        }
    }
    causes
}

/// Returns what is wrong with the number of a port.
pub(in crate::kinds) fn wrong_number(number: i64, field: String) -> Option<Cause> {
    let detail = "must be between 1 and 65535, inclusive";
    (!(1..=65_535).contains(&number)).then(|| Cause::invalid(field, number, detail))
}

fn wrong_mounts(container: &Value, path: &str, volumes: &HashSet<&str>) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut places = HashSet::new();
    for (index, mount) in object::list_at(container, "volumeMounts")
        .iter()
        .enumerate()
    {
        let name = object::text(mount, &["name"]);
        let place = object::text(mount, &["mountPath"]);
        let field = |name: &str| format!("{path}[{index}].{name}");
        if name.is_empty() {
            causes.push(Cause::required(field("name"), ""));
        }
        if !volumes.contains(name) {
            causes.push(Cause::not_found(field("name"), name));
        }
        if place.is_empty() {
            causes.push(Cause::required(field("mountPath"), ""));
        }
        if !places.insert(place) {
            causes.push(Cause::invalid(field("mountPath"), place, "must be unique"));
        }
    }
    causes
}

/// Returns what is wrong with a name that must be there and be a DNS label.
fn wrong_label(name: &str, field: &str) -> Vec<Cause> {
    if name.is_empty() {
        return vec![Cause::required(field, "")];
    }
    names::wrong_name(field, NameRule::Label, name)
}
