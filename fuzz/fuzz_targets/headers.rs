//! Request headers with a token, a session or a version, one per line. Their meaning does not change if a proxy joins the
//! headers of one name.

#![no_main]

use counterfoil_api::fuzzing;
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;

/// The headers separately, and with those of one name joined by commas.
fn headers(input: &[u8]) -> (HeaderMap, HeaderMap) {
    let (mut each, mut joined) = (HeaderMap::new(), HeaderMap::<HeaderValue>::new());
    for line in input.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) else { continue };
        each.append(name.clone(), value.clone());
        let all = match joined.get(&name) {
            None => value,
            Some(before) => {
                let all = [before.as_bytes(), b", ", value.as_bytes()].concat();
                HeaderValue::from_bytes(&all).expect("joined values are a valid header value")
            }
        };
        joined.insert(name, all);
    }
    (each, joined)
}

fuzz_target!(|input: &[u8]| {
    let (each, joined) = headers(input);
    let found = fuzzing::presented(&each);
    assert_eq!(found, fuzzing::presented(&joined));
    if let Ok(Some((token, domain))) = &found {
        let contains = |text: &str| {
            each.values().any(|value| value.as_bytes().windows(text.len().max(1)).any(|part| part == text.as_bytes()))
        };
        assert!(token.is_empty() || contains(token), "the token value is an exact part of a header");
        assert!(domain.as_deref().is_none_or(|domain| domain.is_empty() || contains(domain)));
        assert!(!token.starts_with(' ') && !token.ends_with(' '));
    }

    if let Ok(Some(session)) = fuzzing::session(&each) {
        let cookie = [b"__Host-counterfoil=".as_slice(), session].concat();
        let is_in = |value: &HeaderValue| value.as_bytes().windows(cookie.len()).any(|part| part == cookie);
        assert!(each.get_all("cookie").iter().any(is_in));
        assert!(!session.contains(&b';'));
    }

    // An unreadable value is ignored, and with it all values that it was joined to.
    let is_readable = |name: &str| each.get_all(name).iter().all(|value| value.to_str().is_ok());
    let versions = fuzzing::if_match(&each);
    assert!(!is_readable("if-match") || versions == fuzzing::if_match(&joined));
    assert!(each.contains_key("if-match") || versions.is_none(), "without If-Match there is no version");
    for tag in ["\"1\"", "\"abc\""] {
        let is_same = fuzzing::is_at_hand(&each, tag) == fuzzing::is_at_hand(&joined, tag);
        assert!(!is_readable("if-none-match") || is_same);
    }
});
