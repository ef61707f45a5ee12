//! A nearly full storage: commands that add data are refused, and commands that reduce access always work.

use std::collections::BTreeSet;

use counterfoil_ledger::{STORAGE_LIMIT, sql::Sql as _};
use counterfoil_protocol::{
    Answered, BuiltIn, CommandError,
    command::{
        Actor, CheckScope, Command, CreateClient, CreateMember, CreateToken, DeleteClient, DeleteWorkspace, EndSession,
        EraseMember, FindMember, GetScopes, ImportLine, ImportTokens, Lease, ListClients, ListMembers, ListSessions,
        ListTokens, MemberBy, NotSignedIn, NoteRefusal, OpenSession, Page, Patch, PutScopes, ReadAudit, ReadClient,
        ReadIdentityProviders, ReadMember, ReadSelf, ReadSession, ReadSnapshot, ReadSnapshotKeys, ReadToken, ReadUsage,
        ReadWorkspace, Records, ReportUses, Request, RevokeText, RevokeToken, RevokeTokens, RotateToken, ScopeChange,
        ScopeEntry, Selection, SetHosts, SuspendWorkspace, UpdateMember, UpdateToken, UpdateWorkspace, Uses,
    },
    reply_json,
};
use counterfoil_token::Digest;

use crate::{
    changes::{of_member, of_token, of_workspace},
    idempotency::once,
    identity::{identity, provider, vouching},
    support::*,
};

/// One actor of each kind in a workspace, and their tokens.
struct Full {
    world: World,
    admin: Held,
    ann: Held,
    /// A token of hers with few scopes.
    small: Held,
    session: Actor,
}

/// A storage that is so full that no data may be added.
fn full() -> Full {
    let (mut world, admin) = World::founded();
    world.call(admin.actor, vouching(vec![provider(MemberBy::Subject)])).unwrap();
    let bob = CreateMember { subject: Some("bob".to_owned()), ..member("bob", &["read"]) };
    world.call(Actor::Root, bob).unwrap();
    let ann = world.join("ann", &["tokens:*", "sessions:create", "orders:read", "read"]);
    let small = world.issue(ann.actor, token(&["read"])).unwrap();
    let app = CreateClient { id: "app".to_owned(), name: "App".to_owned(), permissions: Vec::new() };
    world.call(admin.actor, app).unwrap();
    let session = world.open(&admin).unwrap().actor;
    fill(&mut world);
    Full { world, admin, ann, small, session }
}

/// Sets the limit so that nine tenths are used.
fn fill(world: &mut World) {
    let used = world.ledger.sql().used().unwrap();
    world.ledger.limit_storage(used);
}

fn send(world: &mut World, actor: Actor, command: impl Into<Command>) -> Result<(), CommandError> {
    let command = command.into();
    let request = Request {
        workspace: key(),
        actor,
        request_id: "full".to_owned(),
        address: None,
        idempotency_key: None,
        origin: None,
        if_version: None,
        wait: false,
        command,
    };
    let reply = world.handle(&serde_json::to_vec(&request).unwrap());
    reply_json(&reply).unwrap().map(|Answered { .. }| ())
}

fn import(text: &str) -> ImportTokens {
    let digest = Digest::of(text.as_bytes());
    ImportTokens { lines: vec![ImportLine { digest, weak: false, length: None, token: token(&[]) }] }
}

fn one_use(digest: Digest) -> Vec<Uses> {
    vec![Uses { digest, last_used_at: START, count: 1 }]
}

