//! A failed command changes nothing, whichever statement fails, before or after it took effect.

use core::fmt::Debug;
use std::collections::BTreeSet;

use counterfoil_ledger::{Upkeep, editions::Step, native::When};
use counterfoil_protocol::{
    BuiltIn, CommandError,
    command::{
        Actor, Ask, CheckScope, Command, CreateClient, CreateMember, CreateToken, DeleteClient, DeleteWorkspace,
        EndSession, Ended, EraseMember, FindMember, GetScopes, IdentityProvider, ImportLine, ImportTokens, Lease,
        ListClients, ListMembers, ListSessions, MemberBy, NotSignedIn, NoteRefusal, OpenSession, Page, Patch,
        PutScopes, ReadAudit, ReadClient, ReadIdentityProviders, ReadMember, ReadSelf, ReadSession, ReadSnapshot,
        ReadSnapshotKeys, ReadToken, ReadUsage, ReadWorkspace, Records, ReportUses, RevokeText, RevokeToken,
        RevokeTokens, RotateToken, ScopeChange, Selection, SetHosts, SignIn, Snapshot, SuspendWorkspace, TokenFilter,
        UpdateMember, UpdateToken, UpdateWorkspace, Uses,
    },
};
use counterfoil_token::Digest;
use counterfoil_verify::Position;

use crate::{
    changes::{of_member, of_token, of_workspace},
    idempotency::once,
    identity::{identity, provider},
    support::*,
};

/// The history of a workspace in which each statement of each command fails once before the command succeeds.
struct Sweep {
    world: World,
    when: When,
    /// The kinds of executed commands, and those of them that are not reads.
    kinds: BTreeSet<&'static str>,
    no_questions: BTreeSet<&'static str>,
    /// The kinds of commands that changed something.
    changing: BTreeSet<&'static str>,
    /// The number of commands.
    commands: u32,
}

#[test]
fn failed_statement_of_any_command_changes_nothing() {
    every_command(When::Before);
    every_command(When::After);
}

/// A workspace in which every kind of command was carried out.
pub(crate) fn every_command(when: When) -> World {
    let mut sweep = Sweep {
        world: World::empty(),
        when,
        kinds: BTreeSet::new(),
        no_questions: BTreeSet::new(),
        changing: BTreeSet::new(),
        commands: 0,
    };
    let admin = sweep.founding();
    sweep.settings(&admin);
    sweep.members_and_clients(&admin);
    sweep.tokens(&admin);
    sweep.many_tokens(&admin);
    sweep.sessions(&admin);
    sweep.questions(&admin);
    sweep.snapshots(&admin);
    sweep.endings(&admin);
    assert_eq!(sweep.kinds, Command::KINDS.iter().copied().collect(), "every other command had a failing statement");
    assert_eq!(sweep.no_questions, sweep.changing, "exactly the commands that are not reads changed something");
    sweep.world
}

impl Sweep {
    /// Repeats an action, failing a later statement each time, until no statement fails.
    fn fail_each<T, E: Debug>(&mut self, act: impl Fn(&mut World) -> Result<T, E>) -> T {
        for statement in 1.. {
            let before = self.world.dump();
            self.world.ledger.sql().fail(Some((statement, self.when)));
            let outcome = act(&mut self.world);
            let spared = self.world.ledger.sql().is_fault_ahead();
            self.world.ledger.sql().fail(None);
            if spared {
                return outcome.unwrap();
            }
            assert!(outcome.is_err(), "the fault {:?} statement {statement} was not reported", self.when);
            assert_eq!(self.world.dump(), before, "the fault {:?} statement {statement} left a change", self.when);
        }
        panic!("the command never succeeds");
    }

    /// The same for a command, sent with an idempotency key so that it can be repeated after each failure.
    fn command<C: Ask>(&mut self, actor: Actor, ask: impl Fn() -> C) -> C::Reply {
        self.commands += 1;
        let key = self.commands.to_string();
        let command: Command = ask().into();
        self.kinds.insert(command.kind());
        if !command.is_question() {
            self.no_questions.insert(command.kind());
        }
        let answered = self.fail_each(|world| {
            let outcome = once(world, actor, &key, ask());
            assert!(matches!(outcome, Ok(_) | Err(CommandError::Internal { .. })), "{:?}", outcome.err());
            outcome
        });
        assert!(!answered.repeated);
        answered.reply
    }

