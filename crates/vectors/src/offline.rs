//! The vectors of what is decided from snapshots, with nobody to ask.

use super::{
    segments::{NOW, key, texts},
    snapshots,
};
use anyhow::{Result, bail, ensure};
use counterfoil_token::{Prefix, SealKey, Token, WorkspaceKey};
use counterfoil_verify::{Code, Demand, Freshness, Limits, Progress, Scope, Snapshot, Timestamp, Verifier};
use serde::Serialize;

/// What becomes of texts, where one of the snapshots is loaded.
#[derive(Serialize)]
pub(super) struct Offline {
    format: u32,
    /// Whose tokens are demanded.
    workspace: WorkspaceKey,
    cases: Vec<Case>,
}

#[derive(Serialize)]
struct Case {
    why: &'static str,
    /// Which one of `snapshots.json`, counted from 0.
    snapshot: usize,
    text: String,
    all_of: Vec<Scope>,
    address: Option<&'static str>,
    now: Timestamp,
    code: Code,
}

/// With everybody, but without addresses and weak imports.
const OUTSIDE: usize = 0;
/// With all that there is to say, but not of every number of a member.
const HOUSE: usize = 1;
/// As outside, and without members.
const NOBODY: usize = 2;

/// For so long the snapshots may be relied upon.
const TERM: u64 = 3_600_000;

/// In a block of the token that is bound to some.
const WITHIN: &str = "192.0.2.7";

pub(super) fn vectors() -> Result<Offline> {
    let [plain, expiring, later, of_another, bound, dead, nobodys]: [String; 7] = take(texts());
    let elsewhere = minted(WorkspaceKey::parse("0Zzzzz")?)?;
    let ours = minted(key()?)?;
    let typo = ours.replacen('7', "8", 1);
    let (at, end) = (NOW, NOW + TERM);
    let cases = [
        case("a live token", OUTSIDE, &plain, at, Code::Valid),
        case("one that expires later", OUTSIDE, &later, at, Code::Valid),
        case("until the snapshot expires", OUTSIDE, &plain, end - 1, Code::Valid),
        case("the snapshot has expired", OUTSIDE, &plain, end, Code::Unavailable),
        case("also of a token that is dead", OUTSIDE, &dead, end, Code::Unavailable),
        case("revoked, before its owner was suspended", OUTSIDE, &of_another, at, Code::Revoked),
        case("revoked, and much else besides", OUTSIDE, &dead, at, Code::Revoked),
        case("expired", OUTSIDE, &expiring, at, Code::Expired),
        case("expired, and the clock is behind", OUTSIDE, &expiring, at - TERM, Code::Expired),
        asking("a scope that it has", OUTSIDE, &plain, &["orders:read"], Code::Valid)?,
        asking("a scope that it lacks", OUTSIDE, &plain, &["orders:read", "orders:write"], Code::InsufficientScope)?,
        case("bound to addresses that are left out", OUTSIDE, &bound, at, Code::Unavailable),
        from("whatever the address", OUTSIDE, &bound, Code::Unavailable),
        case("imports were left out, and it may be one", OUTSIDE, &nobodys, at, Code::Unavailable),
        case("never issued", OUTSIDE, &ours, at, Code::Unknown),
        case("another workspace's", OUTSIDE, &elsewhere, at, Code::Unknown),
        case("mistyped", OUTSIDE, &typo, at, Code::Malformed),
        case("addresses are there, and none is told", HOUSE, &bound, at, Code::AddressNotAllowed),
        from("the address is one of them", HOUSE, &bound, Code::Valid),
        case("nothing was left out", HOUSE, &nobodys, at, Code::Unknown),
        case("its owner is not covered", HOUSE, &of_another, at, Code::Unavailable),
        case("no owner is covered", NOBODY, &plain, at, Code::Unavailable),
    ];
    let files = snapshots::files()?;
    for case in &cases {
        ensure!(case.decide(&files[case.snapshot])? == case.code, "{}: is decided otherwise", case.why);
    }
    Ok(Offline { format: 1, workspace: key()?, cases: cases.into() })
}

fn take(mut texts: impl Iterator<Item = String>) -> [String; 7] {
    std::array::from_fn(|_| texts.next().unwrap_or_default())
}

/// A token of that workspace that nobody has.
fn minted(workspace: WorkspaceKey) -> Result<String> {
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

fn asking(why: &'static str, snapshot: usize, text: &str, scopes: &[&str], code: Code) -> Result<Case> {
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
            Progress::Fetch(_) => bail!("{}: asks", self.why),
        }
    }
}