/// Every command, so that a new one must be classified here.
#[test]
fn full_storage_refuses_only_commands_that_add_data() {
    const FULL: bool = false;
    const WORKS: bool = true;
    let mut seen = BTreeSet::new();
    let mut case = |works: bool, of: &dyn Fn(&Full) -> (Actor, Command)| {
        let mut full = full();
        let (actor, command) = of(&full);
        let (kind, told) = (command.kind(), format!("{command:?}"));
        seen.insert(kind);
        let before = full.world.dump();
        match send(&mut full.world, actor, command) {
            Ok(()) => assert!(works, "{told} was done"),
            Err(CommandError::StorageFull) => {
                assert!(!works, "{told} was refused");
                assert_eq!(full.world.dump(), before, "{kind}");
            }
            Err(other) => panic!("{told}: {other:?}"),
        }
    };
    macro_rules! cases {
        ($($works:ident $who:ident $full:pat => $command:expr;)*) => { $(
            case($works, &|full| {
                let $full = full;
                let actor = match stringify!($who) {
                    "root" => Actor::Root,
                    "verifier" => Actor::Verifier,
                    "sign_in" => Actor::SignIn,
                    "ann" => full.ann.actor,
                    "session" => full.session,
                    _ => full.admin.actor,
                };
                (actor, $command.into())
            });
        )* };
    }
    let long = "a name that is longer than any before".to_owned();
    let pages = Page::default;
    cases! {
        FULL admin _ => CreateMember { ..member("eve", &[]) };
        FULL admin _ => CreateClient { id: "web".to_owned(), name: "Web".to_owned(), permissions: Vec::new() };
        FULL admin _ => token(&[]);
        FULL admin _ => import("theirs");
        FULL admin full => RotateToken { id: full.ann.id.clone(), grace_seconds: 0, end_previous: false };
        FULL admin _ => PutScopes { scopes: ["orders:read", "orders:write", "read", "write", "more"].map(entry).into() };
        FULL admin full => UpdateToken { name: Some(long.clone()), ..of_token(&full.ann.id) };
        FULL admin full => UpdateToken {
            scopes: Some(ScopeChange::Replace(patterns(&["read", "orders:read"]))), ..of_token(&full.small.id)
        };
        FULL admin full => UpdateToken { metadata: Patch::Set(serde_json::Map::new()), ..of_token(&full.small.id) };
        FULL admin _ => UpdateMember { name: Some(long.clone()), ..of_member("ann") };
        FULL admin _ => UpdateMember { grants: Some(patterns(&["read", "write"])), ..of_member("bob") };

        WORKS admin _ => PutScopes { scopes: ["read", "write"].map(entry).into() };
        WORKS admin full => UpdateToken { enabled: Some(false), ..of_token(&full.ann.id) };
        WORKS admin full => UpdateToken {
            lifetime: Patch::Set(counterfoil_protocol::command::Lifetime::Seconds(9)), ..of_token(&full.ann.id)
        };
        // Access is reduced, although more is stored.
        WORKS admin full => UpdateToken {
            allowed_addresses: Some(vec!["192.0.2.0/24".parse().unwrap(), "198.51.100.0/24".parse().unwrap()]),
            ..of_token(&full.ann.id)
        };
        WORKS admin full => UpdateToken {
            scopes: Some(ScopeChange::Replace(patterns(&["tokens:read", "tokens:write"]))), ..of_token(&full.ann.id)
        };
        WORKS admin _ => UpdateMember { suspended: Some(true), ..of_member("ann") };
        WORKS admin _ => UpdateMember { grants: Some(patterns(&["tokens:read", "tokens:write"])), ..of_member("ann") };
        WORKS admin _ => UpdateMember { revoke_all: true, ..of_member("ann") };
        WORKS admin _ => UpdateWorkspace { audit_retention: Patch::Set(1), ..of_workspace() };
        WORKS root _ => SuspendWorkspace { suspended: true };
        WORKS root _ => SetHosts { hosts: hosts_of(&["tokens.example.com"]) };
        WORKS root _ => DeleteWorkspace {};
        WORKS ann full => RevokeToken { id: full.ann.id.clone(), reason: Some("leaked".to_owned()) };
        WORKS admin full => RevokeText { digest: full.ann.digest, reason: None };
        WORKS admin full => RevokeTokens { select: Selection::Ids(vec![full.ann.id.clone()]), reason: None };
        WORKS admin _ => EraseMember { id: "ann".to_owned() };
        WORKS admin _ => DeleteClient { id: "app".to_owned() };
        WORKS admin _ => OpenSession {};
        WORKS session _ => EndSession { id: None };
        WORKS sign_in _ => identity("bob");
        WORKS sign_in _ => {
            let provider = provider(MemberBy::Subject);
            NoteRefusal { issuer: provider.issuer, audience: provider.audience, reason: NotSignedIn::NoMember }
        };
        WORKS verifier full => ReportUses { uses: one_use(full.ann.digest) };
        WORKS verifier full => Lease { since: None, digests: Vec::new(), uses: one_use(full.ann.digest), segments: None };

        WORKS admin _ => ReadWorkspace {};
        WORKS admin _ => GetScopes {};
        WORKS admin _ => ListMembers { page: pages() };
        WORKS admin _ => ReadMember { id: "ann".to_owned() };
        WORKS admin _ => FindMember { number: 1 };
        WORKS admin _ => ListClients { page: pages() };
        WORKS admin _ => ReadClient { id: "app".to_owned() };
        WORKS admin _ => ListTokens { ..all_tokens(pages()) };
        WORKS admin full => ReadToken { id: full.ann.id.clone() };
        WORKS admin _ => ReadSelf {};
        WORKS sign_in _ => ReadIdentityProviders {};
        WORKS session _ => ReadSession {};
        WORKS admin _ => ListSessions { page: pages() };
        WORKS admin _ => ReadAudit { subject: None, actor: None, page: pages() };
        WORKS verifier _ => Records { digests: Vec::new() };
        WORKS admin full => ReadUsage { id: full.ann.id.clone(), days: None };
        WORKS admin _ => CheckScope { scope: BuiltIn::TokensRead };
        WORKS admin _ => ReadSnapshot {};
        WORKS admin _ => ReadSnapshotKeys {};
    }
    // An unused workspace may be bootstrapped again.
    let mut world = World::empty();
    let issued = world.call(Actor::Root, bootstrap()).unwrap().admin;
    world.held(issued);
    fill(&mut world);
    assert_eq!(refused(world.call(Actor::Root, bootstrap())), CommandError::StorageFull);
    seen.insert("Bootstrap");
    assert_eq!(seen, Command::KINDS.iter().copied().collect(), "every command is tested");
}