    fn change<C: Ask>(&mut self, actor: Actor, ask: impl Fn() -> C) -> C::Reply {
        let last = "SELECT coalesce(max(seq), 0) FROM audit";
        let before = self.world.number(last);
        let command: Command = ask().into();
        self.changing.insert(command.kind());
        let reply = self.command(actor, ask);
        assert!(self.world.number(last) > before, "the command should change something");
        reply
    }

    fn question<C: Ask>(&mut self, actor: Actor, ask: impl Fn() -> C) -> C::Reply {
        let before = self.world.dump_but_leases();
        let reply = self.command(actor, ask);
        assert_eq!(self.world.dump_but_leases(), before, "a read changed something");
        reply
    }

    fn issue(&mut self, actor: Actor, ask: impl Fn() -> CreateToken) -> Held {
        let issued = self.change(actor, ask);
        self.world.held(issued)
    }

    fn founding(&mut self) -> Held {
        // The first creates the workspace; the second replaces the token, because its reply may have been lost.
        let first = self.command(Actor::Root, bootstrap).admin;
        self.world.held(first);
        let second = self.change(Actor::Root, bootstrap).admin;
        self.world.held(second)
    }

    fn settings(&mut self, admin: &Held) {
        for names in [&["read", "write"], &["read", "more"]] {
            self.change(admin.actor, || PutScopes { scopes: names.iter().map(|name| entry(name)).collect() });
        }
        self.change(admin.actor, || UpdateWorkspace {
            name: Some("Another".to_owned()),
            default_quota: Some(60),
            audit_retention: Patch::Set(1),
            ..of_workspace()
        });
        for suspended in [true, false] {
            self.change(Actor::Root, || SuspendWorkspace { suspended });
        }
        self.change(Actor::Root, || SetHosts { hosts: hosts_of(&["api.acme.example"]) });
    }

    fn members_and_clients(&mut self, admin: &Held) {
        self.change(admin.actor, || CreateMember { quota: Some(9), ..member("ann", &["read", "tokens:*"]) });
        self.change(admin.actor, || member("ben", &["read"]));
        self.change(admin.actor, || UpdateMember {
            name: Some("Benedict".to_owned()),
            email: Patch::Set("ben@example.org".to_owned()),
            suspended: Some(true),
            ..of_member("ben")
        });
        let no_grants = || UpdateMember { grants: Some(Vec::new()), suspended: Some(false), ..of_member("ben") };
        self.change(admin.actor, no_grants);
        for id in ["app", "web"] {
            let permissions = || patterns(&["read"]);
            self.change(admin.actor, || CreateClient {
                id: id.to_owned(),
                name: "A client".to_owned(),
                permissions: permissions(),
            });
        }
        self.question(admin.actor, || ReadClient { id: "web".to_owned() });
        self.change(admin.actor, || DeleteClient { id: "web".to_owned() });
    }

    fn tokens(&mut self, admin: &Held) {
        let pinned = || Some("app".to_owned());
        let to_ann = || CreateToken { owner: Some("ann".to_owned()), client_id: pinned(), ..token(&["read"]) };
        self.issue(admin.actor, to_ann);
        let held = self.issue(admin.actor, || token(&["read"]));
        self.change(admin.actor, || UpdateToken { name: Some("renamed".to_owned()), ..of_token(&held.id) });
        let scopes = |change| UpdateToken { scopes: Some(change), ..of_token(&held.id) };
        let merge = |on| patterns(&["more"]).into_iter().map(|scope| (scope, on)).collect();
        self.change(admin.actor, || scopes(ScopeChange::Merge(merge(true))));
        self.question(admin.actor, || scopes(ScopeChange::Merge(merge(true))));
        self.change(admin.actor, || scopes(ScopeChange::Replace(patterns(&["read"]))));
        // The third ends the grace periods of the first two; later commands concern two token values.
        let mut replaced = Vec::new();
        for end_previous in [false, false, true] {
            let id = || held.id.clone();
            let rotated = self.change(admin.actor, || RotateToken { id: id(), grace_seconds: 60, end_previous });
            replaced.push(self.world.held(rotated).digest);
        }
        let rotated =
            self.change(admin.actor, || RotateToken { id: held.id.clone(), grace_seconds: 60, end_previous: false });
        self.world.held(rotated);
        let ended = self.change(admin.actor, || RevokeText { digest: replaced[1], reason: None });
        assert_eq!(ended.ended, Ended::Text);
        self.question(Actor::Verifier, || Records { digests: vec![held.digest, admin.digest] });
        for count in [2, 3] {
            let used = |digest| Uses { digest, last_used_at: START, count };
            self.command(Actor::Verifier, || ReportUses { uses: vec![used(held.digest), used(admin.digest)] });
        }
        self.leases(&held);
        self.question(admin.actor, || CheckScope { scope: BuiltIn::TokensImport });
        self.question(admin.actor, || ReadUsage { id: admin.id.clone(), days: None });
        self.change(admin.actor, || UpdateToken { enabled: Some(false), ..of_token(&held.id) });
        self.change(admin.actor, || RevokeToken { id: held.id.clone(), reason: Some("over".to_owned()) });
        self.question(admin.actor, || RevokeToken { id: held.id.clone(), reason: None });
    }

