//! Every route as its callers meet it; the OpenAPI document is made of this. A test sees to it that the router has the
//! same routes, and that no route answers what is not said here.

use counterfoil_protocol::command::{
    AuditEntry, Bootstrapped, Catalogue, Client, Deleted, Issued, Listing, Member, RevokedTokens, Session,
    SnapshotKeys, TokenView, Usage, Workspace,
};

use super::{
    audit, clients, members, scopes, sessions, shapes::PageQuery, sign_in, snapshots, tokens, verify, workspaces,
};
use crate::describe::operation::{
    Needs::{self, Nothing, Root, RootThere, Scope},
    Operation, delete, get, patch, post, put,
};
use crate::http::codes::ProblemCode::{self, *};

const READ: Needs = Scope("tokens:read");
const WRITE: Needs = Scope("tokens:write");
const VERIFY: Needs = Scope("tokens:verify");
const SNAPSHOTS: Needs = Scope("snapshots:read");
const MANAGE: Needs = Scope("workspace:manage");

/// What a list's query can be wrong in.
const PAGED: &[ProblemCode] = &[InvalidValue, InvalidCursor];

/// What a new token can ask for in vain.
const NEW_TOKEN: &[ProblemCode] = &[InvalidValue, UnknownScope, UnknownMember, UnknownClient, Escalation, NotYours];

/// Every operation, in the router's order.
pub(crate) fn operations() -> Vec<Operation> {
    [service(), workspace(), people(), browsers(), one_token(), many_tokens(), verification()].concat()
}

fn service() -> Vec<Operation> {
    vec![
        get("/", "start", "Lead to the console").needs(Nothing).answers_nothing(302).located(),
        get("/healthz", "health", "Tell whether the service is up").needs(Nothing).answers_other(200, "text/plain"),
    ]
}

fn workspace() -> Vec<Operation> {
    vec![
        post("/v1/workspaces", "createWorkspace", "Make a workspace")
            .about("Answers it with its first admin's first token. A slug, once confirmed, is taken.")
            .needs(Root)
            .takes::<workspaces::Create>()
            .answers::<Bootstrapped>(201)
            .located()
            .refuses(&[InvalidValue, AlreadyExists]),
        get("/v1/workspace", "readWorkspace", "Read the workspace and its settings")
            .about("Whoever holds `workspace:manage` is told how full its storage is.")
            .answers::<Workspace>(200),
        patch("/v1/workspace", "updateWorkspace", "Change the settings, or the state")
            .about(
                "What is absent stays. Only root changes the `state` and the `hosts`, and each by itself: never with \
                 settings. A host is one workspace's at most. Only an admin who may grant everything changes who vouches \
                 for members.",
            )
            .needs(MANAGE)
            .takes::<workspaces::Update>()
            .answers::<Workspace>(200)
            .refuses(&[InvalidValue, RootOnly, AlreadyExists, Escalation]),
        delete("/v1/workspace", "deleteWorkspace", "Delete the workspace")
            .about(
                "From here on nothing of it is known; its rows and its registry keys go in the background. Said again, \
                 it tells how far that is.",
            )
            .needs(RootThere)
            .answers::<Deleted>(202),
        get("/v1/scopes", "readScopes", "Read the scope catalogue")
            .about("An admin is shown all of it, others what they may grant.")
            .needs(READ)
            .answers::<Catalogue>(200),
        put("/v1/scopes", "replaceScopes", "Replace the scope catalogue")
            .about("At most 1,000 scopes. Built-in scopes are always there and no part of it.")
            .needs(MANAGE)
            .takes::<scopes::Replace>()
            .answers::<Catalogue>(200)
            .refuses(&[InvalidValue, BuiltInScope, StorageFull]),
    ]
}

