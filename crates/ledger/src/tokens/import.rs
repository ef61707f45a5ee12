//! Importing tokens that were issued elsewhere, by the digests of their texts.
//!
//! The lines are worked through one after the other, each by the rules of a new token, and what one adds is there for the
//! next: so a digest or a pin is taken once, however often the call names it. Only at the end is it looked whether the
//! quotas hold them all; where not, the transaction takes everything back.

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
    text::Text,
};
use crate::{
    check,
    columns::update,
    idempotency::Repeatable,
    limits::Limits,
    mint::Mint,
    rows::{Carried, MemberRow, ScopeCatalogue, WorkspaceRow, is_taken},
    transaction::Transaction,
};

/// The most lines of one import.
const MAX_LINES: usize = 10_000;

impl Repeatable for ImportTokens {
    const NEEDS: BuiltIn = BuiltIn::TokensImport;

    fn check_told(&self, tx: &Transaction<'_>, reply: &str) -> Result<(), CommandError> {
        let told: Imported =
            json::read(reply.as_bytes()).ok_or_else(|| CommandError::internal("what was answered cannot be read"))?;
        let (limits, catalogue) = (Limits::of(&tx.authority), ScopeCatalogue::load(tx.sql)?);
        let mut imported = self.lines.iter().zip(&told.lines).filter(|(_, outcome)| outcome.is_ok());
        imported.try_for_each(|(line, _)| check_rights(tx, &limits, &catalogue, &line.token))
    }
}

pub(crate) fn import(tx: &Transaction<'_>, mint: &mut Mint<'_>, ask: ImportTokens) -> Result<Imported, CommandError> {
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
        lines.push(match import.line(mint, line) {
            Err(failure @ CommandError::Internal { .. }) => return Err(failure),
            outcome => outcome,
        });
    }
    import.finish()?;
    Ok(Imported { lines })
}

/// An import under way.
struct Import<'a> {
    tx: &'a Transaction<'a>,
    limits: Limits,
    catalogue: ScopeCatalogue,
    /// The generation of this change, from the first line on that is imported.
    generation: Option<u64>,
    /// Those who own imported tokens, by number.
    owners: BTreeMap<u64, MemberRow>,
}

impl Import<'_> {
    /// Imports one line and gives the new token's id. A line that is refused has written nothing.
    fn line(&mut self, mint: &mut Mint<'_>, line: ImportLine) -> Result<String, CommandError> {
        check_length(line.length)?;
        let draft = draft(self.tx, &self.limits, &self.catalogue, line.token)?;
        if is_taken(self.tx.sql, line.digest)? {
            return Err(CommandError::already_exists("token", "digest"));
        }
        let generation = match self.generation {
            Some(generation) => generation,
            None => *self.generation.insert(self.tx.next_generation()?),
        };
        let weak = if line.weak { Carried::InTheHouse } else { Carried::Everywhere };
        let text = Text { digest: line.digest, hint: hint(line.digest), seal_epoch: None, weak };
        let added = add(self.tx, mint.token_id(self.tx.now), text, generation, draft, "token.import")?;
        self.owners.insert(added.owner.number, added.owner);
        Ok(added.token.id)
    }

    fn finish(self) -> Result<(), CommandError> {
        let workspace = &self.tx.workspace;
        for owner in self.owners.values() {
            check_room(self.tx, workspace, owner, 0)?;
        }
        let Some(version) = self.generation.filter(|_| !workspace.has_imports) else { return Ok(()) };
        // From now on verifiers look foreign texts up.
        update!(self.tx.sql, "workspace" { has_imports: true, version: version })?;
        self.tx.publish_workspace(&WorkspaceRow { version, has_imports: true, ..workspace.clone() })
    }
}

/// A text of another length is malformed wherever it is presented: to import it would be to promise what cannot be kept. A
/// digest tells nothing of the text, so that this is known only where the caller says it.
fn check_length(length: Option<u64>) -> Result<(), CommandError> {
    let verifiable = Foreign::LENGTH;
    let is_verifiable = |length: u64| usize::try_from(length).is_ok_and(|length| verifiable.contains(&length));
    if length.is_none_or(is_verifiable) {
        return Ok(());
    }
    let (least, most) = (verifiable.start(), verifiable.end());
    let detail = format!(
        "A text of this length can never be verified: a token that was issued elsewhere has {least} to {most} visible ASCII \
         characters, no space among them. Issue its bearer a new token instead."
    );
    Err(CommandError::invalid_value("/length", detail))
}

/// Nobody here has seen the text: it is recognised by the first characters of its digest.
fn hint(digest: Digest) -> String {
    let start: String = digest.to_string().chars().take(8).collect();
    format!("sha256:{start}…")
}
