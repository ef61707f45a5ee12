//! The directory.

use counterfoil_ledger::{
    directory::Directory,
    native::{NativeSql, When},
    sql::Sql as _,
};
use counterfoil_protocol::{
    CommandError,
    directory::{Ask, AssignHosts, Assigned, Claim, Claimed, Confirm, Release, Resolve, ResolveHost, decode_reply},
};
use counterfoil_token::WorkspaceKey;
use proptest::prelude::*;

use crate::support::{START, host, hosts_of, refused, slug};

fn directory() -> Directory<NativeSql> {
    Directory::open(NativeSql::in_memory().unwrap()).unwrap()
}

fn ask<R: Ask>(directory: &Directory<NativeSql>, request: R) -> Result<R::Reply, CommandError> {
    let request: counterfoil_protocol::directory::Request = request.into();
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
fn slug_resolves_after_reservation_and_confirmation() {
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
fn workspace_key_belongs_to_one_slug() {
    let directory = directory();
    claim(&directory, "demo", "0aaaaa");
    assert_eq!(claim(&directory, "other", "0aaaaa"), Claimed::KeyTaken);
    assert_eq!(claim(&directory, "other", "0bbbbb"), Claimed::Reserved { key: key("0bbbbb") });
    // Keys are case-sensitive.
    assert_eq!(claim(&directory, "third", "0AAAAA"), Claimed::Reserved { key: key("0AAAAA") });
}

#[test]
fn unclaimed_slug_cannot_be_confirmed() {
    let directory = directory();
    let nothing = CommandError::NotFound { what: "workspace".to_owned() };
    assert_eq!(refused(ask(&directory, Confirm { slug: slug("demo") })), nothing);
}

fn assign(directory: &Directory<NativeSql>, candidate: &str, hosts: &[&str]) -> Assigned {
    ask(directory, AssignHosts { key: key(candidate), hosts: hosts_of(hosts) }).unwrap()
}

fn resolve_host(directory: &Directory<NativeSql>, name: &str) -> Option<WorkspaceKey> {
    ask(directory, ResolveHost { host: host(name) }).unwrap().key
}

fn stand(directory: &Directory<NativeSql>, name: &str, candidate: &str) {
    claim(directory, name, candidate);
    ask(directory, Confirm { slug: slug(name) }).unwrap();
}

#[test]
fn host_belongs_to_one_workspace() {
    let directory = directory();
    stand(&directory, "demo", "0aaaaa");
    stand(&directory, "other", "0bbbbb");
    assert_eq!(resolve_host(&directory, "a.example"), None);
    for _ in 0..2 {
        assert_eq!(assign(&directory, "0aaaaa", &["a.example", "b.example"]), Assigned::Done);
    }
    assert_eq!(resolve_host(&directory, "A.example:443"), Some(key("0aaaaa")));
    // A request with a conflict assigns no host.
    let before = directory.sql().dump().unwrap();
    let taken = assign(&directory, "0bbbbb", &["c.example", "b.example"]);
    assert_eq!(taken, Assigned::Taken { host: host("b.example") });
    assert_eq!(directory.sql().dump().unwrap(), before);
    // A host with another port is another host.
    assert_eq!(assign(&directory, "0bbbbb", &["c.example", "b.example:8443"]), Assigned::Done);
    // A host that a workspace gave up is free.
    assert_eq!(assign(&directory, "0aaaaa", &["a.example"]), Assigned::Done);
    assert_eq!(resolve_host(&directory, "b.example"), None);
    assert_eq!(assign(&directory, "0bbbbb", &["b.example"]), Assigned::Done);
    assert_eq!(resolve_host(&directory, "b.example"), Some(key("0bbbbb")));
    assert_eq!(resolve_host(&directory, "c.example"), None);
}

#[test]
fn hosts_require_a_confirmed_workspace() {
    let directory = directory();
    claim(&directory, "demo", "0aaaaa");
    let nothing = CommandError::NotFound { what: "workspace".to_owned() };
    for unknown in ["0aaaaa", "0bbbbb"] {
        let asked = AssignHosts { key: key(unknown), hosts: hosts_of(&["a.example"]) };
        assert_eq!(refused(ask(&directory, asked)), nothing);
    }
    assert_eq!(resolve_host(&directory, "a.example"), None);
}

#[test]
fn releasing_a_workspace_frees_its_hosts() {
    let directory = directory();
    stand(&directory, "demo", "0aaaaa");
    stand(&directory, "other", "0bbbbb");
    assign(&directory, "0aaaaa", &["a.example"]);
    assign(&directory, "0bbbbb", &["b.example"]);
    let release = || ask(&directory, Release { slug: slug("demo"), key: key("0aaaaa") }).unwrap();
    release();
    assert_eq!(resolve_host(&directory, "a.example"), None);
    assert_eq!(resolve_host(&directory, "b.example"), Some(key("0bbbbb")));
    // A repeated release has no effect after the slug was claimed again.
    stand(&directory, "demo", "0ccccc");
    assign(&directory, "0ccccc", &["a.example"]);
    release();
    assert_eq!(
        (resolve(&directory, "demo"), resolve_host(&directory, "a.example")),
        (Some(key("0ccccc")), Some(key("0ccccc")))
    );
}

#[test]
fn directory_of_version_1_is_migrated() {
    let sql = NativeSql::in_memory().unwrap();
    sql.exec("CREATE TABLE schema_version (version INTEGER PRIMARY KEY) STRICT", &[]).unwrap();
    sql.exec("INSERT INTO schema_version (version) VALUES (1)", &[]).unwrap();
    sql.exec(include_str!("../../src/schema/directory.sql"), &[]).unwrap();
    sql.exec("INSERT INTO slugs VALUES ('demo', '0aaaaa', 1, 1763000000000)", &[]).unwrap();
    let directory = Directory::open(sql).unwrap();
    assert_eq!(directory.sql().schema().unwrap(), self::directory().sql().schema().unwrap());
    assert_eq!(resolve(&directory, "demo"), Some(key("0aaaaa")));
    assert_eq!(assign(&directory, "0aaaaa", &["a.example"]), Assigned::Done);
}

#[test]
fn failed_directory_statement_changes_nothing() {
    let fresh = || {
        let directory = directory();
        claim(&directory, "taken", "0ccccc");
        stand(&directory, "with-hosts", "0ddddd");
        assign(&directory, "0ddddd", &["a.example"]);
        directory
    };
    for when in [When::Before, When::After] {
        for nth in 1..=3 {
            let directory = fresh();
            let before = directory.sql().dump().unwrap();
            directory.sql().fail(Some((nth, when)));
            let claimed = ask(&directory, Claim { slug: slug("demo"), candidate: key("0aaaaa") });
            assert!(matches!(claimed, Err(CommandError::Internal { .. })));
            assert_eq!(directory.sql().dump().unwrap(), before);
        }
        for nth in 1..=4 {
            let directory = fresh();
            let before = directory.sql().dump().unwrap();
            directory.sql().fail(Some((nth, when)));
            let asked = AssignHosts { key: key("0ddddd"), hosts: hosts_of(&["b.example"]) };
            assert!(matches!(ask(&directory, asked), Err(CommandError::Internal { .. })), "statement {nth}");
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
