//! The directory.

use counterfoil_ledger::{
    Refusal,
    directory::{Ask, Claim, Claimed, Confirm, Directory, Resolve, decode_reply},
    native::{NativeSql, When},
};
use counterfoil_token::WorkspaceKey;
use proptest::prelude::*;

use crate::support::{START, refused, slug};

fn directory() -> Directory<NativeSql> {
    Directory::open(NativeSql::in_memory().unwrap()).unwrap()
}

fn ask<R: Ask>(directory: &Directory<NativeSql>, request: R) -> Result<R::Reply, Refusal> {
    let request: counterfoil_ledger::directory::Request = request.into();
    decode_reply::<R>(&directory.handle(&serde_json::to_vec(&request).unwrap(), START)).unwrap()
}

fn key(text: &str) -> WorkspaceKey {
    WorkspaceKey::parse(text).unwrap()
}

fn claim(directory: &Directory<NativeSql>, name: &str, candidate: &str) -> Claimed {
    ask(directory, Claim { slug: slug(name), candidate: key(candidate) }).unwrap()
}

fn resolve(directory: &Directory<NativeSql>, name: &str) -> Option<WorkspaceKey> {
    ask(directory, Resolve { slug: slug(name) }).unwrap().key
}

#[test]
fn a_slug_is_reserved_then_confirmed_then_resolves() {
    let directory = directory();
    assert_eq!(resolve(&directory, "demo"), None);
    assert_eq!(claim(&directory, "demo", "0aaaaa"), Claimed::Reserved { key: key("0aaaaa") });
    assert_eq!(resolve(&directory, "demo"), None);
    // Claimed again before it is confirmed, it keeps its key.
    assert_eq!(claim(&directory, "demo", "0bbbbb"), Claimed::Reserved { key: key("0aaaaa") });
    for _ in 0..2 {
        assert_eq!(ask(&directory, Confirm { slug: slug("demo") }).unwrap().key, Some(key("0aaaaa")));
    }
    assert_eq!(resolve(&directory, "demo"), Some(key("0aaaaa")));
    assert_eq!(claim(&directory, "demo", "0bbbbb"), Claimed::SlugTaken);
}

#[test]
fn a_key_belongs_to_one_slug() {
    let directory = directory();
    claim(&directory, "demo", "0aaaaa");
    assert_eq!(claim(&directory, "other", "0aaaaa"), Claimed::KeyTaken);
    assert_eq!(claim(&directory, "other", "0bbbbb"), Claimed::Reserved { key: key("0bbbbb") });
    // Keys differ as their letters do.
    assert_eq!(claim(&directory, "third", "0AAAAA"), Claimed::Reserved { key: key("0AAAAA") });
}

#[test]
fn what_was_not_claimed_cannot_be_confirmed() {
    let directory = directory();
    let nothing = Refusal::NotFound { what: "workspace".to_owned() };
    assert_eq!(refused(ask(&directory, Confirm { slug: slug("demo") })), nothing);
}

#[test]
fn a_failing_statement_leaves_nothing() {
    let fresh = || {
        let directory = directory();
        claim(&directory, "taken", "0ccccc");
        directory
    };
    for when in [When::Before, When::After] {
        for nth in 1..=3 {
            let directory = fresh();
            let before = directory.sql().dump().unwrap();
            directory.sql().fail(Some((nth, when)));
            let claimed = ask(&directory, Claim { slug: slug("demo"), candidate: key("0aaaaa") });
            assert!(matches!(claimed, Err(Refusal::Internal { .. })));
            assert_eq!(directory.sql().dump().unwrap(), before);
        }
        for nth in 1..=2 {
            let directory = fresh();
            let before = directory.sql().dump().unwrap();
            directory.sql().fail(Some((nth, when)));
            assert!(ask(&directory, Confirm { slug: slug("taken") }).is_err());
            assert_eq!(directory.sql().dump().unwrap(), before);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: prop::test_runner::RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_in_there_is_a_reply(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let reply = directory().handle(&bytes, START);
        prop_assert!(decode_reply::<Resolve>(&reply).unwrap().is_err());
    }
}
