//! CIDR ranges: a parsed range contains the addresses that arithmetic gives, and survives a round trip as text and as bytes.

#![no_main]

use std::net::IpAddr;

use counterfoil_verify::{AddressBlock, Encoded, ScopeSet, TokenRecord};
use libfuzzer_sys::fuzz_target;

/// An address as a number, and its length in bits.
fn number(address: IpAddr) -> (u128, u32) {
    match address.to_canonical() {
        IpAddr::V4(address) => (address.to_bits().into(), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    }
}

/// Whether a range, as text, contains the address. Compares numbers, unlike the library.
fn contains(range: &str, address: IpAddr) -> bool {
    let (first, length) = range.split_once('/').expect("a range has a prefix length");
    let (first, bits) = number(first.parse().expect("a range begins with an address"));
    let (address, width) = number(address);
    let rest = bits - length.parse::<u32>().expect("a prefix length is a number");
    let block = |number: u128| number.checked_shr(rest).unwrap_or(0);
    bits == width && block(first) == block(address)
}

fn record(block: AddressBlock) -> TokenRecord {
    TokenRecord {
        version: 1,
        id: "".into(),
        number: 1,
        owner: 1,
        name: "".into(),
        client_id: None,
        metadata: None,
        scopes: ScopeSet::default(),
        issued: 1,
        revoked: false,
        enabled: true,
        not_before: None,
        expires_at: None,
        replaced_until: None,
        addresses: vec![block],
        rate_class: None,
    }
}

fuzz_target!(|text: &str| {
    let lines: Vec<&str> = text.lines().collect();
    let blocks: Vec<AddressBlock> = lines.iter().filter_map(|line| line.parse().ok()).collect();
    let addresses: Vec<IpAddr> = lines.iter().filter_map(|line| line.split('/').next()?.parse().ok()).collect();
    for block in &blocks {
        let written = block.to_string();
        assert_eq!(written.parse(), Ok(*block), "a range parses back from its text");
        let record = record(*block);
        assert_eq!(TokenRecord::decode(&record.encode()), Ok(record), "a range decodes back from its bytes");
        for address in &addresses {
            assert_eq!(block.contains(*address), contains(&written, *address), "{block} {address}");
        }
        for other in &blocks {
            if block.contains_block(other) {
                assert!(addresses.iter().all(|address| !other.contains(*address) || block.contains(*address)));
            }
            assert!(!(block.contains_block(other) && other.contains_block(block)) || block == other);
        }
        assert!(block.contains_block(block));
        assert!(addresses.iter().all(|address| !AddressBlock::nowhere().contains(*address)));
    }
});
