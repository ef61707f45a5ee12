//! Platform limits and the size of rows: none comes near the 2 MB that a row may have.

use std::collections::BTreeMap;

use counterfoil_ledger::{Upkeep, sql::Sql as _};
use counterfoil_protocol::command::{
    Actor, CreateClient, CreateMember, CreateToken, IdentityProvider, ImportLine, ImportTokens, ListTokens, MemberBy,
    Page, Patch, PutScopes, ReportUses, RevokeToken, Role, RotateToken, ScopeEntry, SetHosts, TokenFilter,
    UpdateMember, UpdateToken, UpdateWorkspace, Uses,
};
use counterfoil_token::Digest;
use counterfoil_verify::ScopePattern;
use serde_json::{Map, json};

use crate::{
    changes::{of_member, of_token, of_workspace},
    idempotency::once,
    identity::{address, provider},
    support::*,
};

/// The tables with the maximum size of a row, in bytes. docs/threat-model.md says what limits their number.
const TABLES: [(&str, u64); 31] = [
    ("audit", 64 * 1024),
    ("clients", 16 * 1024),
    ("edition", 128 * 1024),
    ("editions", 1024),
    ("files", 1024),
    ("idempotency", 256 * 1024),
    ("kept_members", 16 * 1024),
    ("kept_texts", 1024),
    ("kept_tokens", 20 * 1024),
    ("members", 16 * 1024),
    ("outbox", 128 * 1024),
    ("owner_segments", 1024),
    ("replaced_texts", 1024),
    ("schema_needs", 16),
    ("schema_version", 16),
    ("scopes", 4 * 1024),
    ("segments", 1024),
    ("sessions", 2 * 1024),
    ("spent", 1024),
    ("sqlite_sequence", 1024),
    ("token_scopes", 1024),
    ("tokens", 32 * 1024),
    // SQLite's full-text index has pages of 4 KB.
    ("tokens_ids_config", 1024),
    ("tokens_ids_data", 8 * 1024),
    ("tokens_ids_idx", 1024),
    ("tokens_text_config", 1024),
    ("tokens_text_data", 8 * 1024),
    ("tokens_text_idx", 1024),
    ("tokens_to_index", 20 * 1024),
    ("uses", 64),
    ("workspace", 32 * 1024),
];

/// Records the size of the largest row of each table, in bytes of its values.
fn note(world: &World, found: &mut BTreeMap<String, u64>) {
    let sql = world.ledger.sql();
    // A virtual table's content is in tables of its own.
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL %'";
    for mut row in sql.exec(tables, &[]).unwrap() {
        let table: String = row.take().unwrap();
        let columns = sql.exec(&format!("SELECT name FROM pragma_table_info('{table}')"), &[]).unwrap();
        let sizes = columns
            .into_iter()
            .map(|mut row| format!("coalesce(length(CAST(\"{}\" AS BLOB)), 0)", row.take::<String>().unwrap()));
        let sum = sizes.collect::<Vec<_>>().join(" + ");
        let largest = world.number(&format!("SELECT coalesce(max({sum}), 0) FROM \"{table}\""));
        let known = found.entry(table).or_default();
        *known = largest.max(*known);
    }
}

/// A scope of 100 characters.
fn name(index: usize) -> String {
    format!("{index:03}:{}", "x".repeat(96))
}

