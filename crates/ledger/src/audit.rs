//! The audit: who did what to what, and from where.
//!
//! A change appends its row in its own transaction, so neither is ever there without the other. The table refuses
//! updates by itself. One row tells of no change: that somebody was not signed in, and why. Rows hold ids, digests and hints; the type of what is written has no room for a token's text.
//!
//! Rows are kept for as long as the workspace says. But there is a budget: beyond it the oldest go at once, with the row that
//! needs their room, so that the audit is never larger. The rows of two kinds have a bound of their own, and push out
//! none but their own: refused sign-ins, in which strangers have a hand, and changes of the catalogue, which are the largest.

use counterfoil_protocol::{
    BuiltIn,
    command::{AuditEntry, Listing, ReadAudit},
    command_error::CommandError,
    json,
};
use counterfoil_verify::Timestamp;
use serde_json::{Map, Value as Json};

use crate::{
    authority::Authority,
    columns::{Columns as _, columns, insert},
    cursor::{List, Window},
    rows::STEP,
    sql::{MAX_INTEGER, Sql, SqlError},
    times::DAY,
    transaction::Transaction,
};

/// What was changed, and how.
pub(crate) struct Change<'a> {
    /// `token.create`, `member.create`, …
    pub(crate) action: &'static str,
    /// The id of what was changed.
    pub(crate) subject: &'a str,
    /// What it was, as far as it changed; absent where it is new.
    pub(crate) before: Option<Json>,
    /// What it became, as far as it changed.
    pub(crate) after: Option<Json>,
}

/// The fields that differ: as they were, and as they are.
pub(crate) fn difference<const N: usize>(
    before: [(&str, Json); N],
    after: [(&str, Json); N],
) -> (Map<String, Json>, Map<String, Json>) {
    let (mut was, mut is) = (Map::new(), Map::new());
    for ((field, old), (_, new)) in before.into_iter().zip(after).filter(|((_, old), (_, new))| old != new) {
        was.insert(field.to_owned(), old);
        is.insert(field.to_owned(), new);
    }
    (was, is)
}

pub(crate) fn append(tx: &Transaction<'_>, change: Change<'_>) -> Result<(), CommandError> {
    let member = tx.authority.session().and(tx.authority.member()).map(|member| member.number);
    append_about(tx, change, member)
}

/// The same of a change that concerns a member's session.
pub(crate) fn append_about(tx: &Transaction<'_>, change: Change<'_>, member: Option<u64>) -> Result<(), CommandError> {
    let actor = match &tx.authority {
        Authority::Root => "root",
        Authority::SignIn => "sign_in",
        Authority::Person(_) => "session",
        Authority::Bearer(bearer) if bearer.session.is_some() => "session",
        Authority::Bearer(_) => "token",
        Authority::Verifier => return Err(CommandError::internal("a verifier has changed something")),
    };
    let [before, after] = [change.before, change.after].map(|json| json.map(|json| json.to_string()));
    let added = FIXED + [&before, &after].into_iter().flatten().map(|text| text.len() as u64).sum::<u64>();
    insert!(tx.sql, "audit" {
        at: tx.now, actor: actor, actor_id: tx.authority.id(), action: change.action, subject: change.subject,
        before: before, after: after, request_id: tx.request_id,
        address: tx.address.map(|address| address.to_string()), member: member,
    })?;
    Ok(make_room(tx, added)?)
}

/// What a row counts beside its details, in bytes; the schema's triggers say the same.
const FIXED: u64 = 400;

/// How many rows about the catalogue are kept: the oldest go first.
const CATALOGUES: u64 = 10_000;

/// Tells of a part of the catalogue, as it was and as it is.
pub(crate) fn append_catalogue(tx: &Transaction<'_>, before: Vec<Json>, after: Vec<Json>) -> Result<(), CommandError> {
    let (subject, before, after) = (tx.workspace.key.as_str(), Some(before.into()), Some(after.into()));
    append(tx, Change { action: "scopes.replace", subject, before, after })?;
    // The action stands in the text, so that its index is used.
    tx.sql.exec(
        "DELETE FROM audit WHERE action = 'scopes.replace' AND seq <= (
            SELECT seq FROM audit WHERE action = 'scopes.replace' ORDER BY seq DESC LIMIT 1 OFFSET ?)",
        &[CATALOGUES.into()],
    )?;
    Ok(())
}

/// Removes the oldest rows where all of them take up more than they may; and where the storage is nearly full, as much as
/// was `added`, as far as there are rows from before. The largest row takes the place of a few hundred small ones at most.
fn make_room(tx: &Transaction<'_>, added: u64) -> Result<(), SqlError> {
    let spent = tx.sql.one::<u64>("SELECT bytes FROM spent WHERE what = 'audit' AND member = 0", &[])?;
    let over =
        spent.unwrap_or(0).saturating_sub(tx.storage.of_audit()).max(if tx.storage.is_full() { added } else { 0 });
    if over == 0 {
        return Ok(());
    }
    let oldest = format!(
        "SELECT seq, {FIXED} + coalesce(length(CAST(before AS BLOB)), 0) + coalesce(length(CAST(after AS BLOB)), 0)
         FROM audit WHERE seq <= ? AND seq < (SELECT max(seq) FROM audit) ORDER BY seq LIMIT ?"
    );
    let (mut last, mut freed) = (0, 0);
    for (seq, bytes) in tx.sql.all::<(u64, u64)>(&oldest, &[tx.storage.audited().into(), STEP.into()])? {
        if freed >= over {
            break;
        }
        last = seq;
        freed += bytes;
    }
    tx.sql.exec("DELETE FROM audit WHERE seq <= ?", &[last.into()])?;
    Ok(())
}

