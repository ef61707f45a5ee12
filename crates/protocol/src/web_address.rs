//! The URL of a web service that a workspace configures.

mod public;

use core::{fmt, net::Ipv4Addr};

use serde::{Deserialize, Serialize};

use crate::web_authority::WebAuthority;

/// The longest address, in bytes.
const LONGEST: usize = 255;

/// The characters of a path and a query besides letters and digits (RFC 3986, sections 3.3 and 3.4).
const PUNCTUATION: &[u8] = b"-._~!$&'()*+,;=:@/%?";

/// `https://` with a host, and optionally a port, a path and a query; `http://` only for the local machine, for
/// development. It has no user, no fragment, and no `..` in its path. Two URLs are equal only if their texts are: that
/// is how issuers are compared (OpenID Connect Core, section 3.1.3.7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WebAddress(Box<str>);

/// The text is not such a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected an https:// URL with a host and optionally a port, a path and a query, of at most {LONGEST} characters"
)]
pub struct InvalidWebAddress;

impl WebAddress {
    /// Parses a URL.
    ///
    /// # Errors
    /// [`InvalidWebAddress`] if the text is not such a URL.
    pub fn parse(text: &str) -> Result<Self, InvalidWebAddress> {
        let Parts { is_secure, host, tail } = Parts::of(text)?;
        let is_written_well = tail.bytes().all(|byte| byte.is_ascii_alphanumeric() || PUNCTUATION.contains(&byte))
            && !tail.split(['/', '?']).any(|segment| matches!(segment, "." | ".."))
            // Another encoding of a dot, which the URL Standard treats as one.
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

    /// Whether the host is on the public internet, as far as its text shows: see the module `public`.
    #[must_use]
    pub fn is_public(&self) -> bool {
        Parts::of(&self.0).is_ok_and(|parts| public::is_public(&parts.host))
    }

    /// Whether it has a query.
    #[must_use]
    pub fn has_query(&self) -> bool {
        self.0.contains('?')
    }
}

/// The parts of the URL.
struct Parts<'a> {
    is_secure: bool,
    /// Without its port.
    host: String,
    /// Everything after the host.
    tail: &'a str,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Result<Self, InvalidWebAddress> {
        let (rest, is_secure) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (rest, true),
            (_, Some(rest)) => (rest, false),
            _ => return Err(InvalidWebAddress),
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at_checked(end).ok_or(InvalidWebAddress)?;
        let WebAuthority { host, .. } = WebAuthority::parse(authority).ok_or(InvalidWebAddress)?;
        Ok(Self { is_secure, host, tail })
    }
}

/// Whether data sent there never leaves the machine.
fn is_this_machine(host: &str) -> bool {
    matches!(host, "localhost" | "[::1]") || host.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback())
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
    fn web_addresses_are_kept_unchanged() {
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
    fn invalid_web_addresses_are_rejected() {
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
            // Not the local machine, though it may look like it.
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

    #[test]
    fn non_public_hosts_are_recognised_in_every_spelling() {
        for host in [
            // Loopback, in all forms that URL parsers accept.
            "127.0.0.1",
            "127.0.0.1:8443",
            "127.1",
            "127.0.1",
            "2130706433",
            "0x7f000001",
            "0X7F.0.0.1",
            "0x7f.1",
            "017700000001",
            "0177.0.0.1",
            "0177.0x0.1",
            "00000177.0.0.01",
            // Numeric hosts that are not valid addresses in any form.
            "08.0.0.1",
            "256.1.1.1",
            "1.2.3.4.5",
            "1.2.3.256",
            "4294967296",
            "99999999999999999999999",
            "0xfffffffffffffffffffffffff",
            "a.1",
            "a.example.0x",
            "a.example.08",
            // The other ranges.
            "0.0.0.0",
            "0",
            "0x",
            "10.0.0.1",
            "10.1",
            "167772161",
            "100.64.0.1",
            "100.127.255.255",
            "169.254.169.254",
            "0xa9fea9fe",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "192.168.65535",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.255",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[::1]:8443",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:8.8.8.8]",
            "[::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[100::1]",
            "[2001::1]",
            "[2001:db8::1]",
            "[2002:7f00:1::]",
            "[3fff::1]",
            "[5f00::1]",
            "[fc00::1]",
            "[fd12:3456::1]",
            "[fe80::1]",
            "[fec0::1]",
            "[ff02::1]",
            "[4000::1]",
            // Names.
            "localhost",
            "LOCALHOST:8443",
            "accounts.localhost",
            "accounts.local",
            "metadata.google.internal",
            "sso.corp",
            "router.lan",
            "home.arpa",
            "sso.home.arpa",
            "accounts",
        ] {
            let address = WebAddress::parse(&format!("https://{host}/keys")).unwrap();
            assert!(!address.is_public(), "{host}");
        }
        for host in [
            "accounts.example",
            "Accounts.Example:8443",
            "your-team.cloudflareaccess.com",
            "localhost.example",
            "10.example",
            "0x7f.example",
            "xhome.arpa",
            "1.0x7g",
            "8.8.8.8",
            "8.8",
            "134744072",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "[2606:4700:4700::1111]",
            "[2001:200::1]",
            "[2001:db9::1]",
            "[3ffe:ffff::1]",
        ] {
            let address = WebAddress::parse(&format!("https://{host}/keys")).unwrap();
            assert!(address.is_public(), "{host}");
        }
        // Not a host at all: a zone, a trailing dot, another script, an escape.
        for host in
            ["[fe80::1%25eth0]", "[fe80::1%eth0]", "127.0.0.1.", "localhost.", "127。0。0。1", "127.0.0.%31", "①"]
        {
            assert_eq!(WebAddress::parse(&format!("https://{host}/")), Err(InvalidWebAddress), "{host}");
        }
    }
}
