//! Callbacks from an identity provider, and provider metadata. No input signs anyone in: a callback belongs to a sign-in
//! flow only if it has the flow's state and cookie.
//!
//! An input is the query, the cookie, an ID token and a provider's metadata, separated by empty lines.

#![no_main]

use counterfoil_api::{Claims, Description, fuzzing};
use counterfoil_protocol::{WebAddress, command::IdentityProvider, json};
use http::{HeaderMap, HeaderValue, header};
use libfuzzer_sys::fuzz_target;

/// The secret of another client's flow.
const SECRET: [u8; 32] = [7; 32];

fn provider() -> IdentityProvider {
    let provider = br#"{"issuer": "https://accounts.example", "audience": "console", "member_by": "email"}"#;
    json::read(provider).expect("a provider")
}

fuzz_target!(|input: &str| {
    let mut parts = input.splitn(4, "\n\n");
    let mut next = || parts.next().unwrap_or_default();
    let (query, cookie, token, description) = (next(), next(), next(), next());
    let provider = provider();

    let mut headers = HeaderMap::new();
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        headers.insert(header::COOKIE, cookie);
        let (_, is_of_another) = fuzzing::is_way_back(query, &headers, SECRET, "acme", &provider);
        assert!(!is_of_another, "the query has the state of another client's flow");
    }
    // With the flow's cookie, a callback belongs to the flow only if it has the state, which the cookie does not contain.
    let begun = fuzzing::begun(SECRET, "acme", &provider);
    let begun = begun.split(';').next().expect("a cookie has a value");
    headers.insert(header::COOKIE, begun.parse().expect("a cookie is a header"));
    let (is_of_it, again) = fuzzing::is_way_back(query, &headers, SECRET, "acme", &provider);
    assert!(!is_of_it && !again);

    let claimed = fuzzing::is_claimed(token, &provider);
    assert!(!claimed || token.split('.').count() > 1);

    if let Some(Description { issuer, authorization_endpoint, token_endpoint, jwks_uri, .. }) =
        json::read::<Description>(description.as_bytes())
    {
        for address in [issuer, authorization_endpoint, token_endpoint, jwks_uri] {
            assert_eq!(WebAddress::parse(address.as_str()), Ok(address));
        }
    }
    _ = json::read::<Claims>(description.as_bytes());
});
