//! The defaults of a container: its image, ports, probes and resources.

use serde_json::{Value, json};

use crate::kinds::defaults::{
    Fields, default, default_text, items, made, part, round_amounts, text,
};

/// Fills in what a container leaves out.
pub(super) fn default_container(container: &mut Fields) {
    default_pull_policy(container);
    default_text(container, "terminationMessagePath", "/dev/termination-log");
    default_text(container, "terminationMessagePolicy", "File");
    for port in items(container, "ports") {
        default_text(port, "protocol", "TCP");
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = part(container, probe) {
            default_probe(probe);
        }
    }
    if let Some(lifecycle) = part(container, "lifecycle") {
        for hook in ["postStart", "preStop"] {
            if let Some(hook) = part(lifecycle, hook) {
                default_action(hook);
            }
        }
    }
    for variable in items(container, "env") {
        if let Some(source) = part(variable, "valueFrom") {
            default_source(source);
        }
    }
    if let Some(resources) = part(container, "resources") {
        normalize(resources);
    }
}

/// An image without a tag, or with the tag `latest`, is looked up each time.
fn default_pull_policy(container: &mut Fields) {
    let policy = if tag(text(container, "image")) == "latest" {
        "Always"
    } else {
        "IfNotPresent"
    };
    default_text(container, "imagePullPolicy", policy);
}

/// Returns the tag of an image: `latest` if it has neither a tag nor a digest.
fn tag(image: &str) -> &str {
    let (name, has_digest) = match image.split_once('@') {
        Some((name, _)) => (name, true),
        None => (image, false),
    };
    let last = name.rsplit('/').next().unwrap_or(name);
    match last.split_once(':') {
        Some((_, tag)) => tag,
        None if has_digest => "",
        None => "latest",
    }
}

fn default_probe(probe: &mut Fields) {
    for (name, value) in [
        ("timeoutSeconds", 1),
        ("periodSeconds", 10),
        ("successThreshold", 1),
        ("failureThreshold", 3),
    ] {
        if probe.get(name).is_none_or(|value| value == &json!(0)) {
            probe.insert(name.to_owned(), Value::from(value));
        }
    }
    default_action(probe);
    if let Some(grpc) = part(probe, "grpc") {
        default(grpc, "service", "");
    }
}

fn default_action(action: &mut Fields) {
    if let Some(get) = part(action, "httpGet") {
        default_text(get, "path", "/");
        default_text(get, "scheme", "HTTP");
    }
}

/// Fills in what a reference to a field or a resource of the pod leaves out.
pub(super) fn default_source(source: &mut Fields) {
    if let Some(field) = part(source, "fieldRef") {
        default_text(field, "apiVersion", "v1");
    }
    if let Some(resource) = part(source, "resourceFieldRef") {
        default(resource, "divisor", "0");
    }
}

/// Writes the amounts of limits and requests in one way.
pub(super) fn normalize(resources: &mut Fields) {
    for side in ["limits", "requests"] {
        if let Some(amounts) = resources.get_mut(side) {
            round_amounts(amounts);
        }
    }
}

/// In a pod, a limit is also the request that is left out.
pub(super) fn request_limits(resources: &mut Fields) {
    let limits = resources.get("limits").and_then(Value::as_object);
    let Some(limits) = limits.filter(|limits| !limits.is_empty()).cloned() else {
        return;
    };
    let Some(requests) = made(resources, "requests") else {
        return;
    };
    for (name, amount) in limits {
        requests.entry(name).or_insert(amount);
    }
}

/// In the network of the node, a port of the container is one of the node.
pub(super) fn use_host_ports(container: &mut Fields) {
    for port in items(container, "ports") {
        let is_chosen = port.get("hostPort").is_some_and(|port| port != &json!(0));
        let number = port.get("containerPort").cloned();
        if let Some(number) = number.filter(|_| !is_chosen) {
            port.insert("hostPort".to_owned(), number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::tag;

    #[test]
    fn image_without_tag_is_the_latest() {
        for (image, expected) in [
            ("i", "latest"),
            ("i:1", "1"),
            ("host:5000/i", "latest"),
            ("host:5000/i:2", "2"),
            ("i@sha256:00", ""),
            ("i:3@sha256:00", "3"),
        ] {
            assert_eq!(tag(image), expected, "{image}");
        }
    }
}
