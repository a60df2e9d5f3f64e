//! What is wrong with an ingress.
//!
//! Source: `ValidateIngressSpec` in `k8s.io/kubernetes/pkg/apis/networking/validation/validation.go`.

use serde_json::Value;

use crate::{
    failure::Cause,
    kinds::{NameRule, names, pod_spec},
    object,
};

const PATH_TYPES: [&str; 3] = ["Exact", "ImplementationSpecific", "Prefix"];
/// What a path that is compared must not have, since clients and proxies read it in several ways.
const UNCLEAR: [&str; 5] = ["//", "/./", "/../", "%2f", "%2F"];
const UNCLEAR_ENDS: [&str; 2] = ["/..", "/."];

pub(super) fn wrong(ingress: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let rules = object::list_at(ingress, "spec.rules");
    let fallback = object::at(ingress, "spec.defaultBackend");
    if rules.is_empty() && fallback.is_none() {
        let detail = "either `defaultBackend` or `rules` must be specified";
        let shown = object::at(ingress, "spec.rules").cloned();
        causes.push(Cause::invalid("spec", shown.unwrap_or_default(), detail));
    }
    if let Some(backend) = fallback {
        causes.extend(wrong_backend(backend, "spec.defaultBackend"));
    }
    for (index, rule) in rules.iter().enumerate() {
        causes.extend(wrong_rule(rule, &format!("spec.rules[{index}]")));
    }
    causes
}

fn wrong_rule(rule: &Value, path: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    let host = object::text(rule, &["host"]);
    if host.parse::<std::net::IpAddr>().is_ok() {
        let detail = "must be a DNS name, not an IP address";
        causes.push(Cause::invalid(format!("{path}.host"), host, detail));
    }
    if !host.is_empty() && !host.contains('*') {
        let field = format!("{path}.host");
        causes.extend(names::wrong_name(&field, NameRule::Subdomain, host));
    }
    let Some(http) = rule.get("http") else {
        return causes;
    };
    let paths = object::list_at(http, "paths");
    if paths.is_empty() {
        causes.push(Cause::required(format!("{path}.http.paths"), ""));
    }
    for (index, entry) in paths.iter().enumerate() {
        causes.extend(wrong_path(entry, &format!("{path}.http.paths[{index}]")));
    }
    causes
}

fn wrong_path(entry: &Value, path: &str) -> Vec<Cause> {
    let Some(path_type) = entry.get("pathType").and_then(Value::as_str) else {
        let detail = "pathType must be specified";
        return vec![Cause::required(format!("{path}.pathType"), detail)];
    };
    let text = object::text(entry, &["path"]);
    let wrong = |detail: &str| Cause::invalid(format!("{path}.path"), text, detail);
    let mut causes = Vec::new();
    let is_absolute = text.starts_with('/');
    match path_type {
        "Exact" | "Prefix" => {
            if !is_absolute {
                causes.push(wrong("must be an absolute path"));
            }
            let parts = UNCLEAR.iter().filter(|part| text.contains(**part));
            causes.extend(parts.map(|part| wrong(&format!("must not contain '{part}'"))));
            let ends = UNCLEAR_ENDS.iter().filter(|end| text.ends_with(**end));
            causes.extend(ends.map(|end| wrong(&format!("cannot end with '{end}'"))));
        }
        "ImplementationSpecific" => {
            if !text.is_empty() && !is_absolute {
                causes.push(wrong("must be an absolute path"));
            }
        }
        other => {
            let field = format!("{path}.pathType");
            causes.push(Cause::not_supported(field, other, &PATH_TYPES));
        }
    }
    let empty = Value::Null;
    let backend = entry.get("backend").unwrap_or(&empty);
    causes.extend(wrong_backend(backend, &format!("{path}.backend")));
    causes
}

fn wrong_backend(backend: &Value, path: &str) -> Vec<Cause> {
    let (resource, service) = (backend.get("resource"), backend.get("service"));
    let service = match (resource, service) {
        (Some(_), Some(_)) => {
            let detail = "cannot set both resource and service backends";
            return vec![Cause::invalid(path, "", detail)];
        }
        (None, None) => {
            let detail = "resource or service backend is required";
            return vec![Cause::invalid(path, "", detail)];
        }
        (Some(_), None) => return Vec::new(),
        (None, Some(service)) => service,
    };
    let mut causes = Vec::new();
    let name = object::text(service, &["name"]);
    let field = format!("{path}.service.name");
    if name.is_empty() {
        causes.push(Cause::required(field, ""));
    } else {
        causes.extend(names::wrong_name(&field, NameRule::Label, name));
    }
    let port_name = object::text(service, &["port", "name"]);
    let number = object::at(service, "port.number").and_then(Value::as_i64);
    match (port_name, number.unwrap_or(0)) {
        ("", 0) => causes.push(Cause::required(path, "port name or number is required")),
        ("", number) => {
            let field = format!("{path}.service.port.number");
            causes.extend(pod_spec::wrong_number(number, field));
        }
        (name, 0) => {
            let field = format!("{path}.service.port.name");
            causes.extend(Cause::all_invalid(&field, name, &names::port_name(name)));
        }
        _ => {
            let detail = "cannot set both port name & port number";
            causes.push(Cause::invalid(path, "", detail));
        }
    }
    causes
}
