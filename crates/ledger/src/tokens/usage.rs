//! Uses of tokens: how many on each day, and when the last one was.
//!
//! Verifiers count them in memory and report sums. To add a sum up is no change in the sense of the other commands:
//! verification need not see it, so there is no new generation and nothing for the registry; and nobody did it, so the
//! audit has no row. Nothing here tells one report from another:
//! the control plane sends each once, gateways elsewhere again where they had no answer.

use counterfoil_protocol::{
    BuiltIn,
    command::{DayOfUse, ReadUsage, ReportUses, Reported, TokenView, Usage, Uses},
    command_error::CommandError,
};
use counterfoil_token::Digest;
use counterfoil_verify::Timestamp;

use super::read::find;
use crate::{
    check,
    rows::STEP,
    sql::{MAX_INTEGER, Sql, SqlError, Value},
    times::DAY,
    transaction::Transaction,
};

/// For how many days counts are kept, today included.
const KEPT: u64 = 90;

/// How many days are shown where nothing is said.
const SHOWN: u32 = 30;

/// The most uses in one report.
const MAX_USES: usize = 1_000;

/// A report as a table. A text leads to its token, also one that rotation replaced, and so does that of a session, which
/// is its token's use; `token` is NULL where nobody has the text.
const REPORTED: &str = "WITH reported AS (
    SELECT coalesce(tokens.number, replaced_texts.token, sessions.token) AS token, value ->> 1 AS day, value ->> 2 AS at,
        value ->> 3 AS count
    FROM json_each(?)
    LEFT JOIN tokens ON tokens.digest = unhex(value ->> 0)
    LEFT JOIN replaced_texts ON replaced_texts.digest = unhex(value ->> 0)
    LEFT JOIN sessions ON sessions.digest = unhex(value ->> 0)
)";

/// Adds up what the control plane's verifier reports.
pub(crate) fn report(tx: &Transaction<'_>, ask: &ReportUses) -> Result<Reported, CommandError> {
    tx.authority.require_verifier()?;
    add(tx, &ask.uses)?;
    Ok(Reported {})
}

/// Adds up uses, and forgets some of what is too old: where tokens are used and nothing else ever happens, no alarm would.
pub(crate) fn add(tx: &Transaction<'_>, uses: &[Uses]) -> Result<(), CommandError> {
    check::at_most(MAX_USES, uses.len(), "/uses", "uses")?;
    let reported = Value::json(&uses.iter().filter_map(|uses| placed(uses, tx.now)).collect::<Vec<_>>());
    // Where the storage is nearly full, uses count on days on which the token was used before: that takes no room.
    let counted = "AND EXISTS (SELECT 1 FROM uses WHERE uses.day = reported.day AND uses.token = reported.token)";
    let counted = if tx.storage.is_full() { counted } else { "" };
    let add = format!(
        "{REPORTED} INSERT INTO uses (day, token, count)
         SELECT day, token, sum(count) FROM reported WHERE token IS NOT NULL {counted} GROUP BY day, token
         ON CONFLICT (day, token) DO UPDATE SET count = min(uses.count + excluded.count, {MAX_INTEGER})"
    );
    tx.sql.exec(&add, std::slice::from_ref(&reported))?;
    let touch = format!(
        "{REPORTED} UPDATE tokens SET last_used_at = latest.at
         FROM (SELECT token, max(at) AS at FROM reported WHERE token IS NOT NULL GROUP BY token) AS latest
         WHERE tokens.number = latest.token AND coalesce(tokens.last_used_at < latest.at, true)"
    );
    tx.sql.exec(&touch, &[reported])?;
    sweep(tx.sql, tx.now)?;
    Ok(())
}

/// Uses with the day they count for. Clocks elsewhere may be wrong: what has not come yet is now, and a day that is no
/// longer kept is passed over.
fn placed(uses: &Uses, now: Timestamp) -> Option<(Digest, u64, Timestamp, u32)> {
    let at = uses.last_used_at.min(now);
    let day = day_of(at);
    (day >= first_of(KEPT, now)).then_some((uses.digest, day, at, uses.count))
}