/// How often one reason at one provider is told, in milliseconds.
const REFUSAL_PAUSE: u64 = 60 * 1_000;
/// How many refusals are kept: the oldest go first.
const REFUSALS: u64 = 1_000;
/// So many rows are looked through for an equal one: more than all reasons of all providers are within the pause.
const RECENT_REFUSALS: u64 = 64;

/// Writes down that nobody was signed in, if that was not told just now, and says whether it did. These are the only rows
/// that strangers have a hand in: they are rare, few, and go first.
pub(crate) fn append_refusal(tx: &Transaction<'_>, after: Json) -> Result<bool, CommandError> {
    // The action stands in the text, so that its index is used.
    let same = "SELECT 1 FROM (SELECT at, after FROM audit WHERE action = 'session.refuse' ORDER BY seq DESC LIMIT ?)
        WHERE at > ? AND after = ?";
    let since = Timestamp(tx.now.0.saturating_sub(REFUSAL_PAUSE));
    if tx.sql.any(same, &[RECENT_REFUSALS.into(), since.into(), after.to_string().into()])? {
        return Ok(false);
    }
    let subject = tx.workspace.key.as_str();
    append(tx, Change { action: "session.refuse", subject, before: None, after: Some(after) })?;
    tx.sql.exec(
        "DELETE FROM audit WHERE action = 'session.refuse' AND seq <= (
            SELECT seq FROM audit WHERE action = 'session.refuse' ORDER BY seq DESC LIMIT 1 OFFSET ?)",
        &[REFUSALS.into()],
    )?;
    Ok(true)
}

/// The newest first. An admin sees all of it; others what they did, and what was done to their tokens and sessions.
pub(crate) fn read(tx: &Transaction<'_>, ask: &ReadAudit) -> Result<Listing<AuditEntry>, CommandError> {
    tx.authority.require(BuiltIn::AuditRead)?;
    let window = Window::of(&ask.page, List::Audit)?;
    let (mut conditions, mut values) = (Vec::new(), Vec::new());
    if let Some(subject) = &ask.subject {
        conditions.push("subject = ?");
        values.push(subject.into());
    }
    match ask.actor.as_deref() {
        None => {}
        // These have no id.
        Some(name @ ("root" | "sign_in")) => {
            conditions.push("actor = ?");
            values.push(name.into());
        }
        Some(id) => {
            conditions.push("actor_id = ?");
            values.push(id.into());
        }
    }
    if !tx.authority.is_admin() {
        let own = tx.authority.member().map_or(0, |own| own.number);
        conditions.push(
            "(actor_id IN (SELECT id FROM tokens WHERE owner = ?) OR subject IN (SELECT id FROM tokens WHERE owner = ?)
                OR member = ?)",
        );
        values.extend([own.into(), own.into(), own.into()]);
    }
    conditions.push("seq < ?");
    let conditions = conditions.join(" AND ");

    let all = [&values[..], &[MAX_INTEGER.into()]].concat();
    let total = AuditRow::count(tx.sql, &format!("WHERE {conditions}"), &all)?;
    values.extend([window.after.unwrap_or(MAX_INTEGER).into(), window.rows().into()]);
    let page = format!("WHERE {conditions} ORDER BY seq DESC LIMIT ?");
    let rows = AuditRow::select(tx.sql, &page, &values)?.into_iter().map(AuditRow::entry);
    Ok(window.page(rows.collect::<Result<_, _>>()?, total))
}

/// What is shown of a row.
struct AuditRow {
    seq: u64,
    at: Timestamp,
    actor_id: Option<String>,
    actor: String,
    action: String,
    subject: String,
    before: Option<String>,
    after: Option<String>,
    request_id: String,
    address: Option<String>,
}

columns!(AuditRow: "audit" {
    seq, at, actor_id, actor, action, subject, before, after, request_id, address,
});

impl AuditRow {
    fn entry(self) -> Result<(u64, AuditEntry), SqlError> {
        let json = |text: Option<String>| {
            let json = text.map(|text| json::parse(text.as_bytes())).transpose();
            json.map_err(|_| SqlError::new("an audit row holds unexpected JSON"))
        };
        let entry = AuditEntry {
            seq: self.seq,
            at: self.at,
            actor: self.actor_id.unwrap_or(self.actor),
            action: self.action,
            subject: self.subject,
            before: json(self.before)?,
            after: json(self.after)?,
            request_id: self.request_id,
            address: self.address.and_then(|address| address.parse().ok()),
        };
        Ok((self.seq, entry))
    }
}

/// Removes some of the rows that are older than the workspace keeps them, and says when the next one is.
///
/// Rows lie in the order of their time, but for a clock that was set back: then one goes later than it might, none
/// earlier.
pub(crate) fn retire(sql: &dyn Sql, days: Option<u64>, now: Timestamp) -> Result<Option<Timestamp>, SqlError> {
    let Some(kept) = days.map(|days| days.saturating_mul(DAY)) else { return Ok(None) };
    let oldest = sql.all::<(u64, Timestamp)>("SELECT seq, at FROM audit ORDER BY seq LIMIT ?", &[STEP.into()])?;
    let mut last = None;
    for (seq, at) in oldest {
        if at.plus(kept) > now {
            break;
        }
        last = Some(seq);
    }
    if let Some(seq) = last {
        sql.exec("DELETE FROM audit WHERE seq <= ?", &[seq.into()])?;
    }
    let next: Option<Timestamp> = sql.one("SELECT at FROM audit ORDER BY seq LIMIT 1", &[])?;
    Ok(next.map(|at| at.plus(kept)))
}
