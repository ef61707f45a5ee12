//! Strings from callers that are stored or compared: each has one canonical form, which parses to itself.

#![no_main]

use std::net::Ipv4Addr;

use counterfoil_ledger::fuzzing;
use counterfoil_protocol::{Host, Slug, WebAddress, command::IdempotencyKey, rfc3339};
use libfuzzer_sys::fuzz_target;

/// 9999-12-31T23:59:59.999Z.
const END_OF_TIME: u64 = 253_402_300_799_999;

fn cursor(text: &str, query: &str) {
    if let Some(again) = fuzzing::cursor(text, query) {
        assert_eq!(fuzzing::cursor(&again, query).as_ref(), Some(&again));
        assert_eq!(fuzzing::cursor(&again, &format!("{query}x")), None, "a cursor is valid for one query only");
    }
}

fn time(text: &str) {
    // With an offset, a time of the year 9999 can be in the year 10000 in UTC, which has no text form. The ledger
    // rejects those.
    let Some(time) = rfc3339::parse(text).filter(|time| time.0 <= END_OF_TIME) else { return };
    let written = rfc3339::format(time);
    assert_eq!(rfc3339::parse(&written), Some(time), "{text:?} formats as {written:?}");
    assert_eq!(written.len(), "2027-01-31T12:00:00.000Z".len(), "{text:?} formats as {written:?}");
}

fn host(text: &str) {
    let Ok(host) = Host::parse(text) else { return };
    assert_eq!(Host::parse(host.as_str()).as_ref(), Ok(&host));
    assert!(!host.as_str().bytes().any(|byte| byte.is_ascii_uppercase()));
    // In a URL it is neither a user nor a path nor another host.
    assert!(!host.as_str().contains(['@', '/', '\\', '?', '#', ' ']));
    let uri: http::Uri = format!("https://{host}/").parse().expect("a host is valid in a URL");
    assert_eq!(uri.authority().map(|authority| authority.as_str()), Some(host.as_str()));
}

fn address(text: &str) {
    let Ok(address) = WebAddress::parse(text) else { return };
    assert_eq!(address.as_str(), text);
    let uri: http::Uri = text.parse().expect("an address is a URL");
    let authority = uri.authority().expect("an address has a host");
    // A request goes to the host that was checked: no user precedes it.
    assert!(!authority.as_str().contains('@'));
    let host = Host::parse(authority.as_str()).expect("the authority is a host");
    if uri.scheme_str() == Some("http") {
        let name = uri.host().expect("a host");
        let is_loopback = name.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback());
        let is_this_machine =
            is_loopback || name.eq_ignore_ascii_case("localhost") || host.as_str().starts_with("[::1]");
        assert!(is_this_machine, "{text:?} is sent to another machine unencrypted");
    } else {
        assert_eq!(uri.scheme_str(), Some("https"));
    }
    assert_eq!(address.has_query(), uri.query().is_some());
}

fuzz_target!(|text: &str| {
    for line in text.lines() {
        time(line);
        host(line);
        address(line);
        if let Ok(slug) = Slug::parse(line) {
            assert_eq!(slug.as_str(), line);
            assert!(Host::parse(line).is_ok_and(|host| host.as_str() == line), "a slug is a DNS label");
        }
        if let Ok(key) = IdempotencyKey::try_from(line.to_owned()) {
            assert_eq!(key.as_str(), line);
            assert!(http::HeaderValue::from_str(line).is_ok());
        }
        cursor(line, "0123456789abcdef");
    }
});
