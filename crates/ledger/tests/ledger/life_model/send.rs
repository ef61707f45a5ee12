//! Sending commands to the ledger, and the invariants of every reply.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::Path,
};

use counterfoil_ledger::{Context, Ledger, native::NativeSql};
use counterfoil_protocol::{Answered, CommandError, command::*, command_error::ForbiddenCode, reply_json};
use counterfoil_token::Digest;
use serde_json::Value as Json;

use super::{COUNTS, Kept, Life, ceiling::PLACES, json_of, parsed, steps::Fault};
use crate::support::*;

impl Life {
    /// Executes a command. If it is refused or fails, it must not have changed anything.
    pub(super) fn send(&mut self, actor: Actor, key: Option<u8>, command: Json, fault: Option<Fault>, thorough: bool) {
        let ceiling = self.ceiling(actor);
        let place = key.map(|key| {
            let who = ceiling.acts_as.map_or("root".to_owned(), |(token, _)| self.tokens[token].id.clone());
            (who, kind(&command).to_owned(), format!("k{key}"))
        });
        let (stamp, dump) = (self.stamp(), (thorough || fault.is_some()).then(|| self.world.dump()));
        let outcome = self.execute(actor, key, &command, fault);
        COUNTS.set((COUNTS.get().0 + 1, COUNTS.get().1));

        if !matches!(outcome, Ok(Ok(Answered { repeated: false, .. }))) {
            assert_eq!(self.stamp(), stamp, "a refused or failed command changed something");
            if let Some(dump) = dump {
                assert_eq!(self.world.dump(), dump, "a refused or failed command changed something");
            }
        }
        let Ok(outcome) = outcome else { return };
        let now = self.world.now;
        let known = place.as_ref().and_then(|place| self.kept.get(place)).filter(|kept| now.since(kept.at) < DAY);
        let valid = ceiling.acts_as.is_none() || self.is_valid(actor);
        match outcome {
            Err(CommandError::Unauthenticated { .. }) => assert!(!valid, "a valid token value was refused"),
            Err(CommandError::IdempotencyMismatch) => {
                assert!(known.is_some_and(|kept| kept.command != command), "the key was not used by another command");
            }
            Err(CommandError::Internal { detail }) => panic!("{detail}"),
            Err(CommandError::Forbidden { code: ForbiddenCode::ReplacedText, .. }) => {
                assert!(valid && ceiling.replaced.is_some(), "the current token value was treated as replaced");
            }
            Err(refusal) => {
                assert!(valid);
                if known.is_some_and(|kept| kept.sure && kept.command == command) {
                    // An actor that may not execute it any more does not get the stored reply.
                    let of_rights = matches!(
                        refusal,
                        CommandError::MissingScope { .. }
                            | CommandError::Forbidden { .. }
                            | CommandError::NotFound { .. }
                    );
                    let anew = self.execute(actor, None, &command, None);
                    assert!(of_rights && matches!(anew, Ok(Err(_))), "a repeated command was refused: {refusal:?}");
                }
            }
            Ok(Answered { repeated: true, reply, safe_in, .. }) => {
                assert!(safe_in.is_some(), "a repeated command must assume the longest wait");
                let known = known.unwrap();
                assert!(valid && known.command == command);
                assert_eq!(reply, known.reply, "the same command had two replies");
            }
            Ok(Answered { repeated: false, reply, safe_in, .. }) => {
                assert_eq!(safe_in.is_some(), key.is_some(), "`safe_in` is present exactly on request");
                assert!(valid, "an invalid token value was accepted");
                assert!(known.is_none_or(|kept| !kept.sure), "a repeated command took effect twice");
                COUNTS.set((COUNTS.get().0, COUNTS.get().1 + 1));
                let rows = self.apply(&ceiling, &command, &reply);
                self.read_audit(rows);
                if let (Some(place), Some(reply)) = (place, kept_of(&command, reply)) {
                    self.last = Some((actor, key.unwrap(), command.clone()));
                    self.kept.insert(place, Kept { command, at: now, reply, sure: true });
                }
            }
        }
    }

