//! The JSON format between the API and the ledger.
//!
//! A deployment updates the Worker and its objects one by one, so for some time either may be older than the other. The
//! files in `tests/wire` must stay readable: fields may be added, but not removed or changed in meaning. `BLESS=1 cargo
//! test -p counterfoil-ledger wire` rewrites the files, so that the difference can be reviewed.

use std::{collections::BTreeMap, env, fs, path::Path};

use counterfoil_ledger::{directory::Directory, native::NativeSql};
use counterfoil_protocol::{
    Answered, CommandError, NotAReply,
    command::{
        Actor, Bootstrapped, Command, CreateClient, CreateMember, CreateToken, EndSession, FindMember, GetScopes,
        ImportLine, ImportTokens, Lease, Lifetime, ListMembers, ListSessions, MemberBy, NotSignedIn, NoteRefusal,
        OpenSession, Page, Patch, PutScopes, ReadClient, ReadIdentityProviders, ReadSelf, ReadSession, ReadSnapshot,
        ReadSnapshotKeys, ReadToken, ReadUsage, Records, ReportUses, Request, RevokeResult, RevokeText, RevokeToken,
        RevokeTokens, RevokedItem, Role, RotateToken, ScopeChange, ScopeEntry, Selection, SetHosts, SignIn, SignedHead,
        Snapshot, SnapshotFiles, State, TokenFilter, UpdateToken, UpdateWorkspace, Uses,
    },
    command_error::{ConflictCode, ForbiddenCode, InvalidCode},
    decode_reply,
    directory::{self, AssignHosts, Assigned, Claim, Claimed, Confirm, Release, Resolve, ResolveHost, Resolved},
    json, reply_json,
};
use counterfoil_token::Digest;
use counterfoil_verify::{Code, ContentHash, Freshness, Position};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    changes::{of_token, of_workspace},
    identity::{identity, provider},
    support::*,
};

