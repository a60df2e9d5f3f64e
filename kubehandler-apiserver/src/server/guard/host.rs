//! A host, as `Host`, a URI or `Origin` names it.

use std::net::{IpAddr, Ipv6Addr};

/// A host without its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// An address; one of IPv4 that is written as IPv6 is of IPv4.
    Address(IpAddr),
    /// A name in lower case, without a dot at its end.
    Name(String),
}

impl Host {
    /// Reads a host with or without a port, such as `localhost:8080` or `[::1]`.
    pub(super) fn of_authority(text: &str) -> Option<Self> {
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (address, after) = rest.split_once(']')?;
            let address: Ipv6Addr = address.parse().ok()?;
            let port = match after {
                "" => "",
                after => after.strip_prefix(':')?,
            };
            (Self::Address(IpAddr::V6(address).to_canonical()), port)
        } else {
            let (name, port) = text.split_once(':').unwrap_or((text, ""));
            (Self::name(name)?, port)
        };
        port.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then_some(host)
    }

    /// Reads an origin, such as `http://localhost:3000`. What is none of a web site has no host.
    pub(super) fn of_origin(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        ["http", "https"].contains(&scheme).then_some(())?;
        Self::of_authority(authority)
    }

    /// Reads a host without a port; an IPv6 address may do without its brackets.
    pub(super) fn alone(text: &str) -> Option<Self> {
        match text.parse::<Ipv6Addr>() {
            Ok(address) => Some(Self::Address(IpAddr::V6(address).to_canonical())),
            Err(_) => Self::of_authority(text),
        }
    }

    /// Returns true if the host is this machine whatever the network says.
    pub(super) fn is_loopback(&self) -> bool {
        match self {
            Self::Address(address) => address.is_loopback(),
            Self::Name(name) => name == "localhost" || name.ends_with(".localhost"),
        }
    }

    fn name(text: &str) -> Option<Self> {
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let is_of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_of_a_name) {
            return None;
        }
        Some(match name.parse::<IpAddr>() {
            Ok(address) => Self::Address(address),
            Err(_) => Self::Name(name),
        })
    }
}
