//! IP addresses and networks.
//!
//! Source: `pkg/cel/library/{ip,cidr}.go` of `k8s.io/apiserver`.

use std::net::IpAddr;

use crate::{
    cel::{
        outcome::{EvalError, Outcome},
        value::CelValue,
    },
    failure::quoted,
};

pub(super) fn call(function: &str, arguments: &[CelValue]) -> Option<Outcome> {
    use CelValue::{Bool, Cidr, Int, Ip, String};
    Some(match (function, arguments) {
        ("ip", [String(text)]) => address(text).map(Ip),
        ("isIP", [String(text)]) => Ok(Bool(address(text).is_ok())),
        ("ip.isCanonical", [String(text)]) => {
            address(text).map(|ip| Bool(ip.to_string() == **text))
        }
        ("family", [Ip(ip)]) => Ok(Int(if ip.is_ipv4() { 4 } else { 6 })),
        ("isUnspecified", [Ip(ip)]) => Ok(Bool(ip.is_unspecified())),
        ("isLoopback", [Ip(ip)]) => Ok(Bool(ip.is_loopback())),
        ("isLinkLocalMulticast", [Ip(ip)]) => Ok(Bool(is_link_local_multicast(*ip))),
        ("isLinkLocalUnicast", [Ip(ip)]) => Ok(Bool(is_link_local(*ip))),
        ("isGlobalUnicast", [Ip(ip)]) => Ok(Bool(is_global_unicast(*ip))),
        ("cidr", [String(text)]) => network(text).map(|(ip, bits)| Cidr(ip, bits)),
        ("isCIDR", [String(text)]) => Ok(Bool(network(text).is_ok())),
        ("ip", [Cidr(ip, _)]) => Ok(Ip(*ip)),
        ("prefixLength", [Cidr(_, bits)]) => Ok(Int((*bits).into())),
        ("masked", [Cidr(ip, bits)]) => Ok(Cidr(masked(*ip, *bits), *bits)),
        ("containsIP", [Cidr(net, bits), Ip(ip)]) => Ok(Bool(contains(*net, *bits, *ip))),
        ("containsIP", [Cidr(net, bits), String(text)]) => {
            let ip = address(text).map_err(|_| EvalError::no_overload());
            ip.map(|ip| Bool(contains(*net, *bits, ip)))
        }
        ("containsCIDR", [Cidr(net, bits), Cidr(other, more)]) => {
            Ok(Bool(bits <= more && contains(*net, *bits, *other)))
        }
        ("containsCIDR", [Cidr(net, bits), String(text)]) => {
            let other = network(text).map_err(|_| EvalError::no_overload());
            other.map(|(other, more)| Bool(*bits <= more && contains(*net, *bits, other)))
        }
        _ => return None,
    })
}

fn address(text: &str) -> Result<IpAddr, EvalError> {
    let wrong = |why: &str| EvalError::new(why.replace("{}", &quoted(text)));
    if let Some((_, zone)) = text.split_once('%')
        && !zone.is_empty()
        && text.contains(':')
    {
        return Err(wrong("IP address {} with zone value is not allowed"));
    }
    let ip: IpAddr = text.parse().map_err(|_| {
        let why = format!("ParseAddr({}): {}", quoted(text), why_no_address(text));
        wrong(&format!(
            "IP Address {{}} parse error during conversion from string: {why}"
        ))
    })?;
    if is_mapped(ip) {
        return Err(wrong("IPv4-mapped IPv6 address {} is not allowed"));
    }
    Ok(ip)
}

/// Returns why a text is no address, in the words of Go for those of version 4.
fn why_no_address(text: &str) -> &'static str {
    let is_v4 = text
        .find(['.', ':'])
        .is_some_and(|at| text[at..].starts_with('.'));
    if !is_v4 {
        return "unable to parse IP";
    }
    let parts: Vec<&str> = text.split('.').collect();
    for part in &parts {
        if !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return "unexpected character";
        }
        if part.is_empty() {
            return "IPv4 field must have at least one digit";
        }
        if part.len() > 1 && part.starts_with('0') {
            return "IPv4 field has octet with leading zero";
        }
        if part.parse::<u8>().is_err() {
            return "IPv4 field has value >255";
        }
    }
    if parts.len() < 4 {
        "IPv4 address too short"
    } else {
        "IPv4 address too long"
    }
}

fn is_mapped(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some())
}

fn network(text: &str) -> Result<(IpAddr, u8), EvalError> {
    let wrong = |why: &str| {
        let twice = "network address parse error during conversion from string: ";
        EvalError::new(format!(
            "{twice}{twice}netip.ParsePrefix({}): {why}",
            quoted(text)
        ))
    };
    let (ip, bits) = text.rsplit_once('/').ok_or_else(|| wrong("no '/'"))?;
    let ip: IpAddr = ip.parse().map_err(|_| {
        wrong(&format!(
            "ParseAddr({}): {}",
            quoted(ip),
            why_no_address(ip)
        ))
    })?;
    let is_number = bits.bytes().all(|digit| digit.is_ascii_digit());
    let is_short = bits == "0" || !bits.starts_with('0');
    let bad_bits = || wrong(&format!("bad bits after slash: {}", quoted(bits)));
    if bits.is_empty() || !is_number || !is_short {
        return Err(bad_bits());
    }
    let bits: u8 = bits
        .parse()
        .map_err(|_| wrong("prefix length out of range"))?;
    if bits > width(ip) {
        return Err(wrong("prefix length out of range"));
    }
    if is_mapped(ip) {
        return Err(EvalError::new(format!(
            "network address parse error during conversion from string: IPv4-mapped IPv6 address {} \
             is not allowed",
            quoted(text)
        )));
    }
    Ok((ip, bits))
}

fn width(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { 32 } else { 128 }
}

fn masked(ip: IpAddr, bits: u8) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            IpAddr::V4((ip.to_bits() & mask).into())
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            IpAddr::V6((ip.to_bits() & mask).into())
        }
    }
}

fn contains(net: IpAddr, bits: u8, ip: IpAddr) -> bool {
    width(net) == width(ip) && masked(net, bits) == masked(ip, bits)
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

fn is_link_local_multicast(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.octets()[..3] == [224, 0, 0],
        IpAddr::V6(ip) => ip.segments()[0] & 0xff0f == 0xff02,
    }
}

fn is_global_unicast(ip: IpAddr) -> bool {
    let is_broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    let is_special = ip.is_unspecified() || ip.is_loopback() || ip.is_multicast();
    !is_broadcast && !is_special && !is_link_local(ip)
}
