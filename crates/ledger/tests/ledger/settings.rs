//! Workspace settings, suspension, and the retention of the audit log.

use counterfoil_ledger::Upkeep;
use counterfoil_protocol::{
    command::{
        Actor, CreateToken, Lifetime, Page, Patch, ReadAudit, ReadSelf, ReadWorkspace, Records, SetHosts,
        SuspendWorkspace, UpdateWorkspace, Workspace,
    },
    command_error::ForbiddenCode,
};
use counterfoil_token::Prefix;
use counterfoil_verify::{Code, Encoded as _, WorkspaceRecord};

use crate::{changes::of_workspace as change, support::*};

/// The workspace as an update returns it: without the storage size, which only reads return.
fn read(world: &mut World, actor: Actor) -> Workspace {
    Workspace { storage: None, ..world.call(actor, ReadWorkspace {}).unwrap() }
}

#[test]
fn workspace_settings_are_updated() {
    let (mut world, admin) = World::founded();
    let before = world.call(admin.actor, ReadWorkspace {}).unwrap();
    assert_eq!((before.settings.default_quota, before.settings.session_length), (600, 43_200));
    assert_eq!((before.settings.lease_max, before.settings.snapshot_max), (10, 86_400));
    assert_eq!((before.settings.max_lifetime, before.settings.audit_retention, before.suspended), (None, None, false));
    let ask = UpdateWorkspace {
        name: Some("Acme".to_owned()),
        prefix: Prefix::parse("acme").ok(),
        default_quota: Some(2),
        max_lifetime: Patch::Set(3_600),
        session_length: Some(60),
        lease_max: Some(60),
        snapshot_max: Some(3_600),
        audit_retention: Patch::Set(30),
        allowed_origins: Some(vec!["https://b.example".to_owned(), "https://a.example".to_owned()]),
        identity_providers: None,
    };
    let after = world.call(admin.actor, ask).unwrap();
    assert_eq!((after.name.as_str(), after.prefix.as_str()), ("Acme", "acme"));
    assert_eq!((after.settings.default_quota, after.settings.max_lifetime), (2, Some(3_600)));
    assert_eq!((after.settings.session_length, after.settings.lease_max), (60, 60));
    assert_eq!(after.settings.snapshot_max, 3_600);
    assert_eq!(after.settings.audit_retention, Some(30));
    assert_eq!(after.settings.allowed_origins, ["https://a.example", "https://b.example"], "sorted");
    assert_eq!(read(&mut world, admin.actor), after);

    // The settings take effect immediately.
    let held = world.issue(admin.actor, token(&[])).unwrap();
    assert!(held.hint.starts_with("acme_"));
    assert_eq!(held.expires_at, Some(START.plus(3_600_000)));
    assert_invalid_value(
        world.call(admin.actor, CreateToken { lifetime: Lifetime::Seconds(3_601), ..token(&[]) }),
        "/expires_in",
    );
    assert!(world.issue(admin.actor, token(&[])).is_err(), "the quota of 2 holds: the first admin token counts");
    // Existing tokens remain valid.
    assert!(world.call(admin.actor, ReadSelf {}).is_ok());

    let same = world.dump();
    world.call(admin.actor, UpdateWorkspace { default_quota: Some(2), ..change() }).unwrap();
    assert_eq!(world.dump(), same, "a repetition writes nothing");
    let cleared = UpdateWorkspace { max_lifetime: Patch::Clear, audit_retention: Patch::Clear, ..change() };
    assert_eq!(world.call(admin.actor, cleared).unwrap().settings.max_lifetime, None);
}

#[test]
fn workspace_settings_are_validated_and_require_manage() {
    let (mut world, admin) = World::founded();
    let mut invalid = |ask, at| assert_invalid_value(world.call(admin.actor, ask), at);
    invalid(UpdateWorkspace { name: Some(String::new()), ..change() }, "/name");
    for quota in [0, 1_000_001] {
        invalid(UpdateWorkspace { default_quota: Some(quota), ..change() }, "/default_quota");
    }
    for seconds in [0, 3_155_760_001] {
        invalid(UpdateWorkspace { max_lifetime: Patch::Set(seconds), ..change() }, "/max_lifetime");
    }
    for seconds in [59, 2_592_001] {
        invalid(UpdateWorkspace { session_length: Some(seconds), ..change() }, "/session_length");
    }
    for seconds in [0, 1, 61, u64::MAX] {
        invalid(UpdateWorkspace { lease_max: Some(seconds), ..change() }, "/lease_max");
    }
    for seconds in [0, 59, 2_592_001, u64::MAX] {
        invalid(UpdateWorkspace { snapshot_max: Some(seconds), ..change() }, "/snapshot_max");
    }
    for days in [0, 36_501] {
        invalid(UpdateWorkspace { audit_retention: Patch::Set(days), ..change() }, "/audit_retention_days");
    }
    for seconds in [2, 60] {
        let set = UpdateWorkspace { lease_max: Some(seconds), ..change() };
        assert_eq!(world.call(admin.actor, set).unwrap().settings.lease_max, seconds);
    }
    for seconds in [60, 2_592_000] {
        let set = UpdateWorkspace { snapshot_max: Some(seconds), ..change() };
        assert_eq!(world.call(admin.actor, set).unwrap().settings.snapshot_max, seconds);
    }
    let ann = world.join("ann", &["tokens:write"]);
    assert_missing(world.call(ann.actor, change()), "workspace:manage");
    assert!(world.call(ann.actor, ReadWorkspace {}).is_ok());
}

