//! Records for verifiers, read from the ledger: the source of `strong` decisions.
//!
//! The ledger executes one command at a time, so records that are read after a command has returned always include its
//! effect.

use std::collections::BTreeMap;

use counterfoil_protocol::{
    BuiltIn,
    command::{Binary, Recorded, Records},
    command_error::CommandError,
};
use counterfoil_token::{Digest, SealKey, SealSecret, WorkspaceKey};
use counterfoil_verify::{Answer, Timestamp};

use crate::{
    check,
    rows::{OwnedToken, TokenLookup, scopes},
    transaction::Transaction,
};

/// A hundred token values, and the caller's own.
const MAX_DIGESTS: usize = 101;

pub(crate) fn answer(
    tx: &Transaction<'_>,
    seal_secrets: &[SealSecret],
    ask: &Records,
) -> Result<Recorded, CommandError> {
    tx.authority.require(BuiltIn::TokensVerify)?;
    of(tx, seal_secrets, &ask.digests).map(Binary)
}

/// The records that verifiers need for these digests.
pub(crate) fn of(
    tx: &Transaction<'_>,
    seal_secrets: &[SealSecret],
    digests: &[Digest],
) -> Result<Answer, CommandError> {
    check::at_most(MAX_DIGESTS, digests.len(), "/digests", "digests")?;
    let workspace = &tx.workspace;
    let mut tokens = Vec::with_capacity(digests.len());
    let mut owners = BTreeMap::new();
    // One statement for each digest, because an engine accepts at most 100 parameters.
    for digest in digests {
        let record = match OwnedToken::look_up(tx.sql, *digest)? {
            TokenLookup::Nothing => None,
            TokenLookup::One(held) => {
                owners.entry(held.owner.number).or_insert_with(|| held.owner.record());
                Some(held.record(tx.now))
            }
            // The digest is omitted: a check of it is unavailable, and the others are answered.
            TokenLookup::Unreadable(_) => continue,
        };
        tokens.push((*digest, record));
    }
    Ok(Answer {
        key: workspace.key,
        as_of: tx.now,
        generation: workspace.generation,
        workspace: Some(workspace.record(scopes::stricter(tx.sql)?)),
        seal_keys: seal_keys(workspace.key, seal_secrets),
        tokens,
        owners: owners.into_values().collect(),
    })
}

/// The reply of a ledger without a workspace: it has issued no token.
pub(crate) fn without_workspace(
    key: WorkspaceKey,
    now: Timestamp,
    seal_secrets: &[SealSecret],
    ask: Records,
) -> Result<Recorded, CommandError> {
    check::at_most(MAX_DIGESTS, ask.digests.len(), "/digests", "digests")?;
    Ok(Binary(Answer {
        key,
        as_of: now,
        generation: 0,
        workspace: None,
        seal_keys: seal_keys(key, seal_secrets),
        tokens: ask.digests.into_iter().map(|digest| (digest, None)).collect(),
        owners: Vec::new(),
    }))
}

fn seal_keys(workspace: WorkspaceKey, seal_secrets: &[SealSecret]) -> Vec<SealKey> {
    seal_secrets.iter().map(|secret| secret.key_for(workspace)).collect()
}
