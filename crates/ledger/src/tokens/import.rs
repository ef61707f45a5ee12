//! Imports third-party tokens by the digests of their values.
//!
//! Lines are processed in order, each by the rules for a new token, and each sees the effects of the previous ones: a
//! digest or a client binding is accepted once, even if it appears on several lines. Quotas are checked at the end; if
//! one is exceeded, the transaction is rolled back.

use std::collections::BTreeMap;

use counterfoil_protocol::{
    BuiltIn,
    command::{ImportLine, ImportTokens, Imported},
    command_error::CommandError,
    json,
};
use counterfoil_token::{Digest, Foreign};

use super::{
    create::{check_rights, draft},
    issue::{add, check_room},
    values::StoredValue,
};
use crate::{
    check,
    columns::update,
    generator::Generator,
    idempotency::Repeatable,
    limits::Limits,
    rows::{Inclusion, MemberRow, ScopeCatalogue, WorkspaceRow, is_taken},
    transaction::Transaction,
};

/// The maximum number of lines of one import.
const MAX_LINES: usize = 10_000;

impl Repeatable for ImportTokens {
    const NEEDS: BuiltIn = BuiltIn::TokensImport;

    fn check_access(&self, tx: &Transaction<'_>, reply: &str) -> Result<(), CommandError> {
        let told: Imported =
            json::read(reply.as_bytes()).ok_or_else(|| CommandError::internal("the stored response cannot be read"))?;
        let (limits, catalogue) = (Limits::of(&tx.authority), ScopeCatalogue::load(tx.sql)?);
        let mut imported = self.lines.iter().zip(&told.lines).filter(|(_, outcome)| outcome.is_ok());
        imported.try_for_each(|(line, _)| check_rights(tx, &limits, &catalogue, &line.token))
    }
}

pub(crate) fn import(
    tx: &Transaction<'_>,
    generator: &mut Generator<'_>,
    ask: ImportTokens,
) -> Result<Imported, CommandError> {
    tx.authority.require(BuiltIn::TokensImport)?;
    check::at_most(MAX_LINES, ask.lines.len(), "/tokens", "tokens")?;
    let mut import = Import {
        tx,
        limits: Limits::of(&tx.authority),
        catalogue: ScopeCatalogue::load(tx.sql)?,
        generation: None,
        owners: BTreeMap::new(),
    };
    let mut lines = Vec::with_capacity(ask.lines.len());
    for line in ask.lines {
        lines.push(match import.line(generator, line) {
            Err(failure @ CommandError::Internal { .. }) => return Err(failure),
            outcome => outcome,
        });
    }
    import.finish()?;
    Ok(Imported { lines })
}

/// The state of a running import.
struct Import<'a> {
    tx: &'a Transaction<'a>,
    limits: Limits,
    catalogue: ScopeCatalogue,
    /// The generation of this change; set by the first line that is imported.
    generation: Option<u64>,
    /// The owners of imported tokens, by number.
    owners: BTreeMap<u64, MemberRow>,
}

impl Import<'_> {
    /// Imports one line and returns the new token's id. A refused line writes nothing.
    fn line(&mut self, generator: &mut Generator<'_>, line: ImportLine) -> Result<String, CommandError> {
        check_length(line.length)?;
        let draft = draft(self.tx, &self.limits, &self.catalogue, line.token)?;
        if is_taken(self.tx.sql, line.digest)? {
            return Err(CommandError::already_exists("token", "digest"));
        }
        let generation = match self.generation {
            Some(generation) => generation,
            None => *self.generation.insert(self.tx.next_generation()?),
        };
        let weak = if line.weak { Inclusion::LeasesOnly } else { Inclusion::All };
        let value = StoredValue { digest: line.digest, hint: hint(line.digest), seal_epoch: None, weak };
        let added = add(self.tx, generator.token_id(self.tx.now), value, generation, draft, "token.import")?;
        self.owners.insert(added.owner.number, added.owner);
        Ok(added.token.id)
    }

    fn finish(self) -> Result<(), CommandError> {
        let workspace = &self.tx.workspace;
        for owner in self.owners.values() {
            check_room(self.tx, workspace, owner, 0)?;
        }
        let Some(version) = self.generation.filter(|_| !workspace.has_imports) else { return Ok(()) };
        // From now on verifiers look up third-party tokens.
        update!(self.tx.sql, "workspace" { has_imports: true, version: version })?;
        self.tx.publish_workspace(&WorkspaceRow { version, has_imports: true, ..workspace.clone() })
    }
}

/// A token value of another length is always malformed when it is presented, so importing it would be useless. A digest
/// does not reveal the length, so it is checked only if the caller states it.
fn check_length(length: Option<u64>) -> Result<(), CommandError> {
    let verifiable = Foreign::LENGTH;
    let is_verifiable = |length: u64| usize::try_from(length).is_ok_and(|length| verifiable.contains(&length));
    if length.is_none_or(is_verifiable) {
        return Ok(());
    }
    let (least, most) = (verifiable.start(), verifiable.end());
    let detail = format!(
        "A token of this length can never be verified: a third-party token must have {least} to {most} visible ASCII \
         characters, without spaces. Create a new token for its holder instead."
    );
    Err(CommandError::invalid_value("/length", detail))
}

/// The value is unknown, so the masked token shows the first characters of the digest.
fn hint(digest: Digest) -> String {
    let start: String = digest.to_string().chars().take(8).collect();
    format!("sha256:{start}…")
}
