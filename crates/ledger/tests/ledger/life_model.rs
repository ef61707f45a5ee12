//! The whole life of tokens against a small model: every command, by whoever ever held a text, with statements that
//! fail, processes that end, and a registry that fails both ways. After every step the ledger's invariants must hold.

use core::sync::atomic::{AtomicU64, Ordering};
use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::Path,
};

use counterfoil_ledger::{Answered, Context, Ledger, Refusal, command::*, native::NativeSql};
use counterfoil_token::Digest;
use counterfoil_verify::{
    Answer, Code, Demand, Encoded as _, Facts, OwnerRecord, Scope, ScopePattern, ScopeSet, Timestamp, TokenRecord,
    WorkspaceRecord, decide,
};
use proptest::{
    prelude::*,
    test_runner::{RngSeed, TestRunner},
};
use serde_json::Value as Json;

use crate::{life_steps::*, support::*};

/// What is asked of each token, to learn what it can do.
const PROBES: [&str; 10] = [
    "tokens:read",
    "tokens:write",
    "tokens:grant",
    "tokens:verify",
    "workspace:manage",
    "orders:read",
    "orders:write",
    "orders:secret",
    "read",
    "write",
];
/// A scope that only admins grant, while the catalogue says so.
const RESERVED: &str = "orders:secret";

type Abilities = BTreeSet<&'static str>;

/// A token as it must be.
struct Token {
    id: String,
    owner: u64,
    scopes: ScopeSet,
    enabled: bool,
    expires_at: Option<Timestamp>,
    not_before: Option<Timestamp>,
    revoked: bool,
    pin: Option<String>,
}

/// A text that was known once.
struct Text {
    digest: Digest,
    token: usize,
    /// When it dies, where it was replaced.
    until: Option<Timestamp>,
}

struct Person {
    id: String,
    admin: bool,
    suspended: bool,
    erased: bool,
    quota: Option<u64>,
    grants: ScopeSet,
}

/// A command that was sent under a key and had its effect.
struct Kept {
    command: Json,
    at: Timestamp,
    reply: Json,
    /// Whether it is certain to be kept: erasing a member forgets some.
    sure: bool,
}

/// What an actor could grant.
struct Ceiling {
    /// What it can do itself.
    own: Abilities,
    can: Abilities,
    expires_at: Option<Timestamp>,
    admin: bool,
    /// Its token and that token's owner; root has none.
    acts_as: Option<(usize, u64)>,
}

struct Life {
    world: World,
    database: String,
    tokens: Vec<Token>,
    texts: Vec<Text>,
    people: BTreeMap<u64, Person>,
    suspended: bool,
    reserved: bool,
    default_quota: u64,
    retention: Option<u64>,
    generation: u64,
    /// Every audit row that there may still be, by its number.
    audit: BTreeMap<u64, (Timestamp, String)>,
    kept: BTreeMap<(String, String, String), Kept>,
    last: Option<(Actor, u8, Json)>,
    registry: BTreeMap<String, (u64, Option<Vec<u8>>)>,
    /// How many tokens were live of each owner before the step.
    live: BTreeMap<u64, u64>,
    /// As of when all texts were checked: unless something moves, every text is what it was.
    checked: (u64, Timestamp),
}

