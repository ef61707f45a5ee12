//! What became of the texts that somebody may remember.

use super::{OwnedToken, text::ReplacedText};
use crate::sql::{Sql, SqlError};

/// Every text whose record has changed since that generation, with its token; nothing where those are more than `most`.
///
/// Left out is what nobody can remember wrongly: a text that has not changed since it was issued, and texts that their
/// owner's record revokes, since that record has changed. Not so a text that was issued after that generation and has
/// changed then: whoever asks may have met it while its question was on its way. Nor those of a member that was erased: what
/// is remembered of them may name somebody.
pub(crate) fn changed_since(sql: &dyn Sql, generation: u64, most: usize) -> Result<Option<Vec<OwnedToken>>, SqlError> {
    let limit = most as u64 + 1;
    let own = "WHERE tokens.version > ? AND tokens.version > tokens.issued
        AND (tokens.issued >= members.revoked_before OR members.erased_at IS NOT NULL) LIMIT ?";
    let mut changed = OwnedToken::select(sql, own, &[generation.into(), limit.into()])?;
    for text in ReplacedText::changed_since(sql, generation, limit)? {
        let token = OwnedToken::select(sql, "WHERE tokens.number = ?", &[text.token.into()])?.pop();
        changed.extend(token.map(|held| OwnedToken { replaced: Some(text), ..held }));
    }
    Ok(Some(changed).filter(|changed| changed.len() <= most))
}
