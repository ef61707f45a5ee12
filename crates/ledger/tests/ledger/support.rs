//! A ledger with its environment. It checks two invariants in every test: a refused command changes nothing, and the
//! secret part of a token value is never stored.

use core::{net::IpAddr, ops::Deref};

use counterfoil_ledger::{
    Context, Ledger,
    native::{NativeSql, Seeded},
    sql::{Sql as _, Value},
};
use counterfoil_protocol::{
    CommandError, Host, Hosts, Slug,
    command::{
        Actor, Ask, Bootstrap, CreateMember, CreateToken, Issued, Lifetime, ListTokens, Member, OpenSession,
        OpenedSession, Page, PutScopes, Records, Role, ScopeEntry, Session, TokenColumn, TokenFilter, TokenSort,
        TokenView,
    },
    command_error::{ConflictCode, ForbiddenCode, InvalidCode},
};
use counterfoil_token::{Digest, Prefix, SealSecret, WorkspaceKey};
use counterfoil_verify::{Code, Encoded as _, RegistryKey, Scope, ScopePattern, Timestamp, TokenRecord};
use serde_json::Value as Json;

/// 2025-11-13T02:13:20Z.
pub(crate) const START: Timestamp = Timestamp(1_763_000_000_000);
pub(crate) const DAY: u64 = 24 * 60 * 60 * 1_000;

pub(crate) struct World {
    pub(crate) ledger: Ledger<NativeSql>,
    pub(crate) random: Seeded,
    pub(crate) now: Timestamp,
    /// The address of requests.
    pub(crate) address: Option<IpAddr>,
    pub(crate) seal_secrets: Vec<SealSecret>,
    pub(crate) session_secrets: Vec<SealSecret>,
    pub(crate) snapshot_secrets: Vec<SealSecret>,
    /// Every token value that was created.
    texts: Vec<String>,
}

/// A token that tests act with; derefs to its view.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) actor: Actor,
    pub(crate) view: TokenView,
}

impl Deref for Held {
    type Target = TokenView;

    fn deref(&self) -> &TokenView {
        &self.view
    }
}

/// A session that tests act in; derefs to its view.
#[derive(Clone)]
pub(crate) struct Seated {
    pub(crate) actor: Actor,
    pub(crate) view: Session,
}

impl Deref for Seated {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.view
    }
}

pub(crate) fn key() -> WorkspaceKey {
    WorkspaceKey::parse("0Ab3dE").unwrap()
}

pub(crate) fn slug(text: &str) -> Slug {
    Slug::parse(text).unwrap()
}

pub(crate) fn host(text: &str) -> Host {
    Host::parse(text).unwrap()
}

pub(crate) fn hosts_of(texts: &[&str]) -> Hosts {
    texts.iter().map(|text| host(text)).collect::<Vec<_>>().try_into().unwrap()
}

pub(crate) fn patterns(texts: &[&str]) -> Vec<ScopePattern> {
    texts.iter().map(|text| ScopePattern::parse(text).unwrap()).collect()
}

pub(crate) fn bootstrap() -> Bootstrap {
    Bootstrap { slug: slug("demo"), name: "Demo".to_owned(), prefix: Prefix::default() }
}

pub(crate) fn entry(name: &str) -> ScopeEntry {
    ScopeEntry {
        name: Scope::parse(name).unwrap(),
        description: format!("may {name}"),
        visible_to: Role::Member,
        grantable_by: Role::Member,
        freshness: None,
    }
}

/// A token with these scopes for the actor itself.
pub(crate) fn token(scopes: &[&str]) -> CreateToken {
    CreateToken {
        name: "a token".to_owned(),
        note: None,
        owner: None,
        scopes: patterns(scopes),
        lifetime: Lifetime::Longest,
        not_before: None,
        enabled: true,
        allowed_addresses: Vec::new(),
        client_id: None,
        metadata: None,
    }
}

/// All tokens that the actor can see, newest first.
pub(crate) fn all_tokens(page: Page) -> ListTokens {
    let sort = TokenSort { by: TokenColumn::Number, descending: true };
    ListTokens { filter: TokenFilter::default(), sort, page, usage: None }
}

/// A plain member with these granted scopes.
pub(crate) fn member(id: &str, grants: &[&str]) -> CreateMember {
    CreateMember {
        id: id.to_owned(),
        number: None,
        name: id.to_uppercase(),
        email: None,
        subject: None,
        subject_issuer: None,
        role: Role::Member,
        grants: patterns(grants),
        quota: None,
    }
}

