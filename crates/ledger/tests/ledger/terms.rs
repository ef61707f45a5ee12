//! Request preconditions: the token version, and the origin of the page.

use counterfoil_protocol::{
    CommandError,
    command::{Actor, Ask, ReadSelf, Request, RevokeToken, RotateToken, TokenView, UpdateToken, UpdateWorkspace},
    decode_reply,
};
use counterfoil_verify::Code;

use crate::{changes, support::*};

#[derive(Default)]
struct Terms<'a> {
    origin: Option<&'a str>,
    if_version: Option<Vec<u64>>,
}

fn call<C: Ask>(world: &mut World, actor: Actor, terms: &Terms<'_>, ask: C) -> Result<C::Reply, CommandError> {
    let request = Request {
        workspace: key(),
        actor,
        request_id: "req-1".to_owned(),
        address: None,
        idempotency_key: None,
        origin: terms.origin.map(str::to_owned),
        if_version: terms.if_version.clone(),
        wait: false,
        command: ask.into(),
    };
    decode_reply::<C>(&world.handle(&serde_json::to_vec(&request).unwrap())).unwrap()
}

#[test]
fn concurrent_update_fails_version_precondition() {
    let (mut world, admin) = World::founded();
    let held = world.issue(admin.actor, token(&["read"])).unwrap();
    let rename = |name: &str| UpdateToken { name: Some(name.to_owned()), ..changes::of_token(&held.id) };
    let on = |versions: &[u64]| Terms { if_version: Some(versions.to_vec()), ..Terms::default() };

    let first = call(&mut world, admin.actor, &on(&[held.version]), rename("first")).unwrap();
    assert!(first.version > held.version);
    let dump = world.dump();
    assert_eq!(call(&mut world, admin.actor, &on(&[held.version]), rename("second")), Err(CommandError::Stale));
    let rotate = RotateToken { id: held.id.clone(), grace_seconds: 0, end_previous: false };
    assert_eq!(call(&mut world, admin.actor, &on(&[held.version]), rotate).unwrap_err(), CommandError::Stale);
    let revoke = || RevokeToken { id: held.id.clone(), reason: None };
    assert_eq!(call(&mut world, admin.actor, &on(&[held.version]), revoke()), Err(CommandError::Stale));
    assert_eq!(
        call(&mut world, admin.actor, &on(&[]), revoke()),
        Err(CommandError::Stale),
        "an empty precondition never matches"
    );
    assert_eq!(world.dump(), dump, "nothing has changed");

    // Repeating the change makes no difference, so the version does not change.
    let again: TokenView = call(&mut world, admin.actor, &on(&[first.version]), rename("first")).unwrap();
    assert_eq!(again.version, first.version);
    let rotate = RotateToken { id: held.id.clone(), grace_seconds: 0, end_previous: false };
    let rotated = call(&mut world, admin.actor, &on(&[1, first.version]), rotate).unwrap();
    let rotated = world.held(rotated);
    assert!(rotated.version > first.version);
    let revoked = call(&mut world, admin.actor, &on(&[rotated.version]), revoke()).unwrap();
    assert!(revoked.version > rotated.version && revoked.revoked_at.is_some());

    // An actor that cannot see the token does not learn that it changed.
    let other = world.issue(admin.actor, token(&["tokens:write"])).unwrap();
    let unknown = RevokeToken { id: "tok_0000000000000000000000".to_owned(), reason: None };
    assert!(matches!(call(&mut world, other.actor, &on(&[1]), unknown), Err(CommandError::NotFound { .. })));
}

#[test]
fn request_origin_must_be_allowed_by_workspace() {
    let (mut world, admin) = World::founded();
    let from = |origin| Terms { origin: Some(origin), ..Terms::default() };
    let page = from("https://app.example");
    let dump = world.dump();
    assert_eq!(call(&mut world, admin.actor, &page, ReadSelf {}), Err(CommandError::OriginNotAllowed));
    assert!(matches!(call(&mut world, admin.actor, &page, token(&[])), Err(CommandError::OriginNotAllowed)));
    assert_eq!(world.dump(), dump);
    // An unauthenticated caller does not learn which origins are allowed.
    let nobody = Actor::Token(counterfoil_token::Digest::of(b"nobody"));
    assert_unauthenticated(call(&mut world, nobody, &page, ReadSelf {}), Code::Unknown);

    let allow =
        UpdateWorkspace { allowed_origins: Some(vec!["https://app.example".to_owned()]), ..changes::of_workspace() };
    world.call(admin.actor, allow).unwrap();
    assert!(call(&mut world, admin.actor, &page, ReadSelf {}).is_ok());
    for other in ["https://app.example:8443", "http://app.example", "https://evil.example", "null", ""] {
        let refused = call(&mut world, admin.actor, &from(other), ReadSelf {});
        assert_eq!(refused, Err(CommandError::OriginNotAllowed), "{other}");
    }
    let wrong = UpdateWorkspace { allowed_origins: Some(vec!["*".to_owned()]), ..changes::of_workspace() };
    assert_invalid_value(world.call(admin.actor, wrong), "/allowed_origins/0");
}
