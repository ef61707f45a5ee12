//! Databases of earlier versions are upgraded and remain usable.

use counterfoil_ledger::{
    Ledger, Upkeep,
    native::{NativeSql, Seeded, When},
    sql::{Row, Sql, SqlError, Value},
};
use counterfoil_protocol::command::{
    Actor, EraseMember, Lease, ListMembers, OpenSession, Page, ReadMember, ReadSelf, ReadSession, ReadWorkspace,
    Records, RevokeToken,
};
use counterfoil_token::Digest;
use counterfoil_verify::{Code, Timestamp};

use crate::{editions::Registry, support::*};

/// The tokens in `v1.sql`: the admin's, a member's, and the revoked one.
const DIGESTS: [&str; 3] = [
    "d9be5d92f529b0670de088b61dbbcd575ef7d6578fde3eeff3d6b248ed0e7975",
    "681862bde74dfaf00a2fce9b9ba0673d6af221cb7bd4af3aa282774c9c993069",
    "aac1658474cd2efcfc72473ac2bb535034094264d39c36401827effbb055c90a",
];

fn version_1() -> NativeSql {
    let sql = NativeSql::in_memory().unwrap();
    sql.exec(include_str!("v1.sql"), &[]).unwrap();
    sql
}

/// The same database after that version has opened it.
fn version(newest: u64) -> NativeSql {
    const LATER: [&str; 11] = [
        include_str!("../../src/schema/002.sql"),
        include_str!("../../src/schema/003.sql"),
        include_str!("../../src/schema/004.sql"),
        include_str!("../../src/schema/005.sql"),
        include_str!("../../src/schema/006.sql"),
        include_str!("../../src/schema/007.sql"),
        include_str!("../../src/schema/008.sql"),
        include_str!("../../src/schema/009.sql"),
        include_str!("../../src/schema/010.sql"),
        include_str!("../../src/schema/011.sql"),
        include_str!("../../src/schema/012.sql"),
    ];
    let sql = version_1();
    for (migration, version) in LATER.into_iter().zip(2..=newest) {
        sql.exec(migration, &[]).unwrap();
        sql.exec("INSERT INTO schema_version (version) VALUES (?)", &[version.into()]).unwrap();
    }
    sql
}

/// A database of version 12, the last one without a search index, with this many tokens more.
pub(crate) fn before_search_index(tokens: u64) -> NativeSql {
    let sql = version(12);
    sql.exec(
        "WITH RECURSIVE n (i) AS (SELECT 4 UNION ALL SELECT i + 1 FROM n WHERE i < ? + 3)
         INSERT INTO tokens (number, id, digest, hint, owner, name, note, scopes, enabled, created_at, created_by,
             addresses, issued, version)
         SELECT i, 'tok_of_old_' || i, randomblob(32), 'cft_…' || i, 1,
             CASE i % 3 WHEN 0 THEN 'Nightly ' || i WHEN 1 THEN '例え🎫 zz' ELSE '' END,
             CASE WHEN i % 4 = 0 THEN 'note ' || i END,
             CASE WHEN i % 2 THEN '[\"read\"]' ELSE '[]' END, 1, 1763000000000, 'root', '[]', 1, 1
         FROM n",
        &[tokens.into()],
    )
    .unwrap();
    sql.exec("UPDATE workspace SET last_number = ? + 3", &[tokens.into()]).unwrap();
    sql
}

fn digest(index: usize) -> Digest {
    serde_json::from_value(serde_json::json!(DIGESTS[index])).unwrap()
}

fn actor(index: usize) -> Actor {
    Actor::Token(digest(index))
}

#[test]
fn upgraded_database_has_newest_schema() {
    let world = World::over(version_1());
    assert_eq!(world.ledger.sql().schema().unwrap(), World::empty().ledger.sql().schema().unwrap());
    assert_eq!(world.number("SELECT max(version) FROM schema_version"), 13);
}

