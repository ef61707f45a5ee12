//! The address of a service on the web that a workspace names.

use core::{fmt, net::Ipv4Addr};

use serde::{Deserialize, Serialize};

use crate::host::Host;

/// The longest address, in bytes.
const LONGEST: usize = 255;

/// What a path and a query hold beside letters and digits (RFC 3986, sections 3.3 and 3.4).
const PUNCTUATION: &[u8] = b"-._~!$&'()*+,;=:@/%?";

/// `https://` with a host, and perhaps a port, a path and a query; `http://` where the host is this very machine, for
/// development. It names no user and no fragment, and its path no way upwards. Two addresses are one only where their
/// texts are: that is how issuers are compared (OpenID Connect Core, section 3.1.3.7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WebAddress(Box<str>);

/// The text is no such address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an address is https://, a host and perhaps a port, a path and a query, of at most {LONGEST} characters")]
pub struct InvalidWebAddress;

impl WebAddress {
    /// Takes an address.
    ///
    /// # Errors
    /// [`InvalidWebAddress`] where the text is none.
    pub fn parse(text: &str) -> Result<Self, InvalidWebAddress> {
        let (rest, is_secure) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (rest, true),
            (_, Some(rest)) => (rest, false),
            _ => return Err(InvalidWebAddress),
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at_checked(end).ok_or(InvalidWebAddress)?;
        let host = Host::parse(authority).map_err(|_| InvalidWebAddress)?;
        let is_written_well = tail.bytes().all(|byte| byte.is_ascii_alphanumeric() || PUNCTUATION.contains(&byte))
            && !tail.split(['/', '?']).any(|segment| matches!(segment, "." | ".."))
            // Another way to write a dot, which the URL Standard reads as one.
            && !tail.to_ascii_lowercase().contains("%2e")
            && tail.matches('?').count() <= 1;
        if text.len() <= LONGEST && is_written_well && (is_secure || is_this_machine(&host)) {
            return Ok(Self(text.into()));
        }
        Err(InvalidWebAddress)
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it has a query.
    #[must_use]
    pub fn has_query(&self) -> bool {
        self.0.contains('?')
    }
}

/// Whether what is sent there never leaves the machine.
fn is_this_machine(host: &Host) -> bool {
    let host = host.as_str();
    let name = host.rsplit_once(':').map_or(host, |(name, port)| if port.ends_with(']') { host } else { name });
    matches!(name, "localhost" | "[::1]") || name.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback())
}

impl TryFrom<String> for WebAddress {
    type Error = InvalidWebAddress;

    fn try_from(text: String) -> Result<Self, InvalidWebAddress> {
        Self::parse(&text)
    }
}

impl From<WebAddress> for String {
    fn from(address: WebAddress) -> Self {
        address.0.into()
    }
}

impl fmt::Display for WebAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_kept_to_the_letter() {
        for text in [
            "https://accounts.example",
            "https://accounts.example/",
            "https://Accounts.Example:443/realms/a%20b",
            "https://accounts.example:8443/keys?p=sign-in",
            "https://[2001:db8::1]/",
            "http://localhost:8080",
            "http://127.0.0.1:8080/a",
            "http://127.1.2.3",
            "http://[::1]:8080",
            "http://[::1]",
        ] {
            assert_eq!(WebAddress::parse(text).as_ref().map(WebAddress::as_str), Ok(text));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("https://a.example/{}", "a".repeat(LONGEST));
        for text in [
            "",
            "https://",
            "https:///a",
            "https://?a",
            "https://:443/",
            "HTTPS://a.example",
            "ftp://a.example",
            "//a.example",
            "a.example",
            "https://user@a.example",
            "https://user:pass@a.example",
            "https://a.example#",
            "https://a.example/#a",
            "https://a.example/a b",
            "https://a.example/a\\b",
            "https://a.example\\@b.example",
            "https://a.example/\n",
            "https://a.example/ä",
            "https://a.example/..",
            "https://a.example/a/../b",
            "https://a.example/./b",
            "https://a.example/%2e%2E/b",
            "https://a.example/?a?b",
            "https://a.example:0",
            "https://a_b.example",
            // Not this machine, though it may look like it.
            "http://a.example",
            "http://localhost.example",
            "http://localhost@a.example",
            "http://128.0.0.1",
            "http://127.0.0.1.example",
            "http://0.0.0.0",
            "http://[::2]",
            "http://[::ffff:127.0.0.1]",
            &long,
        ] {
            assert_eq!(WebAddress::parse(text), Err(InvalidWebAddress), "{text:?}");
        }
    }
}
