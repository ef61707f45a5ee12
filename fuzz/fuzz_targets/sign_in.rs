//! What a browser comes back from an identity provider with, and what a provider says of itself. Nobody gets in by any of it
//! here: a way back is of the flow whose secret it knows, and of no other.
//!
//! An input is the query, the cookie, an identity token and a provider's description, with an empty line between them.

#![no_main]

use counterfoil_api::{Claims, Description, fuzzing};
use counterfoil_protocol::{WebAddress, command::IdentityProvider, json};
use http::{HeaderMap, HeaderValue, header};
use libfuzzer_sys::fuzz_target;

/// Drawn for the flow of somebody else.
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
        assert!(!is_of_another, "the state of a flow is told to nobody else");
    }
    // With the cookie of that flow, it is the way back of the flow only with its state, which is no part of the cookie.
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