fn check_pinned(file: &str, found: &BTreeMap<&str, Value>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire").join(file);
    let text = serde_json::to_string_pretty(found).unwrap() + "\n";
    if env::var_os("BLESS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(&path).unwrap(), "{file} has changed: see the module");
}

fn request(actor: Actor, command: impl Into<Command>) -> Request {
    let address = "192.0.2.1".parse().ok();
    let request_id = "req-1".to_owned();
    Request {
        workspace: key(),
        actor,
        request_id,
        address,
        idempotency_key: None,
        origin: None,
        if_version: None,
        wait: false,
        command: command.into(),
    }
}

/// One request of each kind, in an order in which all succeed. The first token is the actor's digest.
fn requests(actor: Actor, id: &str) -> Vec<(&'static str, Request)> {
    let page = Page { limit: Some(10), cursor: None };
    let scopes = vec![
        ScopeEntry { freshness: Some(Freshness::Strong), ..entry("orders:write") },
        ScopeEntry { visible_to: Role::Admin, grantable_by: Role::Admin, ..entry("read") },
    ];
    let ann = CreateMember {
        number: Some(7),
        email: Some("ann@example.org".to_owned()),
        subject: Some("ann|1".to_owned()),
        quota: Some(5),
        ..member("ann", &["orders:*", "tokens:write"])
    };
    let ci = CreateToken {
        name: "ci".to_owned(),
        note: Some("nightly".to_owned()),
        owner: Some("ann".to_owned()),
        scopes: patterns(&["orders:write"]),
        lifetime: Lifetime::Until(START.plus(DAY)),
        not_before: Some(START),
        enabled: true,
        allowed_addresses: vec!["192.0.2.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
        client_id: None,
        metadata: json!({"team": "a"}).as_object().cloned(),
    };
    let unchanged = || of_token(id);
    let update = UpdateToken {
        name: Some("renamed".to_owned()),
        note: Patch::Set("a note".to_owned()),
        enabled: Some(true),
        not_before: Patch::Clear,
        allowed_addresses: Some(Vec::new()),
        metadata: Patch::Clear,
        ..unchanged()
    };
    let replace = ScopeChange::Replace(patterns(&["*", "read"]));
    let merge = ScopeChange::Merge(patterns(&["read"]).into_iter().map(|scope| (scope, false)).collect());
    let app = CreateClient { id: "app".to_owned(), name: "App".to_owned(), permissions: patterns(&["read"]) };
    let named = Selection::Ids(vec![id.to_owned()]);
    let lines = vec![
        ImportLine { digest: Digest::of(b"theirs"), weak: true, length: None, token: token(&["orders:write"]) },
        ImportLine { digest: Digest::of(b"theirs"), weak: false, length: None, token: token(&[]) },
    ];
    let used = Uses { digest: digest_of(actor), last_used_at: START, count: 3 };
    let since = Some(Position { epoch: START.0, generation: 5 });
    let again = RevokeToken { id: id.to_owned(), reason: None };
    let theirs = TokenFilter { owner: Some("ann".to_owned()), state: Some(State::Active), ..TokenFilter::default() };
    vec![
        ("put_scopes", request(actor, PutScopes { scopes })),
        ("get_scopes", request(actor, GetScopes {})),
        ("create_member", request(actor, ann)),
        ("list_members", request(actor, ListMembers { page: page.clone() })),
        ("create_token", request(actor, ci)),
        ("create_token_for_seconds", request(actor, CreateToken { lifetime: Lifetime::Seconds(60), ..token(&[]) })),
        ("list_tokens", request(actor, all_tokens(Page { limit: Some(1), cursor: None }))),
        ("read_token", request(actor, ReadToken { id: id.to_owned() })),
        ("read_self", request(actor, ReadSelf {})),
        ("report_uses", request(Actor::Verifier, ReportUses { uses: vec![used.clone()] })),
        ("read_usage", request(actor, ReadUsage { id: id.to_owned(), days: Some(2) })),
        ("update_token", request(actor, update)),
        ("replace_scopes", request(Actor::Root, UpdateToken { scopes: Some(replace), ..unchanged() })),
        ("merge_scopes", request(Actor::Root, UpdateToken { scopes: Some(merge), ..unchanged() })),
        ("revoke_text", request(Actor::Root, RevokeText { digest: Digest::of(b"unknown"), reason: None })),
        ("import_tokens", request(actor, ImportTokens { lines })),
        ("revoke_tokens_by_filter", request(actor, RevokeTokens { select: Selection::Filter(theirs), reason: None })),
        ("rotate_token", request(actor, RotateToken { id: id.to_owned(), grace_seconds: 60, end_previous: false })),
        ("revoke_token", request(Actor::Root, RevokeToken { id: id.to_owned(), reason: Some("over".to_owned()) })),
        ("revoke_tokens_by_id", request(Actor::Root, RevokeTokens { select: named, reason: Some("over".to_owned()) })),
        ("set_hosts", request(Actor::Root, SetHosts { hosts: hosts_of(&["api.acme.example", "127.0.0.1:8787"]) })),
        ("records", request(Actor::Verifier, Records { digests: vec![Digest::of(b"unknown"), digest_of(actor)] })),
        (
            "lease",
            request(
                Actor::Verifier,
                Lease { since: None, digests: vec![digest_of(actor)], uses: Vec::new(), segments: None },
            ),
        ),
        (
            "lease_since",
            request(Actor::Verifier, Lease { since, digests: Vec::new(), uses: vec![used], segments: None }),
        ),
        ("read_snapshot", request(Actor::Root, ReadSnapshot {})),
        ("read_snapshot_keys", request(Actor::Root, ReadSnapshotKeys {})),
        ("revoke_token_and_wait", Request { wait: true, ..request(Actor::Root, again) }),
        ("create_client", request(Actor::Root, app)),
        ("find_member", request(Actor::Root, FindMember { number: 7 })),
        ("read_client", request(Actor::Root, ReadClient { id: "app".to_owned() })),
    ]
}

fn digest_of(actor: Actor) -> Digest {
    let Actor::Token(digest) = actor else { panic!("not a token") };
    digest
}

#[test]
fn request_and_reply_format_is_stable() {
    let mut world = World::empty();
    let (mut sent, mut answered) = (BTreeMap::new(), BTreeMap::new());
    let first = request(Actor::Root, bootstrap());
    let body = serde_json::to_vec(&first).unwrap();
    let reply = world.handle(&body);
    sent.insert("bootstrap", serde_json::to_value(&first).unwrap());
    answered.insert("bootstrap", serde_json::from_slice(&reply).unwrap());
    let admin = decode_reply::<counterfoil_protocol::command::Bootstrap>(&reply).unwrap().unwrap();
    let admin: Bootstrapped = admin;
    let admin = world.held(admin.admin);

    let mut exchange = |world: &mut World, name, request: Request| {
        let json = serde_json::to_value(&request).unwrap();
        // The written request can be read and is equal.
        let read: Request = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), json);
        let reply: Value = serde_json::from_slice(&world.handle(&serde_json::to_vec(&json).unwrap())).unwrap();
        assert!(reply.get("ok").is_some(), "{name}: {reply}");
        sent.insert(name, json);
        answered.insert(name, reply);
    };
    for (name, request) in requests(admin.actor, &admin.id) {
        exchange(&mut world, name, request);
    }
    let owner = || Some("admin".to_owned());
    let theirs = world.issue(Actor::Root, CreateToken { owner: owner(), ..token(&["*"]) }).unwrap();
    let session = world.open(&theirs).unwrap();
    let page = Page { limit: Some(1), cursor: None };
    let vouching = UpdateWorkspace { identity_providers: Some(vec![provider(MemberBy::Subject)]), ..of_workspace() };
    let end = EndSession { id: Some(session.id.clone()) };
    let SignIn { issuer, audience, .. } = identity("ann|1");
    let note = NoteRefusal { issuer, audience, reason: NotSignedIn::NoMember };
    for (name, request) in [
        ("open_session", request(theirs.actor, OpenSession {})),
        ("read_session", request(session.actor, ReadSession {})),
        ("update_workspace", request(Actor::Root, vouching)),
        ("read_identity_providers", request(Actor::SignIn, ReadIdentityProviders {})),
        ("sign_in", request(Actor::SignIn, identity("ann|1"))),
        ("note_refusal", request(Actor::SignIn, note)),
        ("list_sessions", request(session.actor, ListSessions { page })),
        ("end_session", request(session.actor, end)),
    ] {
        exchange(&mut world, name, request);
    }
    let (head, files) = (SignedHead(vec![1, 112]), vec![ContentHash::of(b"manifest"), ContentHash::of(b"segment")]);
    let ready = Snapshot::Ready(SnapshotFiles { slug: slug("demo"), head, files });
    let read: Snapshot = serde_json::from_value(json!(ready)).unwrap();
    assert_eq!(read, ready);
    answered.insert("read_snapshot_that_is_ready", json!({ "ok": ready }));
    check_pinned("requests.json", &sent);
    check_pinned("replies.json", &answered);
}

