//! IP ranges in CIDR notation, IPv4 and IPv6.

use alloc::string::String;
use core::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::reader::{Read, Reader};

/// A CIDR range such as `192.0.2.0/24` or `2001:db8::/32`; an address alone is a range of one.
///
/// An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) counts as the IPv4 address, so that a dual-stack listener does not
/// shut a client out.
///
/// Serialised as text in human-readable formats (JSON) and as bytes in binary ones, so a verifier needs no parser for
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressBlock {
    /// The first address of the range: all bits past `length` are zero.
    first: IpAddr,
    /// How many leading bits are fixed: 0 to 32, or 0 to 128.
    length: u8,
}

/// The text is no CIDR range, or has bits set past its prefix length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidAddressBlock;

impl AddressBlock {
    /// The length of [`to_memory`](Self::to_memory).
    pub(crate) const IN_MEMORY: usize = 18;

    /// The range of the first `length` bits of `first`.
    fn new(first: IpAddr, length: u8) -> Result<Self, InvalidAddressBlock> {
        let block = Self { first, length };
        // An IPv4-mapped range would never match, since addresses are made canonical first.
        let ends = octets(first).into_iter().enumerate().all(|(at, octet)| octet & !block.fixed_bits(at) == 0);
        let is_block = length <= width(first) && first.to_canonical() == first && ends;
        if is_block { Ok(block) } else { Err(InvalidAddressBlock) }
    }

    /// A range that contains no address. It stands for ranges that exist but are not known here, so that code that does
    /// not check for it rejects the token. Its encoding does not decode.
    ///
    /// It contains nothing because it is a range of IPv4-mapped addresses, and canonical addresses are never mapped.
    #[must_use]
    pub const fn nowhere() -> Self {
        Self { first: IpAddr::V6(Ipv4Addr::UNSPECIFIED.to_ipv6_mapped()), length: 96 }
    }

    /// Whether the address lies in the range. A range of the other family contains none.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let differing = core::iter::zip(octets(self.first), octets(address)).map(|(ours, theirs)| ours ^ theirs);
        width(self.first) == width(address) && differing.enumerate().all(|(at, bits)| bits & self.fixed_bits(at) == 0)
    }

    /// Whether all of `other` lies in this range.
    #[must_use]
    pub fn contains_block(&self, other: &Self) -> bool {
        self.length <= other.length && self.contains(other.first)
    }

    /// Its bytes in the memory of this process: [`from_memory`](Self::from_memory) reads them.
    pub(crate) fn to_memory(self) -> [u8; Self::IN_MEMORY] {
        let mut bytes = [0; Self::IN_MEMORY];
        let parts = octets(self.first).into_iter().chain([self.length, self.first.is_ipv4().into()]);
        bytes.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        bytes
    }

    /// The range of these bytes, which are not validated: also [`nowhere`](Self::nowhere) can be read.
    pub(crate) fn from_memory(bytes: [u8; Self::IN_MEMORY]) -> Self {
        let [octets @ .., length, is_ipv4] = bytes;
        let first = match octets {
            [a, b, c, d, ..] if is_ipv4 == 1 => IpAddr::from([a, b, c, d]),
            octets => IpAddr::from(octets),
        };
        Self { first, length }
    }

    /// The bits of the octet at `at` that the range fixes.
    fn fixed_bits(&self, at: usize) -> u8 {
        let fixed = usize::from(self.length).saturating_sub(8 * at);
        !u8::MAX.checked_shr(fixed as u32).unwrap_or(0)
    }
}

/// The address's octets, the most significant first, padded with zeros for IPv4.
fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V6(v6) => v6.octets(),
        IpAddr::V4(v4) => {
            let mut octets = [0; 16];
            octets.iter_mut().zip(v4.octets()).for_each(|(to, from)| *to = from);
            octets
        }
    }
}

/// How many bits an address of this family has.
fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

impl FromStr for AddressBlock {
    type Err = InvalidAddressBlock;

    fn from_str(text: &str) -> Result<Self, InvalidAddressBlock> {
        let (address, length) = match text.split_once('/') {
            None => (text, None),
            Some((address, length)) => (address, Some(length)),
        };
        let first: IpAddr = address.parse().map_err(|_| InvalidAddressBlock)?;
        let length = match length {
            None => width(first),
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().map_err(|_| InvalidAddressBlock)?
            }
            Some(_) => return Err(InvalidAddressBlock),
        };
        Self::new(first, length)
    }
}

impl Serialize for AddressBlock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            (self.first, self.length).serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for AddressBlock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
        } else {
            let (first, length) = <(IpAddr, u8)>::deserialize(deserializer)?;
            Self::new(first, length).map_err(D::Error::custom)
        }
    }
}

impl Read for AddressBlock {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let first = match reader.byte() {
            0 => IpAddr::from(reader.array::<4>()),
            1 => IpAddr::from(reader.array::<16>()),
            _ => return None,
        };
        Self::new(first, reader.byte()).ok()
    }
}

impl fmt::Display for AddressBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.length)
    }
}

impl fmt::Display for InvalidAddressBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "expected an IP address or CIDR range, such as 192.0.2.0/24 or 2001:db8::/32, with no bits set past the \
             prefix length",
        )
    }
}

impl core::error::Error for InvalidAddressBlock {}
