//! The table of all routes of the native API. The router and the OpenAPI document are both generated from it. A handler's
//! types describe what it reads and returns; the table describes the rest.

use axum::{
    Router,
    routing::{delete, get, patch, post, put},
};
#[cfg(feature = "openapi")]
use counterfoil_protocol::command::Session;

#[cfg(feature = "openapi")]
use crate::{
    describe::{
        common::{MANAGE, NEW_TOKEN, PAGED, READ, SNAPSHOTS, VERIFY, WRITE},
        no_ports::NoPorts,
        operation::{
            self,
            Needs::{self, Nothing, RootInWorkspace, Scope},
            Operation,
        },
    },
    http::codes::ProblemCode::*,
};
use crate::{
    dialects::softvisio,
    ports::Ports,
    routes::{audit, clients, members, scopes, service, sessions, sign_in, snapshots, tokens, verify, workspaces},
    state::App,
};

/// Declares routes. Each has a method, a path, a handler, the operation's id and its summary, followed by calls of
/// those methods of `Operation` that describe the rest.
macro_rules! routes {
    ($(
        $method:ident $path:literal $($handler:ident)::+ $id:literal
            $summary:literal
            $(.$call:ident $(::<$type:ty>)? ($($argument:tt)*))*;
    )*) => {
        /// The router of all of them.
        pub(crate) fn routes<P: Ports>() -> Router<App<P>> {
            Router::new()$(.route($path, $method($($handler)::+::<P>)))*
        }

        /// Every operation, in the order of the table.
        #[cfg(feature = "openapi")]
        pub(crate) fn operations() -> Vec<Operation> {
            vec![$(
                operation::$method($path, $id, $summary)
                    .by($($handler)::+::<NoPorts>)
                    $(.$call$(::<$type>)?($($argument)*))*
            ),*]
        }
    };
}