#[test]
fn upgrade_counts_existing_token_values() {
    let sql = version(8);
    sql.exec(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5)
         INSERT INTO replaced_texts (digest, token, valid_until, issued, weak) SELECT randomblob(32), 2, 0, 1, 0 FROM n",
        &[],
    )
    .unwrap();
    let world = World::over(sql);
    let texts = |owner: &str| world.number(&format!("SELECT texts FROM members WHERE number = ({owner})"));
    let held = |owner: &str| world.number(&format!("SELECT count(*) FROM tokens WHERE owner = ({owner})"));
    let owner = "SELECT owner FROM tokens WHERE number = 2";
    assert_eq!(texts(owner), held(owner) + 5);
    assert_eq!(world.number("SELECT sum(texts) FROM members"), 3 + 5);
}

#[test]
fn upgrade_from_version_1_adds_sessions() {
    let mut world = World::over(version(2));
    assert_eq!(world.ledger.sql().schema().unwrap(), World::empty().ledger.sql().schema().unwrap());
    let opened = world.call(actor(0), OpenSession {}).unwrap();
    assert_eq!(world.seated(opened).member.id, "admin");
    assert_eq!(world.number("SELECT count(*) FROM audit WHERE member IS NULL"), 7, "old rows have no member");
}

#[test]
fn session_of_version_5_remains_valid() {
    let sql = version(5);
    let digest = Digest::of(b"the text of a session");
    sql.exec(
        "INSERT INTO sessions (number, id, digest, token, opened_with, created_at, expires_at)
         SELECT 7, 'ses_old', ?, number, digest, ?, ? FROM tokens WHERE number = 2",
        &[digest.as_bytes().as_slice().into(), START.into(), START.plus(DAY).into()],
    )
    .unwrap();
    let mut world = World::over(sql);
    assert_eq!(world.ledger.sql().schema().unwrap(), World::empty().ledger.sql().schema().unwrap());
    let session = world.call(Actor::Session(digest), ReadSession {}).unwrap();
    assert_eq!((session.id.as_str(), session.member.id.as_str(), session.issuer), ("ses_old", "ann", None));
    assert_eq!(session.expires_at, START.plus(DAY));
    let opened = world.call(actor(0), OpenSession {}).unwrap();
    world.seated(opened);
    assert_eq!(world.number("SELECT max(number) FROM sessions"), 8);
}

#[test]
fn workspace_of_version_6_grants_leases() {
    let sql = version(6);
    let mut world = World::over(sql);
    assert_eq!(world.ledger.sql().schema().unwrap(), World::empty().ledger.sql().schema().unwrap());
    assert_eq!(world.call(actor(0), ReadWorkspace {}).unwrap().settings.lease_max, 10);
    assert_eq!(world.number("SELECT longest_lease FROM workspace"), 10);
    let founded = world.number("SELECT created_at FROM workspace");
    let lease = |since| Lease { since, digests: Vec::new(), uses: Vec::new(), segments: None };
    let first = world.call(Actor::Verifier, lease(None)).unwrap().0;
    assert_eq!((first.epoch, first.since, first.term), (founded, None, 10_000));
    let id = world.call(actor(1), ReadSelf {}).unwrap().id;
    world.call(actor(0), RevokeToken { id, reason: None }).unwrap();
    let next = world.call(Actor::Verifier, lease(Some(first.position()))).unwrap().0;
    assert_eq!((next.since, next.texts.len()), (Some(first.answer.generation), 1), "earlier changes are reported");
}

