//! Validation of request fields: lengths, counts and formats.

use core::ops::RangeInclusive;

use counterfoil_protocol::{Origin, command_error::CommandError, json};
use counterfoil_verify::{AddressBlock, ScopePattern, Timestamp};
use serde_json::{Map, Value};

/// The maximum number of patterns in a token's scopes or a member's granted scopes. It keeps records small.
const MAX_SCOPES: usize = 100;
/// The maximum number of CIDR ranges of a token.
const MAX_ADDRESSES: usize = 100;
/// The maximum number of origins that a workspace allows.
const MAX_ORIGINS: usize = 20;
/// The maximum size of metadata, in bytes of JSON.
const MAX_METADATA: usize = 4 * 1024;
/// The maximum nesting of metadata. A reply wraps it a few levels deeper, and must remain readable: the JSON parser of
/// the reader stops at 128.
const MAX_DEPTH: usize = 32;

/// # Errors
/// `INVALID_VALUE` if the number of characters is not within `allowed`.
pub(crate) fn length(pointer: &str, text: &str, allowed: RangeInclusive<usize>) -> Result<(), CommandError> {
    if allowed.contains(&text.chars().count()) {
        return Ok(());
    }
    Err(CommandError::invalid_value(
        pointer,
        format!("The value must have {} to {} characters.", allowed.start(), allowed.end()),
    ))
}

/// # Errors
/// `INVALID_VALUE` if there are too many.
pub(crate) fn scopes(pointer: &str, scopes: &[ScopePattern]) -> Result<(), CommandError> {
    at_most_scopes(pointer, scopes.len())
}

/// # Errors
/// `INVALID_VALUE` if there are too many.
pub(crate) fn at_most_scopes(pointer: &str, count: usize) -> Result<(), CommandError> {
    at_most(MAX_SCOPES, count, pointer, "scopes")
}

/// # Errors
/// `INVALID_VALUE` if there are too many.
pub(crate) fn addresses(pointer: &str, blocks: &[AddressBlock]) -> Result<(), CommandError> {
    at_most(MAX_ADDRESSES, blocks.len(), pointer, "IP addresses or ranges")
}

/// # Errors
/// `INVALID_VALUE` if there are too many.
pub(crate) fn at_most(most: usize, count: usize, pointer: &str, what: &str) -> Result<(), CommandError> {
    if count <= most {
        Ok(())
    } else {
        Err(CommandError::invalid_value(pointer, format!("At most {most} {what} are allowed.")))
    }
}

/// A member's id: 1 to 128 visible ASCII characters.
///
/// # Errors
/// `INVALID_VALUE` otherwise.
pub(crate) fn member_id(pointer: &str, id: &str) -> Result<(), CommandError> {
    if (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(CommandError::invalid_value(pointer, "The id must be 1 to 128 visible ASCII characters, without spaces."))
}

/// An e-mail address, as far as it can be validated without sending one: a non-empty part on each side of exactly one
/// `@`.
///
/// # Errors
/// `INVALID_VALUE` otherwise.
pub(crate) fn email(pointer: &str, email: &str) -> Result<(), CommandError> {
    let printable = email.chars().all(|letter| !letter.is_whitespace() && !letter.is_control());
    let has_parts =
        email.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty() && !host.contains('@'));
    if printable && has_parts && email.chars().count() <= 254 {
        return Ok(());
    }
    Err(CommandError::invalid_value(
        pointer,
        "The e-mail address must have one @, at most 254 characters, and no spaces.",
    ))
}

/// [Origins](Origin) as browsers send them. The result is sorted and without duplicates.
///
/// # Errors
/// `INVALID_VALUE` if one is not an origin, or there are too many.
pub(crate) fn origins(pointer: &str, mut origins: Vec<String>) -> Result<Vec<String>, CommandError> {
    at_most(MAX_ORIGINS, origins.len(), pointer, "origins")?;
    for (index, origin) in origins.iter().enumerate() {
        if Origin::parse(origin).is_err() {
            let detail = "An origin must be https:// or http://, a host in lower case, and optionally a port, with \
                nothing after it.";
            return Err(CommandError::invalid_value(format!("{pointer}/{index}"), detail));
        }
    }
    origins.sort_unstable();
    origins.dedup();
    Ok(origins)
}

/// A token's `not_before`, if given: before the expiration, and within the range of timestamps.
///
/// # Errors
/// `INVALID_VALUE` otherwise.
pub(crate) fn begins(start: Option<Timestamp>, end: Option<Timestamp>) -> Result<(), CommandError> {
    let Some(start) = start else { return Ok(()) };
    if end.is_some_and(|end| start >= end) {
        return Err(CommandError::invalid_value(
            "/not_before",
            "The time `not_before` must be earlier than the expiration.",
        ));
    }
    if start > Timestamp::END_OF_TIME {
        return Err(CommandError::invalid_value(
            "/not_before",
            "The time `not_before` must be in the year 9999 or earlier.",
        ));
    }
    Ok(())
}

/// The metadata as its JSON text.
///
/// # Errors
/// `INVALID_VALUE` if it is too large or nested too deeply.
pub(crate) fn metadata(pointer: &str, metadata: Map<String, Value>) -> Result<String, CommandError> {
    let value = Value::Object(metadata);
    if json::depth(&value) > MAX_DEPTH {
        return Err(CommandError::invalid_value(
            pointer,
            format!("The metadata can be at most {MAX_DEPTH} levels deep."),
        ));
    }
    let text = value.to_string();
    if text.len() > MAX_METADATA {
        return Err(CommandError::invalid_value(
            pointer,
            format!("The metadata can be at most {MAX_METADATA} bytes of JSON."),
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_lists_and_maps() {
        for (text, levels) in [("1", 0), ("{}", 1), (r#"{"a":[]}"#, 2), (r#"{"a":1,"b":{"c":[1]}}"#, 3)] {
            assert_eq!(json::depth(&serde_json::from_str(text).unwrap()), levels, "{text}");
        }
    }

    #[test]
    fn origins_are_sorted_and_deduplicated() {
        let listed = |origins: &[&str]| origins_of(origins).map_err(|_| ());
        fn origins_of(origins: &[&str]) -> Result<Vec<String>, CommandError> {
            super::origins("/o", origins.iter().map(|origin| (*origin).to_owned()).collect())
        }
        assert_eq!(listed(&["https://b", "https://a", "https://b"]), Ok(vec!["https://a".into(), "https://b".into()]));
        assert!(listed(&["https://a"; MAX_ORIGINS + 1]).is_err());
    }

    #[test]
    fn lengths_count_characters_and_not_bytes() {
        assert!(length("/name", "äöü", 3..=3).is_ok());
        assert!(length("/name", "", 1..=3).is_err());
        assert!(length("/name", "abcd", 1..=3).is_err());
    }

    #[test]
    fn email_addresses_have_one_at_sign() {
        for good in ["a@b", "a.b+c@d.e", "ü@例え.jp"] {
            assert!(email("/email", good).is_ok(), "{good}");
        }
        let long = format!("{}@b", "a".repeat(253));
        for bad in ["", "a", "@", "a@", "@b", "a@b@c", "a b@c", "a@b\n", &long] {
            assert!(email("/email", bad).is_err(), "{bad:?}");
        }
    }
}