    /// The outcome of the command; `Err` if a fault occurred.
    pub(super) fn execute(
        &mut self,
        actor: Actor,
        under: Option<u8>,
        command: &Json,
        fault: Option<Fault>,
    ) -> Result<Result<Answered<Json>, CommandError>, ()> {
        let request = Request {
            workspace: key(),
            actor,
            request_id: "life".to_owned(),
            address: PLACES[0].parse().ok(),
            idempotency_key: under.map(|key| IdempotencyKey::try_from(format!("k{key}")).unwrap()),
            origin: None,
            if_version: None,
            // Repeated commands use `wait`.
            wait: under.is_some(),
            command: parsed(command),
        };
        let World { random, ledger, now, seal_secrets, session_secrets, .. } = &mut self.world;
        let sql = ledger.sql();
        if let Some(Fault::Statement(nth, when)) = fault {
            sql.fail(Some((nth, when)));
        }
        let mut draw = |bytes: &mut [u8]| match fault {
            Some(Fault::Crash) => resume_unwind(Box::new(())),
            _ => random.fill(bytes),
        };
        let context = Context { now: *now, random: &mut draw, seal_secrets, session_secrets, snapshot_secrets: &[] };
        let Ok(outcome) = catch_unwind(AssertUnwindSafe(|| handle(ledger, &request, context))) else {
            assert!(matches!(fault, Some(Fault::Crash)), "the ledger panicked");
            self.reopen();
            return Err(());
        };
        let struck = matches!(fault, Some(Fault::Statement(..))) && !sql.is_fault_ahead();
        sql.fail(None);
        if struck {
            assert!(matches!(outcome, Err(CommandError::Internal { .. })), "a failing statement was not reported");
            return Err(());
        }
        Ok(outcome)
    }

    /// The process ends, and a new one opens its database.
    pub(super) fn reopen(&mut self) {
        let sql = NativeSql::open(Path::new(&self.database)).unwrap();
        drop(core::mem::replace(&mut self.world.ledger, Ledger::open(NativeSql::in_memory().unwrap()).unwrap()));
        self.world.ledger = Ledger::open(sql).unwrap();
        // The outcomes of pending writes are lost.
        self.under_way.clear();
    }

    pub(super) fn records(&mut self, digests: &[Digest]) -> Recorded {
        let command = json_of(Records { digests: digests.to_vec() });
        parsed(&self.execute(Actor::Verifier, None, &command, None).unwrap().unwrap().reply)
    }

    /// Everything in the database that changes with any change, except its bytes.
    pub(super) fn stamp(&self) -> Vec<String> {
        let counts = "SELECT (SELECT generation || ' ' || last_number || ' ' || version FROM workspace)
            || ' ' || (SELECT count(*) || ' ' || total(version) || ' ' || total(revoked_at) FROM tokens)
            || ' ' || (SELECT count(*) || ' ' || total(version) || ' ' || total(due_at) FROM outbox)
            || ' ' || (SELECT count(*) || ' ' || total(valid_until) FROM replaced_texts)
            || ' ' || (SELECT count(*) || ' ' || total(version) FROM members)
            || ' ' || (SELECT count(*) || ' ' || total(created_at) FROM idempotency)
            || ' ' || (SELECT count(*) || ' ' || total(number) FROM clients)
            || ' ' || (SELECT count(*) || ' ' || coalesce(max(seq), 0) FROM audit)";
        self.world.column(counts).into_iter().map(|value| format!("{value:?}")).collect()
    }
}

/// A command's JSON is an object with one field, named after the command.
fn kind(command: &Json) -> &str {
    command.as_object().unwrap().keys().next().unwrap()
}

/// The ledger's reply in its wire format.
fn handle(ledger: &Ledger<NativeSql>, request: &Request, context: Context<'_>) -> Result<Answered<Json>, CommandError> {
    let reply = ledger.handle(&serde_json::to_vec(request).unwrap(), context);
    let Answered { reply, repeated, safe_in, snapshots_until } = reply_json(&reply).unwrap()?;
    Ok(Answered { reply: serde_json::from_slice(reply).unwrap(), repeated, safe_in, snapshots_until })
}

/// The part of a reply that is stored under an idempotency key: all but the token value.
fn kept_of(command: &Json, mut reply: Json) -> Option<Json> {
    match kind(command) {
        "create_token" | "rotate_token" => {
            reply["token"] = Json::Null;
            reply["token_shown_before"] = Json::Bool(true);
            let detail = "The token value was returned only in the first response and is not stored. If you did not \
                receive it, rotate the token.";
            reply["detail"] = detail.into();
        }
        // If nothing was imported, no reply is stored.
        "import_tokens" if !reply["lines"].as_array().unwrap().iter().any(|line| line.get("Ok").is_some()) => {
            return None;
        }
        "create_member" | "create_client" | "import_tokens" => {}
        _ => return None,
    }
    Some(reply)
}
