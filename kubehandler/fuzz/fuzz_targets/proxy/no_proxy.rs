//! `NO_PROXY` as Go's clients read it, written anew from `golang.org/x/net/http/httpproxy`.
//!
//! It differs in one thing: there, `LOCALHOST` is not `localhost`.

use std::net::IpAddr;

/// Returns true if no proxy is used for this host.
pub(crate) fn goes_direct(host: &str, port: u16, none: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let address = address_of(&host);
    if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
        return true;
    }
    let mut entries = none
        .split(',')
        .map(|entry| entry.trim().to_ascii_lowercase());
    entries.any(|entry| !entry.is_empty() && is_about(&entry, &host, address, port))
}

/// An IPv4 address in the form of IPv6 is one of IPv4.
fn address_of(text: &str) -> Option<IpAddr> {
    let address: IpAddr = text.parse().ok()?;
    Some(address.to_canonical())
}

fn is_about(entry: &str, host: &str, address: Option<IpAddr>, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let Some((network, length)) = cidr(entry) {
        return address.is_some_and(|address| is_in(address, network, length));
    }
    let (name, of_port) = split_host_port(entry).unwrap_or((entry, ""));
    if name.is_empty() || !of_port.is_empty() && of_port != port.to_string() {
        return false;
    }
    if let Some(of_address) = address_of(name) {
        return address == Some(of_address);
    }
    if address.is_some() {
        return false; // Names are about names.
    }
    let name = if name.starts_with("*.") {
        &name[1..]
    } else {
        name
    };
    if name.starts_with('.') {
        host.ends_with(name)
    } else {
        host == name || host.ends_with(&format!(".{name}"))
    }
}

/// `net.SplitHostPort`.
fn split_host_port(text: &str) -> Option<(&str, &str)> {
    let last = text.rfind(':')?;
    let (host, rest) = if text.starts_with('[') {
        let end = text.find(']')?;
        if end + 1 != last {
            return None;
        }
        (&text[1..end], &text[end + 1..])
    } else {
        (&text[..last], &text[last..])
    };
    let is_nested = host.contains('[') || rest.contains(['[', ']']);
    let is_bare = !text.starts_with('[') && host.contains([':', ']']);
    (!is_nested && !is_bare).then_some((host, &text[last + 1..]))
}

/// `net.ParseCIDR`.
fn cidr(entry: &str) -> Option<(IpAddr, u32)> {
    let (address, length) = entry.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    if length.is_empty() || !length.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let length: u32 = length.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    (length <= most).then_some((address, length))
}

fn is_in(address: IpAddr, network: IpAddr, length: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => same_bits(
            address.to_bits().into(),
            network.to_bits().into(),
            length,
            32,
        ),
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            same_bits(address.to_bits(), network.to_bits(), length, 128)
        }
        // A network of IPv4 in the form of IPv6.
        (IpAddr::V4(address), IpAddr::V6(network)) => {
            let is_mapped = length >= 96 && network.to_ipv4_mapped().is_some();
            let address = address.to_ipv6_mapped();
            is_mapped && same_bits(address.to_bits(), network.to_bits(), length, 128)
        }
        (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

fn same_bits(a: u128, b: u128, length: u32, width: u32) -> bool {
    (a ^ b).checked_shr(width - length).unwrap_or_default() == 0
}
