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
/// [`Operation`]'s methods that describe the rest.
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
        "Lead to the console"
        .needs(Nothing).status(302).located();
    get "/healthz" service::health "health"
        "Tell whether the service is up"
        .needs(Nothing);

    // The workspace.
    post "/v1/workspaces" workspaces::create "createWorkspace"
        "Make a workspace"
        .about("Answers it with its first admin's first token. A slug, once confirmed, is taken.")
        .status(201).located().refuses(&[InvalidValue, AlreadyExists]);
    get "/v1/workspace" workspaces::read "readWorkspace"
        "Read the workspace and its settings"
        .about("Whoever holds `workspace:manage` is told how full its storage is.");
    patch "/v1/workspace" workspaces::update "updateWorkspace"
        "Change the settings, or the state"
        .about(
            "What is absent stays. Only root changes the `state` and the `hosts`, and each by itself: never with \
             settings. A host is one workspace's at most. Only an admin who may grant everything changes who vouches \
             for members."
        )
        .needs(MANAGE).refuses(&[InvalidValue, RootOnly, AlreadyExists, Escalation]);
    delete "/v1/workspace" workspaces::delete "deleteWorkspace"
        "Delete the workspace"
        .about(
            "From here on nothing of it is known; its rows and its registry keys go in the background. Said again, it \
             tells how far that is."
        )
        .needs(RootInWorkspace).status(202);
    get "/v1/scopes" scopes::read "readScopes"
        "Read the scope catalogue"
        .about("An admin is shown all of it, others what they may grant.")
        .needs(READ);
    put "/v1/scopes" scopes::replace "replaceScopes"
        "Replace the scope catalogue"
        .about("At most 1,000 scopes. Built-in scopes are always there and no part of it.")
        .needs(MANAGE).refuses(&[InvalidValue, BuiltInScope, StorageFull]);

    // Members, clients and the audit.
    get "/v1/members" members::list "listMembers"
        "List the members, by number"
        .about("Who does not hold `workspace:manage` sees itself alone.")
        .needs(READ).refuses(PAGED);
    post "/v1/members" members::create "createMember"
        "Add a member"
        .about("Only admins make admins, and nobody gives a member more than they have.")
        .needs(MANAGE).status(201).located()
        .refuses(&[InvalidValue, UnknownScope, AlreadyExists, Escalation, StorageFull]);
    get "/v1/members/{id}" members::read "readMember"
        "Read a member"
        .about("Who does not hold `workspace:manage` may read itself.")
        .needs(READ);
    patch "/v1/members/{id}" members::update "updateMember"
        "Change a member"
        .about(
            "What is absent stays. Suspending a member, cutting its grants and revoking all its tokens is one change, \
             however many tokens it has."
        )
        .needs(MANAGE).waits().refuses(&[InvalidValue, UnknownScope, AlreadyExists, Escalation, NotYours, LastAdmin])
        .refuses(&[StorageFull]);
    delete "/v1/members/{id}" members::erase "eraseMember"
        "Erase a member"
        .about("Its tokens are revoked, and whatever says who it was is blanked.")
        .needs(MANAGE).waits().refuses(&[NotYours, LastAdmin]);
    get "/v1/clients" clients::list "listClients"
        "List the clients"
        .needs(READ).refuses(PAGED);
    post "/v1/clients" clients::create "createClient"
        "Add a client that tokens may be pinned to"
        .needs(MANAGE).status(201).located()
        .refuses(&[InvalidValue, UnknownScope, AlreadyExists, Escalation, StorageFull]);
    get "/v1/clients/{id}" clients::read "readClient"
        "Read a client"
        .needs(READ);
    delete "/v1/clients/{id}" clients::delete "deleteClient"
        "Remove a client"
        .about("Tokens pinned to it keep its id and go on working.")
        .needs(MANAGE);
    get "/v1/audit" audit::read "readAudit"
        "Read the audit, newest first"
        .about("An admin sees all of it, others what they did and what was done to their tokens.")
        .needs(Scope("audit:read")).refuses(PAGED);

    // Tokens, one at a time.
    get "/v1/tokens" tokens::list "listTokens"
        "List tokens"
        .about("An admin sees every member's, others their own.")
        .needs(READ).refuses(PAGED);
    post "/v1/tokens" tokens::create "createToken"
        "Issue a token"
        .about(
            "The answer holds its text, this once. It may do no more, no longer and from nowhere else than the token \
             it is issued with; where that holds `tokens:grant`, no more than its member is granted. Only an admin \
             issues to other members. An owner has at most one live token pinned to a client."
        )
        .needs(WRITE).status(201).located().tagged().refuses(NEW_TOKEN)
        .refuses(&[AlreadyExists, QuotaExceeded, TextsExceeded, StorageFull]);
    get "/v1/tokens/self" tokens::read_self "readSelf"
        "Read the token that is presented"
        .tagged();
    get "/v1/tokens/{id}" tokens::read "readToken"
        "Read a token"
        .needs(READ).tagged();
    patch "/v1/tokens/{id}" tokens::update "updateToken"
        "Change a token"
        .about(
            "What is absent stays. The scopes, the expiry and the addresses of the token that the request presents \
             cannot be changed with it. Whatever a change makes possible (more scopes, a later end, an earlier start, \
             more addresses, enabling the token, another name or other metadata) needs that you could issue the token \
             as it is afterwards. Anything that takes away is allowed: disabling, fewer scopes or addresses, an \
             earlier end, a later start."
        )
        .needs(WRITE).waits().refuses(NEW_TOKEN)
        .refuses(&[OwnToken, TokenRevoked, AlreadyExists, QuotaExceeded, StorageFull]);
    delete "/v1/tokens/{id}" tokens::revoke "revokeToken"
        "Revoke a token, for good"
        .about(
            "Once this has answered, no `strong` check accepts it; a `bounded` one elsewhere may until its lease is \
             over, unless this was asked to wait. A token may revoke itself."
        )
        .needs(WRITE).waits().refuses(&[InvalidValue]);
    get "/v1/tokens/{id}/usage" tokens::usage "readUsage"
        "Read how often a token was used on each of the last days"
        .about("Uses of the last minute may not be in it yet.")
        .needs(READ).refuses(&[InvalidValue]);
    post "/v1/tokens/{id}/rotate" tokens::rotate "rotateToken"
        "Give a token a new text"
        .about(
            "Its identity, pin and history stay. `previous_valid_until` is a promise: a later rotation does not \
             shorten it unless it says `\"previous\": \"end\"`. At most eight values of a token are valid at a time. A \
             value that a rotation replaced can be used until its grace period is over, but it changes nothing and \
             issues nothing."
        )
        .needs(WRITE).waits()
        .refuses(&[InvalidValue, Escalation, NotYours, TokenRevoked, TokenExpired, TooManyTexts, TextsExceeded])
        .refuses(&[StorageFull]);

    // Sessions, and signing in.
    post "/v1/session" sessions::open "openSession"
        "Sign in: exchange a token, or an identity, for a session"
        .about(
            "The session is in a cookie that no script reads, and in no body. With a token it may do what its token \
             may at each moment, and ends with it. With an identity token of one of the workspace's providers, in the \
             body or as `Cf-Access-Jwt-Assertion`, it may do what its member is granted, and no other credential is \
             presented."
        )
        .needs(Scope("sessions:create")).may_take::<sessions::SignIn>().answers::<Session>().status(201).located()
        .refuses(&[TokenOnly, SignInFailed, ProviderUnavailable]);
    get "/v1/session" sessions::read "readSession"
        "Read the session that asks"
        .needs(Needs::Session);
    delete "/v1/session" sessions::end "endSession"
        "Sign out"
        .about("The browser is told to forget the cookie.")
        .needs(Needs::Session);
    get "/v1/session/providers" sign_in::providers "signInProviders"
        "List where one may sign in to a workspace"
        .about("Those that the workspace offers. An unknown workspace answers as one without any.")
        .refuses(&[Internal, LedgerUnavailable, BeingUpdated, OriginNotAllowed, RateLimited]);
    get "/v1/session/start" sign_in::start "startSignIn"
        "Lead a browser to an identity provider"
        .about(
            "For a link: the browser comes back to `/v1/session/callback`. Where nobody can sign in so, it is led to \
             `/console/#/sign-in?failed=<code>`, as from there."
        )
        .status(302).located();
    get "/v1/session/callback" sign_in::callback "finishSignIn"
        "Take a browser in that comes back from an identity provider"
        .about(
            "It is led to the console, with the session's cookie, or to `/console/#/sign-in?failed=<code>`. Any \
             parameter is taken that a provider may send."
        )
        .status(303).located();
    get "/v1/sessions" sessions::list "listSessions"
        "List the sessions that go on, newest first"
        .about("An admin sees every member's, others their own.")
        .needs(READ).refuses(PAGED);
    delete "/v1/sessions/{id}" sessions::end_one "endOneSession"
        "End a session"
        .about("What was made in it stays.")
        .needs(WRITE);

    // Many tokens at once.
    post "/v1/tokens/revoke" tokens::revoke_many "revokeTokens"
        "Revoke many tokens"
        .about("By `ids` or by `filter`, up to 1,000. All or nothing.")
        .needs(WRITE).waits().refuses(&[InvalidValue, UnknownTokens, TooManyTokens]);
    post "/v1/tokens/import" tokens::import "importTokens"
        "Take over tokens that were issued elsewhere, by their digests"
        .about(
            "Up to 10,000 lines and 4 MiB. A line that is wrong is refused by itself, and the others are imported; but \
             where the quota does not hold them all, none is. The texts must be 16 to 512 visible ASCII characters, \
             and not look like tokens of this service: others are never verified. A digest does not tell, so give each \
             text's `length` where you know it."
        )
        .needs(Scope("tokens:import")).takes::<tokens::Import>()
        .refuses(&[InvalidValue, QuotaExceeded, TextsExceeded, StorageFull]);

    // Verification.
    post "/v1/verify" verify::verify "verify"
        "Decide about one token, or up to 100"
        .about("Give either `token` or `tokens`. A token of another workspace than the caller's is `UNKNOWN`.")
        .needs(VERIFY).refuses(&[InvalidValue]);
    post "/v1/records" verify::records "records"
        "Get what a verifier elsewhere needs to know of up to 100 texts, by digest"
        .about("In the binary layout that `@counterfoil/verify` reads. No token's text travels.")
        .needs(VERIFY).answers_other(verify::ANSWER).refuses(&[InvalidValue]);
    post "/v1/lease" verify::lease "lease"
        "Get leave to answer from memory for a while, and what that memory lacks"
        .about(
            "What changed since the asker last asked, and what it needs to know of up to 100 texts, by digest; in the \
             binary layout that `@counterfoil/verify` reads. No token's text travels. Takes up to 1,000 uses along \
             that were counted meanwhile, and up to 256 KiB."
        )
        .needs(VERIFY).takes::<verify::WantedLease>().answers_other(verify::LEASE).refuses(&[InvalidValue]);
    get "/v1/snapshot" snapshots::read "readSnapshot"
        "Get all that decides about the workspace's tokens, in one signed file"
        .about(
            "Until it expires, `@counterfoil/verify` decides by it with no network. It has no token's text, no names \
             and no addresses, and leaves out imports that are marked weak. While nothing changes, it is the same file \
             for an eighth of `snapshot_max`. Where reading fails midway, the answer ends before it is whole, and \
             nobody opens what came of it."
        )
        .needs(SNAPSHOTS).answers_other(snapshots::SNAPSHOT).revalidates()
        .refuses(&[SnapshotsOff, SnapshotNotReady, SnapshotTooLarge]);
    get "/v1/snapshot/keys" snapshots::keys "readSnapshotKeys"
        "Read the keys that sign the workspace's snapshots"
        .about(
            "A JWK set (RFC 7517) of Ed25519 keys (RFC 8037), the current one first. `kid` is a key's thumbprint (RFC \
             7638)."
        )
        .needs(SNAPSHOTS).refuses(&[SnapshotsOff]);
}
