//! Test vectors of decisions from snapshots, without a network.

use super::{
    segments::{NOW, key, texts},
    snapshots,
};
use anyhow::{Result, bail, ensure};
use counterfoil_token::{Prefix, SealKey, Token, WorkspaceKey};
use counterfoil_verify::{Code, Demand, Freshness, Limits, Progress, Scope, Snapshot, Timestamp, Verifier};
use serde::Serialize;

/// The decisions about token values when one of the snapshots is loaded.
#[derive(Serialize)]
pub(super) struct Offline {
    format: u32,
    /// The workspace in every requirement.
    workspace: WorkspaceKey,
    cases: Vec<Case>,
}

#[derive(Serialize)]
struct Case {
    why: &'static str,
    /// The index of the snapshot in `snapshots.json`.
    snapshot: usize,
    text: String,
    all_of: Vec<Scope>,
    address: Option<&'static str>,
    now: Timestamp,
    code: Code,
}

/// All members, but no addresses and no low-entropy imports.
const EXPORTED: usize = 0;
/// No field is excluded, but not every member number is covered.
const FULL: usize = 1;
/// Like `EXPORTED`, but without members.
const NO_OWNERS: usize = 2;

/// How long the snapshots are valid, in milliseconds.
const TERM: u64 = 3_600_000;

/// An allowed address of the IP-restricted token.
const WITHIN: &str = "192.0.2.7";

pub(super) fn vectors() -> Result<Offline> {
    let [plain, expiring, later, of_another, bound, dead, unissued]: [String; 7] = take(texts());
    let elsewhere = created(WorkspaceKey::parse("0Zzzzz")?)?;
    let ours = created(key()?)?;
    let typo = ours.replacen('7', "8", 1);
    let (at, end) = (NOW, NOW + TERM);
    let cases = [
        case("a live token", EXPORTED, &plain, at, Code::Valid),
        case("a token that expires later", EXPORTED, &later, at, Code::Valid),
        case("the last millisecond before the snapshot expires", EXPORTED, &plain, end - 1, Code::Valid),
        case("the snapshot has expired", EXPORTED, &plain, end, Code::Unavailable),
        case("the snapshot has expired, and the token was revoked", EXPORTED, &dead, end, Code::Unavailable),
        case("revoked, and its owner is suspended", EXPORTED, &of_another, at, Code::Revoked),
        case("revoked, and also disabled and replaced", EXPORTED, &dead, at, Code::Revoked),
        case("expired", EXPORTED, &expiring, at, Code::Expired),
        case(
            "expired according to the snapshot, although the clock is behind",
            EXPORTED,
            &expiring,
            at - TERM,
            Code::Expired,
        ),
        requiring("a scope that the token has", EXPORTED, &plain, &["orders:read"], Code::Valid)?,
        requiring(
            "a scope that the token lacks",
            EXPORTED,
            &plain,
            &["orders:read", "orders:write"],
            Code::InsufficientScope,
        )?,
        case("restricted to addresses that the snapshot excludes", EXPORTED, &bound, at, Code::Unavailable),
        from(
            "restricted to addresses that the snapshot excludes, and the client's address is known",
            EXPORTED,
            &bound,
            Code::Unavailable,
        ),
        case("not in the snapshot, which excludes low-entropy imports", EXPORTED, &unissued, at, Code::Unavailable),
        case("never issued", EXPORTED, &ours, at, Code::Unknown),
        case("a token of another workspace", EXPORTED, &elsewhere, at, Code::Unknown),
        case("a typo", EXPORTED, &typo, at, Code::Malformed),
        case("restricted to addresses, and the client's address is unknown", FULL, &bound, at, Code::AddressNotAllowed),
        from("the client's address is allowed", FULL, &bound, Code::Valid),
        case("not in the snapshot, which excludes no tokens", FULL, &unissued, at, Code::Unknown),
        case("the owner's number is not covered", FULL, &of_another, at, Code::Unavailable),
        case("the snapshot covers no owners", NO_OWNERS, &plain, at, Code::Unavailable),
    ];
    let files = snapshots::files()?;
    for case in &cases {
        ensure!(case.decide(&files[case.snapshot])? == case.code, "{}: the decision is not the expected one", case.why);
    }
    Ok(Offline { format: 1, workspace: key()?, cases: cases.into() })
}

fn take(mut texts: impl Iterator<Item = String>) -> [String; 7] {
    std::array::from_fn(|_| texts.next().unwrap_or_default())
}

/// A well-formed token value of that workspace which was never issued.
fn created(workspace: WorkspaceKey) -> Result<String> {
    let token =
        Token::mint(&Prefix::parse("cft")?, workspace, &SealKey::from_bytes([7; 32]), &mut |bytes| bytes.fill(7))?;
    Ok(token.as_ref().expose().to_owned())
}

fn case(why: &'static str, snapshot: usize, text: &str, now: u64, code: Code) -> Case {
    Case { why, snapshot, text: text.to_owned(), all_of: vec![], address: None, now: Timestamp(now), code }
}

fn from(why: &'static str, snapshot: usize, text: &str, code: Code) -> Case {
    Case { address: Some(WITHIN), ..case(why, snapshot, text, NOW, code) }
}

fn requiring(why: &'static str, snapshot: usize, text: &str, scopes: &[&str], code: Code) -> Result<Case> {
    let all_of = scopes.iter().map(|scope| Scope::parse(scope)).collect::<Result<_, _>>()?;
    Ok(Case { all_of, ..case(why, snapshot, text, NOW, code) })
}

impl Case {
    fn decide(&self, file: &[u8]) -> Result<Code> {
        let mut verifier = Verifier::new(Limits::default());
        verifier.load(Snapshot::open(file)?);
        let mut demand = Demand::of(key()?);
        demand.freshness = Freshness::Snapshot;
        demand.all_of.clone_from(&self.all_of);
        demand.address = self.address.map(str::parse).transpose()?;
        match verifier.check(self.text.as_bytes(), &demand, self.now) {
            Progress::Decided(decision) => Ok(decision.code),
            Progress::Fetch(_) => bail!("{}: the verifier fetches data", self.why),
        }
    }
}