fn people() -> Vec<Operation> {
    vec![
        get("/v1/members", "listMembers", "List the members, by number")
            .about("Who does not hold `workspace:manage` sees itself alone.")
            .needs(READ)
            .queried::<PageQuery>()
            .answers::<Listing<Member>>(200)
            .refuses(PAGED),
        post("/v1/members", "createMember", "Add a member")
            .about("Only admins make admins, and nobody gives a member more than they have.")
            .needs(MANAGE)
            .takes::<members::Create>()
            .once()
            .answers::<Member>(201)
            .located()
            .refuses(&[InvalidValue, UnknownScope, AlreadyExists, Escalation, StorageFull]),
        get("/v1/members/{id}", "readMember", "Read a member")
            .about("Who does not hold `workspace:manage` may read itself.")
            .needs(READ)
            .answers::<Member>(200),
        patch("/v1/members/{id}", "updateMember", "Change a member")
            .about(
                "What is absent stays. Suspending a member, cutting its grants and revoking all its tokens is one \
                 change, however many tokens it has.",
            )
            .needs(MANAGE)
            .takes::<members::Update>()
            .answers::<Member>(200)
            .waits()
            .refuses(&[InvalidValue, UnknownScope, AlreadyExists, Escalation, NotYours, LastAdmin])
            .refuses(&[StorageFull]),
        delete("/v1/members/{id}", "eraseMember", "Erase a member")
            .about("Its tokens are revoked, and whatever says who it was is blanked.")
            .needs(MANAGE)
            .queried::<members::Erase>()
            .answers::<Member>(200)
            .waits()
            .refuses(&[NotYours, LastAdmin]),
        get("/v1/clients", "listClients", "List the clients")
            .needs(READ)
            .queried::<PageQuery>()
            .answers::<Listing<Client>>(200)
            .refuses(PAGED),
        post("/v1/clients", "createClient", "Add a client that tokens may be pinned to")
            .needs(MANAGE)
            .takes::<clients::Create>()
            .once()
            .answers::<Client>(201)
            .located()
            .refuses(&[InvalidValue, UnknownScope, AlreadyExists, Escalation, StorageFull]),
        get("/v1/clients/{id}", "readClient", "Read a client").needs(READ).answers::<Client>(200),
        delete("/v1/clients/{id}", "deleteClient", "Remove a client")
            .about("Tokens pinned to it keep its id and go on working.")
            .needs(MANAGE)
            .answers::<Client>(200),
        get("/v1/audit", "readAudit", "Read the audit, newest first")
            .about("An admin sees all of it, others what they did and what was done to their tokens.")
            .needs(Scope("audit:read"))
            .queried::<audit::Wanted>()
            .answers::<Listing<AuditEntry>>(200)
            .refuses(PAGED),
    ]
}

