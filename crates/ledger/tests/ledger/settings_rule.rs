//! Authorization of settings changes: each row of the rule table is tried by each kind of actor, and compared with the
//! docs.

use counterfoil_ledger::settings::{CATALOGUE, RequiredActor, SETTINGS};
use counterfoil_protocol::{
    CommandError,
    command::{
        Actor, CreateMember, CreateToken, GetScopes, IdentityProvider, MemberBy, Patch, PutScopes, ReadWorkspace, Role,
        ScopeEntry, SetHosts, SuspendWorkspace, UpdateWorkspace,
    },
    command_error::ForbiddenCode,
};
use counterfoil_token::Prefix;
use counterfoil_verify::Freshness;

use crate::{changes::of_workspace, identity::provider, support::*};

/// An actor, and whether it meets each requirement.
struct Somebody {
    name: &'static str,
    actor: Actor,
    passes: fn(RequiredActor) -> bool,
}

/// A workspace whose settings can move in both directions, with one actor of each kind.
fn managed() -> (World, Vec<Somebody>) {
    let (mut world, admin) = World::founded();
    let manager = world.join("manager", &["*"]);
    world.call(Actor::Root, CreateMember { role: Role::Admin, ..member("few", &["workspace:manage"]) }).unwrap();
    let few = CreateToken { owner: Some("few".to_owned()), ..token(&["workspace:manage"]) };
    let few = world.issue(Actor::Root, few).unwrap();
    let middle = UpdateWorkspace {
        default_quota: Some(500),
        max_lifetime: Patch::Set(5_000_000),
        session_length: Some(5_000),
        lease_max: Some(30),
        snapshot_max: Some(5_000),
        audit_retention: Patch::Set(50),
        allowed_origins: Some(vec!["https://a.example".to_owned()]),
        ..of_workspace()
    };
    world.call(Actor::Root, middle).unwrap();
    let somebody = |name, actor, passes: fn(RequiredActor) -> bool| Somebody { name, actor, passes };
    let everybody = vec![
        somebody("a manager", manager.actor, |who| who == RequiredActor::Manager),
        somebody("an admin with few grants", few.actor, |who| {
            matches!(who, RequiredActor::Manager | RequiredActor::Admin)
        }),
        somebody("an admin", admin.actor, |who| who != RequiredActor::Root),
        somebody("root", Actor::Root, |_| true),
    ];
    (world, everybody)
}

/// A change of one setting.
enum Move {
    Settings(UpdateWorkspace),
    State(bool),
    Hosts,
}

fn moved(world: &mut World, actor: Actor, to: Move) -> Result<(), CommandError> {
    match to {
        Move::Settings(ask) => world.call(actor, ask).map(drop),
        Move::State(suspended) => world.call(actor, SuspendWorkspace { suspended }).map(drop),
        Move::Hosts => world.call(actor, SetHosts { hosts: hosts_of(&["a.example"]) }).map(drop),
    }
}

/// For each setting: changes that tighten it, and changes that weaken it.
fn moves(field: &str) -> (Vec<Move>, Vec<Move>) {
    let all = |asks: Vec<UpdateWorkspace>| asks.into_iter().map(Move::Settings).collect::<Vec<_>>();
    let of = of_workspace;
    let origins = |origins: &[&str]| UpdateWorkspace {
        allowed_origins: Some(origins.iter().map(|&origin| origin.to_owned()).collect()),
        ..of()
    };
    let providers = |of_them: Vec<IdentityProvider>| UpdateWorkspace { identity_providers: Some(of_them), ..of() };
    let (tighter, weaker) = match field {
        "name" => (vec![UpdateWorkspace { name: Some("Other".to_owned()), ..of() }], vec![]),
        "prefix" => (vec![UpdateWorkspace { prefix: Prefix::parse("other").ok(), ..of() }], vec![]),
        "default_quota" => (
            vec![UpdateWorkspace { default_quota: Some(499), ..of() }],
            vec![UpdateWorkspace { default_quota: Some(501), ..of() }],
        ),
        "max_lifetime" => (
            vec![UpdateWorkspace { max_lifetime: Patch::Set(4_999_999), ..of() }],
            vec![
                UpdateWorkspace { max_lifetime: Patch::Set(5_000_001), ..of() },
                UpdateWorkspace { max_lifetime: Patch::Clear, ..of() },
            ],
        ),
        "session_length" => (
            vec![UpdateWorkspace { session_length: Some(4_999), ..of() }],
            vec![UpdateWorkspace { session_length: Some(5_001), ..of() }],
        ),
        "lease_max" => (
            vec![UpdateWorkspace { lease_max: Some(29), ..of() }],
            vec![UpdateWorkspace { lease_max: Some(31), ..of() }],
        ),
        "snapshot_max" => (
            vec![UpdateWorkspace { snapshot_max: Some(4_999), ..of() }],
            vec![UpdateWorkspace { snapshot_max: Some(5_001), ..of() }],
        ),
        "audit_retention_days" => (
            vec![
                UpdateWorkspace { audit_retention: Patch::Set(51), ..of() },
                UpdateWorkspace { audit_retention: Patch::Clear, ..of() },
            ],
            vec![UpdateWorkspace { audit_retention: Patch::Set(49), ..of() }],
        ),
        "allowed_origins" => (
            vec![origins(&[])],
            vec![origins(&["https://a.example", "https://b.example"]), origins(&["https://b.example"])],
        ),
        "identity_providers" => (vec![providers(vec![provider(MemberBy::Email)])], vec![]),
        "state" => return (vec![Move::State(true)], vec![]),
        "hosts" => return (vec![Move::Hosts], vec![]),
        other => panic!("the setting {other} is missing in this test"),
    };
    (all(tighter), all(weaker))
}

