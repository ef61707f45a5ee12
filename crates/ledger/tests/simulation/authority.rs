//! The ledger with its database, and the true state of each token.

use std::{fs, path::PathBuf};

use counterfoil_ledger::{
    Context, Ledger,
    editions::Step,
    native::{NativeSql, Seeded},
    outbox::Put,
};
use counterfoil_protocol::{
    Answered, CommandError,
    command::{
        Actor, Ask, Bootstrap, CreateMember, CreateToken, Granted, Lease, Lifetime, Patch, PutScopes, Recorded,
        Records, Request, RevokeToken, Role, RotateToken, ScopeChange, ScopeEntry, UpdateMember, UpdateToken,
        UpdateWorkspace,
    },
    json, reply_json,
};
use counterfoil_token::{Digest, Prefix, SealSecret, WorkspaceKey};
use counterfoil_verify::{
    Answer, Code, Demand, Facts, Freshness, Grant, LeaseQuestion, Question, Scope, ScopePattern, Timestamp, decide,
};
use serde_json::Value as Json;

use crate::network::draw;

pub(crate) const MEMBERS: u64 = 6;

/// See the module.
pub(crate) struct Authority {
    ledger: Option<Ledger<NativeSql>>,
    file: PathBuf,
    random: Seeded,
    secrets: [Vec<SealSecret>; 2],
    pub(crate) tokens: Vec<Token>,
}

/// A token value that was created.
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) digest: Digest,
    pub(crate) id: String,
    pub(crate) member: u64,
    /// When it became invalid, in true time, and from when on no `bounded` check may accept it.
    pub(crate) dead: Option<Dead>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Dead {
    pub(crate) since: u64,
    pub(crate) nowhere_from: u64,
}

pub(crate) fn key() -> WorkspaceKey {
    WorkspaceKey::parse("0Ab3dE").unwrap()
}

pub(crate) fn demand(freshness: Freshness, or_eventual: bool, in_full: bool) -> Demand {
    let mut demand = Demand::of(key());
    demand.all_of = vec![Scope::parse("orders:read").unwrap()];
    (demand.freshness, demand.or_eventual, demand.in_full) = (freshness, or_eventual, in_full);
    demand
}

fn patterns(names: &[&str]) -> Vec<ScopePattern> {
    names.iter().map(|name| ScopePattern::parse(name).unwrap()).collect()
}

impl Authority {
    pub(crate) fn new(seed: u64, now: Timestamp) -> Self {
        let file = std::env::temp_dir().join(format!("counterfoil-simulation-{}-{seed}-{now:?}", std::process::id()));
        let secret = |byte| vec![SealSecret::new(&[byte; 32]).unwrap()];
        let mut authority =
            Self { ledger: None, file, random: Seeded(seed), secrets: [secret(7), secret(8)], tokens: Vec::new() };
        authority.restart();
        let slug = counterfoil_protocol::Slug::parse("demo").unwrap();
        authority.must(now, Bootstrap { slug, name: "Demo".to_owned(), prefix: Prefix::default() });
        let entry = |name: &str| ScopeEntry {
            name: Scope::parse(name).unwrap(),
            description: String::new(),
            visible_to: Role::Member,
            grantable_by: Role::Member,
            freshness: None,
        };
        authority.must(now, PutScopes { scopes: vec![entry("orders:read"), entry("orders:write")] });
        for member in 0..MEMBERS {
            authority.must(
                now,
                CreateMember {
                    id: format!("m{member}"),
                    number: None,
                    name: "Member".to_owned(),
                    email: None,
                    subject: None,
                    subject_issuer: None,
                    role: Role::Member,
                    grants: patterns(&["orders:*"]),
                    quota: Some(100_000),
                },
            );
        }
        authority
    }

    /// The ledger loses its memory.
    pub(crate) fn restart(&mut self) {
        self.ledger = None;
        let sql = NativeSql::open(&self.file).unwrap();
        counterfoil_ledger::sql::Sql::exec(&sql, "PRAGMA synchronous = OFF", &[]).unwrap();
        self.ledger = Some(Ledger::open(sql).unwrap());
    }

