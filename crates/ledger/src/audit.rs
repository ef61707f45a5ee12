//! The audit log: which actor changed what, when, and from which address.
//!
//! A change and its audit row are written in the same transaction, so neither exists without the other. The table
//! rejects updates. One kind of row records no change: a refused sign-in and its reason. Rows contain ids, digests and
//! masked tokens; the type of what is written has no field for a token value.
//!
//! The workspace sets the retention. In addition the log has a size limit: a row that exceeds it deletes the oldest
//! rows in the same transaction. Two kinds of rows have a limit of their own, beyond which they displace only rows of
//! their kind: refused sign-ins, which outsiders can cause, and changes of the catalogue, which are the largest.

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
    cursor::{Count, List, Window},
    rows::STEP,
    sql::{MAX_INTEGER, Sql, SqlError, Value},
    times::DAY,
    transaction::Transaction,
};

/// A change to record.
pub(crate) struct Change<'a> {
    /// `token.create`, `member.create`, …
    pub(crate) action: &'static str,
    /// The id of the changed object.
    pub(crate) subject: &'a str,
    /// The previous values of the changed fields; absent for a new object.
    pub(crate) before: Option<Json>,
    /// The new values of the changed fields.
    pub(crate) after: Option<Json>,
}

/// The fields that differ: previous values and new values.
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

/// Appends a change that concerns a member's session.
pub(crate) fn append_about(tx: &Transaction<'_>, change: Change<'_>, member: Option<u64>) -> Result<(), CommandError> {
    let actor = match &tx.authority {
        Authority::Root => "root",
        Authority::SignIn => "sign_in",
        Authority::MemberSession(_) => "session",
        Authority::Bearer(bearer) if bearer.session.is_some() => "session",
        Authority::Bearer(_) => "token",
        Authority::Verifier => return Err(CommandError::internal("a verifier made a change")),
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

/// The size of a row without its details, in bytes. The schema's triggers use the same number.
const FIXED: u64 = 400;

/// The maximum number of rows about the catalogue. The oldest are deleted first.
const CATALOGUES: u64 = 10_000;

/// Records a change of a part of the catalogue.
pub(crate) fn append_catalogue(tx: &Transaction<'_>, before: Vec<Json>, after: Vec<Json>) -> Result<(), CommandError> {
    let (subject, before, after) = (tx.workspace.key.as_str(), Some(before.into()), Some(after.into()));
    append(tx, Change { action: "scopes.replace", subject, before, after })?;
    // The action is a literal in the statement, so that SQLite uses its partial index.
    tx.sql.exec(
        "DELETE FROM audit WHERE action = 'scopes.replace' AND seq <= (
            SELECT seq FROM audit WHERE action = 'scopes.replace' ORDER BY seq DESC LIMIT 1 OFFSET ?)",
        &[CATALOGUES.into()],
    )?;
    Ok(())
}

/// Deletes the oldest rows if the audit log exceeds its size limit. If the storage is nearly full, it also frees as
/// much as was `added`, as far as rows that precede the command suffice. The largest row displaces a few hundred small
/// ones at most.
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

/// The minimum interval between two rows with the same reason and provider, in milliseconds.
const REFUSAL_PAUSE: u64 = 60 * 1_000;
/// The maximum number of refused sign-ins. The oldest are deleted first.
const REFUSALS: u64 = 1_000;
/// How many recent rows are searched for an equal one. All reasons of all providers within the interval are fewer.
const RECENT_REFUSALS: u64 = 64;

/// Records a refused sign-in unless an equal one was just recorded, and returns whether it did. These are the only rows
/// that outsiders can cause, so they are rate limited, few, and displace only each other.
pub(crate) fn append_refusal(tx: &Transaction<'_>, after: Json) -> Result<bool, CommandError> {
    // The action is a literal in the statement, so that SQLite uses its partial index.
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

/// The newest rows first. Admins see all rows; other members see their own actions, and those on their tokens and
/// sessions.
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
        // These actors have no id.
        Some(name @ ("root" | "sign_in")) => {
            conditions.push("actor_id IS NULL AND actor = ?");
            values.push(name.into());
        }
        Some(id) => {
            conditions.push("actor_id = ?");
            values.push(id.into());
        }
    }
    let seqs = Seqs {
        conditions: conditions.join(" AND "),
        values,
        own: if tx.authority.is_admin() { None } else { Some(tx.authority.member().map_or(0, |own| own.number)) },
    };

    let (all, values) = seqs.before(MAX_INTEGER);
    let total = if seqs.is_everything() { Count::exact(recorded(tx.sql)?) } else { Count::of(tx.sql, &all, &values)? };
    let (page, mut values) = seqs.before(window.after.unwrap_or(MAX_INTEGER));
    values.push(window.rows().into());
    let page = format!("WHERE seq IN ({page} LIMIT ?) ORDER BY seq DESC");
    let rows = AuditRow::select(tx.sql, &page, &values)?.into_iter().map(AuditRow::entry);
    Ok(window.page(rows.collect::<Result<_, _>>()?, total))
}

/// The number of rows.
fn recorded(sql: &dyn Sql) -> Result<u64, SqlError> {
    let rows = sql.one("SELECT rows FROM spent WHERE what = 'audit' AND member = 0", &[])?;
    Ok(rows.unwrap_or(0))
}

/// Which rows are read.
struct Seqs {
    conditions: String,
    values: Vec<Value>,
    /// The member whose own rows are read; absent: all rows.
    own: Option<u64>,
}

impl Seqs {
    fn is_everything(&self) -> bool {
        self.conditions.is_empty() && self.own.is_none()
    }

    /// The query for the rows before one, the newest first, with its values. A limit may follow.
    fn before(&self, seq: u64) -> (String, Vec<Value>) {
        // One query for each index.
        let own: &[&str] = match self.own {
            None => &[""],
            Some(_) => &[
                "actor_id IN (SELECT id FROM tokens WHERE owner = ?)",
                "subject IN (SELECT id FROM tokens WHERE owner = ?)",
                "member = ?",
            ],
        };
        let (mut queries, mut all) = (Vec::new(), Vec::new());
        for own in own {
            let conditions = [*own, &*self.conditions, "seq < ?"];
            let conditions: Vec<_> = conditions.into_iter().filter(|condition| !condition.is_empty()).collect();
            queries.push(format!("SELECT seq FROM audit WHERE {}", conditions.join(" AND ")));
            all.extend(self.own.map(Value::from));
            all.extend_from_slice(&self.values);
            all.push(seq.into());
        }
        (format!("{} ORDER BY seq DESC", queries.join(" UNION ")), all)
    }
}

/// The visible columns of a row.
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

/// Deletes some of the rows that exceed the retention, and returns when the next one does.
///
/// Rows are in chronological order unless the clock was set back. In that case a row may be deleted late, but never
/// early.
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