#[test]
fn weakening_a_setting_requires_actor_of_rule_table() {
    for rule in SETTINGS {
        let (tighter, weaker) = moves(rule.field);
        assert_eq!(weaker.is_empty(), rule.weaker.is_empty(), "{}", rule.field);
        let tighter = tighter.len();
        for at in 0..tighter + weaker.len() {
            for index in 0..4 {
                let (mut world, everybody) = managed();
                let (first, second) = moves(rule.field);
                let to = first.into_iter().chain(second).nth(at).unwrap();
                let needed = if at < tighter { rule.tighten } else { rule.weaken };
                let somebody = &everybody[index];
                let outcome = moved(&mut world, somebody.actor, to);
                let said = format!("{} changes {}: {outcome:?}", somebody.name, rule.field);
                assert_eq!(outcome.is_ok(), (somebody.passes)(needed), "{said}");
                match outcome {
                    Ok(()) | Err(CommandError::Forbidden { code: ForbiddenCode::RootOnly, .. }) => {}
                    Err(CommandError::Forbidden { code: ForbiddenCode::Escalation, detail }) => {
                        let names = detail.contains(rule.field) || rule.weaken == RequiredActor::Everything;
                        assert!(names, "{said}: it names the field");
                    }
                    Err(_) => panic!("{said}"),
                }
            }
        }
    }
}

#[test]
fn new_lifetime_limit_tightens_and_new_retention_weakens() {
    let (mut world, _) = World::founded();
    let manager = world.join("manager", &["workspace:manage"]);
    let retention = UpdateWorkspace { audit_retention: Patch::Set(36_500), ..of_workspace() };
    let sentence =
        "Only an admin can weaken the setting `audit_retention_days`. Weaker means: shorter, or set if there was none.";
    assert_forbidden(world.call(manager.actor, retention), ForbiddenCode::Escalation, sentence);
    let lifetime = UpdateWorkspace { max_lifetime: Patch::Set(3_155_760_000), ..of_workspace() };
    world.call(manager.actor, lifetime).unwrap();
}

/// Every workspace setting and every scope property is in the table.
#[test]
fn every_setting_has_a_rule() {
    let (mut world, admin) = World::founded();
    let workspace = world.call(admin.actor, ReadWorkspace {}).unwrap();
    let fields = |json: serde_json::Value, fixed: &[&str]| {
        let mut fields: Vec<String> = json.as_object().unwrap().keys().cloned().collect();
        fields.retain(|field| !fixed.contains(&field.as_str()));
        fields
    };
    let mut settings: Vec<_> = SETTINGS.iter().map(|rule| rule.field.to_owned()).collect();
    settings.sort_unstable();
    let mut found = fields(serde_json::to_value(workspace).unwrap(), &["key", "slug", "created_at", "storage"]);
    found.sort_unstable();
    assert_eq!(settings, found);
    let mut catalogue: Vec<_> = CATALOGUE.iter().map(|rule| rule.field.to_owned()).collect();
    catalogue.sort_unstable();
    let mut found = fields(serde_json::to_value(entry("a")).unwrap(), &["name"]);
    found.sort_unstable();
    assert_eq!(catalogue, found);
}