#[test]
fn error_format_is_stable() {
    let text = str::to_owned;
    let items = vec![
        RevokedItem { id: text("tok_a"), result: RevokeResult::Kept },
        RevokedItem { id: text("tok_b"), result: RevokeResult::Unknown },
    ];
    let refusals = [
        ("unauthenticated", CommandError::Unauthenticated { code: Code::NotYetValid }),
        ("missing_scope", CommandError::MissingScope { scope: text("tokens:read") }),
        ("escalation", CommandError::Forbidden { code: ForbiddenCode::Escalation, detail: text("More.") }),
        ("not_yours", CommandError::Forbidden { code: ForbiddenCode::NotYours, detail: text("Theirs.") }),
        ("root_only", CommandError::Forbidden { code: ForbiddenCode::RootOnly, detail: text("Root.") }),
        ("own_token", CommandError::Forbidden { code: ForbiddenCode::OwnToken, detail: text("Own.") }),
        ("token_only", CommandError::Forbidden { code: ForbiddenCode::TokenOnly, detail: text("Token.") }),
        ("session_ended", CommandError::SessionEnded),
        ("not_signed_in", CommandError::NotSignedIn { detail: text("why"), reason: None }),
        (
            "not_signed_in_for_the_audit",
            CommandError::NotSignedIn { detail: text("why"), reason: Some(NotSignedIn::NoMember) },
        ),
        ("token_revoked", CommandError::Conflict { code: ConflictCode::TokenRevoked, detail: text("Over.") }),
        ("token_expired", CommandError::Conflict { code: ConflictCode::TokenExpired, detail: text("Over.") }),
        ("last_admin", CommandError::Conflict { code: ConflictCode::LastAdmin, detail: text("Last.") }),
        ("unknown_tokens", CommandError::UnknownTokens { items }),
        ("idempotency_mismatch", CommandError::IdempotencyMismatch),
        ("unknown_client", invalid(InvalidCode::UnknownClient)),
        ("too_many_tokens", invalid(InvalidCode::TooManyTokens)),
        ("not_found", CommandError::NotFound { what: text("token") }),
        ("invalid_value", invalid(InvalidCode::InvalidValue)),
        ("unknown_scope", invalid(InvalidCode::UnknownScope)),
        ("built_in_scope", invalid(InvalidCode::BuiltInScope)),
        ("unknown_member", invalid(InvalidCode::UnknownMember)),
        ("invalid_cursor", invalid(InvalidCode::InvalidCursor)),
        ("already_exists", CommandError::AlreadyExists { what: text("member"), field: text("id") }),
        ("quota_exceeded", CommandError::QuotaExceeded { quota: 600, needed: 601 }),
        ("idempotency_mismatch", CommandError::IdempotencyMismatch),
        ("keys_exceeded", CommandError::KeysExceeded { again_in: 3_600 }),
        ("storage_full", CommandError::StorageFull),
        ("snapshots_off", CommandError::SnapshotsOff),
        ("not_understood", CommandError::NotUnderstood { detail: text("why") }),
        ("internal", CommandError::Internal { detail: text("why") }),
    ];
    let mut found = BTreeMap::new();
    for (name, refusal) in refusals {
        let reply = json!({ "refused": refusal });
        let read = decode_reply::<ReadSelf>(reply.to_string().as_bytes()).unwrap();
        assert_eq!(read.unwrap_err(), refusal);
        found.insert(name, reply);
    }
    check_pinned("refusals.json", &found);

    // A ledger writes them in this form.
    let mut world = World::empty();
    let body = serde_json::to_vec(&request(Actor::Root, ReadSelf {})).unwrap();
    let reply: Value = serde_json::from_slice(&world.handle(&body)).unwrap();
    assert_eq!(reply, json!({ "refused": { "not_found": { "what": "workspace" } } }));
}