#[test]
fn largest_row_of_each_table_is_below_row_limit() {
    let (mut world, admin) = World::founded();
    world.address = "2001:db8:1111:2222:3333:4444:5555:6666".parse().ok();
    // Characters with the longest encoding in UTF-8 and in JSON.
    let (wide, escaped) = (|count: usize| "\u{10348}".repeat(count), |count: usize| "\u{1}".repeat(count));
    let entry = |index: usize, letters: usize| ScopeEntry {
        description: if index.is_multiple_of(2) { escaped(letters) } else { wide(letters) },
        visible_to: Role::Member,
        grantable_by: Role::Member,
        freshness: Some(counterfoil_verify::Freshness::Strong),
        ..entry(&name(index))
    };
    // The maximum number of scopes, and scopes of the maximum size.
    world.attempt(Actor::Root, PutScopes { scopes: (0..1_000).map(|index| entry(index, 0)).collect() }).unwrap();
    world.attempt(Actor::Root, PutScopes { scopes: (0..80).map(|index| entry(index, 500)).collect() }).unwrap();
    let mut largest = BTreeMap::new();
    note(&world, &mut largest);
    world.attempt(Actor::Root, PutScopes { scopes: (0..1_000).map(|index| entry(index, 0)).collect() }).unwrap();
    let scopes: Vec<_> = (0..100).map(|index| ScopePattern::parse(&name(index)).unwrap()).collect();

    let providers = (0..4).map(|index| IdentityProvider {
        issuer: address(&format!("https://{index}.example/{}", "p".repeat(235))),
        audience: index.to_string().repeat(255),
        jwks_uri: Some(address(&format!("https://{index}.example/{}", "q".repeat(235)))),
        ..provider(MemberBy::Subject)
    });
    let long = ["o".repeat(61).as_str(); 4].join(".");
    let origins = (0..20).map(|index| format!("https://{index:02}.{long}"));
    let settings = UpdateWorkspace {
        name: Some(wide(200)),
        max_lifetime: Patch::Set(3_155_760_000),
        audit_retention: Patch::Set(36_500),
        allowed_origins: Some(origins.collect()),
        identity_providers: Some(providers.collect()),
        ..of_workspace()
    };
    world.call(Actor::Root, settings).unwrap();
    let hosts: Vec<_> =
        (0..20).map(|index| format!("{}.h{index:02}.example.com", ["h".repeat(60).as_str(); 3].join("."))).collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    world.call(Actor::Root, SetHosts { hosts: hosts_of(&hosts) }).unwrap();

    let ann = CreateMember {
        number: Some((1 << 53) - 1),
        email: Some(format!("{}@b", wide(252))),
        subject: Some("s".repeat(255)),
        subject_issuer: Some(address(&format!("https://1.example/{}", "p".repeat(235)))),
        grants: scopes.clone(),
        ..member(&"a".repeat(128), &[])
    };
    once(&mut world, Actor::Root, &"k".repeat(255), CreateMember { name: wide(200), ..ann }).unwrap();
    let app = CreateClient { id: "c".repeat(128), name: wide(200), permissions: scopes.clone() };
    once(&mut world, Actor::Root, "k", app).unwrap();

    let metadata: Map<_, _> = [("m".to_owned(), json!(escaped(670)))].into_iter().collect();
    let addresses = (0..100).map(|index| format!("2001:db8:1111:2222:3333:4444:5555:{index:x}").parse().unwrap());
    let token = CreateToken {
        name: wide(200),
        note: Some(wide(1_000)),
        owner: Some("a".repeat(128)),
        scopes,
        allowed_addresses: addresses.collect(),
        client_id: Some("c".repeat(128)),
        metadata: Some(metadata),
        ..token(&[])
    };
    let made = once(&mut world, Actor::Root, "k", token).unwrap();
    let held = world.held(made.reply);
    let rotated = RotateToken { id: held.id.clone(), grace_seconds: 86_400, end_previous: false };
    let made = once(&mut world, Actor::Root, "k", rotated).unwrap();
    world.held(made.reply);
    world.open(&admin).unwrap();
    let uses = vec![Uses { digest: held.digest, last_used_at: world.now, count: u32::MAX }];
    world.call(Actor::Verifier, ReportUses { uses }).unwrap();
    // The search index is written when there are enough tokens.
    let lines = (0..200_u32).map(|number| ImportLine {
        digest: Digest::of(&number.to_be_bytes()),
        weak: false,
        length: None,
        token: crate::support::token(&[]),
    });
    world.call(admin.actor, ImportTokens { lines: lines.collect() }).unwrap();
    while world.ledger.upkeep(world.now).unwrap() == Upkeep::More {}
    world.call(Actor::Root, UpdateToken { name: Some(String::new()), ..of_token(&held.id) }).unwrap();
    // While an edition is built, earlier versions of rows are saved.
    while world.number("SELECT count(*) FROM edition") == 0 {
        world.ledger.edition_step(world.now).unwrap();
        world.wait(10_000);
    }
    note(&world, &mut largest);
    world.call(Actor::Root, UpdateMember { quota: Patch::Set(700), ..of_member(&"a".repeat(128)) }).unwrap();
    let ended = RotateToken { id: held.id.clone(), grace_seconds: 0, end_previous: true };
    let made = world.call(Actor::Root, ended).unwrap();
    world.held(made);
    world.call(Actor::Root, RevokeToken { id: held.id.clone(), reason: Some(wide(200)) }).unwrap();
    for _ in 0..20 {
        note(&world, &mut largest);
        let step = world.ledger.edition_step(world.now).unwrap();
        world.ledger.edition_done(&step, world.now).unwrap();
    }
    println!("{largest:#?}");
    let seen: Vec<_> = largest.iter().filter(|(_, bytes)| **bytes == 0).map(|(table, _)| table.as_str()).collect();
    assert_eq!(seen, [""; 0], "each table has had rows");
    let known: Vec<_> = TABLES.iter().map(|(table, _)| (*table).to_owned()).collect();
    assert_eq!(largest.keys().cloned().collect::<Vec<_>>(), known, "each table has a limit");
    for (table, most) in TABLES {
        assert!(largest[table] <= most, "a row of {table} has {} bytes", largest[table]);
        assert!(most <= 2_000_000 / 4);
    }
}