#[test]
fn weakening_a_scope_requires_admin() {
    let plain = || entry("pay");
    let strict = |freshness| ScopeEntry { freshness, ..plain() };
    let cases: Vec<(&str, ScopeEntry, Option<ScopeEntry>)> = vec![
        ("grantable_by", ScopeEntry { grantable_by: Role::Admin, ..plain() }, Some(plain())),
        ("grantable_by", ScopeEntry { grantable_by: Role::Admin, ..plain() }, None),
        ("visible_to", ScopeEntry { visible_to: Role::Admin, ..plain() }, Some(plain())),
        ("visible_to", ScopeEntry { visible_to: Role::Admin, ..plain() }, None),
        ("freshness", strict(Some(Freshness::Strong)), Some(strict(Some(Freshness::Bounded)))),
        ("freshness", strict(Some(Freshness::Strong)), Some(strict(Some(Freshness::Eventual)))),
        ("freshness", strict(Some(Freshness::Bounded)), Some(strict(Some(Freshness::Eventual)))),
        ("freshness", strict(Some(Freshness::Eventual)), Some(plain())),
        ("freshness", strict(Some(Freshness::Strong)), None),
    ];
    for rule in CATALOGUE.iter().filter(|rule| rule.weaken != RequiredActor::Manager) {
        assert!(cases.iter().any(|(field, ..)| *field == rule.field), "{} is not tried", rule.field);
    }
    for (field, strict, weak) in cases {
        for index in 0..4 {
            let (mut world, everybody) = managed();
            let put =
                |one: &Option<ScopeEntry>| PutScopes { scopes: one.iter().cloned().chain([entry("z")]).collect() };
            world.call(Actor::Root, put(&Some(strict.clone()))).unwrap();
            let somebody = &everybody[index];
            let outcome = world.call(somebody.actor, put(&weak));
            let said = format!("{} {field} {weak:?}: {outcome:?}", somebody.name);
            assert_eq!(outcome.is_ok(), (somebody.passes)(RequiredActor::Admin), "{said}");
            if let Err(CommandError::Forbidden { code, detail }) = outcome {
                let is_hidden = field == "visible_to" && weak.is_none();
                assert_eq!((code, detail.contains("pay")), (ForbiddenCode::Escalation, !is_hidden), "{said}");
            }
            // Every actor may make the opposite change.
            world.call(Actor::Root, PutScopes { scopes: weak.iter().cloned().chain([entry("z")]).collect() }).unwrap();
            world.call(somebody.actor, put(&Some(strict.clone()))).unwrap();
        }
    }
}

#[test]
fn managers_can_add_scopes_and_remove_unrestricted_ones() {
    let (mut world, _) = World::founded();
    let manager = world.join("manager", &["*"]);
    let reserved = ScopeEntry { grantable_by: Role::Admin, ..entry("pay") };
    world.call(Actor::Root, PutScopes { scopes: vec![reserved.clone(), entry("read")] }).unwrap();
    let described = ScopeEntry { description: "may pay".to_owned(), ..reserved };
    world.call(manager.actor, PutScopes { scopes: vec![described, entry("write")] }).unwrap();
    assert_eq!(world.call(Actor::Root, GetScopes {}).unwrap().scopes.len(), 2);
}

/// docs/api.md has a row for each rule with the same words.
#[test]
fn docs_match_settings_rules() {
    let docs = include_str!("../../../../docs/api.md");
    let row = |field: &str, tighten: RequiredActor, weaken: RequiredActor, weaker: &str| {
        let what = if weaker.is_empty() { "—" } else { weaker };
        format!("| {field} | {} | {what} | {} |\n", tighten.description(), weaken.description())
    };
    let settings =
        SETTINGS.iter().map(|rule| row(&format!("`{}`", rule.field), rule.tighten, rule.weaken, rule.weaker));
    let scopes = CATALOGUE
        .iter()
        .map(|rule| row(&format!("a scope's `{}`", rule.field), rule.tighten, rule.weaken, rule.weaker));
    let table: String = settings.chain(scopes).collect();
    assert!(docs.contains(&table), "docs/api.md must have these rows:\n{table}");
}
