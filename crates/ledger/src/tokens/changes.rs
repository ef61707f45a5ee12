//! What became of the texts that somebody may remember.

use super::{OwnedToken, text::ReplacedText};
use crate::sql::{Sql, SqlError};

/// Every text issued by that generation whose record has changed since, with its token; nothing where those are more than
/// `most`. Texts that their owner's record revokes, whatever their own says, are left out: that record has changed.
pub(crate) fn changed_since(sql: &dyn Sql, generation: u64, most: usize) -> Result<Option<Vec<OwnedToken>>, SqlError> {
    let limit = most as u64 + 1;
    let values = [generation.into(), generation.into(), limit.into()];
    let own = "WHERE tokens.version > ? AND tokens.issued <= ? AND tokens.issued >= members.revoked_before LIMIT ?";
    let mut changed = OwnedToken::select(sql, own, &values)?;
    for text in ReplacedText::changed_since(sql, generation, limit)? {
        let token = OwnedToken::select(sql, "WHERE tokens.number = ?", &[text.token.into()])?.pop();
        changed.extend(token.map(|held| OwnedToken { replaced: Some(text), ..held }));
    }
    Ok(Some(changed).filter(|changed| changed.len() <= most))
}