fn one_token() -> Vec<Operation> {
    vec![
        get("/v1/tokens", "listTokens", "List tokens")
            .about("An admin sees every member's, others their own.")
            .needs(READ)
            .queried::<tokens::Question>()
            .answers::<Listing<TokenView>>(200)
            .refuses(PAGED),
        post("/v1/tokens", "createToken", "Issue a token")
            .about(
                "The answer holds its text, this once. It may do no more, no longer and from nowhere else than the token \
                 it is issued with; where that holds `tokens:grant`, no more than its member is granted. Only an admin \
                 issues to other members. An owner has at most one live token pinned to a client.",
            )
            .needs(WRITE)
            .takes::<tokens::Create>()
            .once()
            .answers::<Issued>(201)
            .located()
            .tagged()
            .refuses(NEW_TOKEN)
            .refuses(&[AlreadyExists, QuotaExceeded, TextsExceeded, StorageFull]),
        get("/v1/tokens/self", "readSelf", "Read the token that is presented").answers::<TokenView>(200).tagged(),
        get("/v1/tokens/{id}", "readToken", "Read a token").needs(READ).answers::<TokenView>(200).tagged(),
        patch("/v1/tokens/{id}", "updateToken", "Change a token")
            .about(
                "What is absent stays. The scopes, the expiry and the addresses of the token that the request presents \
                 cannot be changed with it. Whatever a change makes possible (more scopes, a later end, an earlier start, more \
                 addresses, enabling the token, another name or other metadata) needs that you could issue the token as it \
                 is afterwards. Anything that takes away is allowed: disabling, fewer scopes or addresses, an earlier end, \
                 a later start.",
            )
            .needs(WRITE)
            .takes::<tokens::Update>()
            .answers::<TokenView>(200)
            .waits()
            .conditional()
            .refuses(NEW_TOKEN)
            .refuses(&[OwnToken, TokenRevoked, AlreadyExists, QuotaExceeded, StorageFull]),
        delete("/v1/tokens/{id}", "revokeToken", "Revoke a token, for good")
            .about(
                "Once this has answered, no `strong` check accepts it; a `bounded` one elsewhere may until its lease is over, \
                 unless this was asked to wait. A token may revoke itself.",
            )
            .needs(WRITE)
            .queried::<tokens::Revoke>()
            .answers::<TokenView>(200)
            .waits()
            .conditional()
            .refuses(&[InvalidValue]),
        get("/v1/tokens/{id}/usage", "readUsage", "Read how often a token was used on each of the last days")
            .about("Uses of the last minute may not be in it yet.")
            .needs(READ)
            .queried::<tokens::Shown>()
            .answers::<Usage>(200)
            .refuses(&[InvalidValue]),
        post("/v1/tokens/{id}/rotate", "rotateToken", "Give a token a new text")
            .about(
                "Its identity, pin and history stay. `previous_valid_until` is a promise: a later rotation does not shorten \
                 it unless it says `\"previous\": \"end\"`. At most eight values of a token are valid at a time. A value that \
                 a rotation replaced can be used until its grace period is over, but it changes nothing and issues nothing.",
            )
            .needs(WRITE)
            .may_take::<tokens::Rotate>()
            .once()
            .answers::<Issued>(200)
            .waits()
            .conditional()
            .refuses(&[
                InvalidValue,
                Escalation,
                NotYours,
                TokenRevoked,
                TokenExpired,
                TooManyTexts,
                TextsExceeded,
                StorageFull,
            ]),
    ]
}

fn browsers() -> Vec<Operation> {
    vec![
        post("/v1/session", "openSession", "Sign in: exchange a token, or an identity, for a session")
            .about(
                "The session is in a cookie that no script reads, and in no body. With a token it may do what its token \
                 may at each moment, and ends with it. With an identity token of one of the workspace's providers, in \
                 the body or as `Cf-Access-Jwt-Assertion`, it may do what its member is granted, and no other credential \
                 is presented.",
            )
            .needs(Scope("sessions:create"))
            .may_take::<sessions::Open>()
            .answers::<Session>(201)
            .located()
            .refuses(&[TokenOnly, SignInFailed, ProviderUnavailable]),
        get("/v1/session", "readSession", "Read the session that asks").needs(Needs::Session).answers::<Session>(200),
        delete("/v1/session", "endSession", "Sign out")
            .about("The browser is told to forget the cookie.")
            .needs(Needs::Session)
            .answers::<Session>(200),
        get("/v1/session/providers", "signInProviders", "List where one may sign in to a workspace")
            .about("Those that the workspace offers. An unknown workspace answers as one without any.")
            .needs(Nothing)
            .queried::<sign_in::Where>()
            .answers::<sign_in::Offered>(200)
            .refuses(&[Internal, LedgerUnavailable, BeingUpdated, OriginNotAllowed, RateLimited]),
        get("/v1/session/start", "startSignIn", "Lead a browser to an identity provider")
            .about(
                "For a link: the browser comes back to `/v1/session/callback`. Where nobody can sign in so, it is led to \
                 `/console/#/sign-in?failed=<code>`, as from there.",
            )
            .needs(Nothing)
            .queried::<sign_in::Start>()
            .answers_nothing(302)
            .located(),
        get("/v1/session/callback", "finishSignIn", "Take a browser in that comes back from an identity provider")
            .about(
                "It is led to the console, with the session's cookie, or to `/console/#/sign-in?failed=<code>`. Any \
                 parameter is taken that a provider may send.",
            )
            .needs(Nothing)
            .answers_nothing(303)
            .located(),
        get("/v1/sessions", "listSessions", "List the sessions that go on, newest first")
            .about("An admin sees every member's, others their own.")
            .needs(READ)
            .queried::<PageQuery>()
            .answers::<Listing<Session>>(200)
            .refuses(PAGED),
        delete("/v1/sessions/{id}", "endOneSession", "End a session")
            .about("What was made in it stays.")
            .needs(WRITE)
            .answers::<Session>(200),
    ]
}

