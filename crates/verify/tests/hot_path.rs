//! A decision from the cache allocates nothing, whether the token is valid, invalid or not a Counterfoil token.

#![expect(clippy::panic, unsafe_code, reason = "a test with an allocator that counts")]

use counterfoil_token::{Digest, Prefix, SealSecret, Token, WorkspaceKey};
use counterfoil_verify::{
    Answer, Code, Demand, DigestPrefix, Freshness, Grant, Limits, Need, OwnerRecord, Progress, Scope, ScopeSet,
    Segment, SegmentBuilder, SegmentHeader, Supply, Timestamp, TokenRecord, Verifier, WorkspaceRecord,
};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

struct Counting;

thread_local! {
    /// Per thread: the test harness allocates too, in its own thread.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const NOW: Timestamp = Timestamp(1_798_761_600_000);

fn code(verifier: &mut Verifier, text: &str, demand: &Demand) -> Code {
    match verifier.check(text.as_bytes(), demand, NOW) {
        Progress::Decided(decision) => decision.code,
        Progress::Fetch(_) => panic!("not decided from the cache"),
    }
}

/// A token that is valid.
fn token() -> TokenRecord {
    TokenRecord {
        version: 1,
        id: "tok_1".into(),
        number: 1,
        owner: 1,
        name: "".into(),
        client_id: None,
        metadata: None,
        scopes: ScopeSet::everything(),
        issued: 1,
        revoked: false,
        enabled: true,
        not_before: None,
        expires_at: None,
        replaced_until: None,
        addresses: vec![],
        rate_class: None,
    }
}

#[test]
fn decision_from_the_cache_allocates_nothing() {
    let key = WorkspaceKey::parse("0Home1").unwrap();
    let seal_key = SealSecret::new(&[9; 32]).unwrap().key_for(key);
    let mint = |byte| {
        let mut random = |bytes: &mut [u8]| bytes.fill(byte);
        Token::mint(&Prefix::default(), key, &seal_key, &mut random).unwrap().as_ref().expose().to_owned()
    };
    let (text, never_issued) = (mint(1), mint(2));
    let record = TokenRecord { addresses: vec!["192.0.2.0/24".parse().unwrap()], ..token() };
    let grants = ScopeSet::everything();
    let owner = OwnerRecord { version: 1, number: 1, id: "ada".into(), suspended: false, grants, revoked_before: 0 };
    let freshness = vec![(Scope::parse("orders:write").unwrap(), Freshness::Strong)];
    let (slug, suspended, has_imports) = ("demo".into(), false, false);
    let workspace = WorkspaceRecord { version: 1, key, slug, suspended, has_imports, freshness };
    let answer = Answer {
        key,
        as_of: NOW,
        generation: 1,
        workspace: Some(workspace),
        seal_keys: vec![counterfoil_token::SealKey::from_bytes([1; 32])],
        tokens: vec![(Digest::of(text.as_bytes()), Some(record))],
        owners: vec![owner],
    };
    let (answer_again, texts, owners) = (answer.clone(), vec![], vec![]);
    let grant = Grant { epoch: 1, since: None, term: 10_000, answer: answer_again, texts, owners, edition: None };
    for freshness in [Freshness::Eventual, Freshness::Bounded] {
        let mut demand = Demand::of(key);
        demand.freshness = freshness;
        demand.all_of = vec![Scope::parse("orders:read").unwrap()];
        demand.address = Some("192.0.2.7".parse().unwrap());
        let mut outside = demand.clone();
        outside.address = None;

        let mut verifier = Verifier::new(Limits { count_uses: true, ..Limits::default() });
        let mut progress = verifier.check(text.as_bytes(), &demand, NOW);
        while let Progress::Fetch(pending) = progress {
            let supply = match pending.need() {
                Need::Registry(_) => Supply::Unavailable,
                Need::Ledger(_) => Supply::Ledger(&answer),
                Need::Lease(_) => Supply::Lease(&grant),
                Need::Wait(..) => Supply::Waited,
            };
            progress = verifier.supply(pending, &demand, supply, NOW);
        }

        let before = ALLOCATIONS.get();
        for _ in 0..1_000 {
            assert_eq!(code(&mut verifier, &text, &demand), Code::Valid);
            assert_eq!(code(&mut verifier, &text, &outside), Code::AddressNotAllowed);
            assert_eq!(code(&mut verifier, &never_issued, &demand), Code::Unknown);
            assert_eq!(code(&mut verifier, "cft_", &demand), Code::Malformed);
            assert_eq!(code(&mut verifier, "another-issuers-token", &demand), Code::Unknown);
        }
        assert_eq!(ALLOCATIONS.get() - before, 0, "{freshness:?}");
    }
}

/// Invented tokens use no memory if a segment covers them.
#[test]
fn token_absent_from_its_segment_allocates_nothing() {
    let workspace = WorkspaceKey::parse("0Home1").unwrap();
    let prefix = DigestPrefix::NONE;
    let header = SegmentHeader { workspace, generation: 1, without_addresses: false, without_weak: false, prefix };
    let mut digests: Vec<_> = (0..1_000_u32).map(|n| Digest::of(&n.to_be_bytes())).collect();
    digests.sort_unstable();
    let mut builder = SegmentBuilder::new(header);
    digests.iter().for_each(|digest| builder.push(digest, &token(), 0).unwrap());
    let segment = Segment::open(builder.finish()).unwrap();

    let others: Vec<_> = (0..1_000_u64).map(|n| Digest::of(&n.to_be_bytes())).collect();
    let before = ALLOCATIONS.get();
    assert!(others.iter().all(|digest| segment.covers(digest) && segment.find(digest).is_none()));
    assert_eq!(ALLOCATIONS.get() - before, 0);
    assert!(segment.find(digests.first().unwrap()).is_some());
    assert!(ALLOCATIONS.get() > before, "the counter works");
}
