//! Whether a host is on the public internet, as far as its text shows.
//!
//! Hosts are interpreted as URL parsers do: `0x7f.1`, `017700000001` and `2130706433` are all 127.0.0.1 (URL Standard,
//! section 3.5). The ranges are those that IANA's special-purpose address registries (RFC 6890) do not call globally
//! reachable, and multicast; if most of a range is not, all of it is excluded. A public name whose DNS record is a
//! private address is not detected here.

use core::net::{Ipv4Addr, Ipv6Addr};

/// IPv4 ranges that are not public: the first address, and the prefix length.
const NOT_PUBLIC: &[(Ipv4Addr, u32)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8),       // this network (RFC 791)
    (Ipv4Addr::new(10, 0, 0, 0), 8),      // private use (RFC 1918)
    (Ipv4Addr::new(100, 64, 0, 0), 10),   // carrier-grade NAT (RFC 6598)
    (Ipv4Addr::new(127, 0, 0, 0), 8),     // loopback (RFC 1122)
    (Ipv4Addr::new(169, 254, 0, 0), 16),  // link-local (RFC 3927), including cloud metadata services
    (Ipv4Addr::new(172, 16, 0, 0), 12),   // private use (RFC 1918)
    (Ipv4Addr::new(192, 0, 0, 0), 24),    // IETF protocol assignments (RFC 6890)
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation (RFC 5737)
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // 6to4 relays, deprecated (RFC 7526)
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // private use (RFC 1918)
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarking (RFC 2544)
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation (RFC 5737)
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation (RFC 5737)
    (Ipv4Addr::new(224, 0, 0, 0), 4),     // multicast (RFC 5771)
    (Ipv4Addr::new(240, 0, 0, 0), 4),     // reserved (RFC 1112), and broadcast
];

/// The public range of IPv6 (RFC 4291), without loopback, unspecified, unique-local, link-local, multicast, IPv4-mapped
/// and NAT64 addresses.
const GLOBAL: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Ranges within [`GLOBAL`] that are not public: the first address, and the prefix length.
const NOT_GLOBAL: &[(Ipv6Addr, u32)] = &[
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // IETF protocol assignments (RFC 2928), including Teredo
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation (RFC 3849)
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4 (RFC 3056): any IPv4 address
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation (RFC 9637)
];

/// Top-level domains without public names: special-use (RFC 6761, RFC 6762, RFC 7686), reserved by ICANN for private
/// use (`internal`), and those that RFC 6762, appendix G, finds in use on private networks.
const PRIVATE: &[&str] =
    &["localhost", "local", "onion", "internal", "intranet", "private", "corp", "home", "lan", "localdomain"];

/// A domain without public names that is not a top-level one (RFC 8375).
const HOME: &str = "home.arpa";

/// Whether this host, in lower case and without a port, is public.
pub(super) fn is_public(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse().is_ok_and(is_public_v6);
    }
    let (rest, last) = host.rsplit_once('.').unwrap_or(("", host));
    if number(last).is_some() || last.bytes().all(|byte| byte.is_ascii_digit()) {
        return v4(host).is_some_and(is_public_v4);
    }
    let is_home = host == HOME || host.strip_suffix(HOME).is_some_and(|rest| rest.ends_with('.'));
    // A resolver may append any search domain to a name without a dot.
    !rest.is_empty() && !PRIVATE.contains(&last) && !is_home
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let is_in = |(first, bits): &(Ipv4Addr, u32)| (address.to_bits() ^ first.to_bits()).leading_zeros() >= *bits;
    !NOT_PUBLIC.iter().any(is_in)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let is_in = |(first, bits): &(Ipv6Addr, u32)| (address.to_bits() ^ first.to_bits()).leading_zeros() >= *bits;
    is_in(&GLOBAL) && !NOT_GLOBAL.iter().any(is_in)
}

/// The address that a URL parser reads in a host whose last part is a number: up to four parts, of which the last fills
/// all remaining bytes. `None` if a parser rejects the host.
fn v4(host: &str) -> Option<Ipv4Addr> {
    let parts = host.split('.').map(number).collect::<Option<Vec<u64>>>()?;
    let (last, bytes) = parts.split_last()?;
    let left = 4_u32.checked_sub(u32::try_from(bytes.len()).ok()?)?;
    if left == 0 || *last >= 256_u64.pow(left) || bytes.iter().any(|byte| *byte > 255) {
        return None;
    }
    let high = bytes.iter().fold(0, |sum, byte| sum * 256 + byte);
    u32::try_from(high * 256_u64.pow(left) + last).ok().map(Ipv4Addr::from_bits)
}

/// A part of such an address: hexadecimal, octal or decimal. A number that is too large saturates.
fn number(text: &str) -> Option<u64> {
    let (digits, radix) = match (text.strip_prefix("0x"), text.strip_prefix('0')) {
        (Some(""), _) => ("0", 16),
        (Some(digits), _) => (digits, 16),
        (None, Some(digits)) if !digits.is_empty() => (digits, 8),
        _ => (text, 10),
    };
    let is_number = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    is_number.then(|| u64::from_str_radix(digits, radix).unwrap_or(u64::MAX))
}
