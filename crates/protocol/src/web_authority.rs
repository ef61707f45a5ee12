//! Where a server is: a name or an address, and perhaps a port (RFC 3986, section 3.2, without a user).

use core::{fmt, net::Ipv6Addr, num::NonZero};

/// The longest host name (RFC 1035, section 2.3.4), as text.
const MAX_NAME: usize = 253;
/// The longest label of one, likewise.
const MAX_LABEL: usize = 63;

/// A host in its one spelling, lower case and with the brackets of an IPv6 address, and the port where one is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WebAuthority {
    pub(crate) host: String,
    pub(crate) port: Option<NonZero<u16>>,
}

impl WebAuthority {
    /// Reads an authority in any case; none where the text is something else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.rsplit_once(':') {
            // The colons of an IPv6 address stand in brackets.
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

    /// The same as URLs have it (URL Standard, section 3.5): an IPv6 address that maps an IPv4 one is written in hexadecimal
    /// throughout.
    pub(crate) fn in_url(mut self) -> Self {
        let address = self.host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let address = address.and_then(|address| address.parse::<Ipv6Addr>().ok());
        if let Some([a, b, c, d]) = address.and_then(|address| address.to_ipv4_mapped()).map(|mapped| mapped.octets()) {
            self.host = format!("[::ffff:{:x}:{:x}]", u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        }
        self
    }

    /// The same without its port where that is one of these, which go without saying.
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
