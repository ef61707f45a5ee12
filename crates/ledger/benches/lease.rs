//! Measures the ledger's time for one lease request over bundled SQLite, from the JSON request to the JSON reply,
//! compared with reading one row by its key. `cargo xtask bench ledger` runs it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a benchmark measures time, and may panic if it fails"
)]

use std::time::Instant;

use counterfoil_ledger::{
    Context, Ledger,
    native::{NativeSql, Seeded},
    sql::Sql as _,
};
use counterfoil_protocol::command::{
    Actor, Ask, Bootstrap, CreateMember, CreateToken, ImportLine, ImportTokens, Lease, RevokeTokens, Selection, Uses,
};
use counterfoil_token::{Digest, SealSecret, WorkspaceKey};
use counterfoil_verify::{Position, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const ROUNDS: usize = 15;
const TIMES: usize = 200;

struct World {
    ledger: Ledger<NativeSql>,
    random: Seeded,
    seal_secrets: Vec<SealSecret>,
}

const NOW: Timestamp = Timestamp(1_763_000_000_000);

impl World {
    /// A workspace with this many tokens: it, its admin, and the ids of the last hundred tokens.
    fn of(tokens: usize) -> (Self, Actor, Vec<String>) {
        let ledger = Ledger::open(NativeSql::in_memory().unwrap()).unwrap();
        let mut world = Self { ledger, random: Seeded(1), seal_secrets: vec![SealSecret::new(&[7; 32]).unwrap()] };
        let founded =
            world.call(Actor::Root, read::<Bootstrap>(json!({ "slug": "demo", "name": "Demo", "prefix": "cft" })));
        let admin = Actor::Token(Digest::of(founded.admin.text.unwrap().expose().as_bytes()));
        let owner = json!({ "id": "many", "name": "Many", "role": "member", "grants": [], "quota": 1_000_000 });
        world.call(admin, read::<CreateMember>(owner));
        let mut ids = Vec::new();
        for from in (0..tokens).step_by(10_000) {
            let lines = (from..tokens.min(from + 10_000)).map(|number| ImportLine {
                digest: digest(number),
                weak: false,
                length: None,
                token: read::<CreateToken>(json!({
                    "name": "a token", "owner": "many", "scopes": [], "lifetime": "longest", "enabled": true, "allowed_addresses": [],
                })),
            });
            let imported = world.call(admin, ImportTokens { lines: lines.collect() });
            ids = imported.lines.into_iter().map(Result::unwrap).rev().take(100).collect();
        }
        (world, admin, ids)
    }

    fn call<C: Ask>(&mut self, actor: Actor, ask: C) -> C::Reply {
        let Self { ledger, random, seal_secrets } = self;
        let now = NOW;
        let context = Context {
            now,
            random: &mut |bytes| random.fill(bytes),
            seal_secrets,
            session_secrets: seal_secrets,
            snapshot_secrets: &[],
        };
        ledger.call(WorkspaceKey::parse("0Ab3dE").unwrap(), actor, None, ask, context).unwrap()
    }

    fn ask(&mut self, actor: Actor, since: Option<Position>, digests: Vec<Digest>) -> Position {
        self.call(actor, Lease { since, digests, uses: Vec::new(), segments: None }).0.position()
    }

    /// Renews a lease and reports one use of each of the first thousand tokens.
    fn tell(&mut self, actor: Actor, since: Option<Position>) {
        let once = |number| Uses { digest: digest(number), last_used_at: NOW, count: 1 };
        self.call(actor, Lease { since, digests: Vec::new(), uses: (0..1_000).map(once).collect(), segments: None });
    }
}

fn read<T: DeserializeOwned>(fields: Value) -> T {
    serde_json::from_value(fields).unwrap()
}

fn digest(number: usize) -> Digest {
    Digest::of(format!("token {number}").as_bytes())
}

/// Microseconds per call: the median of several rounds.
fn timed(mut run: impl FnMut(usize)) -> f64 {
    let round = |round: usize| {
        let began = Instant::now();
        (0..TIMES).for_each(|time| run(round * TIMES + time));
        began.elapsed().as_secs_f64() * 1e6 / TIMES as f64
    };
    let mut found: Vec<f64> = (0..ROUNDS).map(round).collect();
    found.sort_by(f64::total_cmp);
    found[ROUNDS / 2]
}

fn main() {
    println!("\nLeases natively, over bundled SQLite in memory; medians of {ROUNDS} rounds\n");
    println!("  {:46}  {:>6}  {:>7}", "", "ratio", "µs each");
    for tokens in [1_000, 100_000] {
        let (mut world, admin, ids) = World::of(tokens);
        let before = world.ask(admin, None, Vec::new());
        world.call(admin, RevokeTokens { select: Selection::Ids(ids), reason: None });
        let since = Some(world.ask(admin, None, Vec::new()));

        let floor = timed(|_| _ = world.ledger.sql().exec("SELECT * FROM workspace", &[]).unwrap());
        let nothing = timed(|_| _ = world.ask(admin, since, Vec::new()));
        let first = timed(|time| _ = world.ask(admin, since, vec![digest(time % tokens)]));
        let changed = timed(|_| _ = world.ask(admin, Some(before), Vec::new()));
        let told = timed(|_| world.tell(admin, since));
        let kinds = [
            ("the row of the workspace read", floor),
            ("renewal, nothing changed", nothing),
            ("renewal, and one first sight", first),
            ("renewal, 100 tokens changed", changed),
            ("renewal, and uses of 1,000 tokens told", told),
        ];
        for (kind, took) in kinds {
            println!("  {:46}  {:6.1}  {took:7.1}", format!("{kind}, of {tokens} tokens"), took / floor);
        }
    }
}