#[test]
fn missing_scope_is_reported_before_full_storage() {
    let Full { mut world, ann, .. } = full();
    assert_missing(world.call(ann.actor, member("eve", &[])), "workspace:manage");
}

#[test]
fn full_storage_returns_stored_idempotent_replies() {
    let (mut world, admin) = World::founded();
    let made = once(&mut world, admin.actor, "k", token(&["read"])).unwrap();
    world.held(made.reply);
    fill(&mut world);
    assert!(once(&mut world, admin.actor, "k", token(&["read"])).unwrap().repeated);
    assert_eq!(refused(once(&mut world, admin.actor, "other", token(&["read"]))), CommandError::StorageFull);
}

/// A member with the right to create tokens fills the storage completely; then everything is removed again.
#[test]
fn full_storage_can_be_emptied() {
    const LIMIT: u64 = 3_000_000;
    let (mut world, admin) = World::founded();
    let ann = CreateMember { quota: Some(100_000), ..member("ann", &["tokens:*", "read"]) };
    world.call(Actor::Root, ann).unwrap();
    let its = CreateToken { owner: Some("ann".to_owned()), ..token(&["tokens:*", "read"]) };
    let ann = world.issue(Actor::Root, its).unwrap();
    world.ledger.limit_storage(LIMIT);
    let used = |world: &World| world.ledger.sql().used().unwrap();

    let big = || CreateToken { note: Some("n".repeat(1_000)), ..token(&["read"]) };
    let mut ids = Vec::new();
    let refusal = loop {
        match world.attempt(ann.actor, big()) {
            Ok(issued) => ids.push(world.held(issued).id.clone()),
            Err(refusal) => break refusal,
        }
    };
    assert_eq!(refusal, CommandError::StorageFull);
    assert!((LIMIT / 10 * 9..LIMIT / 10 * 9 + 100_000).contains(&used(&world)), "{} of {LIMIT}", used(&world));
    assert!(ids.len() > 500, "{} tokens", ids.len());

    // Restricting every token needs space, and has it.
    for id in &ids {
        let narrower = UpdateToken { enabled: Some(false), ..of_token(id) };
        world.attempt(ann.actor, narrower).unwrap();
        world.attempt(ann.actor, RevokeToken { id: id.clone(), reason: Some("r".repeat(200)) }).unwrap();
        assert!(used(&world) <= LIMIT, "{} of {LIMIT}", used(&world));
    }
    world.attempt(admin.actor, UpdateMember { suspended: Some(true), ..of_member("ann") }).unwrap();
    world.attempt(admin.actor, EraseMember { id: "ann".to_owned() }).unwrap();
    assert!(used(&world) <= LIMIT, "{} of {LIMIT}", used(&world));
    // The outbox is emptied and user-written text removed, so there is space again.
    for put in world.ledger.outbox().due(world.now.plus(DAY), 10_000).unwrap() {
        world.ledger.outbox().done(&put, world.now).unwrap();
    }
    assert!(used(&world) < LIMIT / 10 * 9, "{} of {LIMIT}", used(&world));
    world.issue(admin.actor, token(&[])).unwrap();
}

