//! What can be said of a text without any key or store.

use alloc::string::String;

use counterfoil_token::{Digest, Presented};

use crate::json::{Object, hex};

/// What a text looks like, as JSON: `kind` is `ours`, `foreign` or `malformed`; `prefix` and `workspace` where it is
/// ours; `reason`, in words, where it is malformed; `digest` is its SHA-256 in hexadecimal, whatever it is. Says nothing about whether it was ever issued.
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
