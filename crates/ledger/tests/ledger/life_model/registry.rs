//! The registry, and the outbox.

use core::mem::take;

use counterfoil_ledger::{outbox, sql::Sql as _};
use counterfoil_verify::{Demand, Encoded as _, Facts, OwnerRecord, TokenRecord, WorkspaceRecord, decide};

use super::{
    Life,
    checks::owner_of,
    steps::{Fault, Put},
};
use crate::support::*;

impl Life {
    /// A waiting record is never older than the previous one of its key, or newer than the last change.
    pub(super) fn check_outbox(&mut self) {
        for mut row in self.world.ledger.sql().exec("SELECT key, version FROM outbox", &[]).unwrap() {
            let (key, version) = (row.take().unwrap(), row.take().unwrap());
            let last = self.enqueued.insert(key, version).unwrap_or(0);
            assert!((last..=self.generation).contains(&version), "version {version} after {last}");
        }
    }

    pub(super) fn drain(&mut self, outcomes: &[Put], fault: Option<Fault>) {
        for put in take(&mut self.under_way) {
            self.world.ledger.outbox().done(&put, self.world.now).unwrap();
        }
        let due = self.world.ledger.outbox().due(self.world.now, outcomes.len()).unwrap();
        for (put, outcome) in due.iter().zip(outcomes) {
            assert_eq!(version_of(put), put.version, "a record contains another version");
            if !matches!(outcome, Put::Failed) {
                let held = self.registry.insert(put.key.clone(), (put.version, put.value.clone()));
                assert!(held.is_none_or(|(version, _)| version <= put.version), "an older version was written last");
            }
            if let Some(Fault::Statement(nth, when)) = fault {
                self.world.ledger.sql().fail(Some((nth, when)));
            }
            // Whatever happens to the report, the record is written again or was written.
            let outbox = self.world.ledger.outbox();
            let _ = match outcome {
                Put::Done => outbox.done(put, self.world.now),
                Put::Failed | Put::Unknown => outbox.failed(put, self.world.now),
                Put::Late => {
                    self.under_way.push(put.clone());
                    Ok(())
                }
                Put::Unreported => Ok(()),
            };
            self.world.ledger.sql().fail(None);
        }
        if outcomes.iter().any(|outcome| matches!(outcome, Put::Unreported)) {
            self.reopen();
        }
    }

    /// With a working registry all records are written, and decisions from them equal the ledger's.
    pub(super) fn settle(&mut self) {
        while let Some(due) = self.world.ledger.outbox().next_due(self.world.now).unwrap() {
            assert!(due.since(self.world.now) <= 60_000, "a record waits for more than a minute");
            self.world.now = due.max(self.world.now);
            self.drain(&[Put::Done; 20], None);
        }
        let digests: Vec<_> = self.texts.iter().map(|text| text.digest).collect();
        for part in digests.chunks(101) {
            let answer = self.records(part);
            let held = |path: String| self.registry.get(&path).unwrap().1.clone().unwrap();
            let workspace = WorkspaceRecord::decode(&held("w/0Ab3dE".to_owned())).unwrap();
            assert_eq!(Some(&workspace), answer.workspace.as_ref(), "the registry's workspace record differs");
            for owner in &answer.owners {
                let path = format!("o/0Ab3dE/{}", owner.number);
                assert_eq!(OwnerRecord::decode(&held(path)).as_ref(), Ok(owner), "the registry's owner record differs");
            }
            for (digest, record) in &answer.tokens {
                let record = record.as_ref().unwrap();
                let found = TokenRecord::decode(&held(format!("r/0Ab3dE/{digest}"))).unwrap();
                assert!(found.version <= record.version);
                let judge = |token| {
                    let facts = Facts { token, owner: owner_of(&answer, record), workspace: &workspace };
                    decide(facts, &Demand::of(key()), self.world.now)
                };
                assert_eq!(judge(&found), judge(record), "the registry's decision differs");
                // For a permanently revoked value, the reason does not matter.
                assert!(record.revoked || found == *record, "the registry's record differs");
            }
        }
    }
}

/// The version in the record itself.
fn version_of(put: &outbox::Put) -> u64 {
    let value = put.value.as_deref().unwrap();
    match put.key.as_bytes()[0] {
        b'r' => TokenRecord::decode(value).unwrap().version,
        b'o' => OwnerRecord::decode(value).unwrap().version,
        _ => WorkspaceRecord::decode(value).unwrap().version,
    }
}