routes! {
    // The service itself.
    get "/" softvisio::start "start"
        "Redirect to the console"
        .needs(Nothing).status(302).located();
    get "/healthz" service::health "health"
        "Check whether the service is up"
        .needs(Nothing);

    // The workspace.
    post "/v1/workspaces" workspaces::create "createWorkspace"
        "Create a workspace"
        .about("Returns the workspace and its first admin's token. Fails with `ALREADY_EXISTS` if the slug is in use.")
        .status(201).located().refuses(&[InvalidValue, AlreadyExists]);
    get "/v1/workspace" workspaces::read "readWorkspace"
        "Read the workspace and its settings"
        .about("The response includes the storage used if the caller has the scope `workspace:manage`.");
    patch "/v1/workspace" workspaces::update "updateWorkspace"
        "Change the workspace's settings or state"
        .about(
            "Omitted fields are unchanged. `state` and `hosts` can be changed only with the root token, each in a \
             request of its own. A host belongs to at most one workspace. Only an admin who can grant `*` can change \
             the identity providers."
        )
        .needs(MANAGE).refuses(&[InvalidValue, RootOnly, AlreadyExists, Escalation]);
    delete "/v1/workspace" workspaces::delete "deleteWorkspace"
        "Delete the workspace"
        .about(
            "The workspace is inaccessible immediately. Its rows and registry keys are deleted in the background; \
             repeat the request to check the progress."
        )
        .needs(RootInWorkspace).status(202);
    get "/v1/scopes" scopes::read "readScopes"
        "Read the scope catalogue"
        .about("Admins see the whole catalogue, other members the scopes that they can grant.")
        .needs(READ);
    put "/v1/scopes" scopes::replace "replaceScopes"
        "Replace the scope catalogue"
        .about("At most 1,000 scopes. Built-in scopes always exist and are not part of the catalogue.")
        .needs(MANAGE).refuses(&[InvalidValue, BuiltInScope, StorageFull]);

    // Members, clients and the audit.
    get "/v1/members" members::list "listMembers"
        "List members, ordered by number"
        .about("Without the scope `workspace:manage`, only your own member is returned.")
        .needs(READ).refuses(PAGED);
    post "/v1/members" members::create "createMember"
        "Create a member"
        .about("Only an admin can create an admin, and you cannot grant more than your credential can grant.")
        .needs(MANAGE).status(201).located()
        .refuses(&[InvalidValue, UnknownScope, AlreadyExists, Escalation, StorageFull]);
    get "/v1/members/{id}" members::read "readMember"
        "Read a member"
        .about("Without the scope `workspace:manage`, you can read only your own member.")
        .needs(READ);
    patch "/v1/members/{id}" members::update "updateMember"
        "Change a member"
        .about(
            "Omitted fields are unchanged. Suspending a member, reducing its granted scopes or revoking all its \
             tokens is a single change, however many tokens the member has."
        )
        .needs(MANAGE).waits().refuses(&[InvalidValue, UnknownScope, AlreadyExists, Escalation, NotYours, LastAdmin])
        .refuses(&[StorageFull]);
    delete "/v1/members/{id}" members::erase "eraseMember"
        "Erase a member"
        .about("Revokes the member's tokens and erases its personal data.")
        .needs(MANAGE).waits().refuses(&[NotYours, LastAdmin]);
    get "/v1/clients" clients::list "listClients"
        "List clients"
        .needs(READ).refuses(PAGED);
    post "/v1/clients" clients::create "createClient"
        "Create a client that tokens can be bound to"
        .needs(MANAGE).status(201).located()
        .refuses(&[InvalidValue, UnknownScope, AlreadyExists, Escalation, StorageFull]);
    get "/v1/clients/{id}" clients::read "readClient"
        "Read a client"
        .needs(READ);
    delete "/v1/clients/{id}" clients::delete "deleteClient"
        "Delete a client"
        .about("Tokens that are bound to the client keep its id and remain valid.")
        .needs(MANAGE);
    get "/v1/audit" audit::read "readAudit"
        "Read the audit log, newest entries first"
        .about("Admins see all entries, other members their own actions and what was done to their tokens.")
        .needs(Scope("audit:read")).refuses(PAGED);

    // Tokens, one at a time.
    get "/v1/tokens" tokens::list "listTokens"
        "List tokens"
        .about("Admins see every member's tokens, other members their own.")
        .needs(READ).refuses(PAGED);
    post "/v1/tokens" tokens::create "createToken"
        "Create a token"
        .about(
            "Returns the token value once. The new token cannot exceed the scopes, expiration, allowed addresses or \
             client of the token that creates it; if that one has `tokens:grant`, only the granted scopes of its \
             member limit it. Only an admin can create tokens for other members. An owner has at most one live token \
             bound to a client."
        )
        .needs(WRITE).status(201).located().tagged().refuses(NEW_TOKEN)
        .refuses(&[AlreadyExists, QuotaExceeded, TextsExceeded, StorageFull]);
    get "/v1/tokens/self" tokens::read_self "readSelf"
        "Read the token that the request presents"
        .tagged();
    get "/v1/tokens/{id}" tokens::read "readToken"
        "Read a token"
        .needs(READ).tagged();
    patch "/v1/tokens/{id}" tokens::update "updateToken"
        "Change a token"
        .about(
            "Omitted fields are unchanged. A token cannot change its own scopes, expiration or allowed addresses. A \
             change that extends what the token can do (more scopes, a later expiration, an earlier start, more \
             addresses, enabling the token, another name or other metadata) requires that you could create the token \
             as it is afterwards. A change that only reduces it is always allowed: disabling, fewer scopes or \
             addresses, an earlier expiration, a later start."
        )
        .needs(WRITE).waits().refuses(NEW_TOKEN)
        .refuses(&[OwnToken, TokenRevoked, AlreadyExists, QuotaExceeded, StorageFull]);
    delete "/v1/tokens/{id}" tokens::revoke "revokeToken"
        "Revoke a token permanently"
        .about(
            "Once the response is sent, no `strong` check accepts the token. Without `wait`, a `bounded` check \
             elsewhere may accept it until its lease expires. A token can revoke itself."
        )
        .needs(WRITE).waits().refuses(&[InvalidValue]);
    get "/v1/tokens/{id}/usage" tokens::usage "readUsage"
        "Read how often a token was used on each of the last days"
        .about("Uses within the last minute may not be included yet.")
        .needs(READ).refuses(&[InvalidValue]);
    post "/v1/tokens/{id}/rotate" tokens::rotate "rotateToken"
        "Rotate a token"
        .about(
            "Issues a new token value. Identity, client binding and history are kept. A later rotation does not \
             shorten `previous_valid_until` unless it sends `\"previous\": \"end\"`. At most eight values of a token \
             are valid at a time. A replaced value can be used until its grace period expires, but it cannot change, \
             create or rotate anything."
        )
        .needs(WRITE).waits()
        .refuses(&[InvalidValue, Escalation, NotYours, TokenRevoked, TokenExpired, TooManyTexts, TextsExceeded])
        .refuses(&[StorageFull]);

    // Sessions, and signing in.
    post "/v1/session" sessions::open "openSession"
        "Sign in: exchange a token or an identity for a session"
        .about(
            "The session is in a cookie that scripts cannot read, and in no body. A session opened with a token has \
             that token's current permissions and ends with it. A session opened with an identity token of one of \
             the workspace's providers (in the body, or as `Cf-Access-Jwt-Assertion`) has the member's granted \
             scopes, and the request presents no other credential."
        )
        .needs(Scope("sessions:create")).may_take::<sessions::SignIn>().answers::<Session>().status(201).located()
        .refuses(&[TokenOnly, SignInFailed, ProviderUnavailable]);
    get "/v1/session" sessions::read "readSession"
        "Read the current session"
        .needs(Needs::Session);
    delete "/v1/session" sessions::end "endSession"
        "Sign out"
        .about("The response deletes the session cookie in the browser.")
        .needs(Needs::Session);
    get "/v1/session/providers" sign_in::providers "signInProviders"
        "List the identity providers of a workspace"
        .about("An unknown workspace is reported as one without identity providers.")
        .refuses(&[Internal, LedgerUnavailable, BeingUpdated, OriginNotAllowed, RateLimited]);
    get "/v1/session/start" sign_in::start "startSignIn"
        "Start sign-in (OpenID Connect redirect)"
        .about(
            "For a link: the identity provider redirects back to `/v1/session/callback`. If sign-in is not possible, \
             the browser is redirected to `/console/#/sign-in?failed=<code>`."
        )
        .status(302).located();
    get "/v1/session/callback" sign_in::callback "finishSignIn"
        "Complete sign-in (OpenID Connect callback)"
        .about(
            "Redirects to the console with the session cookie, or to `/console/#/sign-in?failed=<code>`. Accepts any \
             parameter that a provider may send."
        )
        .status(303).located();
    get "/v1/sessions" sessions::list "listSessions"
        "List active sessions, newest first"
        .about("Admins see every member's sessions, other members their own.")
        .needs(READ).refuses(PAGED);
    delete "/v1/sessions/{id}" sessions::end_one "endOneSession"
        "End a session"
        .about("What was created in the session remains.")
        .needs(WRITE);

    // Many tokens at once.
    post "/v1/tokens/revoke" tokens::revoke_many "revokeTokens"
        "Revoke many tokens"
        .about("Select up to 1,000 tokens by `ids` or by `filter`. Either all of them are revoked, or none.")
        .needs(WRITE).waits().refuses(&[InvalidValue, UnknownTokens, TooManyTokens]);
    post "/v1/tokens/import" tokens::import "importTokens"
        "Import third-party tokens by digest"
        .about(
            "Up to 10,000 lines and 4 MiB. An invalid line is rejected individually and the others are imported, but \
             if the quota cannot hold all of them, none is imported. Only token values of 16 to 512 visible ASCII \
             characters that do not have the format of a Counterfoil token can be verified. A digest does not reveal \
             that, so send each value's `length` if you know it."
        )
        .needs(Scope("tokens:import")).takes::<tokens::Import>()
        .refuses(&[InvalidValue, QuotaExceeded, TextsExceeded, StorageFull]);

    // Verification.
    post "/v1/verify" verify::verify "verify"
        "Verify one token, or up to 100"
        .about("Send either `token` or `tokens`. A token of another workspace than the caller's is `UNKNOWN`.")
        .needs(VERIFY).refuses(&[InvalidValue]);
    post "/v1/records" verify::records "records"
        "Get the records of up to 100 token values, by digest"
        .about(
            "For verifiers elsewhere, in the binary layout that `@counterfoil/verify` reads. No token value is \
             transmitted."
        )
        .needs(VERIFY).answers_other(verify::ANSWER).refuses(&[InvalidValue]);
    post "/v1/lease" verify::lease "lease"
        "Get or renew a verifier lease"
        .about(
            "Returns what changed since the verifier's last call, and the records of up to 100 token values by \
             digest, in the binary layout that `@counterfoil/verify` reads. No token value is transmitted. The \
             request can report up to 1,000 uses that the verifier has counted, and can have up to 256 KiB."
        )
        .needs(VERIFY).takes::<verify::WantedLease>().answers_other(verify::LEASE).refuses(&[InvalidValue]);
    get "/v1/snapshot" snapshots::read "readSnapshot"
        "Download a signed snapshot for offline verification"
        .about(
            "Until it expires, `@counterfoil/verify` verifies the workspace's tokens with it and needs no network. \
             The file contains no token values, names or addresses, and omits low-entropy imports (`weak`). While \
             nothing changes, the same file is returned for an eighth of `snapshot_max`. If reading fails midway, \
             the response ends early, and no verifier accepts the incomplete file."
        )
        .needs(SNAPSHOTS).answers_other(snapshots::SNAPSHOT).revalidates()
        .refuses(&[SnapshotsOff, SnapshotNotReady, SnapshotTooLarge]);
    get "/v1/snapshot/keys" snapshots::keys "readSnapshotKeys"
        "Read the keys that sign the workspace's snapshots"
        .about(
            "A JWK set (RFC 7517) of Ed25519 keys (RFC 8037), the current one first. `kid` is the key's thumbprint \
             (RFC 7638)."
        )
        .needs(SNAPSHOTS).refuses(&[SnapshotsOff]);
}
