//! Token usage: a count for each day, and the time of the last use.
//!
//! Verifiers count in memory and report sums. A report is not a change in the sense of the other commands: verifiers
//! need not see it, so there is no new generation and no registry record, and it has no audit row. Duplicate reports
//! are not detected: the control plane sends each report once, but other verifiers repeat reports that were not
//! acknowledged.

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

/// How many days counts are kept, including today.
const RETENTION: u64 = 90;

/// How many days are returned by default.
const SHOWN: u32 = 30;

/// The maximum number of entries of one report.
const MAX_USES: usize = 1_000;

/// A report as a table. The digest of a token value, current or replaced, identifies its token; that of a session value
/// identifies the token that opened the session. `token` is NULL for unknown digests.
const REPORTED: &str = "WITH reported AS (
    SELECT coalesce(tokens.number, replaced_texts.token, sessions.token) AS token, value ->> 1 AS day, value ->> 2 AS at,
        value ->> 3 AS count
    FROM json_each(?)
    LEFT JOIN tokens ON tokens.digest = unhex(value ->> 0)
    LEFT JOIN replaced_texts ON replaced_texts.digest = unhex(value ->> 0)
    LEFT JOIN sessions ON sessions.digest = unhex(value ->> 0)
)";

/// Adds a report of the control plane's verifier.
pub(crate) fn report(tx: &Transaction<'_>, ask: &ReportUses) -> Result<Reported, CommandError> {
    tx.authority.require_verifier()?;
    add(tx, &ask.uses)?;
    Ok(Reported {})
}

/// Adds usage counts and deletes some expired ones, because a workspace without other activity has no alarm to do that.
pub(crate) fn add(tx: &Transaction<'_>, uses: &[Uses]) -> Result<(), CommandError> {
    check::at_most(MAX_USES, uses.len(), "/uses", "uses")?;
    let reported = Value::json(&uses.iter().filter_map(|uses| placed(uses, tx.now)).collect::<Vec<_>>());
    // If the storage is nearly full, only days with an existing row are counted, which takes no space.
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

/// The entry with the day it counts for. Clocks of verifiers may be wrong: a time in the future is taken as now, and a
/// day that is no longer kept is ignored.
fn placed(uses: &Uses, now: Timestamp) -> Option<(Digest, u64, Timestamp, u32)> {
    let at = uses.last_used_at.min(now);
    let day = day_of(at);
    (day >= first_of(RETENTION, now)).then_some((uses.digest, day, at, uses.count))
}

pub(crate) fn read(tx: &Transaction<'_>, ask: &ReadUsage) -> Result<Usage, CommandError> {
    tx.authority.require(BuiltIn::TokensRead)?;
    let days = kept("/days", ask.days.unwrap_or(SHOWN))?;
    let token = find(tx, &ask.id)?.token;
    // Cast, because numbers may be bound as floats, and days are integers.
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

/// Adds to each token its usage on the last days, with a single query.
pub(super) fn add_to(tx: &Transaction<'_>, tokens: &mut [TokenView], days: u32) -> Result<(), CommandError> {
    let days = kept("/usage", days)?;
    let mut counts = vec![vec![0; usize::try_from(days).unwrap_or_default()]; tokens.len()];
    // Iterates by day and token, in the order of the key, so that rows of other tokens are not read.
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
        *place.ok_or_else(|| SqlError::new("a use of a token that was not requested"))? = count;
    }
    for (token, uses) in tokens.iter_mut().zip(counts) {
        token.daily_uses = Some(uses);
    }
    Ok(())
}

/// The number of days, if counts are kept that long.
fn kept(pointer: &str, days: u32) -> Result<u64, CommandError> {
    let days = u64::from(days);
    if (1..=RETENTION).contains(&days) {
        return Ok(days);
    }
    Err(CommandError::invalid_value(pointer, format!("The number of `days` must be 1 to {RETENTION}.")))
}

/// Deletes some expired days and returns when the next one expires.
pub(crate) fn sweep(sql: &dyn Sql, now: Timestamp) -> Result<Option<Timestamp>, SqlError> {
    let over = "DELETE FROM uses WHERE (day, token) IN (SELECT day, token FROM uses WHERE day < ? LIMIT ?)";
    sql.exec(over, &[first_of(RETENTION, now).into(), STEP.into()])?;
    let oldest: Option<u64> = sql.scalar("SELECT min(day) FROM uses", &[])?;
    Ok(oldest.map(|day| beginning(day + RETENTION)))
}

fn day_of(time: Timestamp) -> u64 {
    time.0 / DAY
}

/// The first of this many days, ending today.
fn first_of(days: u64, now: Timestamp) -> u64 {
    (day_of(now) + 1).saturating_sub(days)
}

fn beginning(day: u64) -> Timestamp {
    Timestamp(day.saturating_mul(DAY))
}