#[test]
fn workspace_of_version_7_gets_editions() {
    let sql = version(7);
    // A token value that was replaced before the time was recorded.
    let replaced = Digest::of(b"replaced");
    sql.exec(
        "INSERT INTO replaced_texts (digest, token, valid_until, issued, weak) VALUES (?, 1, 0, 1, 0)",
        &[replaced.as_bytes().as_slice().into()],
    )
    .unwrap();
    let mut world = World::over(sql);
    assert_eq!(world.ledger.sql().schema().unwrap(), World::empty().ledger.sql().schema().unwrap());
    let published = Registry::default().catch_up(&mut world, 8_192);
    let numbers: Vec<_> = (0..3).map(|nth| published.token(&digest(nth)).unwrap().number).collect();
    assert_eq!((published.tokens(), numbers), (4, vec![1, 2, 3]));
    assert!(published.token(&digest(2)).unwrap().revoked && !published.token(&digest(1)).unwrap().revoked);
    assert_eq!(published.token(&replaced).unwrap().replaced_until, Some(Timestamp(0)));
    assert_eq!(published.owner(2).unwrap().id.as_ref(), "ann");
}

/// A workspace as version 8 left it: these issuers identify members by subject, ann is `1001`, bob is suspended, and
/// ann is signed in through the first issuer.
fn version_8(issuers: &[&str]) -> World {
    let sql = version(8);
    let provider = |issuer: &str| {
        serde_json::json!({ "issuer": issuer, "audience": "console", "jwks_uri": null, "member_by": "subject",
            "vouches_for_email": false, "sign_in": true })
    };
    let mut providers: Vec<_> = issuers.iter().map(|issuer| provider(issuer)).collect();
    providers
        .push(serde_json::json!({ "issuer": "https://mail.example", "audience": "console", "member_by": "email" }));
    let providers = serde_json::json!(providers).to_string();
    sql.exec("UPDATE workspace SET identity_providers = ?", &[providers.into()]).unwrap();
    sql.exec("UPDATE members SET subject = '1001' WHERE id = 'ann'", &[]).unwrap();
    sql.exec(
        "INSERT INTO members (number, id, name, role, grants, suspended, revoked_before, created_at, version)
         VALUES (3, 'bob', 'Bob', 'member', '[]', 1, 0, 0, 1)",
        &[],
    )
    .unwrap();
    let digest = Digest::of(b"a session of ann's");
    sql.exec(
        "INSERT INTO sessions (id, digest, member, issuer, audience, created_at, expires_at)
         VALUES ('ses_ann', ?, 2, 'https://a.example', 'console', ?, ?)",
        &[digest.as_bytes().as_slice().into(), START.into(), START.plus(DAY).into()],
    )
    .unwrap();
    let world = World::over(sql);
    assert_eq!(world.ledger.sql().schema().unwrap(), World::empty().ledger.sql().schema().unwrap());
    world
}

#[test]
fn subject_of_version_8_is_assigned_to_only_issuer() {
    let issuer = |world: &mut World| world.call(actor(0), ReadMember { id: "ann".to_owned() }).unwrap().subject_issuer;
    let session = Actor::Session(Digest::of(b"a session of ann's"));
    let mut world = version_8(&["https://a.example", "https://a.example"]);
    assert_eq!(issuer(&mut world).as_deref(), Some("https://a.example"));
    assert!(world.call(session, ReadSession {}).is_ok());

    let mut world = version_8(&["https://a.example", "https://b.example"]);
    assert_eq!(issuer(&mut world), None);
    assert!(world.call(session, ReadSession {}).is_err(), "its identity provider is unknown");
    assert_eq!(world.column("SELECT subject_issuer FROM members WHERE id = 'ann'"), ["".into()]);

    let mut world = version_8(&[]);
    assert_eq!(issuer(&mut world), None);
    assert_eq!(world.number("SELECT count(*) FROM members WHERE id = 'ann' AND subject_issuer IS NULL"), 1);
    // It is unknown who suspended bob, so it may have been an admin.
    assert_eq!(world.number("SELECT suspended_by_admin FROM members WHERE id = 'bob'"), 1);
}