/// The reply to 10,000 lines with different errors is too long to be stored, so none of the lines is imported.
#[test]
fn command_with_too_long_idempotent_reply_is_refused() {
    let (mut world, admin) = World::founded();
    let line = |index: usize| ImportLine {
        digest: Digest::of(&index.to_be_bytes()),
        weak: false,
        length: None,
        token: if index == 0 { token(&[]) } else { token(&[&name(index % 1_000), &index.to_string()]) },
    };
    let import = || ImportTokens { lines: (0..5_000).map(line).collect() };
    let before = world.dump();
    assert_invalid_value(once(&mut world, admin.actor, "k", import()), "");
    assert_eq!(world.dump(), before);
    world.attempt(admin.actor, import()).unwrap();
}

/// A Durable Object rejects LIKE patterns of more than 50 bytes, and so does the engine of these tests.
#[test]
fn search_accepts_texts_above_like_pattern_limit() {
    let (mut world, admin) = World::founded();
    let named = CreateToken { name: format!("The Pipeline {} Of Orders", "ä".repeat(150)), ..token(&[]) };
    world.issue(admin.actor, named).unwrap();
    let found = |world: &mut World, text: &str| {
        let filter = TokenFilter { text: Some(text.to_owned()), ..TokenFilter::default() };
        world.call(admin.actor, ListTokens { filter, ..all_tokens(Page::default()) }).unwrap().total
    };
    let long = format!("pipeline {} OF", "ä".repeat(150));
    assert!(long.len() > 300);
    assert_eq!((found(&mut world, &long), found(&mut world, &format!("{long}f"))), (1, 0));
    assert_eq!(found(&mut world, &"%".repeat(200)), 0);
}

/// The docs list each table and its limit.
#[test]
fn docs_list_bound_of_each_table() {
    let docs = include_str!("../../../../docs/threat-model.md");
    for (table, _) in TABLES.iter().filter(|(table, _)| *table != "sqlite_sequence") {
        assert!(docs.contains(&format!("`{table}`")), "{table}");
    }
}
