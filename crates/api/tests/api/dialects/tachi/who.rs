//! Authentication: sessions only, each for its own member.

use serde_json::{Value, json};

use super::{CREATE, LIST, Tachi};
use crate::{
    deployment::{Call, Deployment, ORIGIN, ROOT, text},
    tokens::{never_issued, with_bad_check, with_forged_seal},
};

const SIGNED_OUT: &str = "This endpoint requires session-level authentication.";
const NOT_YOURS: &str = "This request cannot be performed by an API key, and requires authentication.";
const UNREADABLE: &str =
    "No token can be read from this request. Send `Authorization: Bearer <token>` or `X-API-Key: <token>`.";
const NO_SUCH_USER: &str = "This user does not exist.";

/// Adds a credential to a request.
type Present = for<'a> fn(Call<'a>) -> Call<'a>;

/// Every route, with the user in its path.
fn calls<'a>(deployment: &'a Deployment, user: &str, token: &str) -> Vec<Call<'a>> {
    let at = |method, path: &str| deployment.call(method, &format!("/api/v1/users/{user}/{path}"));
    vec![
        at("GET", "api-tokens"),
        at("POST", "api-tokens/create").json(&json!({ "permissions": [] })),
        // An invalid body is not read before the caller is authenticated.
        at("POST", "api-tokens/create").raw("{"),
        at("DELETE", &format!("api-tokens/{token}")),
        at("DELETE", &format!("api-token/{token}")),
    ]
}

