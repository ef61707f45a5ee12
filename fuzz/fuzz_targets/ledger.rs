//! A ledger that receives arbitrary commands. It always returns a reply and never an internal error; a rejected command
//! changes nothing; and no token value that it issues is stored.
//!
//! The first byte of an input selects the actor. The rest is the command, as JSON.

#![no_main]

use counterfoil_ledger::{
    Context, Ledger,
    native::{NativeSql, Seeded},
    sql::{Sql as _, SqlError},
};
use counterfoil_protocol::{
    CommandError,
    command::{Actor, Bootstrap, Command, PutScopes, Request},
    json, reply_json,
};
use counterfoil_token::{Digest, Prefix, SealSecret, WorkspaceKey};
use counterfoil_verify::Timestamp;
use libfuzzer_sys::{Corpus, fuzz_target};
use serde_json::Value;

/// The start of the errors for commands that only the control plane or a verifier may send.
const ONLY: [&str; 2] = ["only the control plane can", "only a verifier can"];

const NOW: Timestamp = Timestamp(1_800_000_000_000);

const SCOPES: &[u8] = br#"{"scopes": [
    {"name": "orders:read", "description": "", "visible_to": "member", "grantable_by": "member", "freshness": null},
    {"name": "orders:write", "description": "", "visible_to": "admin", "grantable_by": "admin", "freshness": "strong"}
]}"#;

thread_local! {
    /// One ledger for all inputs: the changes of each are rolled back.
    static WORLD: World = World::new();
}

/// A ledger with one workspace.
struct World {
    ledger: Ledger<NativeSql>,
    secrets: [Vec<SealSecret>; 3],
    admin: Actor,
    dump: String,
}

fn key() -> WorkspaceKey {
    WorkspaceKey::parse("0Ab3dE").expect("a key")
}

/// A client with a token that was never issued.
fn unknown() -> Actor {
    Actor::Token(Digest::of(b"a token that was never issued"))
}

impl World {
    fn new() -> Self {
        let secret = |byte| vec![SealSecret::new(&[byte; 32]).expect("a secret")];
        let mut world = Self {
            ledger: Ledger::open(NativeSql::in_memory().expect("memory")).expect("a ledger"),
            secrets: [secret(1), secret(2), secret(3)],
            admin: Actor::Root,
            dump: String::new(),
        };
        let bootstrap = Bootstrap {
            slug: "demo".parse().expect("a slug"),
            name: "Demo".to_owned(),
            prefix: Prefix::parse("cft").expect("a prefix"),
        };
        let founded = world.send(Actor::Root, bootstrap.into(), 1);
        let founded = json::parse(reply_json(&founded).expect("a reply").expect("a workspace").reply).expect("JSON");
        let admin = founded.pointer("/token/token").and_then(Value::as_str).expect("a token");
        world.admin = Actor::Token(Digest::of(admin.as_bytes()));
        let scopes: PutScopes = json::read(SCOPES).expect("a catalogue");
        reply_json(&world.send(world.admin, scopes.into(), 2)).expect("a reply").expect("a catalogue");
        world.dump = world.dump();
        world
    }

    /// Executes a command, with random bytes from this seed. Each call needs its own seed, or it would issue the same token.
    fn send(&self, actor: Actor, command: Command, seed: u64) -> Vec<u8> {
        let request = Request {
            workspace: key(),
            actor,
            request_id: "fuzz".to_owned(),
            address: "192.0.2.1".parse().ok(),
            idempotency_key: None,
            origin: None,
            if_version: None,
            wait: false,
            command,
        };
        let mut source = Seeded(seed);
        let [seal_secrets, session_secrets, snapshot_secrets] = &self.secrets;
        let random = &mut |bytes: &mut [u8]| source.fill(bytes);
        let context = Context { now: NOW, random, seal_secrets, session_secrets, snapshot_secrets };
        self.ledger.handle(&serde_json::to_vec(&request).expect("a request"), context)
    }

    fn dump(&self) -> String {
        self.ledger.sql().dump().expect("a dump")
    }

    /// Executes a command and checks what must hold for every command.
    fn check(&self, actor: Actor, command: Command) {
        let is_query = command.is_question();
        let answer = self.send(actor, command, 3);
        let reply = match reply_json(&answer).expect("a ledger returns a reply") {
            Ok(reply) => json::parse(reply.reply).expect("a reply is JSON"),
            // The API sends these commands only for the control plane and for verifiers.
            Err(CommandError::Internal { detail }) if ONLY.iter().any(|only| detail.starts_with(only)) => return,
            Err(CommandError::Internal { detail }) => panic!("internal error of the ledger: {detail}"),
            Err(_) => {
                assert_eq!(self.dump(), self.dump, "a rejected command changes nothing");
                return;
            }
        };
        if let Some(value) = reply.get("token").and_then(Value::as_str) {
            // The secret: the 24 characters before authentication tag and checksum.
            let secret = value.get(value.len() - 36..value.len() - 12).expect("a token has a secret");
            assert!(!self.dump().contains(secret), "a token value is stored");
        }
        let is_read_only = [Actor::Verifier, Actor::SignIn, unknown()].contains(&actor);
        assert!(is_query || !is_read_only, "{actor:?} changes the ledger");
    }
}

fuzz_target!(|input: &[u8]| -> Corpus {
    let Some((who, command)) = input.split_first() else { return Corpus::Reject };
    let Some(command) = json::read::<Command>(command) else { return Corpus::Keep };
    WORLD.with(|world| {
        let actor = match who % 8 {
            0 => Actor::Root,
            1 => Actor::Verifier,
            2 => Actor::SignIn,
            3 => unknown(),
            _ => world.admin,
        };
        _ = world.ledger.sql().transaction(|| {
            world.check(actor, command);
            Err::<(), SqlError>(SqlError::new("rolled back"))
        });
    });
    Corpus::Keep
});