fn invalid(code: InvalidCode) -> CommandError {
    CommandError::Invalid { code, pointer: "/scopes/0".to_owned(), detail: "Something.".to_owned() }
}

#[test]
fn directory_format_is_stable() {
    let (slug, candidate) = (slug("demo"), key());
    let (host, hosts) = (host("127.0.0.1:8787"), hosts_of(&["api.acme.example", "127.0.0.1:8787"]));
    let requests: [(_, directory::Request); 6] = [
        ("claim", Claim { slug: slug.clone(), candidate }.into()),
        ("confirm", Confirm { slug: slug.clone() }.into()),
        ("resolve", Resolve { slug: slug.clone() }.into()),
        ("release", Release { slug, key: candidate }.into()),
        ("assign_hosts", AssignHosts { key: candidate, hosts }.into()),
        ("resolve_host", ResolveHost { host: host.clone() }.into()),
    ];
    let mut found: BTreeMap<_, _> = requests.into_iter().map(|(name, request)| (name, json!(request))).collect();
    found.insert("reserved", json!({ "ok": Claimed::Reserved { key: candidate } }));
    found.insert("key_taken", json!({ "ok": Claimed::KeyTaken }));
    found.insert("slug_taken", json!({ "ok": Claimed::SlugTaken }));
    found.insert("assigned", json!({ "ok": Assigned::Done }));
    found.insert("host_taken", json!({ "ok": Assigned::Taken { host } }));
    found.insert("resolved", json!({ "ok": Resolved { key: Some(candidate) } }));
    found.insert("unresolved", json!({ "ok": Resolved { key: None } }));
    check_pinned("directory.json", &found);
}

#[test]
fn invalid_reply_error_does_not_echo_input() {
    for bytes in [&b""[..], b"{", b"[]", b"{\"ok\":\"cft_secret\"}", b"{\"ok\":{\"text\":\"cft_secret\"}}"] {
        let error = decode_reply::<CreateToken>(bytes).unwrap_err();
        assert_eq!(error.to_string(), "not a reply to the command");
    }
}

