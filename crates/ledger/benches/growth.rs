//! Measures commands over bundled SQLite in workspaces of a thousand to a million tokens: what each takes, and by how
//! much that grows. `cargo xtask bench ledger` runs it, and with `--check` it fails if something grows too much.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a benchmark measures time, and may panic if it fails"
)]

use std::{process::ExitCode, time::Instant};

use counterfoil_ledger::{
    Context, Ledger, Upkeep,
    editions::Step,
    native::{NativeSql, Seeded},
    sql::Sql as _,
};
use counterfoil_protocol::command::{
    Actor, Ask, Bootstrap, CreateToken, EraseMember, Issued, Lease, ListMembers, ListSessions, ListTokens, Page, Patch,
    ReadAudit, ReadToken, Records, RevokeToken, RotateToken, State, TokenColumn, TokenFilter, TokenSort, UpdateToken,
};
use counterfoil_token::{Digest, SealSecret, WorkspaceKey};
use counterfoil_verify::{Position, ScopePattern, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const SIZES: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// How many tokens each member has.
const TOKENS_EACH: u64 = 100;

/// How often each command is measured.
const TIMES: usize = 60;

/// By how much a command may take longer in a workspace of a million tokens.
const MOST: f64 = 3.0;

const NOW: Timestamp = Timestamp(1_763_000_000_000);

/// A row of the table: what was measured, and its medians in microseconds.
struct Measured {
    name: &'static str,
    /// The size that the largest one is compared with, by its position in [`SIZES`].
    base: usize,
    took: Vec<f64>,
}

struct World {
    ledger: Ledger<NativeSql>,
    random: Seeded,
    seal_secrets: Vec<SealSecret>,
    now: Timestamp,
    admin: Actor,
    /// How many tokens were added at once, apart from those that commands created.
    filled: u64,
    rows: Vec<Measured>,
}

impl World {
    fn new() -> Self {
        let ledger = Ledger::open(NativeSql::in_memory().unwrap()).unwrap();
        let seal_secrets = vec![SealSecret::new(&[7; 32]).unwrap()];
        let mut world =
            Self { ledger, random: Seeded(1), seal_secrets, now: NOW, admin: Actor::Root, filled: 0, rows: Vec::new() };
        let founded =
            world.call(Actor::Root, read::<Bootstrap>(json!({ "slug": "demo", "name": "Demo", "prefix": "cft" })));
        world.admin = Actor::Token(digest(&founded.admin));
        world
    }

    fn call<C: Ask>(&mut self, actor: Actor, ask: C) -> C::Reply {
        let Self { ledger, random, seal_secrets, now, .. } = self;
        let context = Context {
            now: *now,
            random: &mut |bytes| random.fill(bytes),
            seal_secrets,
            session_secrets: seal_secrets,
            snapshot_secrets: &[],
        };
        ledger.call(WorkspaceKey::parse("0Ab3dE").unwrap(), actor, None, ask, context).unwrap()
    }

    /// Adds tokens and members with all kinds of values, as if by commands, until there are this many tokens.
    fn fill(&mut self, size: u64) {
        let members = "WITH RECURSIVE n (i) AS (SELECT CAST(? AS INTEGER) UNION ALL SELECT i + 1 FROM n WHERE i < ?)
            INSERT INTO members (number, id, name, role, grants, quota, suspended, revoked_before, created_at, version)
            SELECT i + 2, 'member ' || i, 'Member', 'member', '[\"*\"]', NULL, 0, 0, 1700000000000, 1 FROM n";
        let sql = self.ledger.sql();
        let last = sql.exec("SELECT last_number FROM workspace", &[]).unwrap()[0].take::<u64>().unwrap();
        let (from, more) = (self.filled, size - self.filled);
        sql.exec(members, &[(from / TOKENS_EACH).into(), (size / TOKENS_EACH - 1).into()]).unwrap();
        // One token in a hundred is disabled, in twenty revoked, in ten expired, and so on. Rare values are those of
        // every fiftieth part of the workspace, whatever its size.
        let tokens = "WITH RECURSIVE n (i) AS (SELECT CAST(?1 AS INTEGER) UNION ALL SELECT i + 1 FROM n WHERE i < ?2 - 1)
            INSERT INTO tokens (number, id, digest, hint, owner, name, note, scopes, enabled, not_before, expires_at,
                revoked_at, created_at, created_by, client_id, addresses, last_used_at, issued, version)
            SELECT CAST(i - ?1 + ?3 + 1 AS INTEGER), 'tok_' || hex(randomblob(11)), randomblob(32), 'cft_…' || hex(randomblob(2)),
                i / 100 + 2,
                CASE i % 8 WHEN 0 THEN 'nightly ' WHEN 1 THEN 'deploy ' WHEN 2 THEN 'billing ' WHEN 3 THEN 'import '
                    WHEN 4 THEN 'staging ' WHEN 5 THEN 'crawler ' WHEN 6 THEN 'webhook ' ELSE 'partner ' END
                    || i || CASE WHEN i % CAST(?4 AS INTEGER) = 7 THEN ' zanzibar ж' ELSE '' END,
                CASE WHEN i % 3 = 0 THEN 'asked for by the team of ' || i % 50 END,
                CASE WHEN i % CAST(?4 AS INTEGER) = 7 THEN '[\"orders:read\",\"rare\"]' ELSE '[\"orders:read\"]' END,
                i % 100 > 0, CASE WHEN i % CAST(?4 AS INTEGER) = 1 THEN 1863000000000 END,
                CASE i % 10 WHEN 2 THEN 1600000000000 + i WHEN 3 THEN 1800000000000 + i END,
                CASE WHEN i % 20 = 4 THEN 1650000000000 END, 1600000000000 + i, 'root',
                CASE WHEN i % CAST(?4 AS INTEGER) = 7 THEN 'rare' WHEN i % 2 THEN 'app' END, '[]',
                CASE WHEN i % 3 THEN 1700000000000 + (i * 7919) % 1000000 END, 1, 1
            FROM n";
        let every = (size / 50).into();
        sql.exec(tokens, &[from.into(), size.into(), last.into(), every]).unwrap();
        let audit = "INSERT INTO audit (at, actor, action, subject, request_id)
            SELECT created_at, 'root', 'token.create', id, 'fill' FROM tokens WHERE number > ?";
        sql.exec(audit, &[last.into()]).unwrap();
        sql.exec("UPDATE workspace SET last_number = last_number + ?, default_quota = 1000", &[more.into()]).unwrap();
        self.filled = size;
        while self.ledger.upkeep(self.now).unwrap() == Upkeep::More {}
    }

    /// Measures what `act` does. What it measures is compared with the same in the workspace of size `SIZES[base]`.
    fn measure(&mut self, name: &'static str, base: usize, mut act: impl FnMut(&mut Self, usize)) {
        let mut each: Vec<f64> = (0..TIMES)
            .map(|time| {
                let began = Instant::now();
                act(self, time);
                began.elapsed().as_secs_f64() * 1e6
            })
            .collect();
        self.note(name, base, &mut each);
    }

    fn note(&mut self, name: &'static str, base: usize, each: &mut [f64]) {
        each.sort_by(f64::total_cmp);
        let median = each[each.len() / 2];
        match self.rows.iter_mut().find(|row| row.name == name) {
            Some(row) => row.took.push(median),
            None => self.rows.push(Measured { name, base, took: vec![median] }),
        }
    }

    fn list(&mut self, name: &'static str, filter: &TokenFilter, sort: TokenSort) {
        // Up to 10,000 tokens are counted, so smaller workspaces have less to count.
        self.measure(name, 1, |world, _| {
            let page = Page::default();
            world.call(world.admin, ListTokens { filter: filter.clone(), sort, page, usage: None });
        });
    }
}

fn read<T: DeserializeOwned>(fields: Value) -> T {
    serde_json::from_value(fields).unwrap()
}

fn digest(issued: &Issued) -> Digest {
    Digest::of(issued.text.as_ref().unwrap().expose().as_bytes())
}

/// A token of one of the first members. The last ones are erased.
fn new_token(time: usize) -> CreateToken {
    let owner = format!("member {}", time % 5);
    read(json!({ "name": "one more", "owner": owner, "scopes": ["*"], "lifetime": "longest", "enabled": true,
        "allowed_addresses": [] }))
}

fn rename(id: &str) -> UpdateToken {
    UpdateToken {
        id: id.to_owned(),
        name: Some("renamed".to_owned()),
        note: Patch::Keep,
        enabled: None,
        scopes: None,
        lifetime: Patch::Keep,
        not_before: Patch::Keep,
        allowed_addresses: None,
        metadata: Patch::Keep,
    }
}

fn commands(world: &mut World) {
    let mut made = Vec::new();
    world.measure("create", 0, |world, time| {
        let ask = new_token(time);
        made.push(world.call(world.admin, ask));
    });
    let ids: Vec<String> = made.iter().map(|issued| issued.token.id.clone()).collect();
    let texts: Vec<Digest> = made.iter().map(digest).collect();
    world.measure("read", 0, |world, time| _ = world.call(world.admin, ReadToken { id: ids[time].clone() }));
    world.measure("rename", 0, |world, time| {
        world.call(world.admin, rename(&ids[time]));
    });
    world.measure("verify, strong", 0, |world, time| {
        world.call(Actor::Verifier, Records { digests: vec![texts[time]] });
    });
    let lease = |since: Option<Position>| Lease { since, digests: Vec::new(), uses: Vec::new(), segments: None };
    let since = world.call(Actor::Verifier, lease(None)).0.position();
    world.measure("renew a lease", 0, |world, _| _ = world.call(Actor::Verifier, lease(Some(since))));
    world.measure("rotate", 0, |world, time| {
        let ask = RotateToken { id: ids[time].clone(), grace_seconds: 60, end_previous: false };
        world.call(world.admin, ask);
    });
    world.measure("revoke", 0, |world, time| {
        world.call(world.admin, RevokeToken { id: ids[time].clone(), reason: None });
    });
    let mut each: Vec<f64> = (0..5)
        .map(|time| {
            let id = format!("member {}", world.filled / TOKENS_EACH - 1 - time);
            let began = Instant::now();
            world.call(world.admin, EraseMember { id });
            began.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    world.note("erase a member with 100 tokens", 0, &mut each);
}

fn lists(world: &mut World) {
    let none = TokenFilter::default;
    let newest = TokenSort { by: TokenColumn::Number, descending: true };
    for (name, by, descending) in [
        ("list, the newest first", TokenColumn::Number, true),
        ("list, by name", TokenColumn::Name, false),
        ("list, by creation", TokenColumn::CreatedAt, false),
        ("list, by expiration", TokenColumn::ExpiresAt, false),
        ("list, by last use, descending", TokenColumn::LastUsedAt, true),
    ] {
        world.list(name, &none(), TokenSort { by, descending });
    }
    let scope = |text: &str| TokenFilter { scope: ScopePattern::parse(text).ok(), ..none() };
    let client = |id: &str| TokenFilter { client_id: Some(id.to_owned()), ..none() };
    let state = |state| TokenFilter { state: Some(state), ..none() };
    let text = |text: &str| TokenFilter { text: Some(text.to_owned()), ..none() };
    for (name, filter) in [
        ("list of a member", TokenFilter { owner: Some("member 3".to_owned()), ..none() }),
        ("list with a scope that all have", scope("orders:read")),
        ("list with a scope that few have", scope("rare")),
        ("list of a client of half of all", client("app")),
        ("list of a client of few", client("rare")),
        ("list of active tokens", state(State::Active)),
        ("list of disabled tokens", state(State::Disabled)),
        ("list of expired tokens", state(State::Expired)),
        ("list of revoked tokens", state(State::Revoked)),
        ("list of tokens not yet valid", state(State::Pending)),
        ("list by digest", TokenFilter { digest: Some(Digest::of(b"none")), ..none() }),
        ("search, many matches", text("nightly")),
        ("search, few matches", text("zanzibar")),
        ("search, no match", text("no such text")),
        ("search, one letter", text("ж")),
        ("search in a scope", TokenFilter { text: Some("nightly".to_owned()), ..scope("rare") }),
    ] {
        world.list(name, &filter, newest);
    }
    let by_name = TokenSort { by: TokenColumn::Name, descending: false };
    world.list("list of active tokens, by name", &state(State::Active), by_name);
    world.list("search, few matches, by name", &text("zanzibar"), by_name);

    world.measure("list of members", 1, |world, _| _ = world.call(world.admin, ListMembers { page: Page::default() }));
    world.measure("list of sessions", 1, |world, _| {
        world.call(world.admin, ListSessions { page: Page::default() });
    });
    let audit = |actor: Option<&str>, subject: Option<&str>| ReadAudit {
        actor: actor.map(str::to_owned),
        subject: subject.map(str::to_owned),
        page: Page::default(),
    };
    world.measure("audit log", 1, |world, _| _ = world.call(world.admin, audit(None, None)));
    world.measure("audit log of root", 1, |world, _| _ = world.call(world.admin, audit(Some("root"), None)));
    world.measure("audit log of a member", 1, |world, _| _ = world.call(world.admin, audit(None, Some("member 1"))));
}

/// Steps of the alarm: some of one edition, and indexing.
fn background(world: &mut World) {
    let mut each = Vec::new();
    while each.len() < TIMES {
        let began = Instant::now();
        let step = world.ledger.edition_step(world.now).unwrap();
        let took = began.elapsed().as_secs_f64() * 1e6;
        match &step {
            Step::Wait(None) => break,
            Step::Wait(Some(due)) => world.now = world.now.max(*due).max(world.now.plus(1)),
            step => {
                each.push(took);
                world.ledger.edition_done(step, world.now).unwrap();
            }
        }
    }
    // In smaller workspaces a step makes a smaller file.
    world.note("edition step", 2, &mut each);
    for time in 0..200 {
        let ask = new_token(time);
        world.call(world.admin, ask);
    }
    let mut each = Vec::new();
    loop {
        let began = Instant::now();
        let more = world.ledger.upkeep(world.now).unwrap() == Upkeep::More;
        if !more {
            break;
        }
        each.push(began.elapsed().as_secs_f64() * 1e6);
    }
    // A small index is a few pages, which take less time to change.
    world.note("index step", 2, &mut each);
}

fn main() -> ExitCode {
    let has = |flag: &str| std::env::args().any(|argument| argument == flag);
    let mut world = World::new();
    let mut bytes = Vec::new();
    for size in SIZES {
        let began = Instant::now();
        world.fill(size);
        bytes.push(world.ledger.sql().used().unwrap() / size);
        commands(&mut world);
        lists(&mut world);
        background(&mut world);
        eprintln!("measured {size} tokens in {:.0} s", began.elapsed().as_secs_f64());
    }
    let verdict = |row: &Measured| row.took[SIZES.len() - 1] / row.took[row.base];
    if has("--json") {
        let rows: Vec<Value> = world
            .rows
            .iter()
            .map(|row| {
                let compared = SIZES[row.base];
                json!({ "name": row.name, "µs": row.took, "compared with": compared, "growth": verdict(row), "most": MOST })
            })
            .collect();
        println!(
            "{}",
            json!({ "title": "Growth of the ledger", "sizes": SIZES, "bytes per token": bytes, "rows": rows })
        );
    } else {
        println!("\nCommands natively, over bundled SQLite in memory; medians of {TIMES}, in microseconds\n");
        let sizes = SIZES.map(|size| format!("{size:>9}")).join(" ");
        println!("  {:33} {sizes}  {:>6}  compared with", "tokens", "growth");
        for row in &world.rows {
            let took: Vec<_> = row.took.iter().map(|took| format!("{took:>9.0}")).collect();
            let mark = if verdict(row) <= MOST { "" } else { "  more than the budget" };
            let compared = SIZES[row.base];
            println!("  {:33} {}  {:>6.1}  {compared:>9}{mark}", row.name, took.join(" "), verdict(row));
        }
        println!(
            "  {:33} {}",
            "bytes per token",
            bytes.iter().map(|n| format!("{n:>9}")).collect::<Vec<_>>().join(" ")
        );
        println!("\n  A command may take {MOST} times as long in the largest workspace as in the one compared with.");
    }
    let is_met = world.rows.iter().all(|row| verdict(row) <= MOST);
    if has("--check") && !is_met { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
