//! Every stable code that a caller can meet: what it means and what to do. The error pages and the OpenAPI document are
//! made from this table, and no code is used that it does not have. It is no part of what is deployed.

/// Codes of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// Its heading.
    pub title: &'static str,
    /// What these codes have in common.
    pub about: &'static str,
    /// The codes.
    pub codes: &'static [Meaning],
}

/// One code. Once published it keeps its meaning.
#[derive(Clone, Copy, Debug)]
pub struct Meaning {
    /// The code: a problem's `code`, a decision's, or that of a line of an import.
    pub code: &'static str,
    /// The statuses it comes with; none where it is never a problem.
    pub statuses: &'static [u16],
    /// What is the matter.
    pub means: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

/// What is known of a code.
#[must_use]
pub fn meaning(code: &str) -> Option<&'static Meaning> {
    all().find(|meaning| meaning.code == code)
}

/// Every code, in the order of the page.
pub fn all() -> impl Iterator<Item = &'static Meaning> {
    SECTIONS.iter().flat_map(|section| section.codes)
}

const fn code(code: &'static str, statuses: &'static [u16], means: &'static str, remedy: &'static str) -> Meaning {
    Meaning { code, statuses, means, remedy }
}

/// The table.
pub const SECTIONS: &[Section] = &[
    Section {
        title: "The credential",
        about: "The token that the request presents. The same codes, without a status, are what `POST /v1/verify` \
                decides about a token that it is asked about.",
        codes: &[
            code(
                "NO_CREDENTIAL",
                &[401],
                "The request presents no token.",
                "Send `Authorization: Bearer <token>`, or `X-API-Key: <token>`.",
            ),
            code(
                "UNREADABLE_CREDENTIAL",
                &[401],
                "There is an `Authorization`, `X-API-Key` or `X-lgca-token` header, but no token can be read from it. \
                 `Authorization` with another scheme counts only where there is no token beside it.",
                "Use the scheme `Bearer`; a token is visible ASCII.",
            ),
            code("AMBIGUOUS_CREDENTIAL", &[400], "The request presents two different credentials.", "Send one."),
            code(
                "SESSION_ENDED",
                &[401],
                "The session that the browser sent along is over, or never was.",
                "Sign in again: `POST /v1/session` with a token, or by an identity provider.",
            ),
            code(
                "SIGN_IN_FAILED",
                &[401],
                "Nobody signs in this way: the identity token is not good here, or is about no member that takes part, or \
                 the browser came back from its provider otherwise than it went. Which of these it is, the service's log \
                 says, and the audit where the provider did sign the token.",
                "Try again; if it stays so, ask somebody who manages the workspace. See sign-in.md.",
            ),
            code(
                "CROSS_ORIGIN",
                &[403],
                "In a session, a change was asked for by something else than a page of this very origin.",
                "Elsewhere, present a token.",
            ),
            code(
                "ORIGIN_NOT_ALLOWED",
                &[403],
                "A web page of another origin sent this, and the workspace does not allow that origin. Routes that have \
                 no workspace, and `POST /v1/verify`, allow none.",
                "Add the origin to the workspace's `allowed_origins`, or call from a server.",
            ),
            code(
                "MALFORMED",
                &[401],
                "The text is not a token: mistyped, cut short, or not of a token's characters. Nothing was looked up.",
                "`detail` says which: too short or too long (a token has 16 to 512 characters), a space, a line break or \
                 another character that no token has, a scheme such as `Bearer` that was left on, or a wrong check. Copy \
                 the token once more, whole.",
            ),
            code(
                "UNKNOWN",
                &[401],
                "No such token was issued in this workspace.",
                "Check that the token is meant for this workspace, and that `x-lgca-domain`, where that is sent, names it. \
                 One that was issued elsewhere and imported names its workspace in `X-Counterfoil-Workspace` or \
                 `x-lgca-domain`, or is sent to one of the workspace's `hosts`.",
            ),
            code(
                "WORKSPACE_SUSPENDED",
                &[401],
                "The token's workspace is suspended, and with it all its tokens.",
                "Ask whoever runs the service: only root resumes a workspace.",
            ),
            code(
                "REVOKED",
                &[401],
                "The token was revoked, or a rotation replaced its text and the grace period is over.",
                "Use the new text, or have another token issued. A revocation cannot be undone.",
            ),
            code(
                "OWNER_SUSPENDED",
                &[401],
                "The member that the token belongs to is suspended.",
                "Have somebody who holds `workspace:manage` make the member active again.",
            ),
            code(
                "DISABLED",
                &[401],
                "The token is switched off.",
                "Switch it on: `PATCH /v1/tokens/{id}` with `{\"enabled\": true}`.",
            ),
            code(
                "EXPIRED",
                &[401],
                "The token's time is over.",
                "Have another issued, or a later `expires_at` set by somebody who may.",
            ),
            code(
                "NOT_YET_VALID",
                &[401],
                "The token's time has not come.",
                "Wait until its `not_before`, or have an earlier one set.",
            ),
            code(
                "ADDRESS_NOT_ALLOWED",
                &[403],
                "The token is bound to other addresses. A token with an address list that is verified without an \
                 `address` is refused too, and so is one that a gateway asks about without `X-Counterfoil-Address` or \
                 with one that cannot be read: `detail` says so.",
                "Call from an address in its `allowed_addresses`; when verifying, pass the client's address, without a \
                 port.",
            ),
            code(
                "INSUFFICIENT_SCOPE",
                &[403],
                "The token is good, but it, or its owner, is not granted what this needs.",
                "Use a token that holds the scope that `detail` names. A token's `effective_scopes` say what it may do.",
            ),
            code(
                "RATE_LIMITED",
                &[429],
                "Too many requests: with unknown credentials or workspace names, with invalid credentials from your address, \
                 sign-ins from your address, changes by your credential, or messages on one WebSocket. `detail` says which. \
                 Nothing was changed.",
                "Try again after `Retry-After`. The rate limits count neither verification by a valid token nor revocations; an \
                 isolate that has just started may still ask for a retry. To make many changes, use the routes that take many \
                 tokens in one request.",
            ),
        ],
    },
    Section {
        title: "Decisions",
        about: "Two codes are decisions of `POST /v1/verify` only.",
        codes: &[
            code("VALID", &[], "The token passes, and grants all that the demand asks for.", "Serve the request."),
            code(
                "UNAVAILABLE",
                &[],
                "The answer cannot be had as fresh as it was asked for. It is never a yes.",
                "Try again, or ask with the freshness `eventual`.",
            ),
        ],
    },
    Section {
        title: "Gateways",
        about: "What a gateway that asks `/authorize` can do wrong. Its client is answered 403 then, whatever it sent.",
        codes: &[
            code(
                "GATEWAY_NOT_ALLOWED",
                &[403],
                "The request does not come from a gateway: `X-Counterfoil-Gateway` holds no live token with \
                 `tokens:verify`.",
                "Issue the gateway such a token, and have it set the header on each question.",
            ),
            code(
                "INVALID_DEMAND",
                &[403],
                "A header in which the gateway says what it demands cannot be read, or is there twice.",
                "`detail` says which. Have the gateway overwrite what its clients send by these names.",
            ),
        ],
    },
    Section {
        title: "The request",
        about: "What was sent cannot be read, or leads nowhere.",
        codes: &[
            code(
                "NO_SUCH_ROUTE",
                &[404],
                "There is nothing at this path.",
                "Look the path up in `/openapi.json`; paths have no slash at their end.",
            ),
            code(
                "METHOD_NOT_ALLOWED",
                &[405],
                "The path does not take this method.",
                "Use one that the `Allow` header names.",
            ),
            code(
                "WORKSPACE_REQUIRED",
                &[400],
                "The root token belongs to no workspace, and the request names none; or a token is sent as \
                 `X-lgca-token` without its other half.",
                "Name one by its slug: `X-Counterfoil-Workspace: <slug>`, or `x-lgca-domain: <slug>` beside \
                 `X-lgca-token`.",
            ),
            code(
                "INVALID_FORM",
                &[400],
                "The form that was sent to `/oauth/introspect` or `/oauth/revoke` lacks `token`, names a field twice, or is \
                 no form; or the caller authenticates in two ways.",
                "Send `token=…` as `application/x-www-form-urlencoded`, and authenticate once.",
            ),
            code(
                "INVALID_QUERY",
                &[400],
                "The query string has a parameter that is unknown, given twice, or of the wrong form.",
                "`detail` says which.",
            ),
            code(
                "INVALID_IDEMPOTENCY_KEY",
                &[400],
                "The `Idempotency-Key` cannot be used.",
                "Send one, of 1 to 255 visible ASCII characters.",
            ),
            code(
                "UNSUPPORTED_MEDIA_TYPE",
                &[415],
                "The body is not declared to be JSON.",
                "Send `Content-Type: application/json`.",
            ),
            code(
                "BODY_TOO_LARGE",
                &[413],
                "The body is larger than the route reads: 64 KiB, or 4 MiB for an import.",
                "Send less, in several requests.",
            ),
            code("BODY_INCOMPLETE", &[400], "The body ended before it was whole.", "Send the request again."),
            code("INVALID_JSON", &[400], "The body is not JSON.", "`detail` says where it goes wrong."),
            code(
                "INVALID_BODY",
                &[422],
                "The body is JSON of another shape: a field is missing, unknown, given twice, or of the wrong type.",
                "`pointer` names the field; `/openapi.json` has the shape.",
            ),
        ],
    },
    Section {
        title: "What is asked for",
        about: "The request is understood, and the rules do not let it be carried out. Nothing was changed.",
        codes: &[
            code(
                "INVALID_VALUE",
                &[422],
                "A field holds what it must not: too long, too short, out of range, or at odds with another.",
                "`pointer` names the field, and `detail` what would be right.",
            ),
            code(
                "INVALID_CURSOR",
                &[422],
                "The `cursor` was not given by this list, or was given for another filter or order.",
                "Use a `next_cursor` with the very query that gave it, or begin without one.",
            ),
            code(
                "UNKNOWN_SCOPE",
                &[422],
                "A scope is not in the workspace's catalogue, or a wildcard matches nothing there.",
                "Choose from `GET /v1/scopes`, or add the scope to the catalogue first.",
            ),
            code(
                "BUILT_IN_SCOPE",
                &[422],
                "A built-in scope, such as `tokens:read`, was put into the catalogue.",
                "Leave it out: built-in scopes are always there.",
            ),
            code(
                "PRECONDITION_FAILED",
                &[412],
                "The token has changed since it was read: its version is none that `If-Match` names.",
                "Read it again, and decide anew.",
            ),
            code("UNKNOWN_MEMBER", &[422], "There is no member with this id.", "Choose from `GET /v1/members`."),
            code("UNKNOWN_CLIENT", &[422], "There is no client with this id.", "Choose from `GET /v1/clients`."),
            code(
                "TOO_MANY_TOKENS",
                &[422],
                "The filter finds more than 1,000 tokens. None was revoked.",
                "Narrow the filter, and revoke them in several requests.",
            ),
            code(
                "UNKNOWN_TOKENS",
                &[422],
                "Some of the tokens named do not exist, or not for you. None was revoked.",
                "`items` says which; leave them out.",
            ),
            code(
                "IDEMPOTENCY_MISMATCH",
                &[422],
                "Another request was sent under this `Idempotency-Key` within the last 24 hours.",
                "Take a new key for a new request.",
            ),
            code(
                "TOO_MANY_KEYS",
                &[429],
                "For each member, whichever of its tokens it uses, the answers to 10,000 requests with an `Idempotency-Key` are kept \
                 for 24 hours, and 8 MiB of them. There is no room for another. Nothing was changed.",
                "Send the request without a key, or wait until `Retry-After`: then the oldest answer goes.",
            ),
            code(
                "NOT_FOUND",
                &[404],
                "There is nothing by this id or slug, or nothing that you may see: the two are not told apart.",
                "Check the id, and that your token may see what it names.",
            ),
            code(
                "ALREADY_EXISTS",
                &[409],
                "There is one already with this id, number, e-mail address, subject, slug, host, digest or pin.",
                "Use what is there, or choose another.",
            ),
            code(
                "TOKEN_REVOKED",
                &[409],
                "The token is revoked, for good, and can no longer be changed.",
                "Issue another.",
            ),
            code(
                "TOKEN_EXPIRED",
                &[409],
                "The token has expired and cannot be rotated.",
                "Set a later `expires_at` first, or issue another.",
            ),
            code(
                "TOO_MANY_TEXTS",
                &[409],
                "The token was rotated with a grace period so often that eight of its values are valid at the moment.",
                "Wait until the next one expires, which `detail` says; rotate without `grace_seconds`; or end the previous \
                 values with `\"previous\": \"end\"`.",
            ),
            code(
                "LAST_ADMIN",
                &[409],
                "Nobody would be left to administer the workspace.",
                "Make another member an admin first.",
            ),
            code(
                "QUOTA_EXCEEDED",
                &[409],
                "The owner would have more live tokens than its quota allows.",
                "Revoke some, or have the member's `quota` raised. `detail` says how many would be needed.",
            ),
            code(
                "TEXTS_EXCEEDED",
                &[409],
                "The owner's tokens have had as many texts as they may by now, those of revoked tokens and those that \
                 rotations replaced included: 10,000, or 20 times the quota where that is more, and 1,000 for each day \
                 since the member was added. So nobody fills the storage that everybody relies on. Nothing was changed; \
                 tokens can still be revoked.",
                "Look at why so many are made: who issues a token for each request wants one that lives longer. Else wait, or \
                 have the member's `quota` raised.",
            ),
            code(
                "STORAGE_FULL",
                &[507],
                "Nine tenths of the workspace's storage are used. Nothing is added to it any more: no token, member or client, \
                 no rotation or import, no larger catalogue, and no longer text in what is there. Whatever takes away still \
                 works: revoking, disabling, an earlier end, fewer scopes, suspending, erasing.",
                "`GET /v1/workspace` tells whoever holds `workspace:manage` how much is used. Ask whoever runs the service; a \
                 shorter `audit_retention_days` makes room, and so does erasing members.",
            ),
        ],
    },
    Section {
        title: "Snapshots",
        about: "Why there is no snapshot to be had, or not a whole one. Nothing was changed.",
        codes: &[
            code(
                "SNAPSHOT_NOT_READY",
                &[503],
                "The snapshot is being made, since nobody has asked for one lately; or a part of it cannot be read at the \
                 moment.",
                "Try again after `Retry-After`.",
            ),
            code(
                "SNAPSHOT_TOO_LARGE",
                &[422],
                "The workspace's snapshot consists of more files than one request can put together: it has some millions of \
                 tokens, or a million members.",
                "Verify under leases, which have no such limit.",
            ),
            code(
                "SNAPSHOTS_OFF",
                &[503],
                "The service has no secret to sign snapshots with.",
                "Ask whoever runs it to set `SNAPSHOT_KEYS`.",
            ),
            code(
                "SNAPSHOT_CUT_OFF",
                &[],
                "In the log only: a snapshot ended before it was whole, since the registry gave a part of it late, not at \
                 all, or false. What was sent of it opens nowhere.",
                "Nothing; if it comes often, look at why the registry does not answer.",
            ),
        ],
    },
    Section {
        title: "What you may do",
        about: "The token is good and holds the scope, but this goes beyond it. Nothing was changed.",
        codes: &[
            code(
                "ESCALATION",
                &[403],
                "It would grant more than you may: scopes, a longer life, more addresses, a higher role, the end of an admin's \
                 suspension, a weaker setting.",
                "Ask for less, or have somebody do it whose token holds `tokens:grant`, or an admin. See api.md.",
            ),
            code("NOT_YOURS", &[403], "It acts on what belongs to another member.", "Only an admin's token may."),
            code(
                "OWN_TOKEN",
                &[403],
                "It changes the scopes, the expiry or the addresses of the very token that the request presents.",
                "Use another token for it.",
            ),
            code(
                "REPLACED_TEXT",
                &[403],
                "A rotation replaced the token value that the request presents. Until its grace period is over it can be \
                 used as before, but it changes nothing, issues nothing and rotates nothing.",
                "Present the value that the token has now. To revoke the old value itself, send it to `POST /oauth/revoke`.",
            ),
            code(
                "TOKEN_ONLY",
                &[403],
                "Only a member's token may: not a session, and not the root token.",
                "Present a token that a member owns.",
            ),
            code("ROOT_ONLY", &[403], "Only the deployment's root token may.", "Ask whoever runs the service."),
        ],
    },
    Section {
        title: "The service",
        about: "The request may be right; it could not be carried out now.",
        codes: &[
            code(
                "INTERNAL",
                &[500],
                "Something went wrong inside, and was logged. Nothing was changed.",
                "Try again later; if it stays so, report the `request_id`.",
            ),
            code(
                "LEDGER_UNAVAILABLE",
                &[503],
                "The workspace's ledger did not answer in time. A change may or may not have been made.",
                "Read what is there before you repeat it, or repeat it under the same `Idempotency-Key`.",
            ),
            code(
                "BEING_UPDATED",
                &[503],
                "The service is being updated: the Worker and the workspace's ledger are of different versions, and one does \
                 not know what the other says. Nothing was changed.",
                "Try again when `Retry-After` says. If it stays so, the update has not reached everything: the log says what \
                 was not known.",
            ),
            code(
                "PROVIDER_UNAVAILABLE",
                &[503],
                "The identity provider did not answer in time, or not as one, or too many sign in at once. Nobody was signed in.",
                "Try again when `Retry-After` says; if it stays so, the service's log says what came instead.",
            ),
            code(
                "USES_LOST",
                &[],
                "In the log only: so many uses of tokens could not be reported to their ledger, and are not counted.",
                "Nothing; if it comes often, look at why the ledger does not answer.",
            ),
            code(
                "INTERRUPTED",
                &[503],
                "The request was cut short. A change may or may not have been made.",
                "Read what is there before you repeat it, or repeat it under the same `Idempotency-Key`.",
            ),
        ],
    },
];
