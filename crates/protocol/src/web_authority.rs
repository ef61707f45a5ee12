//! The authority of a URL: a host name or an address, and optionally a port (RFC 3986, section 3.2, without a user).

use core::{fmt, net::Ipv6Addr, num::NonZero};

/// The longest host name (RFC 1035, section 2.3.4), in characters.
const MAX_NAME: usize = 253;
/// The longest label of a host name, from the same section, in characters.
const MAX_LABEL: usize = 63;

/// A host in canonical form (lower case, an IPv6 address in brackets), and the port if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WebAuthority {
    pub(crate) host: String,
    pub(crate) port: Option<NonZero<u16>>,
}

impl WebAuthority {
    /// Parses an authority in any case.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.rsplit_once(':') {
            // The colons of an IPv6 address are within brackets.
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (text, None),
        };
        let host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(address) => format!("[{}]", address.parse::<Ipv6Addr>().ok()?),
            None if is_name(host) => host.to_ascii_lowercase(),
            None => return None,
        };
        let port = match port {
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => Some(port.parse().ok()?),
            Some(_) => return None,
            None => None,
        };
        Some(Self { host, port })
    }

    /// The host in canonical URL form (URL Standard, section 3.5): an IPv4-mapped IPv6 address is written in
    /// hexadecimal.
    pub(crate) fn in_url(mut self) -> Self {
        let address = self.host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let address = address.and_then(|address| address.parse::<Ipv6Addr>().ok());
        if let Some([a, b, c, d]) = address.and_then(|address| address.to_ipv4_mapped()).map(|mapped| mapped.octets()) {
            self.host = format!("[::ffff:{:x}:{:x}]", u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        }
        self
    }

    /// The same without its port if it is one of these default ports.
    pub(crate) fn without(mut self, ports: &[u16]) -> Self {
        self.port = self.port.filter(|port| !ports.contains(&port.get()));
        self
    }
}

impl fmt::Display for WebAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= MAX_NAME && text.split('.').all(is_label)
}
