//! The network of a client address.

use std::net::IpAddr;

/// The part of an address that identifies one client: for IPv6 the /64 network (RFC 6177).
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        address @ IpAddr::V4(_) => address,
    }
}
