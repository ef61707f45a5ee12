//! Random requests: no response is a 5xx, and each keeps what holds for all responses.

use axum::body::Body;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::Value;

use crate::{
    arbitrary,
    deployment::Deployment,
    routes::{self, Route},
};

/// A request that is derived from a route's valid one.
#[derive(Clone, Debug)]
struct Noise {
    route: prop::sample::Index,
    method: Option<Vec<u8>>,
    path: Option<String>,
    suffix: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    signed: bool,
    body: Distortion,
}

#[derive(Clone, Debug)]
enum Distortion {
    None,
    /// Other bytes.
    Bytes(Vec<u8>),
    /// Another value.
    Value(Value),
    /// Another value in one place.
    At(prop::sample::Index, Value),
    /// A part replaced by other bytes.
    Cut(prop::sample::Index, usize, Vec<u8>),
}

const HEADERS: &[&str] = &[
    "authorization",
    "x-api-key",
    "x-counterfoil-workspace",
    "cf-connecting-ip",
    "content-type",
    "content-length",
    "x-request-id",
    "accept",
    "expect",
    "idempotency-key",
    "cookie",
    "origin",
    "sec-fetch-site",
];

fn noise() -> impl Strategy<Value = Noise> {
    let text = || prop_oneof!["[ -~]{0,40}", any::<String>(), "/v1/[a-z]{0,9}(/[ -~]{0,60})?"];
    (
        any::<prop::sample::Index>(),
        prop::option::weighted(0.1, "[A-Z!-~]{1,9}".prop_map(String::into_bytes)),
        prop::option::weighted(0.2, text()),
        prop_oneof![3 => Just(String::new()), 1 => "[?][ -~]{0,40}", 1 => "[?](limit|cursor|reason|sort|q|state|scope|digest|token|actor|days)=[ -~]{0,40}"],
        vec((select(HEADERS), header()), 0..3),
        prop::bool::weighted(0.8),
        body(),
    )
        .prop_map(|(route, method, path, suffix, headers, signed, body)| Noise {
            route,
            method,
            path,
            suffix,
            headers,
            signed,
            body,
        })
}

fn header() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..60),
        "[ -~]{0,60}".prop_map(String::into_bytes),
        "__Host-counterfoil=(ses_[0-9A-Za-z]{42}|[ -~]{0,20})".prop_map(String::into_bytes),
        "(Bearer|Basic|)[ ]{0,2}[!-~]{0,60}".prop_map(String::into_bytes),
        "[0-9a-f:.]{0,20}|application/[a-z+]{0,9}json[; ]{0,2}".prop_map(String::into_bytes),
    ]
}

fn body() -> impl Strategy<Value = Distortion> {
    prop_oneof![
        1 => Just(Distortion::None),
        1 => vec(any::<u8>(), 0..200).prop_map(Distortion::Bytes),
        1 => json().prop_map(Distortion::Value),
        4 => (any::<prop::sample::Index>(), json()).prop_map(|(at, value)| Distortion::At(at, value)),
        2 => (any::<prop::sample::Index>(), 0..9_usize, vec(any::<u8>(), 0..9))
            .prop_map(|(at, length, bytes)| Distortion::Cut(at, length, bytes)),
    ]
}

fn json() -> impl Strategy<Value = Value> {
    let texts =
        &["*", "tokens:*", "orders:read", "admin", "strong", "9999-12-31T23:59:59Z", "::/0", "1969-12-31T23:59:59Z"];
    arbitrary::json(&["name", "scopes", "demand", "filter", "x"], texts)
}

fn distorted(body: &Value, distortion: Distortion) -> Vec<u8> {
    match distortion {
        Distortion::None => body.to_string().into_bytes(),
        Distortion::Bytes(bytes) => bytes,
        Distortion::Value(value) => value.to_string().into_bytes(),
        Distortion::At(at, value) => {
            let mut body = body.clone();
            let mut places = Vec::new();
            collect(&mut body, &mut places);
            if !places.is_empty() {
                let at = at.index(places.len());
                *places.swap_remove(at) = value;
            }
            body.to_string().into_bytes()
        }
        Distortion::Cut(at, length, bytes) => {
            let mut text = body.to_string().into_bytes();
            let start = at.index(text.len());
            text.splice(start..(start + length).min(text.len()), bytes);
            text
        }
    }
}

/// All leaf values of a body.
fn collect<'a>(value: &'a mut Value, places: &mut Vec<&'a mut Value>) {
    let children: Vec<&mut Value> = match value {
        Value::Object(fields) => fields.values_mut().collect(),
        Value::Array(items) => items.iter_mut().collect(),
        leaf => return places.push(leaf),
    };
    children.into_iter().for_each(|child| collect(child, places));
}

/// The request, if HTTP can carry it.
fn request(noise: Noise, routes: &[Route], admin: &str) -> Option<Request<Body>> {
    let route = noise.route.get(routes);
    let body = distorted(route.body.as_ref().unwrap_or(&Value::Null), noise.body);
    let path = noise.path.unwrap_or_else(|| route.path.clone()) + &noise.suffix;
    let mut request = Request::new(Body::from(body));
    *request.uri_mut() = path.parse::<Uri>().ok()?;
    let method = noise.method.unwrap_or_else(|| route.method.into());
    *request.method_mut() = Method::from_bytes(&method).ok()?;
    let headers = request.headers_mut();
    if noise.signed {
        headers.insert("authorization", format!("Bearer {admin}").parse().unwrap());
        headers.insert("content-type", HeaderValue::from_static("application/json"));
    }
    for (name, value) in noise.headers {
        headers.append(HeaderName::from_static(name), HeaderValue::from_bytes(&value).ok()?);
    }
    Some(request)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_request_causes_a_server_error(requests in vec(noise(), 1..10)) {
        let deployment = Deployment::new();
        let tenant = deployment.workspace("acme");
        let routes = routes::all(&deployment, &tenant);
        for noise in requests {
            let Some(request) = request(noise, &routes, &tenant.admin) else { continue };
            let reply = deployment.send(request);
            prop_assert!(reply.status < 500, "{:?}", reply);
        }
    }
}
