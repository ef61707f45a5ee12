CREATE INDEX audit_by_actor ON audit (actor_id, seq);

CREATE INDEX audit_by_subject ON audit (subject, seq);

CREATE INDEX idempotency_by_age ON idempotency (created_at);

CREATE INDEX members_by_email ON members (email COLLATE NOCASE) WHERE email IS NOT NULL;

CREATE UNIQUE INDEX members_by_subject ON members (subject) WHERE subject IS NOT NULL;

CREATE INDEX members_by_version ON members (version);

CREATE INDEX outbox_by_due ON outbox (due_at);

CREATE INDEX replaced_texts_by_token ON replaced_texts (token, valid_until);

CREATE INDEX scopes_with_freshness ON scopes (name, freshness) WHERE freshness IS NOT NULL;

CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE INDEX sessions_by_member ON sessions (member);

CREATE INDEX tokens_by_owner ON tokens (owner, number);

CREATE INDEX tokens_by_version ON tokens (version);

CREATE INDEX tokens_pinned ON tokens (owner, client_id) WHERE pinned = 1 AND revoked_at IS NULL;

CREATE INDEX tokens_unrevoked ON tokens (owner, expires_at) WHERE revoked_at IS NULL;

CREATE TABLE audit (
    -- Never used again, also where old rows are removed.
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    -- 'token' or 'root', with the token's id.
    actor TEXT NOT NULL,
    actor_id TEXT,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    before TEXT,
    after TEXT,
    request_id TEXT NOT NULL,
    address TEXT
, member INTEGER) STRICT;

CREATE TABLE clients (
    -- In the order in which they were added; never used again.
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    permissions TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE idempotency (
    -- SHA-256 of the actor, the kind of command and the key, which may be a secret of the caller's.
    place BLOB PRIMARY KEY,
    -- SHA-256 of the command as JSON.
    fingerprint BLOB NOT NULL,
    reply TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE members (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    email TEXT,
    role TEXT NOT NULL,
    grants TEXT NOT NULL,
    -- NULL: the workspace's default.
    quota INTEGER,
    suspended INTEGER NOT NULL,
    -- Tokens issued at an earlier generation are revoked.
    revoked_before INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL
, erased_at INTEGER, subject TEXT) STRICT;

CREATE TABLE outbox (
    -- The registry's key, and what is to be put there: of each key the last version only.
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL,
    version INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    -- How many puts have failed in a row.
    attempts INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE replaced_texts (
    digest BLOB PRIMARY KEY,
    token INTEGER NOT NULL REFERENCES tokens (number),
    -- The end of its grace.
    valid_until INTEGER NOT NULL,
    -- The generation at which the text was issued.
    issued INTEGER NOT NULL,
    seal_epoch TEXT,
    weak INTEGER NOT NULL
, version INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;

CREATE TABLE schema_version (version INTEGER PRIMARY KEY) STRICT;

CREATE TABLE scopes (
    name TEXT PRIMARY KEY,
    description TEXT NOT NULL,
    visible_to TEXT NOT NULL,
    grantable_by TEXT NOT NULL,
    freshness TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE "sessions" (
    -- In the order in which they were opened.
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    digest BLOB NOT NULL UNIQUE,
    member INTEGER NOT NULL REFERENCES members (number),
    token INTEGER REFERENCES tokens (number),
    -- The digest of the text that opened it, which may be one that its token no longer has: the session is good for as
    -- long as that text is.
    opened_with BLOB,
    -- The provider that vouched: the session is good for as long as its row is there.
    issuer TEXT,
    audience TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    CHECK ((token IS NULL) = (opened_with IS NULL) AND (issuer IS NULL) = (audience IS NULL)
        AND (token IS NULL) <> (issuer IS NULL))
) STRICT;

CREATE TABLE tokens (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    digest BLOB NOT NULL UNIQUE,
    -- Names the secret that sealed the text.
    seal_epoch TEXT,
    hint TEXT NOT NULL,
    owner INTEGER NOT NULL REFERENCES members (number),
    name TEXT NOT NULL,
    note TEXT,
    scopes TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    not_before INTEGER,
    expires_at INTEGER,
    revoked_at INTEGER,
    revoke_reason TEXT,
    created_at INTEGER NOT NULL,
    -- A token's id, or 'root'.
    created_by TEXT NOT NULL,
    client_id TEXT,
    addresses TEXT NOT NULL,
    metadata TEXT,
    last_used_at INTEGER,
    -- The generation at which the text was issued.
    issued INTEGER NOT NULL,
    -- The generation at which the token's record was last changed.
    version INTEGER NOT NULL
, pinned INTEGER NOT NULL DEFAULT 0, weak INTEGER NOT NULL DEFAULT 0) STRICT;

CREATE TABLE uses (
    -- Days since 1970-01-01, UTC.
    day INTEGER NOT NULL,
    -- The token's number.
    token INTEGER NOT NULL,
    count INTEGER NOT NULL,
    -- In this order, since days go whole and are many tokens wide.
    PRIMARY KEY (day, token)
) STRICT, WITHOUT ROWID;

CREATE TABLE workspace (
    row INTEGER PRIMARY KEY CHECK (row = 1),
    key TEXT NOT NULL,
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- Rises by one with every change that verification must see.
    generation INTEGER NOT NULL,
    -- The generation at which the workspace record was last changed.
    version INTEGER NOT NULL,
    -- The generation of the last bootstrap: as long as it is the current one, nothing else has happened here.
    founded INTEGER NOT NULL,
    -- The number of the token issued last. Numbers are never used again.
    last_number INTEGER NOT NULL,
    suspended INTEGER NOT NULL,
    has_imports INTEGER NOT NULL,
    default_quota INTEGER NOT NULL
, max_lifetime INTEGER, session_length INTEGER NOT NULL DEFAULT 43200, audit_retention INTEGER, allowed_origins TEXT NOT NULL DEFAULT '[]', deleting INTEGER NOT NULL DEFAULT 0, hosts TEXT NOT NULL DEFAULT '[]', identity_providers TEXT NOT NULL DEFAULT '[]', epoch INTEGER NOT NULL DEFAULT 0, lease_max INTEGER NOT NULL DEFAULT 10, longest_lease INTEGER NOT NULL DEFAULT 10) STRICT;

CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'an audit row is never changed');
END;

