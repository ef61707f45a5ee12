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
        "The token that the request presents. The same codes, without a status, are what `POST /v1/verify` decides \
         about a token that it is asked about."
    {
        NoCredential UNAUTHORIZED "NO_CREDENTIAL":
            "The request presents no token.",
            "Send `Authorization: Bearer <token>`, or `X-API-Key: <token>`.";
        UnreadableCredential UNAUTHORIZED "UNREADABLE_CREDENTIAL":
            "There is an `Authorization`, `X-API-Key` or `X-lgca-token` header, but no token can be read from it. \
             `Authorization` with another scheme counts only where there is no token beside it.",
            "Use the scheme `Bearer`; a token is visible ASCII.";
        AmbiguousCredential BAD_REQUEST "AMBIGUOUS_CREDENTIAL":
            "The request presents two different credentials.",
            "Send one.";
        SessionEnded UNAUTHORIZED "SESSION_ENDED":
            "The session that the browser sent along is over, or never was.",
            "Sign in again: `POST /v1/session` with a token, or by an identity provider.";
        SignInFailed UNAUTHORIZED "SIGN_IN_FAILED":
            "Nobody signs in this way: the identity token is not good here, or is about no member that takes part, or \
             the browser came back from its provider otherwise than it went. Which of these it is, the service's log \
             says, and the audit where the provider did sign the token.",
            "Try again; if it stays so, ask somebody who manages the workspace. See sign-in.md.";
        CrossOrigin FORBIDDEN "CROSS_ORIGIN":
            "In a session, a change was asked for by something else than a page of this very origin.",
            "Elsewhere, present a token.";
        OriginNotAllowed FORBIDDEN "ORIGIN_NOT_ALLOWED":
            "A web page of another origin sent this, and the workspace does not allow that origin. Routes that have no \
             workspace, and `POST /v1/verify`, allow none.",
            "Add the origin to the workspace's `allowed_origins`, or call from a server.";
        Malformed UNAUTHORIZED "MALFORMED":
            "The text is not a token: mistyped, cut short, or not of a token's characters. Nothing was looked up.",
            "`detail` says which: too short or too long (a token has 16 to 512 characters), a space, a line break or \
             another character that no token has, a scheme such as `Bearer` that was left on, or a wrong check. Copy \
             the token once more, whole.";
        Unknown UNAUTHORIZED "UNKNOWN":
            "No such token was issued in this workspace.",
            "Check that the token is meant for this workspace, and that `x-lgca-domain`, where that is sent, names it. \
             One that was issued elsewhere and imported names its workspace in `X-Counterfoil-Workspace` or \
             `x-lgca-domain`, or is sent to one of the workspace's `hosts`.";
        WorkspaceSuspended UNAUTHORIZED "WORKSPACE_SUSPENDED":
            "The token's workspace is suspended, and with it all its tokens.",
            "Ask whoever runs the service: only root resumes a workspace.";
        Revoked UNAUTHORIZED "REVOKED":
            "The token was revoked, or a rotation replaced its text and the grace period is over.",
            "Use the new text, or have another token issued. A revocation cannot be undone.";
        OwnerSuspended UNAUTHORIZED "OWNER_SUSPENDED":
            "The member that the token belongs to is suspended.",
            "Have somebody who holds `workspace:manage` make the member active again.";
        Disabled UNAUTHORIZED "DISABLED":
            "The token is switched off.",
            "Switch it on: `PATCH /v1/tokens/{id}` with `{\"enabled\": true}`.";
        Expired UNAUTHORIZED "EXPIRED":
            "The token's time is over.",
            "Have another issued, or a later `expires_at` set by somebody who may.";
        NotYetValid UNAUTHORIZED "NOT_YET_VALID":
            "The token's time has not come.",
            "Wait until its `not_before`, or have an earlier one set.";
        AddressNotAllowed FORBIDDEN "ADDRESS_NOT_ALLOWED":
            "The token is bound to other addresses. A token with an address list that is verified without an `address` \
             is refused too, and so is one that a gateway asks about without `X-Counterfoil-Address` or with one that \
             cannot be read: `detail` says so.",
            "Call from an address in its `allowed_addresses`; when verifying, pass the client's address, without a \
             port.";
        InsufficientScope FORBIDDEN "INSUFFICIENT_SCOPE":
            "The token is good, but it, or its owner, is not granted what this needs.",
            "Use a token that holds the scope that `detail` names. A token's `effective_scopes` say what it may do.";
        RateLimited TOO_MANY_REQUESTS "RATE_LIMITED":
            "Too many requests: with unknown credentials or workspace names, with invalid credentials from your \
             address, sign-ins from your address, changes by your credential, or messages on one WebSocket. `detail` \
             says which. Nothing was changed.",
            "Try again after `Retry-After`. The rate limits count neither verification by a valid token nor \
             revocations; an isolate that has just started may still ask for a retry. To make many changes, use the \
             routes that take many tokens in one request.";
    }
    "Decisions":
        "Two codes are decisions of `POST /v1/verify` only."
    {
        "VALID":
            "The token passes, and grants all that the demand asks for.",
            "Serve the request.";
        "UNAVAILABLE":
            "The answer cannot be had as fresh as it was asked for. It is never a yes.",
            "Try again, or ask with the freshness `eventual`.";
    }
    "Gateways":
        "What a gateway that asks `/authorize` can do wrong. Its client is answered 403 then, whatever it sent."
    {
        GatewayNotAllowed FORBIDDEN "GATEWAY_NOT_ALLOWED":
            "The request does not come from a gateway: `X-Counterfoil-Gateway` holds no live token with \
             `tokens:verify`.",
            "Issue the gateway such a token, and have it set the header on each question.";
        InvalidDemand FORBIDDEN "INVALID_DEMAND":
            "A header in which the gateway says what it demands cannot be read, or is there twice.",
            "`detail` says which. Have the gateway overwrite what its clients send by these names.";
    }
    "The request":
        "What was sent cannot be read, or leads nowhere."
    {
        NoSuchRoute NOT_FOUND "NO_SUCH_ROUTE":
            "There is nothing at this path.",
            "Look the path up in `/openapi.json`; paths have no slash at their end.";
        MethodNotAllowed METHOD_NOT_ALLOWED "METHOD_NOT_ALLOWED":
            "The path does not take this method.",
            "Use one that the `Allow` header names.";
        WorkspaceRequired BAD_REQUEST "WORKSPACE_REQUIRED":
            "The root token belongs to no workspace, and the request names none; or a token is sent as `X-lgca-token` \
             without its other half.",
            "Name one by its slug: `X-Counterfoil-Workspace: <slug>`, or `x-lgca-domain: <slug>` beside \
             `X-lgca-token`.";
        InvalidForm BAD_REQUEST "INVALID_FORM":
            "The form that was sent to `/oauth/introspect` or `/oauth/revoke` lacks `token`, names a field twice, or \
             is no form; or the caller authenticates in two ways.",
            "Send `token=…` as `application/x-www-form-urlencoded`, and authenticate once.";
        InvalidQuery BAD_REQUEST "INVALID_QUERY":
            "The query string has a parameter that is unknown, given twice, or of the wrong form.",
            "`detail` says which.";
        InvalidIdempotencyKey BAD_REQUEST "INVALID_IDEMPOTENCY_KEY":
            "The `Idempotency-Key` cannot be used.",
            "Send one, of 1 to 255 visible ASCII characters.";
        UnsupportedMediaType UNSUPPORTED_MEDIA_TYPE "UNSUPPORTED_MEDIA_TYPE":
            "The body is not declared to be JSON.",
            "Send `Content-Type: application/json`.";
        BodyTooLarge PAYLOAD_TOO_LARGE "BODY_TOO_LARGE":
            "The body is larger than the route reads: 64 KiB, or 4 MiB for an import.",
            "Send less, in several requests.";
        BodyIncomplete BAD_REQUEST "BODY_INCOMPLETE":
            "The body ended before it was whole.",
            "Send the request again.";
        InvalidJson BAD_REQUEST "INVALID_JSON":
            "The body is not JSON.",
            "`detail` says where it goes wrong.";
        InvalidBody UNPROCESSABLE_ENTITY "INVALID_BODY":
            "The body is JSON of another shape: a field is missing, unknown, given twice, or of the wrong type.",
            "`pointer` names the field; `/openapi.json` has the shape.";
    }
    "What is asked for":
        "The request is understood, and the rules do not let it be carried out. Nothing was changed."
    {
        InvalidValue UNPROCESSABLE_ENTITY "INVALID_VALUE":
            "A field holds what it must not: too long, too short, out of range, or at odds with another.",
            "`pointer` names the field, and `detail` what would be right.";
        InvalidCursor UNPROCESSABLE_ENTITY "INVALID_CURSOR":
            "The `cursor` was not given by this list, or was given for another filter or order.",
            "Use a `next_cursor` with the very query that gave it, or begin without one.";
        UnknownScope UNPROCESSABLE_ENTITY "UNKNOWN_SCOPE":
            "A scope is not in the workspace's catalogue, or a wildcard matches nothing there.",
            "Choose from `GET /v1/scopes`, or add the scope to the catalogue first.";
        BuiltInScope UNPROCESSABLE_ENTITY "BUILT_IN_SCOPE":
            "A built-in scope, such as `tokens:read`, was put into the catalogue.",
            "Leave it out: built-in scopes are always there.";
        PreconditionFailed PRECONDITION_FAILED "PRECONDITION_FAILED":
            "The token has changed since it was read: its version is none that `If-Match` names.",
            "Read it again, and decide anew.";
        UnknownMember UNPROCESSABLE_ENTITY "UNKNOWN_MEMBER":
            "There is no member with this id.",
            "Choose from `GET /v1/members`.";
        UnknownClient UNPROCESSABLE_ENTITY "UNKNOWN_CLIENT":
            "There is no client with this id.",
            "Choose from `GET /v1/clients`.";
        TooManyTokens UNPROCESSABLE_ENTITY "TOO_MANY_TOKENS":
            "The filter finds more than 1,000 tokens. None was revoked.",
            "Narrow the filter, and revoke them in several requests.";
        UnknownTokens UNPROCESSABLE_ENTITY "UNKNOWN_TOKENS":
            "Some of the tokens named do not exist, or not for you. None was revoked.",
            "`items` says which; leave them out.";
        IdempotencyMismatch UNPROCESSABLE_ENTITY "IDEMPOTENCY_MISMATCH":
            "Another request was sent under this `Idempotency-Key` within the last 24 hours.",
            "Take a new key for a new request.";
        TooManyKeys TOO_MANY_REQUESTS "TOO_MANY_KEYS":
            "For each member, whichever of its tokens it uses, the answers to 10,000 requests with an \
             `Idempotency-Key` are kept for 24 hours, and 8 MiB of them. There is no room for another. Nothing was \
             changed.",
            "Send the request without a key, or wait until `Retry-After`: then the oldest answer goes.";
        NotFound NOT_FOUND "NOT_FOUND":
            "There is nothing by this id or slug, or nothing that you may see: the two are not told apart.",
            "Check the id, and that your token may see what it names.";
        AlreadyExists CONFLICT "ALREADY_EXISTS":
            "There is one already with this id, number, e-mail address, subject, slug, host, digest or pin.",
            "Use what is there, or choose another.";
        TokenRevoked CONFLICT "TOKEN_REVOKED":
            "The token is revoked, for good, and can no longer be changed.",
            "Issue another.";
        TokenExpired CONFLICT "TOKEN_EXPIRED":
            "The token has expired and cannot be rotated.",
            "Set a later `expires_at` first, or issue another.";
        TooManyTexts CONFLICT "TOO_MANY_TEXTS":
            "The token was rotated with a grace period so often that eight of its values are valid at the moment.",
            "Wait until the next one expires, which `detail` says; rotate without `grace_seconds`; or end the previous \
             values with `\"previous\": \"end\"`.";
        LastAdmin CONFLICT "LAST_ADMIN":
            "Nobody would be left to administer the workspace.",
            "Make another member an admin first.";
        QuotaExceeded CONFLICT "QUOTA_EXCEEDED":
            "The owner would have more live tokens than its quota allows.",
            "Revoke some, or have the member's `quota` raised. `detail` says how many would be needed.";
        TextsExceeded CONFLICT "TEXTS_EXCEEDED":
            "The owner's tokens have had as many texts as they may by now, those of revoked tokens and those that \
             rotations replaced included: 10,000, or 20 times the quota where that is more, and 1,000 for each day \
             since the member was added. So nobody fills the storage that everybody relies on. Nothing was changed; \
             tokens can still be revoked.",
            "Look at why so many are made: who issues a token for each request wants one that lives longer. Else wait, \
             or have the member's `quota` raised.";
        StorageFull INSUFFICIENT_STORAGE "STORAGE_FULL":
            "Nine tenths of the workspace's storage are used. Nothing is added to it any more: no token, member or \
             client, no rotation or import, no larger catalogue, and no longer text in what is there. Whatever takes \
             away still works: revoking, disabling, an earlier end, fewer scopes, suspending, erasing.",
            "`GET /v1/workspace` tells whoever holds `workspace:manage` how much is used. Ask whoever runs the \
             service; a shorter `audit_retention_days` makes room, and so does erasing members.";
    }
    "Snapshots":
        "Why there is no snapshot to be had, or not a whole one. Nothing was changed."
    {
        SnapshotNotReady SERVICE_UNAVAILABLE "SNAPSHOT_NOT_READY":
            "The snapshot is being made, since nobody has asked for one lately; or a part of it cannot be read at the \
             moment.",
            "Try again after `Retry-After`.";
        SnapshotTooLarge UNPROCESSABLE_ENTITY "SNAPSHOT_TOO_LARGE":
            "The workspace's snapshot consists of more files than one request can put together: it has some millions \
             of tokens, or a million members.",
            "Verify under leases, which have no such limit.";
        SnapshotsOff SERVICE_UNAVAILABLE "SNAPSHOTS_OFF":
            "The service has no secret to sign snapshots with.",
            "Ask whoever runs it to set `SNAPSHOT_KEYS`.";
        "SNAPSHOT_CUT_OFF":
            "In the log only: a snapshot ended before it was whole, since the registry gave a part of it late, not at \
             all, or false. What was sent of it opens nowhere.",
            "Nothing; if it comes often, look at why the registry does not answer.";
    }
    "What you may do":
        "The token is good and holds the scope, but this goes beyond it. Nothing was changed."
    {
        Escalation FORBIDDEN "ESCALATION":
            "It would grant more than you may: scopes, a longer life, more addresses, a higher role, the end of an \
             admin's suspension, a weaker setting.",
            "Ask for less, or have somebody do it whose token holds `tokens:grant`, or an admin. See api.md.";
        NotYours FORBIDDEN "NOT_YOURS":
            "It acts on what belongs to another member.",
            "Only an admin's token may.";
        OwnToken FORBIDDEN "OWN_TOKEN":
            "It changes the scopes, the expiry or the addresses of the very token that the request presents.",
            "Use another token for it.";
        ReplacedText FORBIDDEN "REPLACED_TEXT":
            "A rotation replaced the token value that the request presents. Until its grace period is over it can be \
             used as before, but it changes nothing, issues nothing and rotates nothing.",
            "Present the value that the token has now. To revoke the old value itself, send it to `POST \
             /oauth/revoke`.";
        TokenOnly FORBIDDEN "TOKEN_ONLY":
            "Only a member's token may: not a session, and not the root token.",
            "Present a token that a member owns.";
        RootOnly FORBIDDEN "ROOT_ONLY":
            "Only the deployment's root token may.",
            "Ask whoever runs the service.";
    }
    "The service":
        "The request may be right; it could not be carried out now."
    {
        Internal INTERNAL_SERVER_ERROR "INTERNAL":
            "Something went wrong inside, and was logged. Nothing was changed.",
            "Try again later; if it stays so, report the `request_id`.";
        LedgerUnavailable SERVICE_UNAVAILABLE "LEDGER_UNAVAILABLE":
            "The workspace's ledger did not answer in time. A change may or may not have been made.",
            "Read what is there before you repeat it, or repeat it under the same `Idempotency-Key`.";
        BeingUpdated SERVICE_UNAVAILABLE "BEING_UPDATED":
            "The service is being updated: the Worker and the workspace's ledger are of different versions, and one \
             does not know what the other says. Nothing was changed.",
            "Try again when `Retry-After` says. If it stays so, the update has not reached everything: the log says \
             what was not known.";
        ProviderUnavailable SERVICE_UNAVAILABLE "PROVIDER_UNAVAILABLE":
            "The identity provider did not answer in time, or not as one, or too many sign in at once. Nobody was \
             signed in.",
            "Try again when `Retry-After` says; if it stays so, the service's log says what came instead.";
        "USES_LOST":
            "In the log only: so many uses of tokens could not be reported to their ledger, and are not counted.",
            "Nothing; if it comes often, look at why the ledger does not answer.";
        Interrupted SERVICE_UNAVAILABLE "INTERRUPTED":
            "The request was cut short. A change may or may not have been made.",
            "Read what is there before you repeat it, or repeat it under the same `Idempotency-Key`.";
    }
}