#[test]
fn full_storage_counts_usage_without_new_rows() {
    let Full { mut world, admin, ann, .. } = full();
    world.ledger.limit_storage(STORAGE_LIMIT);
    world.call(Actor::Verifier, ReportUses { uses: one_use(ann.digest) }).unwrap();
    fill(&mut world);
    let both = [one_use(ann.digest), one_use(admin.digest)].concat();
    world.call(Actor::Verifier, ReportUses { uses: both }).unwrap();
    assert_eq!(world.number("SELECT sum(count) FROM uses"), 2, "another row was not added");
    assert_eq!(world.number("SELECT count(*) FROM tokens WHERE last_used_at IS NOT NULL"), 2);
}

#[test]
fn storage_size_is_shown_with_workspace_manage() {
    let Full { mut world, admin, ann, .. } = full();
    world.ledger.limit_storage(5_000_000);
    let stored = world.call(admin.actor, ReadWorkspace {}).unwrap().storage.unwrap();
    assert_eq!((stored.used_bytes, stored.limit_bytes), (world.ledger.sql().used().unwrap(), 5_000_000));
    assert!(world.call(Actor::Root, ReadWorkspace {}).unwrap().storage.is_some());
    assert_eq!(world.call(ann.actor, ReadWorkspace {}).unwrap().storage, None);
}

/// The longest possible description, of characters that take six bytes each in JSON.
fn longest(name: &str) -> ScopeEntry {
    ScopeEntry { description: "\u{1}".repeat(500), ..entry(name) }
}

#[test]
fn catalogue_change_is_audited_in_small_rows() {
    let (mut world, admin) = World::founded();
    world.put_scopes(&[]);
    let name = |index: usize| format!("{index:03}{}", "x".repeat(97));
    // The maximum size of a catalogue: 256 KiB.
    let first: Vec<_> = (0..80).map(|index| longest(&name(index))).collect();
    let second: Vec<_> =
        first.iter().map(|entry| ScopeEntry { description: "\u{2}".repeat(500), ..entry.clone() }).collect();
    world.call(admin.actor, PutScopes { scopes: first.clone() }).unwrap();
    let seq = world.number("SELECT max(seq) FROM audit");
    world.call(admin.actor, PutScopes { scopes: second.clone() }).unwrap();

    let rows = "SELECT before, after FROM audit WHERE seq > ? ORDER BY seq";
    let rows = world.ledger.sql().exec(rows, &[seq.into()]).unwrap();
    assert!(rows.len() > 10, "{} rows", rows.len());
    let (mut before, mut after) = (Vec::<ScopeEntry>::new(), Vec::<ScopeEntry>::new());
    for mut row in rows {
        let (was, is): (String, String) = (row.take().unwrap(), row.take().unwrap());
        assert!(was.len() + is.len() <= 33 * 1024, "{} bytes", was.len() + is.len());
        before.extend(serde_json::from_str::<Vec<ScopeEntry>>(&was).unwrap());
        after.extend(serde_json::from_str::<Vec<ScopeEntry>>(&is).unwrap());
    }
    assert!(before == first && after == second, "each change is recorded exactly once");
}