    fn call<C: Ask>(
        &mut self,
        now: Timestamp,
        actor: Actor,
        ask: C,
        wait: bool,
    ) -> Result<(Json, Option<u64>), CommandError> {
        let request = Request {
            workspace: key(),
            actor,
            request_id: "simulation".to_owned(),
            address: None,
            idempotency_key: None,
            origin: None,
            if_version: None,
            wait,
            command: ask.into(),
        };
        let Self { ledger, random, secrets: [seal_secrets, session_secrets], .. } = self;
        let context = Context {
            now,
            random: &mut |bytes| random.fill(bytes),
            seal_secrets,
            session_secrets,
            snapshot_secrets: &[],
        };
        let reply = ledger.as_ref().unwrap().handle(&serde_json::to_vec(&request).unwrap(), context);
        let Answered { reply, safe_in, .. } = reply_json(&reply).unwrap()?;
        Ok((serde_json::from_slice(reply).unwrap(), safe_in))
    }

    fn must<C: Ask>(&mut self, now: Timestamp, ask: C) -> Json {
        self.call(now, Actor::Root, ask, false).unwrap().0
    }

    pub(crate) fn records(&mut self, now: Timestamp, question: &Question) -> Answer {
        let ask = Records { digests: question.digests.clone() };
        let (reply, _) = self.call(now, Actor::Verifier, ask, false).unwrap();
        json::fit::<Recorded>(reply).ok().unwrap().0
    }

    pub(crate) fn lease(&mut self, now: Timestamp, question: &LeaseQuestion) -> Grant {
        let LeaseQuestion { since, ref digests, segments, .. } = *question;
        let ask = Lease { since, digests: digests.clone(), uses: Vec::new(), segments };
        let (reply, _) = self.call(now, Actor::Verifier, ask, false).unwrap();
        json::fit::<Granted>(reply).ok().unwrap().0
    }

    pub(crate) fn set_lease(&mut self, now: Timestamp, seconds: u64) {
        self.must(
            now,
            UpdateWorkspace {
                name: None,
                prefix: None,
                default_quota: None,
                max_lifetime: Patch::Keep,
                session_length: None,
                lease_max: Some(seconds),
                snapshot_max: None,
                audit_retention: Patch::Keep,
                allowed_origins: None,
                identity_providers: None,
            },
        );
    }

    pub(crate) fn issue(&mut self, now: Timestamp, member: u64) {
        let ask = CreateToken {
            name: String::new(),
            note: None,
            owner: Some(format!("m{member}")),
            scopes: patterns(&["orders:read"]),
            lifetime: Lifetime::Longest,
            not_before: None,
            enabled: true,
            allowed_addresses: Vec::new(),
            client_id: None,
            metadata: None,
        };
        // A suspended member, or one with fewer granted scopes, gets no new token for now.
        if let Ok((issued, _)) = self.call(now, Actor::Root, ask, false) {
            self.take_issued(&issued, member);
        }
    }

    fn take_issued(&mut self, issued: &Json, member: u64) {
        let text = issued["token"].as_str().unwrap().to_owned();
        let digest = Digest::of(text.as_bytes());
        let id = issued["id"].as_str().unwrap().to_owned();
        self.tokens.push(Token { text, digest, id, member, dead: None });
    }