    /// For a token with two values.
    fn leases(&mut self, held: &Held) {
        let lease = |since: Option<u64>, count| {
            let since = since.map(|generation| Position { epoch: START.0, generation });
            let used = (0..count).map(|_| Uses { digest: held.digest, last_used_at: START, count: 1 });
            Lease { since, digests: vec![held.digest], uses: used.collect(), segments: None }
        };
        let first = self.question(Actor::Verifier, || lease(None, 0));
        assert_eq!((first.since, first.answer.tokens.len()), (None, 1));
        let told = self.question(Actor::Verifier, || lease(Some(2), 0));
        assert!(told.since.is_some() && !told.answer.owners.is_empty());
        let before = self.world.dump();
        self.command(Actor::Verifier, || lease(Some(2), 2));
        assert_ne!(self.world.dump(), before);
    }

    /// Reading a snapshot writes: for the first request, and when its time is advanced. No permission depends on that.
    fn snapshots(&mut self, admin: &Held) {
        let not_yet = Snapshot::NotYet { retry_in: 1 };
        let written = |sweep: &mut Self| {
            let before = sweep.world.dump();
            let reply = sweep.command(admin.actor, || ReadSnapshot {});
            assert_ne!(sweep.world.dump(), before);
            reply
        };
        assert_eq!(written(self), not_yet);
        assert_eq!(self.question(admin.actor, || ReadSnapshot {}), not_yet);
        loop {
            let step = self.world.ledger.edition_step(self.world.now).unwrap();
            self.world.ledger.edition_done(&step, self.world.now).unwrap();
            if matches!(step, Step::Wait(_)) {
                break;
            }
        }
        assert!(matches!(self.question(admin.actor, || ReadSnapshot {}), Snapshot::Ready(_)));
        self.world.wait(DAY / 8);
        assert!(matches!(written(self), Snapshot::Ready(_)));
        self.question(admin.actor, || ReadSnapshotKeys {});
    }

    fn many_tokens(&mut self, admin: &Held) {
        let line =
            |text: &str, token| ImportLine { digest: Digest::of(text.as_bytes()), weak: false, length: None, token };
        let imported = self.change(admin.actor, || ImportTokens {
            lines: vec![line("one", token(&["read"])), line("wrong", token(&["nope"])), line("two", token(&[]))],
        });
        let ids: Vec<_> = imported.lines.into_iter().flatten().collect();
        assert_eq!(ids.len(), 2);
        self.change(admin.actor, || RevokeTokens { select: Selection::Ids(ids.clone()), reason: None });
        let of_ann = || TokenFilter { owner: Some("ann".to_owned()), ..TokenFilter::default() };
        self.change(admin.actor, || RevokeTokens { select: Selection::Filter(of_ann()), reason: None });
        let to_ann = || CreateToken { owner: Some("ann".to_owned()), ..token(&["read"]) };
        self.issue(admin.actor, to_ann);
        self.change(admin.actor, || UpdateMember { revoke_all: true, ..of_member("ann") });
        self.issue(admin.actor, to_ann);
    }

    fn sessions(&mut self, admin: &Held) {
        let mut open = || {
            let opened = self.change(admin.actor, || OpenSession {});
            self.world.seated(opened)
        };
        let (one, other, _) = (open(), open(), open());
        self.question(one.actor, || ReadSession {});
        self.question(one.actor, || ListSessions { page: Page::default() });
        self.change(one.actor, || token(&["read"]));
        self.change(one.actor, || EndSession { id: Some(other.id.clone()) });
        self.change(one.actor, || EndSession { id: None });
        self.vouched_sessions(admin);
    }

