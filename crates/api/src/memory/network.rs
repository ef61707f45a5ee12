//! Whose an address is.

use std::net::IpAddr;

/// What one client has of addresses: of IPv6 a network of 64 bits (RFC 6177).
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        address @ IpAddr::V4(_) => address,
    }
}