    /// Makes a random change. Returns the affected tokens and how long the caller has to wait.
    pub(crate) fn change(
        &mut self,
        now: Timestamp,
        random: &mut Seeded,
        wait: bool,
    ) -> Option<(Vec<usize>, Option<u64>)> {
        // Usually one of the most used tokens.
        let among = if draw(random, 4) > 0 { 12 } else { self.tokens.len() as u64 };
        let at = self.tokens.len() - 1 - usize::try_from(draw(random, among)).unwrap();
        let (id, member) = (self.tokens[at].id.clone(), draw(random, MEMBERS));
        let same = |tokens: &[Token]| -> Vec<usize> { (0..tokens.len()).filter(|at| tokens[*at].id == id).collect() };
        let (token, member_of) = (same(&self.tokens), self.tokens[at].member);
        let of_member: Vec<usize> = (0..self.tokens.len()).filter(|at| self.tokens[*at].member == member).collect();
        let on = draw(random, 2) == 0;
        let update = |enabled, scopes| UpdateToken {
            id: id.clone(),
            name: None,
            note: Patch::Keep,
            enabled,
            scopes,
            lifetime: Patch::Keep,
            not_before: Patch::Keep,
            allowed_addresses: None,
            metadata: Patch::Keep,
        };
        let mut of = UpdateMember {
            id: format!("m{member}"),
            name: None,
            email: Patch::Keep,
            subject: Patch::Keep,
            subject_issuer: None,
            role: None,
            grants: None,
            quota: Patch::Keep,
            suspended: None,
            revoke_all: false,
        };
        let (touched, outcome) = match draw(random, 12) {
            0..5 => (token, self.call(now, Actor::Root, RevokeToken { id, reason: None }, wait)),
            5..7 => (token, self.call(now, Actor::Root, update(Some(on), None), wait)),
            7 => {
                let scopes = ScopeChange::Replace(patterns(if on { &["orders:read"] } else { &["orders:write"] }));
                (token, self.call(now, Actor::Root, update(None, Some(scopes)), wait))
            }
            8 => {
                let grace_seconds = if on { 0 } else { 20 };
                let outcome = self.call(now, Actor::Root, RotateToken { id, grace_seconds, end_previous: on }, wait);
                if let Ok((issued, _)) = &outcome {
                    self.take_issued(&issued.clone(), member_of);
                }
                (token, outcome)
            }
            9 => {
                of.suspended = Some(on);
                (of_member, self.call(now, Actor::Root, of, wait))
            }
            10 => {
                of.grants = Some(patterns(if on { &["orders:*"] } else { &["orders:write"] }));
                (of_member, self.call(now, Actor::Root, of, wait))
            }
            _ => {
                // Rarely, because no valid token remains.
                of.revoke_all = draw(random, 20) == 0;
                (of_member, self.call(now, Actor::Root, of, wait))
            }
        };
        outcome.ok().map(|(_, safe_in)| (touched, safe_in))
    }

    /// The ledger's own decisions about each of these now.
    pub(crate) fn judge(&mut self, now: Timestamp, tokens: &[usize]) -> Vec<Code> {
        let mut codes = Vec::new();
        for some in tokens.chunks(100) {
            let digests = some.iter().map(|at| self.tokens[*at].digest).collect();
            let answer = self.records(now, &Question { workspace: key(), digests });
            let workspace = answer.workspace.as_ref().unwrap();
            codes.extend(answer.tokens.iter().map(|(_, token)| {
                let Some(token) = token else { return Code::Unknown };
                let owner = answer.owners.iter().find(|owner| owner.number == token.owner).unwrap();
                decide(Facts { token, owner, workspace }, &demand(Freshness::Strong, false, true), now)
            }));
        }
        codes
    }

    /// The ledger's next step of an edition, if one is due.
    pub(crate) fn edition_step(&mut self, now: Timestamp) -> Option<Step> {
        let step = self.ledger.as_ref().unwrap().edition_step(now).unwrap();
        (!matches!(step, Step::Wait(_))).then_some(step)
    }

    pub(crate) fn edition_stepped(&mut self, step: &Step, is_done: bool, now: Timestamp) {
        let ledger = self.ledger.as_ref().unwrap();
        if is_done { ledger.edition_done(step, now).unwrap() } else { ledger.edition_failed(step, now).unwrap() }
    }

    /// The due writes to the registry.
    pub(crate) fn drain(&mut self, now: Timestamp) -> Vec<Put> {
        let outbox = self.ledger.as_ref().unwrap().outbox();
        let due = outbox.due(now, 1_000).unwrap();
        due.iter().for_each(|put| outbox.done(put, now).unwrap());
        due
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        self.ledger = None;
        for ending in ["", "-journal"] {
            fs::remove_file(format!("{}{ending}", self.file.display())).unwrap_or_default();
        }
    }
}
