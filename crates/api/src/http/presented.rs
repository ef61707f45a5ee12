//! Reads the one token value that a request's headers present.
//!
//! Some hosts join several headers of one name into one, with commas. So all headers of a name are joined here as well,
//! and split at the spaces, since no token value has one. `tests/vectors/presented.json` is the contract; the npm package
//! reads headers in the same way.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, header};

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// Logilica's pair: a token, and the slug of its workspace.
const LGCA_TOKEN: HeaderName = HeaderName::from_static("x-lgca-token");
const LGCA_DOMAIN: HeaderName = HeaderName::from_static("x-lgca-domain");

/// Every header in which a client may present a token on any route, or half of a pair that does. A gateway sends them to
/// `/authorize`, and does not forward them to its origin. Headers that only a dialect's own paths accept are not
/// included: no gateway sends requests there.
pub const CREDENTIALS: [&str; 4] = ["authorization", "x-api-key", "x-lgca-token", "x-lgca-domain"];

/// The longest header that is read, in bytes: more than one credential needs, of whatever format.
pub const LONGEST_HEADER: usize = 16 * 1024;

/// How a dialect's clients present a token on its own paths, in addition to the ways that all routes accept.
pub(crate) struct DialectCredential {
    /// An `Authorization` scheme.
    pub(crate) scheme: &'static str,
    /// A header whose value is the token alone.
    pub(crate) header: &'static str,
}

/// Why the headers do not present exactly one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A header has a value that cannot be a token.
    Unreadable,
    /// Only `Authorization` has a credential, with another scheme.
    OtherScheme,
    /// There are two different tokens.
    Ambiguous,
    /// There is only one half of a pair.
    WorkspaceRequired,
}

/// The one token value, from `Authorization: Bearer` (RFC 6750, section 2.1), `X-API-Key`, `X-lgca-token`, or the
/// dialect's own way. The same value may come in several of them. A credential in `Authorization` with another scheme is
/// for another recipient, such as a proxy in between, and is ignored beside a token.
///
/// # Errors
/// See [`Fault`].
pub(crate) fn presented(headers: &HeaderMap, dialect: Option<&DialectCredential>) -> Result<Option<String>, Fault> {
    let own = |scheme: &str| {
        ["bearer"].into_iter().chain(dialect.map(|dialect| dialect.scheme)).any(|own| scheme.eq_ignore_ascii_case(own))
    };
    let mut found = Single::default();
    let authorization = joined(headers, &header::AUTHORIZATION)?;
    for (scheme, credential) in authorization.iter().flat_map(|value| Credentials::of(value)) {
        if own(scheme) {
            found.add(credential.ok_or(Fault::Unreadable)?);
        }
    }
    let keys = [API_KEY, LGCA_TOKEN].into_iter().chain(dialect.map(|dialect| HeaderName::from_static(dialect.header)));
    for name in keys {
        if let Some(value) = joined(headers, &name)? {
            words(&value).for_each(|text| found.add(text));
        }
    }
    let Some(text) = found.get()? else {
        return if authorization.is_some() { Err(Fault::OtherScheme) } else { Ok(None) };
    };
    if headers.contains_key(LGCA_TOKEN) {
        match single(headers, &LGCA_DOMAIN) {
            Ok(None) => return Err(Fault::WorkspaceRequired),
            Err(Fault::Ambiguous) => return Err(Fault::Ambiguous),
            // A domain that is not text is no workspace's slug: see `domain`.
            Ok(Some(_)) | Err(_) => {}
        }
    }
    Ok(Some(text))
}

/// The slug in `X-lgca-domain`, if this is the token beside it: the token must belong to that workspace.
pub(crate) fn domain<'a>(headers: &'a HeaderMap, token: &str) -> Option<&'a str> {
    let mut beside = headers.get_all(LGCA_TOKEN).iter().filter_map(|value| value.to_str().ok()).flat_map(words);
    let first = headers.get(LGCA_DOMAIN).filter(|_| beside.any(|text| text == token))?.to_str();
    // A value that cannot be read, even in part, is no slug.
    let is_one = single(headers, &LGCA_DOMAIN).is_ok();
    Some(first.ok().filter(|_| is_one).and_then(|value| words(value).next()).unwrap_or_default())
}

/// The one value of all headers of this name.
///
/// # Errors
/// [`Fault::Ambiguous`] if two differ; the errors of [`joined`].
pub(crate) fn single(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Fault> {
    let mut found = Single::default();
    if let Some(value) = joined(headers, name)? {
        words(&value).for_each(|text| found.add(text));
    }
    found.get()
}

/// All headers of this name, joined into one.
///
/// # Errors
/// [`Fault::Unreadable`] if they contain other characters than visible ASCII, or are too long.
pub(crate) fn joined<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<Cow<'a, str>>, Fault> {
    let mut values = headers.get_all(name).iter().map(|value| value.to_str().map_err(|_| Fault::Unreadable));
    let mut all = match values.next() {
        None => return Ok(None),
        Some(value) => Cow::Borrowed(value?),
    };
    for value in values {
        let joined = all.to_mut();
        joined.push_str(", ");
        joined.push_str(value?);
        if joined.len() > LONGEST_HEADER {
            break;
        }
    }
    if all.len() > LONGEST_HEADER { Err(Fault::Unreadable) } else { Ok(Some(all)) }
}

