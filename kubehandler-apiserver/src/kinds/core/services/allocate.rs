//! The addresses and node ports of services, which no two of them share.
//!
//! Source: `k8s.io/kubernetes/pkg/registry/core/service/storage/alloc.go`. The ranges are those that
//! kube-apiserver has by default: 10.0.0.0/24, and ports 30000 to 32767.

use std::{collections::BTreeSet, net::Ipv4Addr};

use serde_json::{Value, json};

use super::{has_address, has_node_ports, ports_of};
use crate::{
    failure::Cause,
    kinds::defaults::{self, Fields, default_text, items, text},
};

/// The network of the addresses.
const RANGE: [u8; 3] = [10, 0, 0];

/// The hosts of the range, without the first, which a real cluster's own service has.
const HOSTS: std::ops::Range<u64> = 2..255;

const NODE_PORTS: std::ops::Range<u64> = 30_000..32_768;

/// Gives a service the addresses and ports that it needs and does not have.
///
/// `others` are all other services, and `random` returns a number below its argument.
pub(crate) fn allocate(
    service: &mut Value,
    others: &[Value],
    random: &mut dyn FnMut(u64) -> u64,
) -> Vec<Cause> {
    let Some(spec) = defaults::spec(service) else {
        return Vec::new();
    };
    let others: Vec<_> = others
        .iter()
        .filter_map(|other| other.get("spec")?.as_object())
        .collect();
    let mut causes = Vec::new();
    if has_address(spec) {
        causes.extend(allocate_address(spec, &others, random));
    }
    if has_node_ports(spec) {
        causes.extend(allocate_ports(spec, &others, random));
    }
    causes
}

fn allocate_address(
    spec: &mut Fields,
    others: &[&Fields],
    random: &mut dyn FnMut(u64) -> u64,
) -> Option<Cause> {
    let taken: BTreeSet<_> = others
        .iter()
        .map(|other| text(other, "clusterIP"))
        .collect();
    let asked = text(spec, "clusterIP").to_owned();
    if let Some(why) = refusal(&asked, &taken) {
        let detail = format!("failed to allocate IP {asked}: {why}");
        return Some(Cause::invalid("spec.clusterIPs", json!([asked]), &detail));
    }
    if asked.is_empty() {
        let free = |host: &u64| !taken.contains(&*address(*host));
        let Some(host) = choose(HOSTS, free, random) else {
            let detail = "failed to allocate a serviceIP: range is full";
            return Some(Cause::invalid("spec.clusterIPs", json!([]), detail));
        };
        default_text(spec, "clusterIP", &address(host));
    }
    let address = text(spec, "clusterIP").to_owned();
    let is_headless = address == "None";
    let has_selector = spec
        .get("selector")
        .and_then(Value::as_object)
        .is_some_and(|selector| !selector.is_empty());
    let (families, policy) = match (is_headless && !has_selector, address.contains(':')) {
        (true, _) => (json!(["IPv4", "IPv6"]), "RequireDualStack"),
        (false, true) => (json!(["IPv6"]), "SingleStack"),
        (false, false) => (json!(["IPv4"]), "SingleStack"),
    };
    defaults::default(spec, "clusterIPs", json!([address]));
    defaults::default(spec, "ipFamilies", families);
    default_text(spec, "ipFamilyPolicy", policy);
    None
}

/// Returns why a service cannot have the address that it asks for.
fn refusal(asked: &str, taken: &BTreeSet<&str>) -> Option<&'static str> {
    let ip: Option<Ipv4Addr> = asked.parse().ok();
    if ip.is_some_and(|ip| ip.octets()[..3] != RANGE) {
        Some("the provided network does not match the current range")
    } else if ip.is_some() && taken.contains(asked) {
        Some("provided IP is already allocated")
    } else {
        None
    }
}

fn address(host: u64) -> String {
    format!("10.0.0.{host}")
}

fn allocate_ports(
    spec: &mut Fields,
    others: &[&Fields],
    random: &mut dyn FnMut(u64) -> u64,
) -> Vec<Cause> {
    let mut taken: BTreeSet<u64> = others.iter().flat_map(|other| node_ports(other)).collect();
    let mut causes = Vec::new();
    for (index, port) in items(spec, "ports").enumerate() {
        let Some(number) = node_port(port) else {
            continue;
        };
        let detail = if !NODE_PORTS.contains(&number) {
            "provided port is not in the valid range. The range of valid ports is 30000-32767"
        } else if taken.contains(&number) {
            "provided port is already allocated"
        } else {
            continue;
        };
        let field = format!("spec.ports[{index}].nodePort");
        causes.push(Cause::invalid(field, number, detail));
    }
    taken.extend(node_ports(spec));
    for port in items(spec, "ports") {
        if node_port(port).is_some() {
            continue;
        }
        if let Some(chosen) = choose(NODE_PORTS, |port| !taken.contains(port), random) {
            port.insert("nodePort".to_owned(), Value::from(chosen));
            taken.insert(chosen);
        }
    }
    causes
}

fn node_ports(spec: &Fields) -> impl Iterator<Item = u64> {
    let ports = ports_of(spec).iter().filter_map(Value::as_object);
    ports.filter_map(node_port)
}

fn node_port(port: &Fields) -> Option<u64> {
    let number = port.get("nodePort")?.as_u64()?;
    (number != 0).then_some(number)
}

/// Returns a free number: a random one, or the next free one after it.
fn choose(
    range: std::ops::Range<u64>,
    is_free: impl Fn(&u64) -> bool,
    random: &mut dyn FnMut(u64) -> u64,
) -> Option<u64> {
    let first = range.start + random(range.end - range.start);
    (first..range.end).chain(range.start..first).find(is_free)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(spec: &Value) -> Value {
        json!({ "spec": spec })
    }

    #[test]
    fn services_share_no_address_and_no_port() {
        let mut services: Vec<Value> = Vec::new();
        for _ in 0..20 {
            let mut new =
                service(&json!({"type": "NodePort", "ports": [{"port": 1}, {"port": 2}]}));
            assert_eq!(allocate(&mut new, &services, &mut |_| 0), []);
            services.push(new);
        }

        let specs = || services.iter().map(|service| &service["spec"]);
        let addresses: BTreeSet<_> = specs().map(|spec| spec["clusterIP"].to_string()).collect();
        let ports: BTreeSet<_> = specs()
            .flat_map(|spec| [0, 1].map(|index| spec["ports"][index]["nodePort"].as_u64()))
            .collect();

        assert_eq!((addresses.len(), ports.len()), (20, 40));
        assert!(!ports.contains(&None));
    }

    #[test]
    fn full_range_is_refused() {
        let mut services: Vec<Value> = Vec::new();
        for _ in HOSTS {
            let mut new = service(&json!({"type": "ClusterIP"}));
            assert_eq!(allocate(&mut new, &services, &mut |limit| limit - 1), []);
            services.push(new);
        }

        let causes = allocate(
            &mut service(&json!({"type": "ClusterIP"})),
            &services,
            &mut |_| 0,
        );

        assert_eq!(causes.len(), 1);
    }

    #[test]
    fn address_that_is_taken_is_refused() {
        let other = service(&json!({"clusterIP": "10.0.0.9"}));
        let mut new = service(&json!({"type": "ClusterIP", "clusterIP": "10.0.0.9"}));

        let causes = allocate(&mut new, &[other], &mut |_| 0);

        assert_eq!(causes[0].field, "spec.clusterIPs");
    }
}
