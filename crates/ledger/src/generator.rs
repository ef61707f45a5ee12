//! Generates token values, session values and ids from random bytes.

use counterfoil_protocol::command_error::CommandError;
use counterfoil_token::{Prefix, SealEpoch, SealSecret, Token, WorkspaceKey, base62};
use counterfoil_verify::Timestamp;
use uuid::Builder;

use crate::rows::WorkspaceRow;

/// The prefix of session values.
const SESSION_PREFIX: &str = "ses";

/// Generates token values and ids from the random source that the caller provides.
pub(crate) struct Generator<'a> {
    pub(crate) random: &'a mut dyn FnMut(&mut [u8]),
    pub(crate) seal_secrets: &'a [SealSecret],
    pub(crate) session_secrets: &'a [SealSecret],
}

impl Generator<'_> {
    /// A new token value of the workspace, with the epoch of the secret that its authentication tag was made with.
    pub(crate) fn token(&mut self, workspace: &WorkspaceRow) -> Result<(Token, SealEpoch), CommandError> {
        let secret = self
            .seal_secrets
            .first()
            .ok_or_else(|| CommandError::internal("the deployment has no secret in SEAL_SECRETS"))?;
        Ok((self.text(&workspace.prefix, workspace.key, secret)?, secret.epoch()))
    }

    /// A new session value: like a token value, but with its own prefix and secret.
    pub(crate) fn session(&mut self, workspace: WorkspaceKey) -> Result<Token, CommandError> {
        let secret = self
            .session_secrets
            .first()
            .ok_or_else(|| CommandError::internal("the deployment has no secret in SESSION_SECRETS"))?;
        let prefix = Prefix::parse(SESSION_PREFIX).map_err(|error| CommandError::internal(error.to_string()))?;
        self.text(&prefix, workspace, secret)
    }

    fn text(&mut self, prefix: &Prefix, workspace: WorkspaceKey, secret: &SealSecret) -> Result<Token, CommandError> {
        Token::mint(prefix, workspace, &secret.key_for(workspace), self.random)
            .map_err(|error| CommandError::internal(error.to_string()))
    }

    /// A new token id.
    pub(crate) fn token_id(&mut self, now: Timestamp) -> String {
        self.id("tok", now)
    }

    /// A new session id.
    pub(crate) fn session_id(&mut self, now: Timestamp) -> String {
        self.id("ses", now)
    }

    /// A UUID version 7 (RFC 9562) as 22 base62 digits, prefixed with `tok_` or `ses_`. Ids sort by creation time.
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
        let mut generator = Generator { random: &mut random, seal_secrets: &[], session_secrets: &[] };
        let ids = [1, 2, 1_763_000_000_000, 253_402_300_799_999].map(|now| generator.token_id(Timestamp(now)));
        assert!(ids.is_sorted(), "{ids:?}");
        assert!(ids.iter().all(|id| id.len() == 26));
    }
}