/// The size of the audit log, counted independently.
const AUDIT: &str =
    "SELECT sum(400 + coalesce(length(CAST(before AS BLOB)), 0) + coalesce(length(CAST(after AS BLOB)), 0))
    FROM audit";

#[test]
fn audit_log_over_size_limit_drops_oldest_rows() {
    let (mut world, admin) = World::founded();
    let held = world.issue(admin.actor, token(&["read"])).unwrap();
    world.ledger.limit_storage(100_000);
    let spent = |world: &World| world.number("SELECT bytes FROM spent WHERE what = 'audit'");
    let mut evicted = false;
    for round in 0..100 {
        world.attempt(admin.actor, UpdateToken { enabled: Some(round % 2 > 0), ..of_token(&held.id) }).unwrap();
        assert_eq!(spent(&world), world.number(AUDIT), "the counted size matches the rows");
        assert!(spent(&world) <= 20_000, "{} bytes", spent(&world));
        evicted |= world.number("SELECT min(seq) FROM audit") > 1;
    }
    assert!(evicted);
    let (first, last) = (world.number("SELECT min(seq) FROM audit"), world.number("SELECT max(seq) FROM audit"));
    assert_eq!(world.number("SELECT count(*) FROM audit"), last - first + 1, "the newest rows remain");
}

#[test]
fn audit_rows_of_one_change_do_not_displace_each_other() {
    let (mut world, admin) = World::founded();
    let held = world.issue(admin.actor, token(&["read"])).unwrap();
    let others: Vec<_> = (0..3).map(|_| world.issue(admin.actor, token(&["read"])).unwrap().id.clone()).collect();
    // The audit log was empty because nothing changed during its retention.
    world.meddle("DELETE FROM audit");
    fill(&mut world);
    world.attempt(admin.actor, RevokeToken { id: held.id.clone(), reason: None }).unwrap();
    assert_eq!(world.number("SELECT count(*) FROM audit WHERE action = 'token.revoke'"), 1);
    let many = RevokeTokens { select: Selection::Ids(others), reason: None };
    world.attempt(admin.actor, many).unwrap();
    assert_eq!(
        world.number("SELECT count(*) FROM audit WHERE action = 'token.revoke'"),
        3,
        "the older row was deleted"
    );
}

#[test]
fn catalogue_audit_rows_displace_only_their_kind() {
    let (mut world, _) = World::founded();
    world.meddle(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
         INSERT INTO audit (at, actor, action, subject, request_id)
         SELECT 0, 'root', 'scopes.replace', '0Ab3dE', 'old' FROM n",
    );
    let others = world.number("SELECT count(*) FROM audit WHERE action <> 'scopes.replace'");
    world.put_scopes(&["read"]);
    assert_eq!(world.number("SELECT count(*) FROM audit WHERE action = 'scopes.replace'"), 10_000);
    assert_eq!(world.number("SELECT count(*) FROM audit WHERE action <> 'scopes.replace'"), others);
    assert_eq!(world.number("SELECT rows FROM spent WHERE what = 'audit'"), 10_000 + others);
    assert_eq!(world.number("SELECT bytes FROM spent WHERE what = 'audit'"), world.number(AUDIT));
}
