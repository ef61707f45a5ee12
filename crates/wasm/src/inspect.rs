//! What can be said of a text without any key or store.

use counterfoil_token::{Digest, Presented};
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

use crate::json::Object;

/// What a text looks like, as JSON: `kind` is `ours`, `foreign` or `malformed`; `hint` and `digest` (hexadecimal) where
/// it is not malformed; `prefix` and `workspace` where it is ours. Says nothing about whether it was ever issued.
#[wasm_bindgen]
#[must_use]
pub fn inspect(text: String) -> String {
    let text = Zeroizing::new(text.into_bytes());
    let Ok(presented) = Presented::parse(&text) else {
        return Object::new().text("kind", "malformed").finish();
    };
    let json = match presented {
        Presented::Foreign(_) => Object::new().text("kind", "foreign"),
        Presented::Ours(token) => Object::new()
            .text("kind", "ours")
            .text("prefix", token.prefix())
            .text("workspace", token.workspace().as_str()),
    };
    json.text("hint", &presented.hint().to_string()).text("digest", &presented.digest().to_string()).finish()
}

/// SHA-256 of a text, in hexadecimal: what an import names a token by.
#[wasm_bindgen]
#[must_use]
pub fn digest(text: String) -> String {
    let text = Zeroizing::new(text.into_bytes());
    Digest::of(&text).to_string()
}
