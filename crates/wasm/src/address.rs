//! Parses IP addresses. The standard library's parser does the same at three times the size.

use core::net::IpAddr;

/// An IPv4 address in dotted decimal, or an IPv6 address in any form of RFC 4291, section 2.2.
pub(crate) fn parse(text: &[u8]) -> Option<IpAddr> {
    parse_v4(text).map(IpAddr::from).or_else(|| parse_v6(text).map(IpAddr::from))
}

fn parse_v4(text: &[u8]) -> Option<[u8; 4]> {
    let mut parts = text.split(|byte| *byte == b'.');
    let mut octets = [0; 4];
    for octet in &mut octets {
        let part = parts.next()?;
        // A leading zero means octal to some parsers: rejected, so that none can disagree.
        let is_plain = part.len() == 1 || part.first() != Some(&b'0');
        *octet = number(part, 10, 3).filter(|_| is_plain)?.try_into().ok()?;
    }
    parts.next().is_none().then_some(octets)
}

fn parse_v6(text: &[u8]) -> Option<[u16; 8]> {
    let (mut groups, mut tail) = ([0; 8], [0; 8]);
    match text.windows(2).position(|pair| pair == b"::") {
        None => (parse_groups(text, &mut groups, true)? == 8).then_some(groups),
        Some(gap) => {
            let before = parse_groups(text.get(..gap)?, &mut groups, false)?;
            let after = parse_groups(text.get(gap + 2..)?, &mut tail, true)?;
            groups.iter_mut().skip(8 - after.min(8)).zip(tail).for_each(|(to, from)| *to = from);
            // `::` stands for at least one group.
            (before + after < 8).then_some(groups)
        }
    }
}

/// Reads groups separated by colons and returns their number. An IPv4 address may stand for the last two of all.
fn parse_groups(text: &[u8], groups: &mut [u16; 8], at_end: bool) -> Option<usize> {
    let mut count = 0;
    if text.is_empty() {
        return Some(count);
    }
    let mut parts = text.split(|byte| *byte == b':').peekable();
    while let Some(part) = parts.next() {
        match parse_v4(part) {
            Some([a, b, c, d]) if at_end && parts.peek().is_none() => {
                *groups.get_mut(count)? = u16::from_be_bytes([a, b]);
                count += 1;
                *groups.get_mut(count)? = u16::from_be_bytes([c, d]);
            }
            _ => *groups.get_mut(count)? = number(part, 16, 4)?,
        }
        count += 1;
    }
    Some(count)
}

#[inline(never)]
fn number(digits: &[u8], radix: u16, longest: usize) -> Option<u16> {
    if !(1..=longest).contains(&digits.len()) {
        return None;
    }
    let mut number = 0;
    for digit in digits {
        number = number * radix + char::from(*digit).to_digit(radix.into())? as u16;
    }
    Some(number)
}

// Proptest's random generator has no source on wasm.
#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use alloc::string::{String, ToString};
    use proptest::prelude::*;

    #[test]
    fn parses_the_address_forms_of_rfc_4291() {
        let forms =
            ["::", "::1", "1::", "2001:db8::8:800:200C:417A", "FF01:0:0:0:0:0:0:101", "::13.1.68.3", "1:2:3:4:5:6:7::"];
        for text in forms.into_iter().chain(["::FFFF:129.144.52.38", "64:ff9b::192.0.2.33", "1:2:3:4:5:6:9.9.9.9"]) {
            assert_eq!(parse(text.as_bytes()), Some(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn invalid_addresses_are_rejected() {
        let almost =
            ["", ":", ":1", "1:", ":::", "::1::", "1:2:3:4::5:6:7:8", "1:2:3:4:5:6:7", "12345::", "::g", "::1.2.3"];
        for text in
            almost.into_iter().chain(["1.2.3", "1.2.3.4.5", "256.1.1.1", "192.0.2.01", "1.2.3.4::", "::1.2.3.4:5"])
        {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
            assert!(text.parse::<IpAddr>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_displayed_address_parses_back(address: IpAddr) {
            prop_assert_eq!(parse(address.to_string().as_bytes()), Some(address));
        }

        #[test]
        fn address_parser_agrees_with_the_standard_library(
            text in prop_oneof![
                "[0-9.]{0,16}", "[0-9a-fF:.]{0,24}", "(([0-9a-f]{0,5}|:|::|1\\.2\\.3\\.4):?){0,9}", ".{0,8}",
            ],
        ) {
            let text: String = text;
            prop_assert_eq!(parse(text.as_bytes()), text.parse().ok());
        }
    }
}
