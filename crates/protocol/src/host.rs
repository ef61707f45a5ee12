//! The hosts at which a workspace's API is reachable.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::web_authority::WebAuthority;

/// The maximum number of hosts of a workspace.
const MAX_HOSTS: usize = 20;

/// A host name or IP address in lower case, with its port unless that is 80 or 443: `api.acme.example`,
/// `127.0.0.1:8787`, `[::1]:8787`. Case, a default port and the spelling of an IPv6 address make no difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Host(Box<str>);

/// The text is not a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a host name or IP address, optionally with a port, such as api.acme.example or 127.0.0.1:8787")]
pub struct InvalidHost;

/// The hosts of one workspace: at most 20, sorted, without duplicates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Host>", into = "Vec<Host>")]
pub struct Hosts(Vec<Host>);

/// There are more than 20 hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a workspace can have at most {MAX_HOSTS} hosts")]
pub struct TooManyHosts;

impl Host {
    /// Parses a host in any case.
    ///
    /// # Errors
    /// [`InvalidHost`] if the text is not a host.
    pub fn parse(text: &str) -> Result<Self, InvalidHost> {
        let authority = WebAuthority::parse(text).ok_or(InvalidHost)?;
        Ok(Self(authority.without(&[80, 443]).to_string().into()))
    }

    /// The host as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
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
        let long_label = "a".repeat(64);
        let long = ["a".repeat(63).as_str(); 4].join(".");
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
        assert!(Host::parse(&"a".repeat(63)).is_ok());
        assert!(Host::parse(long.split_at(253).0).is_ok());
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
