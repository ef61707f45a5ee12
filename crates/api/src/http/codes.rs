//! The table of all stable codes: name, status, meaning, and remedy. The error pages and the OpenAPI document are
//! generated from it. Meanings and remedies are not part of the deployment.

use http::StatusCode;

/// A group of codes.
#[cfg(feature = "openapi")]
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// Its heading.
    pub title: &'static str,
    /// What these codes have in common.
    pub about: &'static str,
    /// The codes.
    pub codes: &'static [Meaning],
}

/// One code. Once published, it keeps its meaning.
#[cfg(feature = "openapi")]
#[derive(Clone, Copy, Debug)]
pub struct Meaning {
    /// The code of a problem, a decision, or a line of an import.
    pub code: &'static str,
    /// Its statuses; none if it is never a problem.
    pub statuses: &'static [u16],
    /// What it means.
    pub means: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

/// The entry of a code.
#[cfg(feature = "openapi")]
#[must_use]
pub fn meaning(code: &str) -> Option<&'static Meaning> {
    all().find(|meaning| meaning.code == code)
}

/// Every code, in the order of the page.
#[cfg(feature = "openapi")]
pub fn all() -> impl Iterator<Item = &'static Meaning> {
    SECTIONS.iter().flat_map(|section| section.codes)
}

/// Declares the sections of the table. A code with a name and a status is a problem's; the others occur only in decisions
/// or in the log.
macro_rules! codes {
    ($($title:literal: $about:literal { $($($name:ident $status:ident)? $text:literal: $means:literal, $remedy:literal;)* })*) => {
        /// The stable code of a problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ProblemCode {
            $($($(#[doc = $means] $name,)?)*)*
        }

        impl ProblemCode {
            /// The code, as programs read it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($($(Self::$name => $text,)?)*)*
                }
            }

            /// Its status.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self {
                    $($($(Self::$name => StatusCode::$status,)?)*)*
                }
            }
        }

        /// The table.
        #[cfg(feature = "openapi")]
        pub const SECTIONS: &[Section] = &[$(Section {
            title: $title,
            about: $about,
            codes: &[$(Meaning {
                code: $text,
                statuses: &[$(StatusCode::$status.as_u16())?],
                means: $means,
                remedy: $remedy,
            }),*],
        }),*];
    };
}