impl Tachi {
    /// Expects every route to reject the request, whichever user it names.
    #[track_caller]
    fn refuses(&self, sign: impl Fn(Call<'_>) -> Call<'_>, status: u16, description: &str) {
        for user in ["me", "1", "2", "ada", "nobody", "%ff"] {
            for token in ["/id", "/token"].map(|field| text(&self.token, field)) {
                for call in calls(&self.deployment, user, &token) {
                    self.fails(|| sign(call).send(), status, description);
                }
            }
        }
    }
}

#[test]
fn tachi_rejects_requests_without_a_session_first() {
    let tachi = Tachi::new();
    let presented: [(Present, u16, &str); 9] = [
        (|call| call, 401, SIGNED_OUT),
        (|call| call.header("authorization", "Basic YTpi"), 400, "Invalid Authorization type. Expected Bearer."),
        (|call| call.header("authorization", ROOT), 400, "Invalid Authorization type. Expected Bearer."),
        (|call| call.header("authorization", "Bearer"), 401, UNREADABLE),
        (|call| call.header("authorization", "bearer  "), 401, UNREADABLE),
        (|call| call.header("x-api-key", [0xff; 20]), 401, UNREADABLE),
        (
            |call| call.header("x-api-key", ""),
            401,
            "The credential is not a valid token: it is too short (a token has at least 16 characters).",
        ),
        (
            |call| call.bearer("foo bar"),
            401,
            "The credential is not a valid token: it contains a space or a line break.",
        ),
        (
            |call| call.bearer("one-token-of-two").header("x-api-key", "another"),
            400,
            "The request presents two different credentials. Send only one.",
        ),
    ];
    for (present, status, description) in presented {
        tachi.refuses(present, status, description);
    }
}

#[test]
fn tachi_rejects_tokens_of_any_kind() {
    let tachi = Tachi::new();
    let Tachi { deployment, acme, .. } = &tachi;
    let issue = |more: Value| {
        let mut body = json!({ "name": "", "scopes": ["*"] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        text(&deployment.issue(&acme.admin, &body), "/token")
    };
    let (good, expired, disabled) =
        (issue(json!({})), issue(json!({ "expires_in": 1 })), issue(json!({ "enabled": false })));
    let (pending, elsewhere) =
        (issue(json!({ "not_before": "2028-01-01T00:00:00Z" })), issue(json!({ "allowed_addresses": ["192.0.2.1"] })));
    let revoked = issue(json!({}));
    let id = text(&deployment.get(&revoked, "/v1/tokens/self").expect(200), "/id");
    deployment.delete(&acme.admin, &format!("/v1/tokens/{id}")).expect(200);
    deployment.world.pass(1_000);
    let other = deployment.workspace("other");
    for (token, status, description) in [
        (&good, 403, NOT_YOURS),
        (&other.admin, 403, NOT_YOURS),
        (&text(&tachi.token, "/token"), 403, NOT_YOURS),
        (
            &with_bad_check(&good),
            401,
            "The credential is not a valid token: its checksum is wrong, so a character was changed, omitted or added.",
        ),
        (&with_forged_seal(&acme.key), 401, "The token is unknown. Check that it was created for this service."),
        (&never_issued(&acme.key), 401, "The token is unknown. Check that it was created for this service."),
        (
            &"a-foreign-text-of-no-workspace".to_owned(),
            401,
            "The token is unknown. Check that it was created for this service.",
        ),
        (&revoked, 401, "The token was revoked or replaced. Use its current value or a different token."),
        (&expired, 401, "The token has expired. Use a different token."),
        (&disabled, 401, "The token is disabled. Have it enabled, or use a different token."),
        (&pending, 401, "The token is not valid yet: its start time is in the future."),
        (&elsewhere, 403, "The token cannot be used from this IP address."),
    ] {
        tachi.refuses(|call| call.bearer(token), status, description);
        tachi.refuses(|call| call.header("x-api-key", token), status, description);
        // A presented token takes precedence over the session cookie.
        tachi.refuses(|call| call.session(&tachi.ada).bearer(token), status, description);
    }
    tachi.refuses(|call| call.bearer(ROOT).header("x-counterfoil-workspace", "acme"), 403, NOT_YOURS);
}

#[test]
fn tachi_treats_an_ended_session_as_none() {
    let tachi = Tachi::new();
    let Tachi { deployment, acme, token, .. } = &tachi;
    let opener = text(token, "/token");
    let (ended, _) = deployment.session(&opener);
    deployment.call("DELETE", "/v1/session").session(&ended).send().expect(200);
    for cookie in ["", "ses_", &ended, &with_bad_check(&ended), &opener, &never_issued(&acme.key)] {
        tachi.refuses(|call| call.session(cookie), 401, SIGNED_OUT);
    }
    deployment.delete(&acme.admin, &format!("/v1/tokens/{}", text(token, "/id"))).expect(200);
    tachi.refuses(|call| call.session(&tachi.ada), 401, SIGNED_OUT);
}

#[test]
fn tachi_rejects_cross_origin_changes_in_a_session() {
    let tachi = Tachi::new();
    let own = text(&tachi.token, "/id");
    let cross = "A session can make changes only from pages of this origin. From elsewhere, present a token.";
    let sent: [Present; 3] = [
        |call| call,
        |call| call.header("origin", "https://evil.example"),
        |call| call.header("origin", ORIGIN).header("sec-fetch-site", "same-site"),
    ];
    for send in sent {
        for call in calls(&tachi.deployment, "me", &own).into_iter().skip(1) {
            tachi.fails(|| send(call.cookie(&tachi.ada)).send(), 403, cross);
        }
    }
}

#[test]
fn a_tachi_user_is_named_by_number_id_or_me() {
    let tachi = Tachi::new();
    let paths = ["me", "2", "ada", "a%64a"].map(|user| format!("/api/v1/users/{user}/api-tokens"));
    let lists = paths.map(|path| tachi.page(&tachi.ada, "GET", &path, None));
    for list in &lists {
        assert_eq!((list.status, &list.bytes), (200, &lists[0].bytes));
    }
    let created = tachi.page(&tachi.boss, "POST", &CREATE.replace("me", "admin"), Some(&json!({ "permissions": [] })));
    assert_eq!(created.expect(200)["body"]["userID"], json!(1));
}

#[test]
fn tachi_hides_which_users_exist_from_members() {
    let tachi = Tachi::new();
    let token = text(&tachi.token, "/id");
    for user in ["1", "admin", "nobody", "3", "0", "02", "18446744073709551616", "-2", "Ada", "ME", "%20", "a%2Fb"] {
        for call in calls(&tachi.deployment, user, &token) {
            tachi.fails(|| call.session(&tachi.ada).send(), 403, NOT_YOURS);
        }
    }
}

#[test]
fn a_tachi_admin_cannot_act_for_other_users() {
    let tachi = Tachi::new();
    let token = text(&tachi.token, "/id");
    for (user, status, description) in [
        ("ada", 403, NOT_YOURS),
        ("2", 403, NOT_YOURS),
        ("nobody", 404, NO_SUCH_USER),
        ("3", 404, NO_SUCH_USER),
        ("0", 404, NO_SUCH_USER),
        ("18446744073709551615", 404, NO_SUCH_USER),
        ("18446744073709551616", 404, NO_SUCH_USER),
        ("%ff", 404, NO_SUCH_USER),
    ] {
        for call in calls(&tachi.deployment, user, &token) {
            tachi.fails(|| call.session(&tachi.boss).send(), status, description);
        }
    }
    assert_eq!(tachi.page(&tachi.boss, "GET", LIST, None).status, 200);
}
