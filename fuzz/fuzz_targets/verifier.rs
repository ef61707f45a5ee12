//! A verifier whose registry and ledger return what the input says. It finds a token valid only if it was given readable
//! records of the token, its owner and its workspace for which `decide` returns `VALID`.
//!
//! An input is a sequence of chunks, each after its length in two bytes, little-endian: the flags of the check; the
//! registry's values under r/, o/, w/ and s/; and the ledger's responses to a query and to a lease request.

#![no_main]

use counterfoil_token::Digest;
use counterfoil_verify::{
    Answer, Code, Decision, Demand, Encoded, Facts, Freshness, Grant, Limits, ContentHash, Need, OwnerRecord, Progress,
    RegistryKey, Scope, Supply, Timestamp, TokenRecord, Verifier, WorkspaceRecord, decide,
};
use libfuzzer_sys::fuzz_target;

/// A token value from the test vectors, and a third-party token.
const OURS: &str = "cft_0k3YabJnq1q7p9X5RIHEAwS3DSyH7ebei4xZ1dRRK0";
const THIRD_PARTY: &str = "another-systems-token-1";

const NOW: Timestamp = Timestamp(1_798_761_600_000);

/// The data that the verifier can fetch.
struct World<'a> {
    chunks: Vec<&'a [u8]>,
    answer: Option<Answer>,
    grant: Option<Grant>,
    digest: Digest,
}

fn chunks(mut input: &[u8]) -> Vec<&[u8]> {
    let mut chunks = Vec::new();
    while let [low, high, rest @ ..] = input {
        let (chunk, rest) = rest.split_at(usize::from(u16::from_le_bytes([*low, *high])).min(rest.len()));
        chunks.push(chunk);
        input = rest;
    }
    chunks
}

impl<'a> World<'a> {
    fn new(chunks: Vec<&'a [u8]>, has_digest: bool, digest: Digest) -> Self {
        let chunk = |at: usize| chunks.get(at).copied().unwrap_or_default();
        let mut answer = Answer::decode(chunk(5)).ok();
        let mut grant = Grant::decode(chunk(6)).ok();
        // Mutations do not find digests, so the token's is inserted.
        if has_digest {
            for answer in answer.iter_mut().chain(grant.iter_mut().map(|grant| &mut grant.answer)) {
                if let Some((about, _)) = answer.tokens.first_mut() {
                    *about = digest;
                }
            }
        }
        if let Some(edition) = grant.as_mut().and_then(|grant| grant.edition.as_mut()) {
            edition.manifest = ContentHash::of(chunk(4));
        }
        Self { answer, grant, digest, chunks }
    }

    fn value(&self, key: &RegistryKey) -> Option<Vec<u8>> {
        let at = match key {
            RegistryKey::Token(..) => 1,
            RegistryKey::Owner(..) => 2,
            RegistryKey::Workspace(..) => 3,
            RegistryKey::File(..) => 4,
        };
        self.chunks.get(at).filter(|chunk| !chunk.is_empty()).map(|chunk| chunk.to_vec())
    }

    fn check(&self, verifier: &mut Verifier, text: &str, demand: &Demand, now: Timestamp) -> Option<Decision> {
        let mut progress = verifier.check(text.as_bytes(), demand, now);
        for _ in 0..20 {
            let mut pending = match progress {
                Progress::Decided(mut decision) => {
                    verifier.complete(&mut decision);
                    return Some(decision);
                }
                Progress::Fetch(pending) => pending,
            };
            verifier.asking(&mut pending, 1);
            let need = pending.need().clone();
            let values: Vec<Option<Vec<u8>>>;
            let supply = match &need {
                Need::Registry(keys) => {
                    values = keys.iter().map(|key| self.value(key)).collect();
                    Supply::Registry(&values)
                }
                Need::Ledger(_) => self.answer.as_ref().map_or(Supply::Unavailable, Supply::Ledger),
                Need::Lease(_) => self.grant.as_ref().map_or(Supply::Unavailable, Supply::Lease),
                Need::Wait(..) => Supply::Waited,
            };
            progress = verifier.supply(pending, demand, supply, now);
        }
        panic!("the verifier does not stop fetching");
    }

    /// Whether any combination of a token, an owner and a workspace record from all sources makes the token valid.
    fn may_be_valid(&self, demand: &Demand, now: Timestamp) -> bool {
        let chunk = |at: usize| self.chunks.get(at).copied().unwrap_or_default();
        let answers: Vec<&Answer> = self.answer.iter().chain(self.grant.as_ref().map(|grant| &grant.answer)).collect();
        let mut tokens: Vec<TokenRecord> = TokenRecord::decode(chunk(1)).into_iter().collect();
        let mut owners: Vec<OwnerRecord> = OwnerRecord::decode(chunk(2)).into_iter().collect();
        let mut workspaces: Vec<WorkspaceRecord> = WorkspaceRecord::decode(chunk(3)).into_iter().collect();
        for answer in answers {
            let records = answer.tokens.iter().filter(|(digest, _)| *digest == self.digest);
            tokens.extend(records.filter_map(|(_, record)| record.clone()));
            owners.extend(answer.owners.iter().cloned());
            workspaces.extend(answer.workspace.clone());
        }
        tokens.iter().any(|token| {
            owners.iter().any(|owner| {
                workspaces.iter().any(|workspace| decide(Facts { token, owner, workspace }, demand, now) == Code::Valid)
            })
        })
    }
}

fuzz_target!(|input: &[u8]| {
    let chunks = chunks(input);
    let mut how = chunks.first().copied().unwrap_or_default().iter().copied().chain(std::iter::repeat(0));
    let mut flag = || how.next().is_some_and(|byte| byte & 1 == 1);
    let (third_party, strong, eventual, segments, has_digest) = (flag(), flag(), flag(), flag(), flag());
    let key = || counterfoil_token::WorkspaceKey::parse("0k3Yab").expect("a key");
    let text = if third_party { THIRD_PARTY } else { OURS };
    let mut demand = Demand::of(key());
    demand.freshness = match (strong, eventual) {
        (true, _) => Freshness::Strong,
        (_, true) => Freshness::Eventual,
        _ => Freshness::Bounded,
    };
    demand.or_eventual = flag();
    demand.in_full = flag();
    demand.all_of = if flag() { vec![Scope::parse("orders:read").expect("a scope")] } else { vec![] };
    demand.address = flag().then(|| "192.0.2.1".parse().expect("an address"));

    let world = World::new(chunks, has_digest, Digest::of(text.as_bytes()));
    let mut verifier = Verifier::new(Limits { segments, ..Limits::default() });
    // A token that a segment describes may have no record.
    let has_file = world.chunks.get(4).is_some_and(|file| !file.is_empty());
    for later in [0, 1, 1_000, 61_000, 3_600_000] {
        let now = NOW.plus(later);
        let Some(decision) = world.check(&mut verifier, text, &demand, now) else { continue };
        if decision.code == Code::Valid {
            let facts = decision.facts().expect("a valid token has records");
            assert_eq!(decide(facts, &demand, now), Code::Valid);
            assert!(has_file || world.may_be_valid(&demand, now), "{decision:?}");
        }
    }
});