    /// Sessions through an identity provider, and everything that ends them.
    fn vouched_sessions(&mut self, admin: &Held) {
        let providers =
            |list: Vec<IdentityProvider>| UpdateWorkspace { identity_providers: Some(list), ..of_workspace() };
        let subject = || UpdateMember { subject: Patch::Set("ann|1".to_owned()), ..of_member("ann") };
        let suspend = |suspended| UpdateMember { suspended: Some(suspended), ..of_member("ann") };
        self.change(admin.actor, || providers(vec![provider(MemberBy::Subject)]));
        self.change(admin.actor, subject);
        self.question(Actor::SignIn, || ReadIdentityProviders {});
        let note = || {
            let SignIn { issuer, audience, .. } = identity("ann|1");
            NoteRefusal { issuer, audience, reason: NotSignedIn::NoMember }
        };
        assert!(self.command(Actor::SignIn, note).noted);
        assert!(!self.question(Actor::SignIn, note).noted);
        let sign_in = |sweep: &mut Self| {
            let opened = sweep.change(Actor::SignIn, || identity("ann|1"));
            sweep.world.seated(opened)
        };
        let ann = sign_in(self);
        self.question(ann.actor, || ReadSession {});
        self.change(ann.actor, || token(&["read"]));
        self.change(admin.actor, || suspend(true));
        self.change(admin.actor, || suspend(false));
        sign_in(self);
        self.change(admin.actor, || UpdateMember { revoke_all: true, ..of_member("ann") });
        sign_in(self);
        self.change(admin.actor, || providers(Vec::new()));
        assert_eq!(self.world.number("SELECT count(*) FROM sessions WHERE issuer IS NOT NULL"), 0);
    }

    fn questions(&mut self, admin: &Held) {
        let page = Page::default;
        self.question(admin.actor, || ReadWorkspace {});
        self.question(admin.actor, || GetScopes {});
        self.question(admin.actor, || ListMembers { page: page() });
        self.question(admin.actor, || ReadMember { id: "ann".to_owned() });
        self.question(admin.actor, || FindMember { number: 2 });
        self.question(admin.actor, || ListClients { page: page() });
        self.question(admin.actor, || all_tokens(page()));
        self.question(admin.actor, || ReadToken { id: admin.id.clone() });
        self.question(admin.actor, || ReadSelf {});
        self.question(admin.actor, || ReadAudit { subject: None, actor: None, page: page() });
    }

    /// Expired rows are deleted, then a member, then the workspace.
    fn endings(&mut self, admin: &Held) {
        self.world.wait(DAY);
        let rows = |world: &World| {
            let tables = ["audit", "idempotency", "sessions"];
            tables.map(|table| world.number(&format!("SELECT count(*) FROM {table}")))
        };
        let before = rows(&self.world);
        self.fail_each(|world| world.ledger.upkeep(world.now));
        let after = rows(&self.world);
        assert!(before.iter().zip(after).all(|(before, after)| *before > after), "no row was old enough");

        self.change(admin.actor, || OpenSession {});
        let used = Uses { digest: admin.digest, last_used_at: self.world.now, count: 1 };
        self.command(Actor::Verifier, || ReportUses { uses: vec![used.clone()] });
        self.change(admin.actor, || EraseMember { id: "ann".to_owned() });
        self.change(Actor::Root, || DeleteWorkspace {});
        loop {
            match self.fail_each(|world| world.ledger.upkeep(world.now)) {
                Upkeep::More => {}
                Upkeep::Wait(due) => {
                    self.world.now = self.world.now.max(due.unwrap());
                    let outbox = self.world.ledger.outbox();
                    for put in outbox.due(self.world.now, 100).unwrap() {
                        outbox.done(&put, self.world.now).unwrap();
                    }
                }
                Upkeep::Release(..) => break,
            }
        }
        self.fail_each(|world| world.ledger.forget(world.now));
        assert_eq!(self.world.number("SELECT count(*) FROM workspace"), 0);
    }
}

#[test]
fn failing_outbox_loses_no_record() {
    for when in [When::Before, When::After] {
        let (mut world, _) = World::founded();
        let puts = world.ledger.outbox().due(START, 100).unwrap();
        world.ledger.sql().fail(Some((1, when)));
        assert!(world.ledger.outbox().due(START, 100).is_err());
        world.ledger.sql().fail(Some((1, when)));
        assert!(world.ledger.outbox().next_due(world.now).is_err());
        for statement in 1..=2 {
            world.ledger.sql().fail(Some((statement, when)));
            assert!(world.ledger.outbox().failed(&puts[0], START).is_err());
        }
        world.wait(120_000);
        assert_eq!(world.ledger.outbox().due(world.now, 100).unwrap().len(), puts.len());
    }
}
