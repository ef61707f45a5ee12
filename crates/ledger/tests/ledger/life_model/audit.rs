//! The audit log: one row for each change, and rows never change.

use std::collections::BTreeMap;

use counterfoil_verify::Timestamp;

use super::Life;
use crate::support::*;

impl Life {
    /// Reads the new audit rows and checks their number.
    pub(super) fn read_audit(&mut self, rows: u64) {
        let new = self.audit_after(self.last_row);
        assert_eq!(new.len() as u64, rows, "the number of audit rows does not match the changes");
        self.last_row = new.last_key_value().map_or(self.last_row, |(seq, _)| *seq);
        self.audit.extend(new);
    }

    pub(super) fn audit_after(&self, seq: u64) -> BTreeMap<u64, (Timestamp, String)> {
        let query = "SELECT seq, at, json_array(actor, actor_id, action, subject, before, after, request_id, address)
            FROM audit WHERE seq > ?";
        let rows = counterfoil_ledger::sql::Sql::exec(self.world.ledger.sql(), query, &[seq.into()]).unwrap();
        rows.into_iter().map(|mut row| (row.take().unwrap(), (row.take().unwrap(), row.take().unwrap()))).collect()
    }

    /// Only old audit rows are deleted, oldest first.
    pub(super) fn upkeep(&mut self) {
        self.world.ledger.upkeep(self.world.now).unwrap();
        let left = self.audit_after(0);
        let first = left.first_key_value().map_or(u64::MAX, |(seq, _)| *seq);
        let kept = self.audit.split_off(&first);
        let Self { audit: gone, retention, world, .. } = self;
        let may_go = |at: &Timestamp| retention.is_some_and(|days| at.plus(days * DAY) <= world.now);
        assert!(gone.values().all(|(at, _)| may_go(at)), "an audit row was removed too early");
        assert_eq!(left, kept, "audit rows were changed");
        self.audit = kept;
    }
}
