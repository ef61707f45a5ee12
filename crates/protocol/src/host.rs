//! A host by which a workspace's API is reached.

use core::{fmt, net::Ipv6Addr, num::NonZero};

use serde::{Deserialize, Serialize};

/// The longest host name (RFC 1035, section 2.3.4), as text.
const MAX_NAME: usize = 253;
/// The longest label of one, likewise.
const MAX_LABEL: usize = 63;

/// The most hosts that a workspace has.
const MAX_HOSTS: usize = 20;

/// A host name or an address, in lower case, with its port where that is neither 80 nor 443: `api.acme.example`,
/// `127.0.0.1:8787`, `[::1]:8787`. Two texts for one host are the same host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Host(Box<str>);

/// The text is no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a host is a name or an address, perhaps with a port, and nothing else: api.acme.example or 127.0.0.1:8787")]
pub struct InvalidHost;

/// The hosts of one workspace: at most 20, each once, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Host>", into = "Vec<Host>")]
pub struct Hosts(Vec<Host>);

/// There are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a workspace has at most {MAX_HOSTS} hosts")]
pub struct TooManyHosts;

impl Host {
    /// Takes a host, in any case.
    ///
    /// # Errors
    /// [`InvalidHost`] where the text is none.
    pub fn parse(text: &str) -> Result<Self, InvalidHost> {
        let (host, port) = match text.rsplit_once(':') {
            // The colons of an IPv6 address stand in brackets.
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (text, None),
        };
        let host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(address) => format!("[{}]", address.parse::<Ipv6Addr>().map_err(|_| InvalidHost)?),
            None if is_name(host) => host.to_ascii_lowercase(),
            None => return Err(InvalidHost),
        };
        let is_digits = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
        let number = |port: &str| port.parse::<NonZero<u16>>().ok().filter(|_| is_digits(port)).ok_or(InvalidHost);
        match port.map(number).transpose()?.map(NonZero::get) {
            None | Some(80 | 443) => Ok(Self(host.into())),
            Some(port) => Ok(Self(format!("{host}:{port}").into())),
        }
    }

    /// The host as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
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

impl TryFrom<String> for Host {
    type Error = InvalidHost;

    fn try_from(text: String) -> Result<Self, InvalidHost> {
        Self::parse(&text)
    }
}

impl From<Host> for String {
    fn from(host: Host) -> Self {
        host.0.into()
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<Vec<Host>> for Hosts {
    type Error = TooManyHosts;

    fn try_from(mut hosts: Vec<Host>) -> Result<Self, TooManyHosts> {
        hosts.sort_unstable();
        hosts.dedup();
        if hosts.len() <= MAX_HOSTS { Ok(Self(hosts)) } else { Err(TooManyHosts) }
    }
}

impl From<Hosts> for Vec<Host> {
    fn from(hosts: Hosts) -> Self {
        hosts.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_one_text() {
        for (text, host) in [
            ("api.acme.example", "api.acme.example"),
            ("API.Acme.Example", "api.acme.example"),
            ("api.acme.example:443", "api.acme.example"),
            ("api.acme.example:080", "api.acme.example"),
            ("api.acme.example:8443", "api.acme.example:8443"),
            ("api.acme.example:08443", "api.acme.example:8443"),
            ("localhost", "localhost"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("127.0.0.1:8787", "127.0.0.1:8787"),
            ("[::1]:8787", "[::1]:8787"),
            ("[0:0::1]", "[::1]"),
            ("[2001:DB8::A]:443", "[2001:db8::a]"),
        ] {
            assert_eq!(Host::parse(text).as_ref().map(Host::as_str), Ok(host), "{text}");
            assert_eq!(Host::parse(host).as_ref().map(Host::as_str), Ok(host), "{host} again");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        let long_label = "a".repeat(MAX_LABEL + 1);
        let long = ["a".repeat(MAX_LABEL).as_str(); 4].join(".");
        for text in [
            "",
            ":8787",
            "a:",
            "a:0",
            "a:65536",
            "a:+80",
            "a:8o",
            "a:1:2",
            ".",
            "a.",
            ".a",
            "a..b",
            "-a",
            "a-",
            "a_b",
            "*.a",
            "a b",
            "a/b",
            "a@b",
            "bücher.example",
            "https://a",
            "::1",
            "[::1",
            "[]",
            "[127.0.0.1]",
            "[::1]8787",
            &long_label,
            &long,
        ] {
            assert_eq!(Host::parse(text), Err(InvalidHost), "{text:?}");
        }
        assert!(Host::parse(&"a".repeat(MAX_LABEL)).is_ok());
        assert!(Host::parse(long.split_at(MAX_NAME).0).is_ok());
    }

    #[test]
    fn each_host_is_there_once_and_not_too_many_are() {
        let hosts = |count: usize| -> Vec<Host> {
            (0..count).map(|number| Host::parse(&format!("h{number}:81")).unwrap()).collect()
        };
        let twice = Hosts::try_from([hosts(MAX_HOSTS), hosts(MAX_HOSTS)].concat()).unwrap();
        assert_eq!(Vec::from(twice.clone()).len(), MAX_HOSTS);
        assert!(Vec::from(twice).is_sorted());
        assert_eq!(Hosts::try_from(hosts(MAX_HOSTS + 1)), Err(TooManyHosts));
    }
}
