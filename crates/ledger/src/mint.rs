//! Where what must be unguessable or unique comes from.

use counterfoil_protocol::command_error::CommandError;
use counterfoil_token::{Prefix, SealEpoch, SealSecret, Token, WorkspaceKey, base62};
use counterfoil_verify::Timestamp;
use uuid::Builder;

use crate::rows::WorkspaceRow;

/// What the texts of sessions begin with.
const SESSION_PREFIX: &str = "ses";

/// Makes texts and ids from the random bytes it is given.
pub(crate) struct Mint<'a> {
    pub(crate) random: &'a mut dyn FnMut(&mut [u8]),
    pub(crate) seal_secrets: &'a [SealSecret],
    pub(crate) session_secrets: &'a [SealSecret],
}

impl Mint<'_> {
    /// A new token of the workspace, with the name of the secret that sealed it.
    pub(crate) fn token(&mut self, workspace: &WorkspaceRow) -> Result<(Token, SealEpoch), CommandError> {
        let secret =
            self.seal_secrets.first().ok_or_else(|| CommandError::internal("the deployment has no seal secret"))?;
        Ok((self.text(&workspace.prefix, workspace.key, secret)?, secret.epoch()))
    }

    /// The text of a new session of the workspace: made like a token's, under a prefix and a secret of its own.
    pub(crate) fn session(&mut self, workspace: WorkspaceKey) -> Result<Token, CommandError> {
        let secret = self
            .session_secrets
            .first()
            .ok_or_else(|| CommandError::internal("the deployment has no session secret"))?;
        let prefix = Prefix::parse(SESSION_PREFIX).map_err(|error| CommandError::internal(error.to_string()))?;
        self.text(&prefix, workspace, secret)
    }

    fn text(&mut self, prefix: &Prefix, workspace: WorkspaceKey, secret: &SealSecret) -> Result<Token, CommandError> {
        Token::mint(prefix, workspace, &secret.key_for(workspace), self.random)
            .map_err(|error| CommandError::internal(error.to_string()))
    }

    /// A token's public id.
    pub(crate) fn token_id(&mut self, now: Timestamp) -> String {
        self.id("tok", now)
    }

    /// A session's public id.
    pub(crate) fn session_id(&mut self, now: Timestamp) -> String {
        self.id("ses", now)
    }

    /// A UUID of version 7 (RFC 9562) as 22 base62 digits behind `tok_` or the like: ids sort by when they were made.
    fn id(&mut self, kind: &str, now: Timestamp) -> String {
        let mut random = [0; 10];
        (self.random)(&mut random);
        let uuid = Builder::from_unix_timestamp_millis(now.0, &random).into_uuid();
        let digits = base62::encode_u128(uuid.as_u128()).map(char::from);
        format!("{kind}_{}", String::from_iter(digits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time() {
        let mut byte = 255;
        let mut random = |bytes: &mut [u8]| {
            bytes.fill(byte);
            byte = byte.wrapping_sub(85);
        };
        let mut mint = Mint { random: &mut random, seal_secrets: &[], session_secrets: &[] };
        let ids = [1, 2, 1_763_000_000_000, 253_402_300_799_999].map(|now| mint.token_id(Timestamp(now)));
        assert!(ids.is_sorted(), "{ids:?}");
        assert!(ids.iter().all(|id| id.len() == 26));
    }
}