fn many_tokens() -> Vec<Operation> {
    vec![
        post("/v1/tokens/revoke", "revokeTokens", "Revoke many tokens")
            .about("By `ids` or by `filter`, up to 1,000. All or nothing.")
            .needs(WRITE)
            .takes::<tokens::RevokeMany>()
            .answers::<RevokedTokens>(200)
            .waits()
            .refuses(&[InvalidValue, UnknownTokens, TooManyTokens]),
        post("/v1/tokens/import", "importTokens", "Take over tokens that were issued elsewhere, by their digests")
            .about(
                "Up to 10,000 lines and 4 MiB. A line that is wrong is refused by itself, and the others are imported; \
                 but where the quota does not hold them all, none is. The texts must be 16 to 512 visible ASCII characters, \
                 and not look like tokens of this service: others are never verified. A digest does not tell, so give each \
                 text's `length` where you know it.",
            )
            .needs(Scope("tokens:import"))
            .takes::<tokens::Import>()
            .once()
            .answers::<tokens::Imported>(200)
            .refuses(&[InvalidValue, QuotaExceeded, TextsExceeded, StorageFull]),
    ]
}

fn verification() -> Vec<Operation> {
    vec![
        post("/v1/verify", "verify", "Decide about one token, or up to 100")
            .about("Give either `token` or `tokens`. A token of another workspace than the caller's is `UNKNOWN`.")
            .needs(VERIFY)
            .takes::<verify::Verify>()
            .answers::<verify::Verified>(200)
            .refuses(&[InvalidValue]),
        post("/v1/records", "records", "Get what a verifier elsewhere needs to know of up to 100 texts, by digest")
            .about("In the binary layout that `@counterfoil/verify` reads. No token's text travels.")
            .needs(VERIFY)
            .takes::<verify::Wanted>()
            .answers_other(200, verify::ANSWER)
            .refuses(&[InvalidValue]),
        post("/v1/lease", "lease", "Get leave to answer from memory for a while, and what that memory lacks")
            .about(
                "What changed since the asker last asked, and what it needs to know of up to 100 texts, by digest; in the \
                 binary layout that `@counterfoil/verify` reads. No token's text travels. Takes up to 1,000 uses along that \
                 were counted meanwhile, and up to 256 KiB.",
            )
            .needs(VERIFY)
            .takes::<verify::WantedLease>()
            .answers_other(200, verify::LEASE)
            .refuses(&[InvalidValue]),
        get("/v1/snapshot", "readSnapshot", "Get all that decides about the workspace's tokens, in one signed file")
            .about(
                "Until it expires, `@counterfoil/verify` decides by it with no network. It has no token's text, no names and \
                 no addresses, and leaves out imports that are marked weak. While nothing changes, it is the same file for \
                 an eighth of `snapshot_max`. Where reading fails midway, the answer ends before it is whole, and nobody \
                 opens what came of it.",
            )
            .needs(SNAPSHOTS)
            .answers_other(200, snapshots::SNAPSHOT)
            .revalidates()
            .refuses(&[SnapshotsOff, SnapshotNotReady, SnapshotTooLarge]),
        get("/v1/snapshot/keys", "readSnapshotKeys", "Read the keys that sign the workspace's snapshots")
            .about("A JWK set (RFC 7517) of Ed25519 keys (RFC 8037), the current one first. `kid` is a key's thumbprint (RFC 7638).")
            .needs(SNAPSHOTS)
            .answers::<SnapshotKeys>(200)
            .refuses(&[SnapshotsOff]),
    ]
}