impl World {
    /// An empty ledger.
    pub(crate) fn empty() -> Self {
        Self::over(NativeSql::in_memory().unwrap())
    }

    pub(crate) fn over(sql: NativeSql) -> Self {
        Self {
            ledger: Ledger::open(sql).unwrap(),
            random: Seeded(1),
            now: START,
            address: None,
            seal_secrets: vec![SealSecret::new(&[7; 32]).unwrap()],
            session_secrets: vec![SealSecret::new(&[8; 32]).unwrap()],
            snapshot_secrets: vec![SealSecret::new(&[9; 32]).unwrap()],
            texts: Vec::new(),
        }
    }

    /// A workspace with a few scopes in its catalogue, and its first admin token.
    pub(crate) fn founded() -> (Self, Held) {
        let mut world = Self::empty();
        let admin = world.call(Actor::Root, bootstrap()).unwrap().admin;
        let admin = world.held(admin);
        world.put_scopes(&["orders:read", "orders:write", "read", "write"]);
        (world, admin)
    }

    /// Executes a command and checks that a refused one changes nothing.
    pub(crate) fn call<C: Ask>(&mut self, actor: Actor, ask: C) -> Result<C::Reply, CommandError> {
        let before = self.dump();
        let outcome = self.attempt(actor, ask);
        if outcome.is_err() {
            assert_eq!(self.dump(), before, "a refused command changed something");
        }
        outcome
    }

    /// The same without the check, which is slow.
    pub(crate) fn attempt<C: Ask>(&mut self, actor: Actor, ask: C) -> Result<C::Reply, CommandError> {
        let Self { ledger, random, now, address, seal_secrets, session_secrets, snapshot_secrets, .. } = self;
        let context = Context {
            now: *now,
            random: &mut |bytes| random.fill(bytes),
            seal_secrets,
            session_secrets,
            snapshot_secrets,
        };
        ledger.call(key(), actor, *address, ask, context)
    }

    /// Executes a request in its wire format.
    pub(crate) fn handle(&mut self, body: &[u8]) -> Vec<u8> {
        let Self { ledger, random, now, seal_secrets, session_secrets, snapshot_secrets, .. } = self;
        let context = Context {
            now: *now,
            random: &mut |bytes| random.fill(bytes),
            seal_secrets,
            session_secrets,
            snapshot_secrets,
        };
        ledger.handle(body, context)
    }

    /// Registers an opened session.
    pub(crate) fn seated(&mut self, opened: OpenedSession) -> Seated {
        let text = opened.text.expose();
        self.texts.push(text.to_owned());
        Seated { actor: Actor::Session(Digest::of(text.as_bytes())), view: opened.session }
    }

    /// Opens a session.
    pub(crate) fn open(&mut self, token: &Held) -> Result<Seated, CommandError> {
        let opened = self.call(token.actor, OpenSession {})?;
        Ok(self.seated(opened))
    }

    /// Registers a created token.
    pub(crate) fn held(&mut self, issued: Issued) -> Held {
        let text = issued.text.as_ref().unwrap().expose();
        self.texts.push(text.to_owned());
        Held { actor: Actor::Token(Digest::of(text.as_bytes())), view: issued.token }
    }

    pub(crate) fn issue(&mut self, actor: Actor, ask: CreateToken) -> Result<Held, CommandError> {
        let issued = self.call(actor, ask)?;
        Ok(self.held(issued))
    }

    /// A plain member with these granted scopes and a token with all of them.
    pub(crate) fn join(&mut self, id: &str, grants: &[&str]) -> Held {
        let _: Member = self.call(Actor::Root, member(id, grants)).unwrap();
        self.issue(Actor::Root, CreateToken { owner: Some(id.to_owned()), ..token(grants) }).unwrap()
    }

    pub(crate) fn put_scopes(&mut self, names: &[&str]) {
        let scopes = names.iter().map(|name| entry(name)).collect();
        self.call(Actor::Root, PutScopes { scopes }).unwrap();
    }

    pub(crate) fn dump(&self) -> String {
        self.ledger.sql().dump().unwrap()
    }

    /// The dump without the lease bound and the grantor, which are followed by two columns of the workspace's row. That
    /// row is the last line.
    pub(crate) fn dump_but_leases(&self) -> String {
        let dump = self.dump();
        let (rest, workspace) = dump.rsplit_once("\nworkspace: ").unwrap_or(("", &dump));
        let mut fields: Vec<_> = workspace.split(" | ").collect();
        fields.drain(fields.len().saturating_sub(4)..fields.len().saturating_sub(2));
        format!("{rest}\nworkspace: {}", fields.join(" | "))
    }

