//! Test vectors of records and decisions. Records are JSON as `serde` writes them, bytes are hexadecimal.

use anyhow::{Context as _, Result, ensure};
use counterfoil_token::{Digest, SealKey, WorkspaceKey};
use counterfoil_verify::{
    Answer, Code, ContentHash, Demand, Edition, Encoded, Facts, Freshness, Grant, OwnerRecord, RecordError, Scope,
    ScopePattern, ScopeSet, Timestamp, TokenRecord, WorkspaceRecord, decide,
};
use serde::Serialize;

/// The layout of the records in the registry and of a ledger's responses.
#[derive(Serialize)]
pub(super) struct Records {
    format: u32,
    tokens: Vec<Layout<TokenRecord>>,
    owners: Vec<Layout<OwnerRecord>>,
    workspaces: Vec<Layout<WorkspaceRecord>>,
    answers: Vec<Layout<Answer>>,
    grants: Vec<Layout<Grant>>,
    refused: Vec<RefusedCase>,
}

/// An item and its bytes.
#[derive(Serialize)]
struct Layout<T> {
    why: &'static str,
    item: T,
    bytes: String,
}

/// Bytes that are not a valid item of this kind, and why.
#[derive(Serialize)]
struct RefusedCase {
    why: String,
    kind: &'static str,
    bytes: String,
    error: &'static str,
}

/// Decisions about a token.
#[derive(Serialize)]
pub(super) struct Decisions {
    format: u32,
    cases: Vec<DecisionCase>,
}

#[derive(Serialize)]
struct DecisionCase {
    why: &'static str,
    token: TokenRecord,
    owner: OwnerRecord,
    workspace: WorkspaceRecord,
    demand: DemandCase,
    now: u64,
    code: Code,
}

/// A requirement, without the freshness level, which does not affect the decision.
#[derive(Clone, Serialize)]
struct DemandCase {
    workspaces: Vec<WorkspaceKey>,
    all_of: Vec<Scope>,
    any_of: Vec<Scope>,
    address: Option<&'static str>,
}

/// 2027-01-01T00:00:00Z.
const NOW: u64 = 1_798_761_600_000;