#[test]
fn reply_begins_with_safe_in() {
    let read = |text: &'static str| reply_json(text.as_bytes());
    let answered = |reply: &'static str, repeated, safe_in| {
        Ok(Ok(Answered { reply: reply.as_bytes(), repeated, safe_in, snapshots_until: None }))
    };
    assert_eq!(read(r#"{"ok":{"a":1}}"#), answered(r#"{"a":1}"#, false, None));
    assert_eq!(read(r#"{"safe_in":0,"ok":{"a":1}}"#), answered(r#"{"a":1}"#, false, Some(0)));
    assert_eq!(read(r#"{"safe_in":61000,"repeated":{}}"#), answered("{}", true, Some(61_000)));
    assert_eq!(read(r#"{"safe_in":18446744073709551615,"ok":[]}"#), answered("[]", false, Some(u64::MAX)));
    let with_snapshots = read(r#"{"safe_in":5,"snapshots_until":1763000000000,"ok":[]}"#).unwrap().unwrap();
    assert_eq!((with_snapshots.safe_in, with_snapshots.snapshots_until), (Some(5), Some(START)));
    assert_eq!(read(r#"{"refused":"session_ended"}"#), Ok(Err(CommandError::SessionEnded)));

    let mut world = World::empty();
    let founding = Request { wait: true, ..request(Actor::Root, bootstrap()) };
    world.handle(&serde_json::to_vec(&founding).unwrap());
    let reply =
        world.handle(&serde_json::to_vec(&Request { wait: true, ..request(Actor::Root, GetScopes {}) }).unwrap());
    assert!(reply.starts_with(br#"{"safe_in":1000,"ok":{"#), "{}", reply.escape_ascii());
    assert_eq!(reply_json(&reply).unwrap().unwrap().safe_in, Some(1_000));
    assert!(decode_reply::<GetScopes>(&reply).unwrap().is_ok(), "readers that do not need the prefix skip it");

    for text in [
        r#"{"safe_in":1}"#,
        r#"{"safe_in":1,}"#,
        r#"{"safe_in":,"ok":{}}"#,
        r#"{"safe_in":null,"ok":{}}"#,
        r#"{"safe_in":-1,"ok":{}}"#,
        r#"{"safe_in":1.5,"ok":{}}"#,
        r#"{"safe_in":"1","ok":{}}"#,
        r#"{"safe_in":18446744073709551616,"ok":{}}"#,
        r#"{"safe_in":1 "ok":{}}"#,
        r#"{"safe_in":1,"safe_in":1,"ok":{}}"#,
        r#"{"ok":{},"ok":{}}"#,
        r#"{"ok":{},"repeated":{}}"#,
        r#"{"ok":{},"refused":"session_ended"}"#,
        r#"{"ok":{},"safe_in":1"#,
        r#"{"safe_in":1,"done":{}}"#,
        r#"{"safe_in":1,"snapshots_until":,"ok":{}}"#,
        r#"{"safe_in":1,"snapshots_until":null,"ok":{}}"#,
        r#"{"safe_in":1,"new":0,"safe_in":2,"ok":{}}"#,
        r#"{"safe_in":1,"refused":}"#,
        r#"{"safe_in":1,new:1,"ok":{}}"#,
        r#"{"safe_in":1,1,"ok":{}}"#,
        r#"{,"ok":{}}"#,
        r#"{"new":{"ok":{}}"#,
        r#"{"new":[{"a":1,"ok":{}},"ok":{}"#,
        r#"{"new":"\","ok":{}}"#,
        r#"{"done":{}}"#,
        r#""safe_in":1,"ok":{}"#,
        "{}",
        "{",
        "}",
        "",
    ] {
        assert_eq!(read(text), Err(NotAReply), "{text}");
    }
}

/// What a later version may write, and this one must read: see `wire.rs`.
#[test]
fn unknown_reply_fields_are_ignored() {
    let answered = Answered { reply: &b"{}"[..], repeated: false, safe_in: Some(5), snapshots_until: Some(START) };
    let both = [r#""safe_in":5,"#, r#""snapshots_until":1763000000000,"#];
    for new in [
        r#""new":1,"#,
        r#""new":null,"newer":-1.5e3,"#,
        r#""new":"a \"text\", with { [ and \\","#,
        r#""new":{"ok":{"a":[1,2,{"b":","}]},"refused":"session_ended"},"#,
        r#""new":[[],{},"]"],"newer":"}","#,
        r#""safe_in_all":7,"#,
    ] {
        let [safe_in, until] = both;
        for before in
            [format!("{new}{safe_in}{until}"), format!("{safe_in}{new}{until}"), format!("{until}{safe_in}{new}")]
        {
            assert_eq!(reply_json(format!(r#"{{{before}"ok":{{}}}}"#).as_bytes()), Ok(Ok(answered)), "{before}");
            let repeated = format!(r#"{{{before}"repeated":{{}}}}"#);
            assert_eq!(reply_json(repeated.as_bytes()), Ok(Ok(Answered { repeated: true, ..answered })));
            let refused = format!(r#"{{{before}"refused":"session_ended"}}"#);
            assert_eq!(reply_json(refused.as_bytes()), Ok(Err(CommandError::SessionEnded)));
        }
    }

    // Also at every level within the reply.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire/replies.json");
    let replies: BTreeMap<String, Value> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let read = |name: &str| serde_json::to_vec(&with_more(replies[name].clone())).unwrap();
    assert!(decode_reply::<ReadSelf>(&read("read_self")).unwrap().is_ok());
    assert!(decode_reply::<CreateToken>(&read("create_token")).unwrap().is_ok());
    assert!(decode_reply::<ListMembers>(&read("list_members")).unwrap().is_ok());
    assert!(decode_reply::<UpdateWorkspace>(&read("update_workspace")).unwrap().is_ok());
    assert!(decode_reply::<ReadIdentityProviders>(&read("read_identity_providers")).unwrap().is_ok());
    assert!(decode_reply::<ReadSnapshot>(&read("read_snapshot_that_is_ready")).unwrap().is_ok());
}

#[test]
fn unknown_error_code_is_still_an_error() {
    for reason in [
        r#""gone_fishing""#,
        r#"{"gone_fishing":{"until":5}}"#,
        r#"{"unauthenticated":{"code":"TOO_OLD"}}"#,
        r#"{"forbidden":{"code":"NOT_ON_SUNDAYS","detail":"No."}}"#,
        r#"{"conflict":{"code":"ELSEWHERE","detail":"No."}}"#,
        r#"{"quota_exceeded":{"budget":600}}"#,
        r#"{"not_known":null}"#,
        r#""not_known""#,
        "null",
        "{}",
    ] {
        let reply = format!(r#"{{"refused":{reason}}}"#);
        assert_eq!(reply_json(reply.as_bytes()), Ok(Err(CommandError::NotKnown)), "{reason}");
    }
    assert!(CommandError::NotKnown.shuts_out(), "it is unknown whether the actor was authenticated");
    assert!(serde_json::to_string(&CommandError::NotKnown).is_err(), "no ledger sends this");
    let more = r#"{"refused":{"missing_scope":{"scope":"tokens:read","hint":"ask"}}}"#;
    let missing = CommandError::MissingScope { scope: "tokens:read".to_owned() };
    assert_eq!(reply_json(more.as_bytes()), Ok(Err(missing)));
}

/// The same JSON with an additional field in every object with a known structure.
fn with_more(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(with_more).collect(),
        // An object with a single field may be an enum variant.
        Value::Object(fields) => {
            let is_variant = fields.len() == 1;
            let more = fields.into_iter().map(|(name, value)| (name, with_more(value)));
            let new = (!is_variant).then(|| ("new_field".to_owned(), json!({ "of": ["a", "newer", "version"] })));
            more.chain(new).collect()
        }
        other => other,
    }
}

#[test]
fn unknown_request_fields_are_ignored() {
    let path = |file: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire").join(file);
    let pinned =
        |file: &str| serde_json::from_slice::<BTreeMap<String, Value>>(&fs::read(path(file)).unwrap()).unwrap();
    for (name, request) in pinned("requests.json") {
        // User-defined JSON is left as it is.
        let mut more = with_more(request.clone());
        if let Some(metadata) = more.pointer_mut("/command/create_token/metadata") {
            *metadata = request.pointer("/command/create_token/metadata").unwrap().clone();
        }
        assert_ne!(more, request, "{name}");
        let more = serde_json::to_vec(&more).unwrap();
        let read: Request = json::read(&more).unwrap_or_else(|| panic!("{name}: {}", more.escape_ascii()));
        assert_eq!(serde_json::to_value(&read).unwrap(), request, "{name}");
    }
    for (name, request) in pinned("directory.json") {
        if request.get("ok").is_none() {
            let read: directory::Request =
                json::read(&serde_json::to_vec(&with_more(request.clone())).unwrap()).unwrap();
            assert_eq!(json!(read), request, "{name}");
        }
    }
}

#[test]
fn unknown_command_is_refused() {
    let (mut world, admin) = World::founded();
    let before = world.dump();
    let request = json!(request(admin.actor, ReadSelf {}));
    let newer = [
        ("/command", json!({ "paint_token": { "id": "tok_a" } }), "/command"),
        ("/command", json!("repaint"), "/command"),
        ("/actor", json!({ "robot": "r2" }), "/actor"),
        ("/command", json!({ "list_tokens": { "page": { "limit": "all" } } }), "/command/filter"),
    ];
    for (pointer, new, at) in newer {
        let mut newer = request.clone();
        *newer.pointer_mut(pointer).unwrap() = new;
        let reply = world.handle(&serde_json::to_vec(&newer).unwrap());
        let refusal = reply_json(&reply).unwrap().unwrap_err();
        let CommandError::NotUnderstood { detail } = &refusal else { panic!("{refusal:?}") };
        assert!(detail.starts_with("not a request: a wrong field at ") && !detail.contains("paint"), "{detail}");
        assert!(at == "/command/filter" || detail.ends_with(at), "{detail}");
        assert!(refusal.shuts_out());
        // The form of ledgers that had no code for it.
        let formerly = json!({ "refused": { "internal": { "detail": detail } } });
        assert_eq!(reply_json(formerly.to_string().as_bytes()), Ok(Err(refusal)));
    }
    let directory = Directory::open(NativeSql::in_memory().unwrap()).unwrap();
    let reply = directory.handle(br#"{"paint":{}}"#, START);
    assert!(matches!(reply_json(&reply), Ok(Err(CommandError::NotUnderstood { .. }))));
    assert_eq!(world.dump(), before);
}

#[test]
fn invalid_request_error_does_not_echo_input() {
    let mut world = World::empty();
    let mut refusal = |body: &[u8]| {
        let reply = decode_reply::<ReadSelf>(&world.handle(body)).unwrap();
        let Err(CommandError::Internal { detail } | CommandError::NotUnderstood { detail }) = reply else {
            panic!("{reply:?}")
        };
        assert!(!detail.contains("secret"));
        detail
    };
    for text in ["", "secret"] {
        assert_eq!(refusal(text.as_bytes()), "not a request: no JSON");
    }
    // The first byte sequence is a workspace key.
    assert_eq!(refusal(br#"{"workspace":"secret"}"#), "not a request: a wrong field at /actor");
    assert_eq!(refusal(br#"{"workspace":"secret!"}"#), "not a request: a wrong field at /workspace");
}

/// Requests with some bytes replaced, removed or duplicated.
fn mangled() -> impl Strategy<Value = Vec<u8>> {
    // Random values are the same in every world, so this admin exists in each.
    let (_, admin) = World::founded();
    let valid = requests(admin.actor, &admin.id);
    let bodies: Vec<_> = valid.iter().map(|(_, request)| serde_json::to_vec(request).unwrap()).collect();
    let edits = prop::collection::vec((any::<prop::sample::Index>(), 0..3_u8, any::<u8>()), 0..4);
    (prop::sample::select(bodies), edits).prop_map(|(mut body, edits)| {
        for (at, kind, byte) in edits {
            let at = at.index(body.len());
            match kind {
                0 => body[at] = byte,
                1 => drop(body.remove(at)),
                _ => body.extend_from_within(at..),
            }
            if body.is_empty() {
                break;
            }
        }
        body
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        rng_seed: prop::test_runner::RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_comes_in_there_is_a_reply(bodies in prop::collection::vec(
        prop_oneof![prop::collection::vec(any::<u8>(), 0..64), mangled()], 1..8,
    )) {
        let (mut world, _) = World::founded();
        for body in bodies {
            let before = world.dump();
            let reply: Value = serde_json::from_slice(&world.handle(&body)).unwrap();
            let (done, refused) = (reply.get("ok").is_some(), reply.get("refused").is_some());
            prop_assert!(done != refused);
            prop_assert!(done || world.dump() == before);
        }
    }
}
