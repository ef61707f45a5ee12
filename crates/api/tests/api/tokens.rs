//! Strings that look like tokens and are not valid.

use counterfoil_api::parse_seal_secrets;
use counterfoil_token::{Prefix, SealSecret, Token, WorkspaceKey};

use crate::world::SEAL_SECRETS;

/// Random characters with a typo at the end.
pub(crate) fn with_bad_check(token: &str) -> String {
    let (start, last) = token.split_at(token.len() - 1);
    format!("{start}{}", if last == "0" { "1" } else { "0" })
}

/// Well-formed, but with a tag by a key that is not the workspace's.
pub(crate) fn with_forged_seal(workspace: &str) -> String {
    mint(workspace, &SealSecret::new(&[7; 32]).unwrap())
}

/// Well-formed with a valid tag, but in no ledger.
pub(crate) fn never_issued(workspace: &str) -> String {
    mint(workspace, &parse_seal_secrets(SEAL_SECRETS).unwrap()[0])
}

fn mint(workspace: &str, secret: &SealSecret) -> String {
    let workspace = WorkspaceKey::parse(workspace).unwrap();
    let random = &mut |bytes: &mut [u8]| bytes.fill(b'x');
    let token = Token::mint(&Prefix::default(), workspace, &secret.key_for(workspace), random).unwrap();
    token.as_ref().expose().to_owned()
}