pub(super) fn records() -> Result<Records> {
    let world = World::new()?;
    let full = TokenRecord {
        client_id: Some("game".into()),
        metadata: Some(r#"{"team":"ops"}"#.into()),
        not_before: Some(Timestamp(NOW - 1)),
        expires_at: Some(Timestamp(NOW + 1)),
        replaced_until: Some(Timestamp(NOW + 2)),
        addresses: vec!["192.0.2.0/24".parse()?, "2001:db8::/32".parse()?, "0.0.0.0/0".parse()?],
        rate_class: Some(7),
        revoked: true,
        enabled: false,
        version: (1 << 53) - 1,
        ..world.token.clone()
    };
    let digest = Digest::of(b"a text");
    let answer = Answer {
        key: world.workspace.key,
        as_of: Timestamp(NOW),
        generation: 9,
        workspace: Some(world.workspace.clone()),
        seal_keys: vec![SealKey::from_bytes([7; 32]), SealKey::from_bytes([8; 32])],
        tokens: vec![(digest, Some(world.token.clone())), (Digest::of(b"another"), None)],
        owners: vec![world.owner.clone()],
    };
    let empty = Answer {
        key: world.workspace.key,
        as_of: Timestamp(0),
        generation: 0,
        workspace: None,
        seal_keys: vec![],
        tokens: vec![],
        owners: vec![],
    };
    let (texts, owners) = (vec![Digest::of(b"a text that has changed")], vec![1, 300]);
    let grant =
        Grant { epoch: NOW - 9, since: Some(7), term: 10_000, answer: answer.clone(), texts, owners, edition: None };
    let (texts, owners) = (vec![], vec![]);
    let segments =
        Grant { edition: Some(Edition { manifest: ContentHash::of(b"a manifest"), generation: 300 }), ..grant.clone() };
    let reset = Grant { epoch: 0, since: None, term: 0, answer: empty.clone(), texts, owners, edition: None };
    let strict = WorkspaceRecord {
        suspended: true,
        has_imports: true,
        freshness: vec![(scope("orders:write")?, Freshness::Strong), (scope("orders:read")?, Freshness::Bounded)],
        ..world.workspace.clone()
    };
    let suspended =
        OwnerRecord { suspended: true, grants: ScopeSet::default(), revoked_before: 12, ..world.owner.clone() };
    Ok(Records {
        format: 1,
        refused: refused(&full, &world)?,
        tokens: vec![layout("no optional field", world.token)?, layout("every optional field", full)?],
        owners: vec![layout("active", world.owner)?, layout("suspended, without granted scopes", suspended)?],
        workspaces: vec![layout("active", world.workspace)?, layout("every field set", strict)?],
        answers: vec![layout("one known and one unknown token", answer)?, layout("empty", empty)?],
        grants: vec![
            layout("changes since a generation, and a lease of ten seconds", grant)?,
            layout("the same, and an edition", segments)?,
            layout("the cache must be cleared, and no lease", reset)?,
        ],
    })
}

fn layout<T: Encoded>(why: &'static str, item: T) -> Result<Layout<T>> {
    let bytes = item.encode();
    ensure!(
        T::decode(&bytes).map(|read| read.encode()) == Ok(bytes.clone()),
        "{why}: the bytes do not decode to the same value"
    );
    Ok(Layout { why, item, bytes: hex::encode(bytes) })
}

/// Invalid variants of the bytes of a valid record.
fn refused(token: &TokenRecord, world: &World) -> Result<Vec<RefusedCase>> {
    let good = token.encode();
    let mut cases: Vec<_> =
        (0..good.len()).map(|length| (format!("truncated to {length} bytes"), good[..length].to_vec())).collect();
    cases.push(("one byte too many".to_owned(), [&good[..], &[0]].concat()));
    cases.push(("another kind".to_owned(), world.owner.encode()));
    cases.push(("an unknown kind".to_owned(), [&good[..1], b"x", &good[2..]].concat()));
    cases.push(("format 0".to_owned(), [&[0], &good[1..]].concat()));
    cases.push(("format 2".to_owned(), [&[2], &good[1..]].concat()));
    let replaced = |why: &str, old: &[u8], new: &[u8]| -> Result<(String, Vec<u8>)> {
        ensure!(old.len() == new.len(), "{why}: lengths differ");
        let at = good.windows(old.len()).position(|window| window == old).context(why.to_owned())?;
        Ok((why.to_owned(), [&good[..at], new, &good[at + old.len()..]].concat()))
    };
    cases.push(replaced("a scope with a space", b"orders:read", b"orders read")?);
    cases.push(replaced("a name that is not UTF-8", b"a token", b"a\xfftoken")?);
    cases.push(replaced(
        "an address block with a bit beyond its prefix length",
        &[192, 0, 2, 0, 24],
        &[192, 0, 2, 1, 24],
    )?);
    cases.push(replaced(
        "an address block with a prefix length above its family's",
        &[192, 0, 2, 0, 24],
        &[192, 0, 2, 0, 33],
    )?);
    cases
        .into_iter()
        .map(|(why, bytes)| {
            let error = match TokenRecord::decode(&bytes) {
                Err(RecordError::UnknownFormat) => "UNKNOWN_FORMAT",
                Err(RecordError::Malformed) => "MALFORMED",
                Ok(_) => anyhow::bail!("{why}: is accepted"),
            };
            Ok(RefusedCase { why, kind: "token", bytes: hex::encode(bytes), error })
        })
        .collect()
}

/// A valid token of an active owner in an active workspace, and a requirement that it meets.
#[derive(Clone)]
pub(super) struct World {
    pub(super) token: TokenRecord,
    pub(super) owner: OwnerRecord,
    pub(super) workspace: WorkspaceRecord,
    demand: DemandCase,
}

impl World {
    pub(super) fn new() -> Result<Self> {
        let key = WorkspaceKey::parse("0Ab3dE")?;
        let token = TokenRecord {
            version: 5,
            id: "tok_0123456789abcdefghijkl".into(),
            number: 12,
            owner: 3,
            name: "a token".into(),
            client_id: None,
            metadata: None,
            scopes: patterns(&["orders:read"])?,
            issued: 5,
            revoked: false,
            enabled: true,
            not_before: None,
            expires_at: None,
            replaced_until: None,
            addresses: vec![],
            rate_class: None,
        };
        let owner = OwnerRecord {
            version: 4,
            number: 3,
            id: "ada".into(),
            suspended: false,
            grants: patterns(&["*"])?,
            revoked_before: 0,
        };
        let workspace = WorkspaceRecord {
            version: 2,
            key,
            slug: "demo".into(),
            suspended: false,
            has_imports: false,
            freshness: vec![],
        };
        let demand = DemandCase { workspaces: vec![key], all_of: vec![], any_of: vec![], address: None };
        Ok(Self { token, owner, workspace, demand })
    }
}

/// How a case differs from `World::new`.
type Change = fn(&mut World) -> Result<()>;

pub(super) fn decisions() -> Result<Decisions> {
    let cases: Vec<Result<DecisionCase>> =
        CASES.iter().map(|(code, why, change)| decision(*code, why, *change)).collect();
    Ok(Decisions { format: 1, cases: cases.into_iter().collect::<Result<_>>()? })
}

fn decision(code: Code, why: &'static str, change: Change) -> Result<DecisionCase> {
    let mut world = World::new()?;
    change(&mut world)?;
    let World { token, owner, workspace, demand } = world;
    let mut compiled = Demand::of_any(demand.workspaces.clone())?;
    compiled.all_of.clone_from(&demand.all_of);
    compiled.any_of.clone_from(&demand.any_of);
    compiled.address = demand.address.map(str::parse).transpose()?;
    let facts = Facts { token: &token, owner: &owner, workspace: &workspace };
    let decided = decide(facts, &compiled, Timestamp(NOW));
    ensure!(decided == code, "{why}: the decision is {decided}, not {code}");
    Ok(DecisionCase { why, token, owner, workspace, demand, now: NOW, code })
}

fn scope(text: &str) -> Result<Scope> {
    Ok(Scope::parse(text)?)
}

pub(super) fn patterns(texts: &[&str]) -> Result<ScopeSet> {
    texts.iter().map(|text| Ok(ScopePattern::parse(text)?)).collect()
}

/// The expected code, a description, and the difference from a world in which the token is valid.
const CASES: &[(Code, &str, Change)] = &[
    (Code::Valid, "a valid token", |_| Ok(())),
    (Code::Unknown, "the requirement names another workspace", |w| {
        w.demand.workspaces = vec![WorkspaceKey::parse("0Zzzzz")?];
        Ok(())
    }),
    (Code::Valid, "the requirement names several workspaces, one of them the token's", |w| {
        w.demand.workspaces.insert(0, WorkspaceKey::parse("0Zzzzz")?);
        Ok(())
    }),
    (Code::Unknown, "the owner record of another member", |w| {
        w.owner.number = 4;
        Ok(())
    }),
    (Code::WorkspaceSuspended, "the workspace is suspended", |w| {
        w.workspace.suspended = true;
        Ok(())
    }),
    (Code::WorkspaceSuspended, "a suspended workspace takes precedence over revoked", |w| {
        (w.workspace.suspended, w.token.revoked) = (true, true);
        Ok(())
    }),
    (Code::Revoked, "the token was revoked", |w| {
        w.token.revoked = true;
        Ok(())
    }),
    (Code::Revoked, "revoked takes precedence over a suspended owner", |w| {
        (w.token.revoked, w.owner.suspended) = (true, true);
        Ok(())
    }),
    (Code::Revoked, "revoked takes precedence over expired", |w| {
        (w.token.revoked, w.token.expires_at) = (true, Some(Timestamp(NOW - 1)));
        Ok(())
    }),
    (Code::Revoked, "issued before the owner's tokens were revoked", |w| {
        w.owner.revoked_before = w.token.issued + 1;
        Ok(())
    }),
    (Code::Valid, "issued at the generation at which the owner's tokens were revoked", |w| {
        w.owner.revoked_before = w.token.issued;
        Ok(())
    }),
    (Code::Revoked, "replaced, and the grace period expires now", |w| {
        w.token.replaced_until = Some(Timestamp(NOW));
        Ok(())
    }),
    (Code::Valid, "replaced, in the last millisecond of the grace period", |w| {
        w.token.replaced_until = Some(Timestamp(NOW + 1));
        Ok(())
    }),
    (Code::OwnerSuspended, "the owner is suspended", |w| {
        w.owner.suspended = true;
        Ok(())
    }),
    (Code::OwnerSuspended, "a suspended owner takes precedence over disabled", |w| {
        (w.owner.suspended, w.token.enabled) = (true, false);
        Ok(())
    }),
    (Code::Disabled, "the token is disabled", |w| {
        w.token.enabled = false;
        Ok(())
    }),
    (Code::Disabled, "disabled takes precedence over expired", |w| {
        (w.token.enabled, w.token.expires_at) = (false, Some(Timestamp(NOW)));
        Ok(())
    }),
    (Code::Expired, "the token expires now", |w| {
        w.token.expires_at = Some(Timestamp(NOW));
        Ok(())
    }),
    (Code::Valid, "the last millisecond before the token expires", |w| {
        w.token.expires_at = Some(Timestamp(NOW + 1));
        Ok(())
    }),
    (Code::Expired, "expired takes precedence over not yet valid", |w| {
        (w.token.expires_at, w.token.not_before) = (Some(Timestamp(NOW - 1)), Some(Timestamp(NOW + 1)));
        Ok(())
    }),
    (Code::NotYetValid, "the token becomes valid in a millisecond", |w| {
        w.token.not_before = Some(Timestamp(NOW + 1));
        Ok(())
    }),
    (Code::Valid, "the token becomes valid now", |w| {
        w.token.not_before = Some(Timestamp(NOW));
        Ok(())
    }),
    (Code::NotYetValid, "not yet valid takes precedence over a forbidden address", |w| {
        w.token.not_before = Some(Timestamp(NOW + 1));
        addressed(w, &["192.0.2.0/24"], None)
    }),
    (Code::AddressNotAllowed, "restricted to addresses, and the client's address is unknown", |w| {
        addressed(w, &["192.0.2.0/24"], None)
    }),
    (Code::Valid, "the first address of a block", |w| addressed(w, &["192.0.2.0/24"], Some("192.0.2.0"))),
    (Code::Valid, "the last address of a block", |w| addressed(w, &["192.0.2.0/24"], Some("192.0.2.255"))),
    (Code::AddressNotAllowed, "the address after a block", |w| addressed(w, &["192.0.2.0/24"], Some("192.0.3.0"))),
    (Code::Valid, "the second of two blocks", |w| {
        addressed(w, &["192.0.2.0/24", "198.51.100.7/32"], Some("198.51.100.7"))
    }),
    (Code::Valid, "an IPv4 address mapped into IPv6", |w| addressed(w, &["192.0.2.0/24"], Some("::ffff:192.0.2.1"))),
    (Code::AddressNotAllowed, "all IPv4 addresses allowed, and an IPv6 address", |w| {
        addressed(w, &["0.0.0.0/0"], Some("2001:db8::1"))
    }),
    (Code::Valid, "an IPv6 block", |w| addressed(w, &["2001:db8::/33"], Some("2001:db8:7fff:ffff::1"))),
    (Code::AddressNotAllowed, "the address after an IPv6 block", |w| {
        addressed(w, &["2001:db8::/33"], Some("2001:db8:8000::1"))
    }),
    (Code::AddressNotAllowed, "a forbidden address takes precedence over a missing scope", |w| {
        addressed(w, &["192.0.2.0/24"], None)?;
        scoped(w, &[], &["*"], &["orders:read"], &[])
    }),
    (Code::Valid, "a scope that the token has", |w| scoped(w, &["orders:read"], &["*"], &["orders:read"], &[])),
    (Code::InsufficientScope, "a scope that the token lacks", |w| {
        scoped(w, &["orders:read"], &["*"], &["orders:write"], &[])
    }),
    (Code::InsufficientScope, "a scope that the owner is not granted", |w| {
        scoped(w, &["orders:read"], &["orders:write"], &["orders:read"], &[])
    }),
    (Code::Valid, "a token with *, and a scope that the owner is granted", |w| {
        scoped(w, &["*"], &["orders:*"], &["orders:read"], &[])
    }),
    (Code::InsufficientScope, "a token with *, and a scope that the owner is not granted", |w| {
        scoped(w, &["*"], &["orders:*"], &["members:read"], &[])
    }),
    (Code::InsufficientScope, "one of two required scopes", |w| scoped(w, &["a", "c"], &["*"], &["a", "b"], &[])),
    (Code::Valid, "one of two alternative scopes", |w| scoped(w, &["b"], &["*"], &[], &["a", "b"])),
    (Code::InsufficientScope, "none of two alternative scopes", |w| scoped(w, &["c"], &["*"], &[], &["a", "b"])),
    (Code::InsufficientScope, "all required scopes, but none of the alternatives", |w| {
        scoped(w, &["a"], &["*"], &["a"], &["b", "c"])
    }),
    (Code::Valid, "a wildcard covers the scopes below it", |w| {
        scoped(w, &["a:*"], &["*"], &["a:b", "a:b:c", "a:b.c"], &[])
    }),
    (Code::InsufficientScope, "a wildcard does not cover its own prefix", |w| scoped(w, &["a:*"], &["*"], &["a"], &[])),
    (Code::InsufficientScope, "a wildcard does not cover another first segment", |w| {
        scoped(w, &["a:*"], &["*"], &["ab:c"], &[])
    }),
    (Code::InsufficientScope, "the separator, : or ., is significant", |w| scoped(w, &["a:*"], &["*"], &["a.b"], &[])),
    (Code::InsufficientScope, "case is significant", |w| scoped(w, &["a:b"], &["*"], &["A:b"], &[])),
    (Code::InsufficientScope, "no scopes", |w| scoped(w, &[], &["*"], &["a"], &[])),
    (Code::Valid, "no scopes, and none required", |w| scoped(w, &[], &[], &[], &[])),
];

fn addressed(world: &mut World, blocks: &[&str], address: Option<&'static str>) -> Result<()> {
    world.token.addresses = blocks.iter().map(|block| Ok(block.parse()?)).collect::<Result<_>>()?;
    world.demand.address = address;
    Ok(())
}

fn scoped(world: &mut World, own: &[&str], granted: &[&str], all_of: &[&str], any_of: &[&str]) -> Result<()> {
    world.token.scopes = patterns(own)?;
    world.owner.grants = patterns(granted)?;
    world.demand.all_of = all_of.iter().map(|text| scope(text)).collect::<Result<_>>()?;
    world.demand.any_of = any_of.iter().map(|text| scope(text)).collect::<Result<_>>()?;
    Ok(())
}
