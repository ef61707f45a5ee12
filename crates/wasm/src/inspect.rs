//! The format of a presented token value, which needs no key and no store.

use alloc::string::String;

use counterfoil_token::{Digest, Presented};

use crate::json::{Object, hex};

/// The format as JSON: `kind` is `ours`, `foreign` or `malformed`; `prefix` and `workspace` if it is ours; `reason`, in
/// words, if it is malformed; `digest` is always its SHA-256 in hexadecimal. It does not show whether the token was
/// ever issued.
pub(crate) fn inspect(text: &[u8]) -> String {
    let json = match Presented::parse(text) {
        Err(why) => Object::new().text("kind", "malformed").text("reason", why.as_str()),
        Ok(Presented::Foreign(_)) => Object::new().text("kind", "foreign"),
        Ok(Presented::Ours(token)) => {
            let json = Object::new().text("kind", "ours").text("prefix", token.prefix());
            json.text("workspace", token.workspace().as_str())
        }
    };
    json.text("digest", &hex(Digest::of(text).as_bytes())).finish()
}