codes! {
    "The credential":
        "Problems with the token that the request presents. `POST /v1/verify` returns the same codes, without a status, \
         as decisions about the tokens that it verifies."
    {
        NoCredential UNAUTHORIZED "NO_CREDENTIAL":
            "The request presents no token.",
            "Send `Authorization: Bearer <token>` or `X-API-Key: <token>`.";
        UnreadableCredential UNAUTHORIZED "UNREADABLE_CREDENTIAL":
            "The request has an `Authorization`, `X-API-Key` or `X-lgca-token` header, but no token can be read from \
             it. An `Authorization` header with another scheme than `Bearer` is ignored if another header presents a \
             token.",
            "Use the scheme `Bearer`. A token consists of visible ASCII characters.";
        AmbiguousCredential BAD_REQUEST "AMBIGUOUS_CREDENTIAL":
            "The request presents two different credentials.",
            "Send only one.";
        SessionEnded UNAUTHORIZED "SESSION_ENDED":
            "The session that the browser sent has ended or does not exist.",
            "Sign in again: `POST /v1/session` with a token, or through an identity provider.";
        SignInFailed UNAUTHORIZED "SIGN_IN_FAILED":
            "Sign-in failed: the identity token was rejected, it does not match an active member, or the OpenID Connect \
             flow state did not match. The service log records the cause, and so does the audit log if the identity \
             provider signed the token.",
            "Try again. If it fails again, ask someone who manages the workspace, and see sign-in.md.";
        CrossOrigin FORBIDDEN "CROSS_ORIGIN":
            "A session can make changes only from pages of this origin, and the request does not come from one.",
            "From elsewhere, present a token instead of the session.";
        OriginNotAllowed FORBIDDEN "ORIGIN_NOT_ALLOWED":
            "The request comes from a web page of another origin, which the workspace does not allow. Routes that have \
             no workspace, and `POST /v1/verify`, accept no other origin.",
            "Add the origin to the workspace's `allowed_origins`, or call the API from a server.";
        Malformed UNAUTHORIZED "MALFORMED":
            "The credential is not a valid token: it is mistyped, truncated, or contains characters that no token has. \
             Nothing was looked up.",
            "The `detail` names the cause: too short or too long (a token has 16 to 512 characters), a space, a line break \
             or another invalid character, a leftover scheme such as `Bearer`, or a wrong checksum. Copy the complete \
             token value again.";
        Unknown UNAUTHORIZED "UNKNOWN":
            "This workspace has no such token.",
            "Check that the token belongs to this workspace, and that `x-lgca-domain`, if sent, names it. An imported \
             third-party token must name its workspace in `X-Counterfoil-Workspace` or `x-lgca-domain`, or be sent to \
             one of the workspace's `hosts`.";
        WorkspaceSuspended UNAUTHORIZED "WORKSPACE_SUSPENDED":
            "The token's workspace is suspended, so all its tokens are rejected.",
            "Ask the operator of the deployment: only the root token can resume a workspace.";
        Revoked UNAUTHORIZED "REVOKED":
            "The token was revoked, or a rotation replaced this token value and its grace period has expired.",
            "Use the current token value, or have a new token created. A revocation cannot be undone.";
        OwnerSuspended UNAUTHORIZED "OWNER_SUSPENDED":
            "The member that owns the token is suspended.",
            "Ask someone with the scope `workspace:manage` to reactivate the member.";
        Disabled UNAUTHORIZED "DISABLED":
            "The token is disabled.",
            "Enable it with another token: `PATCH /v1/tokens/{id}` with `{\"enabled\": true}`.";
        Expired UNAUTHORIZED "EXPIRED":
            "The token has expired.",
            "Create a new token, or have a later `expires_at` set.";
        NotYetValid UNAUTHORIZED "NOT_YET_VALID":
            "The token is not valid yet: its `not_before` is in the future.",
            "Wait until `not_before`, or have an earlier time set.";
        AddressNotAllowed FORBIDDEN "ADDRESS_NOT_ALLOWED":
            "The token cannot be used from this IP address. A token with `allowed_addresses` is also rejected if it is \
             verified without an `address`, or if a gateway sends no `X-Counterfoil-Address` or one that cannot be \
             read; `detail` then says so.",
            "Call from an address in the token's `allowed_addresses`. When verifying, pass the client's address without \
             a port.";
        InsufficientScope FORBIDDEN "INSUFFICIENT_SCOPE":
            "The token is valid, but its effective scopes do not include a required scope. Either the token or its \
             owner's granted scopes lack it.",
            "Use a token with the scope that `detail` names. `effective_scopes` lists what a token may do.";
        RateLimited TOO_MANY_REQUESTS "RATE_LIMITED":
            "A rate limit was exceeded: for unknown credentials or workspace names, for invalid credentials or sign-ins \
             from your address, for changes by your credential, or for messages on one WebSocket. `detail` says which. \
             Nothing was changed.",
            "Retry after the time in `Retry-After`. Verification by a valid token and revocations are not limited, but \
             an isolate that has just started may still ask for a retry. To make many changes, send many \
             tokens in one request: `POST /v1/tokens/import`, `POST /v1/tokens/revoke`.";
    }
    "Decisions":
        "Two codes occur only in decisions, of `POST /v1/verify` and of `@counterfoil/verify`. A guard of the package responds \
         with 503 if the code is `UNAVAILABLE`."
    {
        "VALID":
            "The token is valid and meets the requirement.",
            "Serve the request.";
        "UNAVAILABLE":
            "The token cannot be verified at the demanded freshness level: the ledger does not respond, or the snapshot has \
             expired or cannot decide. Treat this as a denial.",
            "Try again. If a less fresh result is acceptable to you, set `or_eventual`, or demand `eventual`.";
    }
    "Gateways":
        "Faults of a gateway that calls `/authorize`. The gateway's client then receives 403, whatever the client sent."
    {
        GatewayNotAllowed FORBIDDEN "GATEWAY_NOT_ALLOWED":
            "The request does not come from a gateway: `X-Counterfoil-Gateway` contains no valid token with the scope \
             `tokens:verify`.",
            "Create such a token for the gateway, and have the gateway send it in that header with each `/authorize` \
             request.";
        InvalidDemand FORBIDDEN "INVALID_DEMAND":
            "A header in which the gateway states its requirement cannot be read, or occurs twice.",
            "The `detail` names the header. Have the gateway overwrite the headers of these names that its clients send.";
    }
    "The request":
        "The request cannot be read, or its path does not exist."
    {
        NoSuchRoute NOT_FOUND "NO_SUCH_ROUTE":
            "This path does not exist.",
            "Look up the path in `/openapi.json`. Paths have no trailing slash.";
        MethodNotAllowed METHOD_NOT_ALLOWED "METHOD_NOT_ALLOWED":
            "The path does not support this method.",
            "Use a method that the `Allow` header names.";
        WorkspaceRequired BAD_REQUEST "WORKSPACE_REQUIRED":
            "The root token belongs to no workspace, and the request names none; or `X-lgca-token` was sent without \
             `x-lgca-domain`.",
            "Name the workspace by its slug: `X-Counterfoil-Workspace: <slug>`, or `x-lgca-domain: <slug>` together \
             with `X-lgca-token`.";
        InvalidForm BAD_REQUEST "INVALID_FORM":
            "The form sent to `/oauth/introspect` or `/oauth/revoke` is invalid: `token` is missing, a field occurs \
             twice, or the body is not a form; or the caller authenticates in two ways.",
            "Send `token=…` as `application/x-www-form-urlencoded`, and authenticate once.";
        InvalidQuery BAD_REQUEST "INVALID_QUERY":
            "The query string has a parameter that is unknown, repeated, or of the wrong form.",
            "The `detail` says which.";
        InvalidIdempotencyKey BAD_REQUEST "INVALID_IDEMPOTENCY_KEY":
            "The `Idempotency-Key` header is invalid.",
            "Send one `Idempotency-Key` of 1 to 255 visible ASCII characters.";
        UnsupportedMediaType UNSUPPORTED_MEDIA_TYPE "UNSUPPORTED_MEDIA_TYPE":
            "The request does not declare its body as JSON.",
            "Send `Content-Type: application/json`.";
        BodyTooLarge PAYLOAD_TOO_LARGE "BODY_TOO_LARGE":
            "The body exceeds the size limit of the route: 64 KiB, 256 KiB for a lease, or 4 MiB for an import.",
            "Send less, in several requests.";
        BodyIncomplete BAD_REQUEST "BODY_INCOMPLETE":
            "The body ended before it was complete.",
            "Send the request again.";
        InvalidJson BAD_REQUEST "INVALID_JSON":
            "The body is not valid JSON, is nested too deeply, or has an object with two fields of the same name.",
            "The `detail` says where the error is.";
        InvalidBody UNPROCESSABLE_ENTITY "INVALID_BODY":
            "The body is valid JSON of the wrong form: a field is missing, unknown, or of the wrong type.",
            "The `detail` and the `pointer` name the field. `/openapi.json` describes the body.";
    }
    "Rejected requests":
        "The request is well-formed, but the rules do not allow it. Nothing was changed."
    {
        InvalidValue UNPROCESSABLE_ENTITY "INVALID_VALUE":
            "The value of a field is not allowed: it is too long, too short, out of range, or contradicts another field.",
            "The `pointer` names the field, and the `detail` says what is allowed.";
        InvalidCursor UNPROCESSABLE_ENTITY "INVALID_CURSOR":
            "The `cursor` does not come from this list, or belongs to another filter or order.",
            "Use a `next_cursor` with the same query that returned it, or start without a cursor.";
        UnknownScope UNPROCESSABLE_ENTITY "UNKNOWN_SCOPE":
            "A scope is not in the workspace's catalogue, or a wildcard matches no scope there.",
            "Choose a scope from `GET /v1/scopes`, or add the scope to the catalogue first.";
        BuiltInScope UNPROCESSABLE_ENTITY "BUILT_IN_SCOPE":
            "The catalogue in the request contains a built-in scope, such as `tokens:read`.",
            "Omit it: built-in scopes always exist.";
        PreconditionFailed PRECONDITION_FAILED "PRECONDITION_FAILED":
            "The token has changed since you read it: its version does not match `If-Match`.",
            "Read the token again, then decide whether to repeat the change.";
        UnknownMember UNPROCESSABLE_ENTITY "UNKNOWN_MEMBER":
            "No member has this id.",
            "Choose a member from `GET /v1/members`.";
        UnknownClient UNPROCESSABLE_ENTITY "UNKNOWN_CLIENT":
            "No client has this id.",
            "Choose a client from `GET /v1/clients`.";
        TooManyTokens UNPROCESSABLE_ENTITY "TOO_MANY_TOKENS":
            "The filter matches more than 1,000 tokens. None was revoked.",
            "Narrow the filter, and revoke the tokens in several requests.";
        UnknownTokens UNPROCESSABLE_ENTITY "UNKNOWN_TOKENS":
            "Some of the tokens in the request do not exist, or you do not have access to them. None was revoked.",
            "The `items` say which. Omit them.";
        IdempotencyMismatch UNPROCESSABLE_ENTITY "IDEMPOTENCY_MISMATCH":
            "A different request was sent with this `Idempotency-Key` within the last 24 hours.",
            "Use a new key for each new request.";
        TooManyKeys TOO_MANY_REQUESTS "TOO_MANY_KEYS":
            "There is no room to store another response for an `Idempotency-Key`. For each member, across all its \
             tokens, at most 10,000 responses and 8 MiB are stored, each for 24 hours. Nothing was changed.",
            "Send the request without a key, or retry after the time in `Retry-After`, when the oldest response has \
             been deleted.";
        NotFound NOT_FOUND "NOT_FOUND":
            "Nothing has this id or slug, or you do not have access to it: the response is the same in both cases.",
            "Check the id, and that your token has access to what it names.";
        AlreadyExists CONFLICT "ALREADY_EXISTS":
            "This id, number, e-mail address, subject, slug, host, digest or client binding is already in use.",
            "Use what exists, or choose another value.";
        TokenRevoked CONFLICT "TOKEN_REVOKED":
            "The token is revoked permanently and can no longer be changed.",
            "Create a new token.";
        TokenExpired CONFLICT "TOKEN_EXPIRED":
            "The token has expired and cannot be rotated.",
            "Set a later `expires_at` first, or create a new token.";
        TooManyTexts CONFLICT "TOO_MANY_TEXTS":
            "Eight values of the token are valid already, because it was rotated several times with a grace period.",
            "Wait until the next one expires (`detail` says when), rotate without `grace_seconds`, or end the previous \
             values with `\"previous\": \"end\"`.";
        LastAdmin CONFLICT "LAST_ADMIN":
            "The workspace would have no active admin left.",
            "Make another member an admin first.";
        QuotaExceeded CONFLICT "QUOTA_EXCEEDED":
            "The owner would have more live tokens than its quota allows.",
            "Revoke tokens, or have the member's `quota` raised. `detail` says how large it would have to be.";
        TextsExceeded CONFLICT "TEXTS_EXCEEDED":
            "The owner's tokens have had as many values as allowed so far, counting revoked tokens and values that \
             rotations replaced. The limit keeps one member from filling the workspace's storage: 10,000 values, or 20 \
             times the quota if that is more, plus 1,000 for each day since the member was added. Nothing was changed, \
             and tokens can still be revoked.",
            "Find out why so many values are created: a program that creates a token for each request should reuse a \
             longer-lived one. Otherwise wait, or have the member's `quota` raised.";
        StorageFull INSUFFICIENT_STORAGE "STORAGE_FULL":
            "Nine tenths of the workspace's storage is used, so requests that would add to it are rejected: new tokens, \
             members and clients, rotations, imports, a larger catalogue, and longer values in existing fields. \
             Requests that take something away still work: revoking, disabling, an earlier expiration, fewer scopes, \
             suspending, and erasing.",
            "With the scope `workspace:manage`, `GET /v1/workspace` shows how much is used. A shorter \
             `audit_retention_days` and erasing members free space. The operator of the deployment can raise \
             `STORAGE_LIMIT` if it is below the platform's limit of 10 GB.";
    }
    "Snapshots":
        "Why no snapshot, or no complete snapshot, is available. Nothing was changed."
    {
        SnapshotNotReady SERVICE_UNAVAILABLE "SNAPSHOT_NOT_READY":
            "The snapshot is being built, because none was requested recently; or a part of it cannot be read at the \
             moment.",
            "Retry after the time in `Retry-After`.";
        SnapshotTooLarge UNPROCESSABLE_ENTITY "SNAPSHOT_TOO_LARGE":
            "The workspace's snapshot has more files than one request can assemble: the workspace has several million \
             tokens, or a million members.",
            "Verify with leases, which have no such limit.";
        SnapshotsOff SERVICE_UNAVAILABLE "SNAPSHOTS_OFF":
            "The deployment has no secret for signing snapshots.",
            "Ask the operator to set `SNAPSHOT_KEYS`.";
        "SNAPSHOT_CUT_OFF":
            "Only in the log: a snapshot response ended before it was complete, because the registry returned a part of \
             it late, not at all, or with wrong content. No verifier accepts the incomplete file.",
            "No action is needed. If it occurs often, find out why the registry does not respond.";
    }
    "Permissions":
        "The token is valid and has the required scope, but the request exceeds what it may do. Nothing was changed."
    {
        Escalation FORBIDDEN "ESCALATION":
            "The request would grant more than your credential allows: scopes, a longer lifetime, more addresses, a \
             higher role, the reactivation of a member that an admin suspended, or a weaker setting.",
            "Ask for less, or have an admin or someone with a `tokens:grant` token make the request. See api.md.";
        NotYours FORBIDDEN "NOT_YOURS":
            "The request acts on something that belongs to another member.",
            "Use an admin's token.";
        OwnToken FORBIDDEN "OWN_TOKEN":
            "A token cannot change its own scopes, expiration or allowed addresses.",
            "Use a different token.";
        ReplacedText FORBIDDEN "REPLACED_TEXT":
            "A rotation replaced the token value that the request presents. Until its grace period expires it can be \
             used as before, but it cannot create, rotate, change, import or revoke anything except itself.",
            "Present the token's current value. To revoke the old value itself, send it to `POST /oauth/revoke`.";
        TokenOnly FORBIDDEN "TOKEN_ONLY":
            "Only a member's token can do this, not a session and not the root token.",
            "Present a token that a member owns.";
        RootOnly FORBIDDEN "ROOT_ONLY":
            "Only the deployment's root token can do this.",
            "Ask the operator of the deployment.";
    }
    "The service":
        "The request may be correct, but the service cannot complete it now."
    {
        Internal INTERNAL_SERVER_ERROR "INTERNAL":
            "An internal error occurred and was logged. `detail` says whether a change may have been made.",
            "If nothing was changed, try again later. If it fails again, report the `request_id` to the operator.";
        LedgerUnavailable SERVICE_UNAVAILABLE "LEDGER_UNAVAILABLE":
            "The workspace's ledger did not respond in time. A change may or may not have been made.",
            "Check the current state before you repeat the request, or repeat it with the same `Idempotency-Key`. If every \
             request fails after a rollback, deploy the newer version again.";
        BeingUpdated SERVICE_UNAVAILABLE "BEING_UPDATED":
            "The deployment is being updated: the Worker and the workspace's ledger run different versions, and one \
             does not know a message of the other. Nothing was changed.",
            "Retry after the time in `Retry-After`. If it fails again, the update is incomplete: the log says what was \
             not known.";
        ProviderUnavailable SERVICE_UNAVAILABLE "PROVIDER_UNAVAILABLE":
            "The identity provider did not respond in time, its response was invalid, or too many sign-ins are in \
             progress. You were not signed in.",
            "Retry after the time in `Retry-After`. If it fails again, the service log says what the provider sent.";
        "USES_LOST":
            "Only in the log: this many uses of tokens could not be reported to their ledger and are not counted.",
            "No action is needed. If it occurs often, find out why the ledger does not respond.";
        Interrupted SERVICE_UNAVAILABLE "INTERRUPTED":
            "The request was interrupted. A change may or may not have been made.",
            "Check the current state before you repeat the request, or repeat it with the same `Idempotency-Key`.";
    }
}
