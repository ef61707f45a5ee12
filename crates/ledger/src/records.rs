//! The strong answer: what verifiers need to know, as of now.
//!
//! A command that has returned is in the answer to every question asked after it, because the ledger works through one
//! command at a time. That is what "strong" means.

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

/// A hundred texts, and the asker's own.
const MAX_DIGESTS: usize = 101;

pub(crate) fn answer(
    tx: &Transaction<'_>,
    seal_secrets: &[SealSecret],
    ask: &Records,
) -> Result<Recorded, CommandError> {
    tx.authority.require(BuiltIn::TokensVerify)?;
    of(tx, seal_secrets, &ask.digests).map(Binary)
}

/// What verifiers need to know of these texts.
pub(crate) fn of(
    tx: &Transaction<'_>,
    seal_secrets: &[SealSecret],
    digests: &[Digest],
) -> Result<Answer, CommandError> {
    check::at_most(MAX_DIGESTS, digests.len(), "/digests", "digests")?;
    let workspace = &tx.workspace;
    let mut tokens = Vec::with_capacity(digests.len());
    let mut owners = BTreeMap::new();
    // One statement a digest: an engine may take no more than 100 parameters at a time.
    for digest in digests {
        let record = match OwnedToken::look_up(tx.sql, *digest)? {
            TokenLookup::Nothing => None,
            TokenLookup::One(held) => {
                owners.entry(held.owner.number).or_insert_with(|| held.owner.record());
                Some(held.record(tx.now))
            }
            // It is left out: that one is unavailable, and the others are answered.
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

/// The answer of a ledger that no workspace has been founded in: nothing was issued here.
pub(crate) fn of_nobody(
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