#[test]
fn audit_records_changed_settings() {
    let (mut world, admin) = World::founded();
    world
        .call(
            admin.actor,
            UpdateWorkspace { default_quota: Some(5), lease_max: Some(2), snapshot_max: Some(60), ..change() },
        )
        .unwrap();
    let last = "SELECT before || ' ' || after FROM audit WHERE action = 'workspace.update'";
    assert_eq!(
        world.column(last),
        [r#"{"default_quota":600,"lease_max":10,"snapshot_max":86400} {"default_quota":5,"lease_max":2,"snapshot_max":60}"#.into()]
    );
}

#[test]
fn suspended_workspace_only_admits_root() {
    let (mut world, admin) = World::founded();
    let suspend = |suspended| SuspendWorkspace { suspended };
    let only = "Only the deployment's root token can do this.";
    assert_forbidden(world.call(admin.actor, suspend(true)), ForbiddenCode::RootOnly, only);
    for put in world.ledger.outbox().due(START, 100).unwrap() {
        world.ledger.outbox().done(&put, START).unwrap();
    }
    assert!(world.call(Actor::Root, suspend(true)).unwrap().suspended);
    assert_unauthenticated(world.call(admin.actor, ReadSelf {}), Code::WorkspaceSuspended);
    let due = world.ledger.outbox().due(START, 100).unwrap();
    assert_eq!((due.len(), due[0].key.as_str()), (1, "w/0Ab3dE"));
    let record = WorkspaceRecord::decode(due[0].value.as_deref().unwrap()).unwrap();
    let answer = world.call(Actor::Verifier, Records { digests: Vec::new() }).unwrap().0;
    assert_eq!((record.suspended, Some(&record)), (true, answer.workspace.as_ref()));
    assert_eq!(record.version, due[0].version);

    assert!(!world.call(Actor::Root, suspend(false)).unwrap().suspended);
    assert!(world.call(admin.actor, ReadSelf {}).is_ok());
    let actions = world.column("SELECT action FROM audit ORDER BY seq DESC LIMIT 2");
    assert_eq!(actions, ["workspace.resume".into(), "workspace.suspend".into()]);
}

#[test]
fn setting_hosts_requires_root() {
    let (mut world, admin) = World::founded();
    let set = |hosts: &[&str]| SetHosts { hosts: hosts_of(hosts) };
    let only = "Only the deployment's root token can do this.";
    assert_forbidden(world.call(admin.actor, set(&["a.example"])), ForbiddenCode::RootOnly, only);
    assert_eq!(world.call(Actor::Root, ReadWorkspace {}).unwrap().settings.hosts, hosts_of(&[]));

    let changed = world.call(Actor::Root, set(&["b.example", "A.example:443", "b.example"])).unwrap();
    assert_eq!(changed.settings.hosts, hosts_of(&["a.example", "b.example"]));
    assert_eq!(read(&mut world, admin.actor), changed);
    let same = world.dump();
    world.call(Actor::Root, set(&["b.example", "a.example"])).unwrap();
    assert_eq!(world.dump(), same, "a repetition writes nothing");
    world.call(Actor::Root, set(&[])).unwrap();
    let last = "SELECT actor || ' ' || before || ' ' || after FROM audit WHERE action = 'workspace.update'";
    let (none, both) = (r#"{"hosts":[]}"#, r#"{"hosts":["a.example","b.example"]}"#);
    assert_eq!(world.column(last), [format!("root {none} {both}").into(), format!("root {both} {none}").into()]);
}

#[test]
fn audit_rows_are_deleted_after_retention() {
    let (mut world, admin) = World::founded();
    let rows = |world: &mut World| {
        let all = ReadAudit { subject: None, actor: None, page: Page::default() };
        world.call(admin.actor, all).unwrap().total
    };
    let kept = rows(&mut world);
    world.wait(1_000 * DAY);
    assert_eq!(world.ledger.upkeep(world.now).unwrap(), Upkeep::Wait(None), "without a retention rows are kept");
    world.call(admin.actor, UpdateWorkspace { audit_retention: Patch::Set(10), ..change() }).unwrap();
    assert_eq!(rows(&mut world), kept + 1);
    let next = Some(world.now.plus(10 * DAY));
    assert_eq!(world.ledger.upkeep(world.now).unwrap(), Upkeep::Wait(next));
    assert_eq!(rows(&mut world), 1);
    world.wait(10 * DAY - 1);
    world.ledger.upkeep(world.now).unwrap();
    assert_eq!(rows(&mut world), 1, "a millisecond before the retention ends");
    world.wait(1);
    assert_eq!(world.ledger.upkeep(world.now).unwrap(), Upkeep::Wait(None));
    assert_eq!(rows(&mut world), 0);
}

#[test]
fn expired_audit_rows_are_deleted_in_batches() {
    let (mut world, admin) = World::founded();
    world.meddle(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
         INSERT INTO audit (at, actor, action, subject, request_id) SELECT 5, 'root', 'x', 'y', 'z' FROM n",
    );
    world.call(admin.actor, UpdateWorkspace { audit_retention: Patch::Set(1), ..change() }).unwrap();
    world.wait(2 * DAY);
    let mut left = Vec::new();
    while world.ledger.upkeep(world.now).unwrap() == Upkeep::More {
        left.push(world.number("SELECT count(*) FROM audit"));
    }
    assert_eq!(left.len(), 2, "500 at a time: {left:?}");
    assert_eq!(world.number("SELECT count(*) FROM audit"), 0);
}