    /// The first column of each row.
    pub(crate) fn column(&self, query: &str) -> Vec<Value> {
        let rows = self.ledger.sql().exec(query, &[]).unwrap();
        rows.into_iter().map(|mut row| row.take().unwrap()).collect()
    }

    pub(crate) fn number(&self, query: &str) -> u64 {
        self.ledger.sql().exec(query, &[]).unwrap()[0].take().unwrap()
    }

    /// Changes the database directly, to a state that later commands could cause.
    pub(crate) fn meddle(&self, statement: &str) {
        self.ledger.sql().exec(statement, &[]).unwrap();
    }

    pub(crate) fn wait(&mut self, milliseconds: u64) {
        self.now = self.now.plus(milliseconds);
    }
}

impl Drop for World {
    /// Asserts that no part of a token's secret is in the database.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let dump = self.dump();
        for text in &self.texts {
            // …secret:24 seal:6 check:6
            let secret = &text[text.len() - 36..text.len() - 12];
            for part in [&secret[..8], &secret[8..16], &secret[16..]] {
                assert!(!dump.contains(part), "a part of a token's secret is stored");
            }
        }
    }
}

#[track_caller]
pub(crate) fn refused<T>(outcome: Result<T, CommandError>) -> CommandError {
    match outcome {
        Ok(_) => panic!("the command should have been refused"),
        Err(refusal) => refusal,
    }
}

#[track_caller]
pub(crate) fn assert_unauthenticated<T>(outcome: Result<T, CommandError>, code: Code) {
    assert_eq!(refused(outcome), CommandError::Unauthenticated { code });
}

#[track_caller]
pub(crate) fn assert_missing<T>(outcome: Result<T, CommandError>, scope: &str) {
    assert_eq!(refused(outcome), CommandError::MissingScope { scope: scope.to_owned() });
}

#[track_caller]
pub(crate) fn assert_no_such<T>(outcome: Result<T, CommandError>, what: &str) {
    assert_eq!(refused(outcome), CommandError::NotFound { what: what.to_owned() });
}

#[track_caller]
pub(crate) fn assert_forbidden<T>(outcome: Result<T, CommandError>, code: ForbiddenCode, sentence: &str) {
    assert_eq!(refused(outcome), CommandError::Forbidden { code, detail: sentence.to_owned() });
}

#[track_caller]
pub(crate) fn assert_invalid<T>(outcome: Result<T, CommandError>, code: InvalidCode, at: &str) {
    match refused(outcome) {
        CommandError::Invalid { code: found, pointer, .. } => assert_eq!((found, pointer.as_str()), (code, at)),
        other => panic!("{other:?} where {code:?} at {at} was expected"),
    }
}

#[track_caller]
pub(crate) fn assert_invalid_value<T>(outcome: Result<T, CommandError>, at: &str) {
    assert_invalid(outcome, InvalidCode::InvalidValue, at);
}

#[track_caller]
pub(crate) fn assert_conflict<T>(outcome: Result<T, CommandError>, expected: ConflictCode) {
    match refused(outcome) {
        CommandError::Conflict { code, .. } => assert_eq!(code, expected),
        other => panic!("{other:?} where {expected:?} was expected"),
    }
}

/// The ledger's record of this token value.
pub(crate) fn record(world: &mut World, digest: Digest) -> TokenRecord {
    let mut answer = world.call(Actor::Verifier, Records { digests: vec![digest] }).unwrap().0;
    answer.tokens.remove(0).1.unwrap()
}

/// Asserts that the outbox holds the ledger's record of this token value, as of its last change.
#[track_caller]
pub(crate) fn assert_published(world: &mut World, digest: Digest) {
    let path = RegistryKey::Token(key(), digest).path();
    let query = "SELECT value FROM outbox WHERE key = ?";
    let waiting: Vec<u8> = world.ledger.sql().exec(query, &[path.into()]).unwrap()[0].take().unwrap();
    assert_eq!(TokenRecord::decode(&waiting).unwrap(), record(world, digest));
}

/// The changed fields in the last audit row, which must be about this subject.
#[track_caller]
pub(crate) fn last_audit(world: &World, action: &str, subject: &str) -> (Json, Json) {
    let query = "SELECT action, subject, before, after FROM audit ORDER BY seq DESC LIMIT 1";
    let mut row = world.ledger.sql().exec(query, &[]).unwrap().remove(0);
    let (found, of): (String, String) = (row.take().unwrap(), row.take().unwrap());
    assert_eq!((found.as_str(), of.as_str()), (action, subject));
    (row.take_json().unwrap(), row.take_json().unwrap())
}