#[test]
fn upgraded_data_remains_usable() {
    let mut world = World::over(version_1());
    let admin = world.call(actor(0), ReadSelf {}).unwrap();
    assert_eq!((admin.number, admin.owner.id.as_str()), (1, "admin"));
    assert_eq!(world.call(actor(1), ReadSelf {}).unwrap().owner.id, "ann");
    assert_unauthenticated(world.call(actor(2), ReadSelf {}), Code::Revoked);
    let members = world.call(actor(0), ListMembers { page: Page::default() }).unwrap();
    assert_eq!(members.items.iter().map(|member| member.live_tokens).collect::<Vec<_>>(), [1, 1]);
    let settings = world.call(actor(0), ReadWorkspace {}).unwrap().settings;
    assert_eq!((settings.default_quota, settings.max_lifetime, settings.session_length), (600, None, 43_200));
    assert_eq!(settings.audit_retention, None);
    let tokens = world.call(actor(0), all_tokens(Page::default())).unwrap();
    assert_eq!((tokens.total, tokens.items[0].note.as_deref()), (3, Some("a note")));
    assert_eq!(world.ledger.upkeep(world.now).unwrap(), Upkeep::Wait(None));
    assert_eq!(world.ledger.outbox().due(world.now, 100).unwrap().len(), 6, "the outbox is preserved");

    // New rows follow the old ones. The random values of version 1 are used up.
    world.random = Seeded(2);
    let held = world.issue(actor(0), token(&["read"])).unwrap();
    assert_eq!(held.number, 4);
    let answer = world.call(Actor::Verifier, Records { digests: vec![held.digest] }).unwrap().0;
    assert_eq!(answer.tokens[0].1.as_ref().map(|record| record.version), Some(7));
    assert_eq!(world.number("SELECT max(seq) FROM audit"), 8);
}

#[test]
fn upgrade_removes_user_text_from_audit_rows() {
    let sql = version_1();
    // An audit row of version 1 about a member with an address.
    sql.exec(
        r#"INSERT INTO audit (at, actor, action, subject, after, request_id) VALUES (1763000000000, 'root',
            'member.create', 'bob', '{"email":"bob@example.org","id":"bob","name":"Bobby","role":"member"}', 'r')"#,
        &[],
    )
    .unwrap();
    let personal = ["ANN", "Bobby", "bob@example.org", "First admin token", "a token", "a note", "team"];
    let told = |dump: &str| {
        let audit: String = dump.lines().filter(|line| line.starts_with("audit:")).collect();
        personal.into_iter().filter(|text| audit.contains(text)).count()
    };
    assert_eq!(told(&sql.dump().unwrap()), personal.len());

    let mut world = World::over(sql);
    assert_eq!(told(&world.dump()), 0);
    assert_eq!(world.number("SELECT count(*) FROM audit"), 8, "the rows remain");
    let grants = world.column("SELECT json_extract(after, '$.grants') FROM audit WHERE subject = 'ann'");
    assert_eq!(grants, [r#"["read"]"#.into()], "and the rest of them");
    world.call(actor(0), EraseMember { id: "ann".to_owned() }).unwrap();
    assert!(!world.dump().contains("ANN"), "data of an erased member remains");
}

#[test]
fn failed_upgrade_leaves_database_unchanged() {
    let before = version_1().dump().unwrap();
    for when in [When::Before, When::After] {
        for statement in 1.. {
            let sql = version_1();
            sql.fail(Some((statement, when)));
            let Err(_) = Ledger::open(Borrowed(&sql)) else {
                assert!(statement > 3, "an upgrade of {} statements", statement - 1);
                break;
            };
            sql.fail(None);
            assert_eq!(sql.dump().unwrap(), before, "statement {statement} failed {when:?}");
        }
    }
}

/// Opens a ledger over a database that the test keeps.
struct Borrowed<'a>(&'a NativeSql);

impl Sql for Borrowed<'_> {
    fn exec(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, SqlError> {
        self.0.exec(sql, parameters)
    }

    fn used(&self) -> Result<u64, SqlError> {
        self.0.used()
    }

    fn transaction<T, E: From<SqlError>>(&self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.0.transaction(work)
    }
}
