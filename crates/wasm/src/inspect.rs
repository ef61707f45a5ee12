//! What can be said of a text without any key or store.

use alloc::string::String;

use counterfoil_token::{Digest, Presented};
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

use crate::json::{Object, hex};

/// What a text looks like, as JSON: `kind` is `ours`, `foreign` or `malformed`; `digest` (hexadecimal) where it is not
/// malformed; `prefix` and `workspace` where it is ours. Says nothing about whether it was ever issued.
#[wasm_bindgen]
#[must_use]
pub fn inspect(text: String) -> String {
    let text = Zeroizing::new(text.into_bytes());
    let (json, digest) = match Presented::parse(&text) {
        Err(_) => return Object::new().text("kind", "malformed").finish(),
        Ok(Presented::Foreign(foreign)) => (Object::new().text("kind", "foreign"), foreign.digest()),
        Ok(Presented::Ours(token)) => {
            let json = Object::new().text("kind", "ours").text("prefix", token.prefix());
            (json.text("workspace", token.workspace().as_str()), token.digest())
        }
    };
    json.text("digest", &hex(digest.as_bytes())).finish()
}

/// SHA-256 of a text, in hexadecimal: what a token is known by, and what an import names it by.
#[wasm_bindgen]
#[must_use]
pub fn digest(text: String) -> String {
    hex(Digest::of(&Zeroizing::new(text.into_bytes())).as_bytes())
}