/// The values of a header that holds one word, once or several times.
fn words(value: &str) -> impl Iterator<Item = &str> {
    value.split(", ").map(str::trim_ascii)
}

/// A value that must be the same each time it occurs.
#[derive(Default)]
struct Single {
    text: Option<String>,
    differs: bool,
}

impl Single {
    fn add(&mut self, text: &str) {
        match &self.text {
            None => self.text = Some(text.to_owned()),
            Some(other) => self.differs |= other != text,
        }
    }

    fn get(self) -> Result<Option<String>, Fault> {
        if self.differs { Err(Fault::Ambiguous) } else { Ok(self.text) }
    }
}

/// Parses the credentials of an `Authorization` header: each scheme, with its credential if it has one.
///
/// A credential ends at a comma that is followed by a space, or by the next scheme and a space (RFC 9110, section 5.3).
/// Any other comma is part of the credential. Each character is read a bounded number of times.
pub(crate) struct Credentials<'a>(&'a str);

impl<'a> Credentials<'a> {
    pub(crate) fn of(value: &'a str) -> Self {
        Self(value)
    }
}

impl<'a> Iterator for Credentials<'a> {
    type Item = (&'a str, Option<&'a str>);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.0.trim_start_matches(' ');
        if rest.is_empty() {
            return None;
        }
        let Some((scheme, credential)) = rest.split_once(' ') else {
            self.0 = "";
            return Some((rest, None));
        };
        if let Some((alone, _)) = scheme.rsplit_once(',') {
            self.0 = rest.get(alone.len() + 1..).unwrap_or_default();
            return Some((alone, None));
        }
        let mut end = 0;
        while let Some(word) = credential.get(end..).and_then(|words| words.split_once(' ')).map(|(word, _)| word) {
            if let Some((last, _)) = word.rsplit_once(',') {
                end += last.len();
                self.0 = credential.get(end + 1..).unwrap_or_default();
                return Some((scheme, text(credential.get(..end).unwrap_or_default())));
            }
            end += word.len() + 1;
        }
        self.0 = "";
        Some((scheme, text(credential)))
    }
}

fn text(credential: &str) -> Option<&str> {
    Some(credential.trim_ascii()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Vectors {
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        why: String,
        headers: Vec<(String, String)>,
        token: Option<String>,
        domain: Option<String>,
        code: Option<String>,
    }

    impl Case {
        /// The headers one by one, or those of one name joined with this separator.
        fn headers(&self, joint: Option<&str>) -> HeaderMap {
            let mut map = HeaderMap::new();
            for (name, value) in &self.headers {
                let name = HeaderName::try_from(name).unwrap();
                let before = map.get(&name).zip(joint);
                let before = before.map(|(value, joint)| value.to_str().unwrap().to_owned() + joint);
                if let Some(before) = before {
                    map.insert(name, HeaderValue::try_from(before + value).unwrap());
                } else {
                    map.append(name, HeaderValue::try_from(value).unwrap());
                }
            }
            map
        }
    }

    fn vectors() -> Vec<Case> {
        let Vectors { cases } =
            serde_json::from_str(include_str!("../../../../tests/vectors/presented.json")).expect("the vectors");
        assert!(cases.len() > 40);
        cases
    }

    #[test]
    fn credential_headers_match_the_vectors_joined_or_separate() {
        for case in vectors() {
            for joint in [None, Some(", ")] {
                let headers = case.headers(joint);
                let found = presented(&headers, None);
                let code = match &found {
                    Ok(Some(_)) => None,
                    Ok(None) => Some("NO_CREDENTIAL"),
                    Err(Fault::Unreadable | Fault::OtherScheme) => Some("UNREADABLE_CREDENTIAL"),
                    Err(Fault::Ambiguous) => Some("AMBIGUOUS_CREDENTIAL"),
                    Err(Fault::WorkspaceRequired) => Some("WORKSPACE_REQUIRED"),
                };
                assert_eq!(code, case.code.as_deref(), "{}, {joint:?}", case.why);
                let token = found.unwrap_or_default();
                assert_eq!(token, case.token, "{}, {joint:?}", case.why);
                let domain = token.as_deref().and_then(|token| domain(&headers, token));
                assert_eq!(domain, case.domain.as_deref(), "{}, {joint:?}", case.why);
            }
        }
    }

    #[test]
    fn a_dialect_adds_its_own_scheme_and_header() {
        let dialect = DialectCredential { scheme: "own", header: "token" };
        let of = |pairs: &[(&'static str, &'static str)]| {
            let pairs =
                pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            let mut map = HeaderMap::new();
            pairs.for_each(|(name, value)| assert!(!map.append(name, value)));
            presented(&map, Some(&dialect))
        };
        assert_eq!(of(&[("authorization", "Own a, bearer a"), ("token", "a, a")]), Ok(Some("a".to_owned())));
        assert_eq!(of(&[("authorization", "own a"), ("token", "b")]), Err(Fault::Ambiguous));
        assert_eq!(of(&[("authorization", "own"), ("token", "b")]), Err(Fault::Unreadable));
        assert_eq!(of(&[("authorization", "basic x"), ("token", "b")]), Ok(Some("b".to_owned())));
    }
}