thread_local! {
    /// Commands sent and commands carried out by the test that runs on this thread.
    static COUNTS: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

static DATABASES: AtomicU64 = AtomicU64::new(0);

fn probe(covers: impl Fn(&Scope) -> bool) -> Abilities {
    PROBES.into_iter().filter(|scope| covers(&Scope::parse(scope).unwrap())).collect()
}

fn json_of<C: Into<Command>>(ask: C) -> Json {
    serde_json::to_value(ask.into()).unwrap()
}

fn parsed<T: serde::de::DeserializeOwned>(json: &Json) -> T {
    serde_json::from_value(json.clone()).unwrap()
}

impl Life {
    fn new() -> Self {
        let database = format!("file:life{}?mode=memory&cache=shared", DATABASES.fetch_add(1, Ordering::Relaxed));
        let mut world = World::over(NativeSql::open(Path::new(&database)).unwrap());
        let admin = world.attempt(Actor::Root, bootstrap()).unwrap().admin;
        let admin = world.held(admin);
        let mut life = Self {
            world,
            database,
            tokens: Vec::new(),
            texts: Vec::new(),
            people: BTreeMap::new(),
            suspended: false,
            reserved: false,
            default_quota: 600,
            retention: None,
            generation: 1,
            audit: BTreeMap::new(),
            kept: BTreeMap::new(),
            last: None,
            registry: BTreeMap::new(),
            live: BTreeMap::new(),
            checked: (0, START),
        };
        let first = Person {
            id: "admin".to_owned(),
            admin: true,
            suspended: false,
            erased: false,
            quota: None,
            grants: ScopeSet::everything(),
        };
        life.people.insert(1, first);
        life.add(&admin.view, None);
        life.read_audit(2);
        life.take(Act::PutScopes { reserved: false, more: true });
        for (member, grants) in [
            (1, vec!["tokens:read", "tokens:write", "orders:*"]),
            (2, vec!["tokens:*", "workspace:manage", "orders:*", "read"]),
        ] {
            life.take(Act::AddMember { member, admin: false, grants: grants.clone(), quota: Some(4) });
            let plan =
                Plan { owner: Some(member), scopes: grants, seconds: None, delay: None, enabled: true, client: None };
            life.take(Act::Create(plan));
        }
        life.take(Act::AddClient { client: 0 });
        life
    }

    fn take(&mut self, act: Act) {
        self.step(Step { act, by: By::Root, key: None, fault: None, thorough: false });
    }

    fn step(&mut self, step: Step) {
        let actor = match &step.by {
            By::Root => Actor::Root,
            By::Text(nth) => Actor::Token(nth.get(&self.texts).digest),
        };
        self.live = self.people.keys().map(|owner| (*owner, self.live_of(*owner))).collect();
        match &step.act {
            Act::Wait { seconds } => self.world.wait(seconds * 1_000),
            Act::Drain(outcomes) => self.drain(outcomes, step.fault),
            Act::Settle => self.settle(),
            Act::Upkeep => self.upkeep(),
            Act::Reopen => self.reopen(),
            Act::Again => {
                if let Some((actor, key, command)) = self.last.take() {
                    self.send(actor, Some(key), command, step.fault, step.thorough);
                }
            }
            act => {
                let command = self.command(act);
                self.send(actor, step.key, command, step.fault, step.thorough);
            }
        }
        let moved = self.checked != (self.generation, self.world.now);
        self.check(step.thorough);
        if moved || step.thorough || step.fault.is_some() {
            self.check_texts();
            self.checked = (self.generation, self.world.now);
        }
    }

    fn command(&self, act: &Act) -> Json {
        let id = |token: &prop::sample::Index| token.get(&self.tokens).id.clone();
        let name = |member: &usize| MEMBERS[*member].to_owned();
        let change = |member| UpdateMember {
            id: name(member),
            name: None,
            email: Patch::Keep,
            role: None,
            grants: None,
            quota: Patch::Keep,
            suspended: None,
            revoke_all: false,
        };
        let update = |token| UpdateToken {
            id: id(token),
            name: None,
            note: Patch::Keep,
            enabled: None,
            scopes: None,
            lifetime: Patch::Keep,
            not_before: Patch::Keep,
            allowed_addresses: None,
            metadata: Patch::Keep,
        };
        fn patch<T>(change: Option<Option<T>>) -> Patch<T> {
            change.map_or(Patch::Keep, |value| value.map_or(Patch::Clear, Patch::Set))
        }
        match act {
            Act::Create(plan) => json_of(self.ask(plan)),
            Act::Import(lines) => {
                let line = |(text, plan): &(u8, Plan)| ImportLine {
                    digest: Digest::of(&[*text]),
                    weak: text % 2 == 0,
                    token: self.ask(plan),
                };
                json_of(ImportTokens { lines: lines.iter().map(line).collect() })
            }
            Act::Update { token, name, enabled, lifetime } => json_of(UpdateToken {
                name: name.map(|name| format!("name {name}")),
                enabled: *enabled,
                lifetime: patch(lifetime.map(|lifetime| lifetime.map(Lifetime::Seconds))),
                ..update(token)
            }),
            Act::Replace { token, scopes } => {
                json_of(UpdateToken { scopes: Some(ScopeChange::Replace(patterns(scopes))), ..update(token) })
            }
            Act::Merge { token, scopes } => {
                let scopes =
                    scopes.iter().map(|(scope, wanted)| (ScopePattern::parse(scope).unwrap(), *wanted)).collect();
                json_of(UpdateToken { scopes: Some(ScopeChange::Merge(scopes)), ..update(token) })
            }
            Act::Rotate { token, grace } => json_of(RotateToken { id: id(token), grace_seconds: *grace }),
            Act::Revoke { token } => json_of(RevokeToken { id: id(token), reason: None }),
            Act::RevokeSome { tokens, unknown } => {
                let ids = tokens.iter().map(id).chain(unknown.then(|| "tok_none".to_owned())).collect();
                json_of(RevokeTokens { select: Selection::Ids(ids), reason: None })
            }
            Act::RevokeOf { member } => {
                let filter = TokenFilter { owner: Some(name(member)), ..TokenFilter::default() };
                json_of(RevokeTokens { select: Selection::Filter(filter), reason: None })
            }
            Act::AddMember { member: of, admin, grants, quota } => {
                let role = if *admin { Role::Admin } else { Role::Member };
                json_of(CreateMember { role, quota: *quota, ..member(MEMBERS[*of], grants) })
            }
            Act::Grant { member, grants } => json_of(UpdateMember { grants: Some(patterns(grants)), ..change(member) }),
            Act::ChangeMember { member, quota, suspended, admin, revoke_all } => json_of(UpdateMember {
                quota: patch(*quota),
                suspended: *suspended,
                role: admin.map(|admin| if admin { Role::Admin } else { Role::Member }),
                revoke_all: *revoke_all,
                ..change(member)
            }),
            Act::Erase { member } => json_of(EraseMember { id: name(member) }),
            Act::AddClient { client } => json_of(CreateClient {
                id: CLIENTS[*client].to_owned(),
                name: "a client".to_owned(),
                permissions: Vec::new(),
            }),
            Act::RemoveClient { client } => json_of(DeleteClient { id: CLIENTS[*client].to_owned() }),
            Act::PutScopes { reserved, more } => {
                let mut scopes: Vec<_> = ["orders:read", "orders:write", "read"].map(entry).into();
                scopes.extend(more.then(|| entry("write")));
                let grantable_by = if *reserved { Role::Admin } else { Role::Member };
                scopes.push(ScopeEntry { grantable_by, ..entry(RESERVED) });
                json_of(PutScopes { scopes })
            }
            Act::Settings { quota, max_lifetime, retention } => json_of(UpdateWorkspace {
                name: None,
                prefix: None,
                default_quota: *quota,
                max_lifetime: patch(*max_lifetime),
                session_length: None,
                audit_retention: patch(*retention),
            }),
            Act::Suspend { suspended } => json_of(SuspendWorkspace { suspended: *suspended }),
            other => panic!("{other:?} is no command"),
        }
    }

    fn ask(&self, plan: &Plan) -> CreateToken {
        CreateToken {
            owner: plan.owner.map(|member| MEMBERS[member].to_owned()),
            lifetime: plan.seconds.map_or(Lifetime::Longest, Lifetime::Seconds),
            not_before: plan.delay.map(|seconds| self.world.now.plus(seconds * 1_000)),
            enabled: plan.enabled,
            client_id: plan.client.map(|client| CLIENTS[client].to_owned()),
            ..token(&plan.scopes)
        }
    }

    /// Has a command carried out. Where it is refused, or fails, nothing may have changed.
    fn send(&mut self, actor: Actor, key: Option<u8>, command: Json, fault: Option<Fault>, thorough: bool) {
        let ceiling = self.ceiling(actor);
        let place = key.map(|key| {
            let who = ceiling.acts_as.map_or("root".to_owned(), |(token, _)| self.tokens[token].id.clone());
            (who, command["do"].as_str().unwrap().to_owned(), format!("k{key}"))
        });
        let (stamp, dump) = (self.stamp(), (thorough || fault.is_some()).then(|| self.world.dump()));
        let outcome = self.execute(actor, key, &command, fault);
        COUNTS.set((COUNTS.get().0 + 1, COUNTS.get().1));

        if !matches!(outcome, Ok(Ok(Answered { repeated: false, .. }))) {
            assert_eq!(self.stamp(), stamp, "a command that was not carried out has changed something");
            if let Some(dump) = dump {
                assert_eq!(self.world.dump(), dump, "a command that was not carried out has changed something");
            }
        }
        let Ok(outcome) = outcome else { return };
        let now = self.world.now;
        let known = place.as_ref().and_then(|place| self.kept.get(place)).filter(|kept| now.since(kept.at) < DAY);
        let valid = ceiling.acts_as.is_none() || self.is_valid(actor);
        match outcome {
            Err(Refusal::Unauthenticated { .. }) => assert!(!valid, "a text that is good was turned away"),
            Err(Refusal::IdempotencyMismatch) => {
                assert!(known.is_some_and(|kept| kept.command != command), "there was no other command under the key");
            }
            Err(Refusal::Internal { detail }) => panic!("{detail}"),
            Err(_) => assert!(valid && known.is_none_or(|kept| !kept.sure), "a repeated command was refused"),
            Ok(Answered { repeated: true, reply }) => {
                let known = known.unwrap();
                assert!(valid && known.command == command);
                assert_eq!(reply, known.reply, "the same command had two answers");
            }
            Ok(Answered { repeated: false, reply }) => {
                assert!(valid, "a text that is dead was obeyed");
                assert!(known.is_none_or(|kept| !kept.sure), "a command had two effects");
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

    /// What came of the command; `Err` where a fault struck, and the command with it.
    fn execute(
        &mut self,
        actor: Actor,
        key: Option<u8>,
        command: &Json,
        fault: Option<Fault>,
    ) -> Result<Result<Answered<Json>, Refusal>, ()> {
        let request = Request {
            workspace: key_of_workspace(),
            actor,
            request_id: "life".to_owned(),
            address: None,
            idempotency_key: key.map(|key| IdempotencyKey::try_from(format!("k{key}")).unwrap()),
            command: parsed(command),
        };
        let sql = self.world.ledger.sql();
        if let Some(Fault::Statement(nth, when)) = fault {
            sql.fail(Some((nth, when)));
        }
        let (random, ledger, now) = (&mut self.world.random, &self.world.ledger, self.world.now);
        let mut draw = |bytes: &mut [u8]| match fault {
            Some(Fault::Crash) => resume_unwind(Box::new(())),
            _ => random.fill(bytes),
        };
        let context = Context { now, random: &mut draw, seal_secrets: &self.world.seal_secrets };
        let Ok(outcome) = catch_unwind(AssertUnwindSafe(|| ledger.execute(request, context))) else {
            assert!(matches!(fault, Some(Fault::Crash)), "the ledger has panicked");
            self.reopen();
            return Err(());
        };
        let struck = matches!(fault, Some(Fault::Statement(..))) && !sql.is_fault_ahead();
        sql.fail(None);
        if struck {
            assert!(matches!(outcome, Err(Refusal::Internal { .. })), "a failing statement went unnoticed");
            return Err(());
        }
        Ok(outcome)
    }

    /// The process ends, and another opens the database that it left.
    fn reopen(&mut self) {
        let sql = NativeSql::open(Path::new(&self.database)).unwrap();
        drop(core::mem::replace(&mut self.world.ledger, Ledger::open(NativeSql::in_memory().unwrap()).unwrap()));
        self.world.ledger = Ledger::open(sql).unwrap();
    }

    /// Does to the model what the command has done, if it may be done by this actor. Answers how many audit rows are due.
    fn apply(&mut self, ceiling: &Ceiling, command: &Json, reply: &Json) -> u64 {
        let before = self.generation;
        self.generation = self.world.number("SELECT generation FROM workspace");
        let rows = self.generation - before;
        assert!(rows <= 1, "one command made two changes");
        let demand = |scope| assert!(ceiling.holds(scope), "done without {scope}");
        let mut needed = "workspace:manage";
        let due = match parsed::<Command>(command) {
            Command::CreateToken(ask) => {
                needed = "tokens:write";
                let issued: Issued = parsed(reply);
                let held = self.world.held(issued);
                self.check_new(ceiling, &ask, &held.view);
                self.add(&held.view, ask.client_id);
                1
            }
            Command::ImportTokens(ask) => {
                needed = "tokens:write";
                let mut count = 0;
                for (line, outcome) in ask.lines.into_iter().zip(parsed::<Imported>(reply).lines) {
                    let Ok(id) = outcome else { continue };
                    let view = self.world.attempt(Actor::Root, ReadToken { id }).unwrap();
                    assert!(self.texts.iter().all(|text| text.digest != line.digest), "a digest was taken twice");
                    self.check_new(ceiling, &line.token, &view);
                    self.add(&view, line.token.client_id);
                    count += 1;
                }
                count
            }
            Command::UpdateToken(_) => {
                needed = "tokens:write";
                let view: TokenView = parsed(reply);
                let at = self.at(&view.id);
                let token = &self.tokens[at];
                ceiling.check_reach(token.owner);
                if ceiling.acts_as.is_some_and(|(own, _)| own == at) {
                    assert_eq!((&view.scopes, view.expires_at), (&token.scopes, token.expires_at), "changed by itself");
                }
                let (had, has) = (probe(|scope| token.scopes.covers(scope)), probe(|scope| view.scopes.covers(scope)));
                let gained: Abilities = has.difference(&had).copied().collect();
                assert!(gained.is_subset(&ceiling.grantable(self.reserved)), "escalated by an update: {gained:?}");
                if view.expires_at != token.expires_at {
                    ceiling.check_end(view.expires_at);
                }
                let token = &mut self.tokens[at];
                token.scopes = view.scopes;
                token.enabled = view.enabled;
                token.expires_at = view.expires_at;
                rows
            }
            Command::RotateToken(_) => {
                needed = "tokens:write";
                let rotated: Rotated = parsed(reply);
                let held = self.world.held(rotated.issued);
                let at = self.at(&held.id);
                let token = &self.tokens[at];
                ceiling.check_reach(token.owner);
                if ceiling.acts_as.is_none_or(|(own, _)| own != at) {
                    let can = probe(|scope| token.scopes.covers(scope));
                    assert!(can.is_subset(&ceiling.can), "escalated by a rotation");
                    ceiling.check_end(token.expires_at);
                }
                let now = self.world.now;
                for text in self.texts.iter_mut().filter(|text| text.token == at) {
                    text.until = Some(text.until.map_or(rotated.previous_valid_until, |until| until.min(now)));
                }
                self.texts.push(Text { digest: held.digest, token: at, until: None });
                1
            }
            Command::RevokeToken(ask) => {
                let at = self.at(&ask.id);
                if ceiling.acts_as.is_none_or(|(own, _)| own != at) {
                    demand("tokens:write");
                }
                needed = "";
                ceiling.check_reach(self.tokens[at].owner);
                self.tokens[at].revoked = true;
                rows
            }
            Command::RevokeTokens(_) => {
                needed = "tokens:write";
                let mut count = 0;
                for item in parsed::<RevokedTokens>(reply).items {
                    let at = self.at(&item.id);
                    ceiling.check_reach(self.tokens[at].owner);
                    assert_eq!(item.result == RevokeResult::AlreadyRevoked, self.tokens[at].revoked);
                    count += u64::from(!self.tokens[at].revoked);
                    self.tokens[at].revoked = true;
                }
                count
            }
            Command::CreateMember(ask) => {
                let member: Member = parsed(reply);
                let person = Person {
                    id: member.id,
                    admin: member.role == Role::Admin,
                    suspended: false,
                    erased: false,
                    quota: ask.quota,
                    grants: member.grants,
                };
                self.check_grants(ceiling, &ScopeSet::default(), &person.grants);
                assert!(ceiling.admin || !person.admin, "an admin made by none");
                assert!(self.people.insert(member.number, person).is_none(), "a number was given twice");
                1
            }
            Command::UpdateMember(ask) => {
                let member: Member = parsed(reply);
                let person = &self.people[&member.number];
                assert!(ceiling.admin || !person.admin && member.role == Role::Member, "an admin changed by none");
                self.check_grants(ceiling, &person.grants, &member.grants);
                let person = self.people.get_mut(&member.number).unwrap();
                person.grants = member.grants;
                person.admin = member.role == Role::Admin;
                person.suspended = member.suspended;
                match ask.quota {
                    Patch::Keep => {}
                    Patch::Clear => person.quota = None,
                    Patch::Set(quota) => person.quota = Some(quota),
                }
                if ask.revoke_all {
                    self.revoke_all_of(member.number);
                    assert_eq!(rows, 1);
                }
                rows
            }
            Command::EraseMember(ask) => {
                let number = *self.people.iter().find(|(_, person)| person.id == ask.id && !person.erased).unwrap().0;
                let person = self.people.get_mut(&number).unwrap();
                assert!(ceiling.admin || !person.admin);
                (person.erased, person.suspended, person.admin, person.quota) = (true, true, false, None);
                person.grants = ScopeSet::default();
                self.revoke_all_of(number);
                self.kept.values_mut().for_each(|kept| kept.sure = false);
                1
            }
            Command::CreateClient(_) | Command::DeleteClient(_) => 1,
            Command::PutScopes(ask) => {
                self.reserved = ask.scopes.iter().any(|entry| entry.grantable_by == Role::Admin);
                rows
            }
            Command::UpdateWorkspace(_) => {
                let workspace: Workspace = parsed(reply);
                self.default_quota = workspace.settings.default_quota;
                self.retention = workspace.settings.audit_retention;
                rows
            }
            Command::SuspendWorkspace(ask) => {
                needed = "";
                assert!(ceiling.acts_as.is_none());
                self.suspended = ask.suspended;
                rows
            }
            other => panic!("{other:?} is not in the model"),
        };
        if !needed.is_empty() {
            demand(needed);
        }
        due
    }

    fn add(&mut self, view: &TokenView, pin: Option<String>) {
        self.texts.push(Text { digest: view.digest, token: self.tokens.len(), until: None });
        self.tokens.push(Token {
            id: view.id.clone(),
            owner: view.owner.number,
            scopes: view.scopes.clone(),
            enabled: view.enabled,
            expires_at: view.expires_at,
            not_before: view.not_before,
            revoked: false,
            pin,
        });
    }

    fn at(&self, id: &str) -> usize {
        self.tokens.iter().position(|token| token.id == id).unwrap()
    }

    fn revoke_all_of(&mut self, owner: u64) {
        self.tokens.iter_mut().filter(|token| token.owner == owner).for_each(|token| token.revoked = true);
    }

    /// A new token can do no more than its creator could grant, and than its owner is granted.
    fn check_new(&self, ceiling: &Ceiling, ask: &CreateToken, view: &TokenView) {
        ceiling.check_reach(view.owner.number);
        ceiling.check_end(view.expires_at);
        assert_eq!((view.enabled, view.not_before), (ask.enabled, ask.not_before));
        let can = probe(|scope| view.scopes.covers(scope));
        assert!(can.is_subset(&ceiling.grantable(self.reserved)), "escalated by a new token: {can:?}");
        assert!(
            can.is_subset(&probe(|scope| self.people[&view.owner.number].grants.covers(scope))),
            "more than the owner"
        );
    }

    fn check_grants(&self, ceiling: &Ceiling, before: &ScopeSet, after: &ScopeSet) {
        let (had, has) = (probe(|scope| before.covers(scope)), probe(|scope| after.covers(scope)));
        let gained: Abilities = has.difference(&had).copied().collect();
        assert!(gained.is_subset(&ceiling.grantable(self.reserved)), "escalated by grants: {gained:?}");
    }

    /// What the actor could grant just now, by what verifiers are told of its text.
    fn ceiling(&mut self, actor: Actor) -> Ceiling {
        let Actor::Token(digest) = actor else {
            return Ceiling { own: PROBES.into(), can: PROBES.into(), expires_at: None, admin: true, acts_as: None };
        };
        let answer = self.records(&[digest]);
        let (token, owner) = (answer.tokens[0].1.as_ref().unwrap(), &answer.owners[0]);
        let at = self.texts.iter().find(|text| text.digest == digest).unwrap().token;
        let own = probe(|scope| token.scopes.covers(scope) && owner.grants.covers(scope));
        let grants = own.contains("tokens:grant");
        let can = if grants { probe(|scope| owner.grants.covers(scope)) } else { own.clone() };
        let expires_at = token.expires_at.filter(|_| !grants);
        Ceiling { own, can, expires_at, admin: self.people[&token.owner].admin, acts_as: Some((at, token.owner)) }
    }

    fn records(&mut self, digests: &[Digest]) -> Answer {
        let command = json_of(Records { digests: digests.to_vec() });
        parsed(&self.execute(Actor::Verifier, None, &command, None).unwrap().unwrap().reply)
    }

    /// All that changes in the database wherever anything does, but for the bytes.
    fn stamp(&self) -> Vec<String> {
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

    fn is_live(&self, token: &Token) -> bool {
        !token.revoked && token.expires_at.is_none_or(|end| self.world.now < end)
    }

    fn live_of(&self, owner: u64) -> u64 {
        self.tokens.iter().filter(|token| token.owner == owner && self.is_live(token)).count() as u64
    }

    fn is_valid(&self, actor: Actor) -> bool {
        let text = self.texts.iter().find(|text| actor == Actor::Token(text.digest)).unwrap();
        self.is_good(text)
    }

    /// Whether a check of the text must say VALID now.
    fn is_good(&self, text: &Text) -> bool {
        let (token, now) = (&self.tokens[text.token], self.world.now);
        !self.suspended
            && self.is_live(token)
            && text.until.is_none_or(|until| now < until)
            && token.enabled
            && !self.people[&token.owner].suspended
            && token.not_before.is_none_or(|start| start <= now)
    }

    /// So many new audit rows are there, and are taken note of.
    fn read_audit(&mut self, rows: u64) {
        let last = self.audit.last_key_value().map_or(0, |(seq, _)| *seq);
        let new = self.audit_after(last);
        assert_eq!(new.len() as u64, rows, "not one audit row for each change");
        self.audit.extend(new);
    }

    fn audit_after(&self, seq: u64) -> BTreeMap<u64, (Timestamp, String)> {
        let query = "SELECT seq, at, json_array(actor, actor_id, action, subject, before, after, request_id, address)
            FROM audit WHERE seq > ?";
        let rows = counterfoil_ledger::sql::Sql::exec(self.world.ledger.sql(), query, &[seq.into()]).unwrap();
        rows.into_iter().map(|mut row| (row.take().unwrap(), (row.take().unwrap(), row.take().unwrap()))).collect()
    }

    /// Each invariant, for every token and text.
    fn check(&mut self, thorough: bool) {
        let mut pins = BTreeSet::new();
        for token in self.tokens.iter().filter(|token| self.is_live(token)) {
            if let Some(pin) = &token.pin {
                assert!(pins.insert((token.owner, pin)), "two live tokens are pinned to one client");
            }
        }
        for (number, person) in &self.people {
            let (live, quota) = (self.live_of(*number), person.quota.unwrap_or(self.default_quota));
            let before = self.live.get(number).copied().unwrap_or(0);
            assert!(live <= quota.max(before), "{live} live tokens, the quota is {quota}");
        }
        if thorough {
            assert_eq!(self.audit_after(0), self.audit, "an audit row was changed");
        }
    }

    fn check_texts(&mut self) {
        let digests: Vec<_> = self.texts.iter().map(|text| text.digest).collect();
        for (part, texts) in digests.chunks(101).zip(0..) {
            let answer = self.records(part);
            assert_eq!(answer.generation, self.generation, "a change that nobody made");
            let workspace = answer.workspace.as_ref().unwrap();
            assert_eq!(workspace.suspended, self.suspended);
            for (text, (_, record)) in self.texts[texts * 101..].iter().zip(&answer.tokens) {
                let (token, record) = (&self.tokens[text.token], record.as_ref().unwrap());
                let (owner, person) = (owner_of(&answer, record), &self.people[&token.owner]);
                assert_eq!((&*record.id, record.owner), (token.id.as_str(), token.owner));
                assert_eq!(record.scopes, token.scopes, "the scopes are others");
                assert_eq!((&owner.grants, owner.suspended), (&person.grants, person.suspended));
                assert_eq!((record.expires_at, record.not_before), (token.expires_at, token.not_before));
                let facts = Facts { token: record, owner, workspace };
                let code = decide(facts, &Demand::of(key_of_workspace()), self.world.now);
                assert_eq!(code == Code::Valid, self.is_good(text), "a check of {} says {code}", token.id);
            }
        }
    }

    fn drain(&mut self, outcomes: &[Put], fault: Option<Fault>) {
        let due = self.world.ledger.outbox().due(self.world.now, outcomes.len()).unwrap();
        for (put, outcome) in due.iter().zip(outcomes) {
            if !matches!(outcome, Put::Failed) {
                let held = self.registry.insert(put.key.clone(), (put.version, put.value.clone()));
                assert!(held.is_none_or(|(version, _)| version <= put.version), "an older version was put last");
            }
            if let Some(Fault::Statement(nth, when)) = fault {
                self.world.ledger.sql().fail(Some((nth, when)));
            }
            // Whatever becomes of the report, the record is put again or was put.
            let outbox = self.world.ledger.outbox();
            let _ = match outcome {
                Put::Done => outbox.done(put, self.world.now),
                Put::Failed | Put::Unknown => outbox.failed(put, self.world.now),
                Put::Unreported => Ok(()),
            };
            self.world.ledger.sql().fail(None);
        }
        if outcomes.iter().any(|outcome| matches!(outcome, Put::Unreported)) {
            self.reopen();
        }
    }

    /// Once the registry is up everything reaches it, and it decides as the ledger does.
    fn settle(&mut self) {
        while let Some(due) = self.world.ledger.outbox().next_due().unwrap() {
            assert!(due.since(self.world.now) <= 60_000, "a record waits for more than a minute");
            self.world.now = due.max(self.world.now);
            self.drain(&[Put::Done; 20], None);
        }
        let digests: Vec<_> = self.texts.iter().map(|text| text.digest).collect();
        for part in digests.chunks(101) {
            let answer = self.records(part);
            let held = |path: String| self.registry.get(&path).unwrap().1.clone().unwrap();
            let workspace = WorkspaceRecord::decode(&held("w/0Ab3dE".to_owned())).unwrap();
            assert_eq!(Some(&workspace), answer.workspace.as_ref(), "the registry's workspace is another");
            for owner in &answer.owners {
                let path = format!("o/0Ab3dE/{}", owner.number);
                assert_eq!(OwnerRecord::decode(&held(path)).as_ref(), Ok(owner), "the registry's owner is another");
            }
            for (digest, record) in &answer.tokens {
                let record = record.as_ref().unwrap();
                let found = TokenRecord::decode(&held(format!("r/0Ab3dE/{digest}"))).unwrap();
                assert!(found.version <= record.version);
                let judge = |token| {
                    let facts = Facts { token, owner: owner_of(&answer, record), workspace: &workspace };
                    decide(facts, &Demand::of(key_of_workspace()), self.world.now)
                };
                assert_eq!(judge(&found), judge(record), "the registry decides otherwise");
                // Of what is dead for good nobody needs to know how it came so.
                assert!(record.revoked || found == *record, "the registry holds another record");
            }
        }
    }

    /// Only old audit rows go, and the oldest first.
    fn upkeep(&mut self) {
        self.world.ledger.upkeep(self.world.now).unwrap();
        let left = self.audit_after(0);
        let first = left.first_key_value().map_or(u64::MAX, |(seq, _)| *seq);
        let kept = self.audit.split_off(&first);
        let Self { audit: gone, retention, world, .. } = self;
        let may_go = |at: &Timestamp| retention.is_some_and(|days| at.plus(days * DAY) <= world.now);
        assert!(gone.values().all(|(at, _)| may_go(at)), "an audit row was removed too early");
        assert_eq!(left, kept, "audit rows were changed");
        // Numbers are not used again: the last is remembered through a row that is no more.
        if !kept.is_empty() {
            self.audit = kept;
        }
    }
}

impl Ceiling {
    fn holds(&self, scope: &str) -> bool {
        self.own.contains(scope)
    }

    /// What it may hand on: some only where it is an admin's.
    fn grantable(&self, reserved: bool) -> Abilities {
        self.can.iter().copied().filter(|scope| self.admin || !reserved || *scope != RESERVED).collect()
    }

    fn check_end(&self, end: Option<Timestamp>) {
        assert!(self.expires_at.is_none_or(|own| end.is_some_and(|end| end <= own)), "escalated in time");
    }

    fn check_reach(&self, owner: u64) {
        assert!(self.admin || self.acts_as.is_some_and(|(_, own)| own == owner), "acted on another's token");
    }
}

fn key_of_workspace() -> counterfoil_token::WorkspaceKey {
    key()
}

fn owner_of<'a>(answer: &'a Answer, record: &TokenRecord) -> &'a OwnerRecord {
    answer.owners.iter().find(|owner| owner.number == record.owner).unwrap()
}

/// What is kept of a reply under an idempotency key: everything but the text.
fn kept_of(command: &Json, mut reply: Json) -> Option<Json> {
    match command["do"].as_str()? {
        "create_token" => reply["text"] = Json::Null,
        "rotate_token" => reply["issued"]["text"] = Json::Null,
        "create_member" | "create_client" | "import_tokens" => {}
        _ => return None,
    }
    Some(reply)
}

/// So many lives a test, of so many steps at most.
const LIVES: u32 = 1_800;
const STEPS: usize = 60;

#[test]
fn no_life_of_tokens_breaks_an_invariant() {
    live(3);
}

#[test]
fn nor_does_another() {
    live(4);
}

/// Together the tests send more than 100,000 commands; they run side by side.
fn live(seed: u64) {
    let config = ProptestConfig {
        cases: LIVES,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        ..ProptestConfig::default()
    };
    let steps = prop::collection::vec(step(), 1..=STEPS);
    let lived = TestRunner::new(config).run(&steps, |steps| {
        let mut life = Life::new();
        for step in steps {
            life.step(step);
        }
        life.settle();
        Ok(())
    });
    if let Err(error) = lived {
        panic!("{error}");
    }
    let (commands, effects) = COUNTS.get();
    assert!(commands >= 50_000 && effects >= 20_000, "the lives were short: {commands} commands, {effects} effects");
    println!("{commands} commands, of which {effects} were carried out");
}