pub(crate) fn read(tx: &Transaction<'_>, ask: &ReadUsage) -> Result<Usage, CommandError> {
    tx.authority.require(BuiltIn::TokensRead)?;
    let days = kept("/days", ask.days.unwrap_or(SHOWN))?;
    let token = find(tx, &ask.id)?.token;
    // Whatever a number was bound as, the days are integers.
    let each = "WITH RECURSIVE shown (day) AS (
            SELECT CAST(? AS INTEGER) UNION ALL SELECT day + 1 FROM shown WHERE day < ?)
        SELECT shown.day, coalesce(uses.count, 0)
        FROM shown LEFT JOIN uses ON uses.day = shown.day AND uses.token = ? ORDER BY shown.day";
    let (first, last) = (first_of(days, tx.now), day_of(tx.now));
    let days = tx.sql.all::<(u64, u64)>(each, &[first.into(), last.into(), token.number.into()])?;
    let items: Vec<_> = days.into_iter().map(|(day, uses)| DayOfUse { day: beginning(day), uses }).collect();
    let total = items.iter().fold(0, |total: u64, day| total.saturating_add(day.uses));
    Ok(Usage { items, total, last_used_at: token.last_used_at })
}

/// Tells each of these tokens' uses on the last days, all of them in one question.
pub(super) fn tell(tx: &Transaction<'_>, tokens: &mut [TokenView], days: u32) -> Result<(), CommandError> {
    let days = kept("/usage", days)?;
    let mut counts = vec![vec![0; usize::try_from(days).unwrap_or_default()]; tokens.len()];
    // Day by day and token by token, as the key has them: other tokens' uses are not even looked at.
    let each = "WITH RECURSIVE shown (day, place) AS (
            SELECT CAST(? AS INTEGER), 0 UNION ALL SELECT day + 1, place + 1 FROM shown WHERE day < ?)
        SELECT asked.key, shown.place, uses.count
        FROM shown CROSS JOIN json_each(?) AS asked CROSS JOIN uses
        WHERE uses.day = shown.day AND uses.token = asked.value";
    let numbers = Value::json(&tokens.iter().map(|token| token.number).collect::<Vec<_>>());
    let (first, last) = (first_of(days, tx.now).into(), day_of(tx.now).into());
    for (token, day, count) in tx.sql.all::<(u64, u64, _)>(each, &[first, last, numbers])? {
        let place = usize::try_from(token).ok().and_then(|token| counts.get_mut(token));
        let place = place.zip(usize::try_from(day).ok()).and_then(|(days, day)| days.get_mut(day));
        *place.ok_or_else(|| SqlError::new("a use of a token that was not asked for"))? = count;
    }
    for (token, uses) in tokens.iter_mut().zip(counts) {
        token.daily_uses = Some(uses);
    }
    Ok(())
}

/// So many days, if that many are kept.
fn kept(pointer: &str, days: u32) -> Result<u64, CommandError> {
    let days = u64::from(days);
    if (1..=KEPT).contains(&days) {
        return Ok(days);
    }
    Err(CommandError::invalid_value(pointer, format!("Ask for 1 to {KEPT} days.")))
}

/// Forgets some of the days that are no longer kept, and says when the next one is not.
pub(crate) fn sweep(sql: &dyn Sql, now: Timestamp) -> Result<Option<Timestamp>, SqlError> {
    let over = "DELETE FROM uses WHERE (day, token) IN (SELECT day, token FROM uses WHERE day < ? LIMIT ?)";
    sql.exec(over, &[first_of(KEPT, now).into(), STEP.into()])?;
    let oldest: Option<u64> = sql.scalar("SELECT min(day) FROM uses", &[])?;
    Ok(oldest.map(|day| beginning(day + KEPT)))
}

fn day_of(time: Timestamp) -> u64 {
    time.0 / DAY
}

/// The first of so many days, of which today is the last.
fn first_of(days: u64, now: Timestamp) -> u64 {
    (day_of(now) + 1).saturating_sub(days)
}

fn beginning(day: u64) -> Timestamp {
    Timestamp(day.saturating_mul(DAY))
}
