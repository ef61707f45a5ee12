CREATE INDEX audit_by_actor ON audit (actor_id, seq);

CREATE INDEX audit_by_actor_kind ON audit (actor, seq) WHERE actor_id IS NULL;

CREATE INDEX audit_by_member ON audit (member, seq) WHERE member IS NOT NULL;

CREATE INDEX audit_by_subject ON audit (subject, seq);

CREATE INDEX audit_of_catalogues ON audit (seq) WHERE action = 'scopes.replace';

CREATE INDEX audit_of_refusals ON audit (seq) WHERE action = 'session.refuse';

CREATE INDEX files_by_due ON files (due_at) WHERE due_at IS NOT NULL;

CREATE INDEX idempotency_by_age ON idempotency (created_at);

CREATE INDEX idempotency_by_member ON idempotency (member, created_at);

CREATE INDEX idempotency_by_subject ON idempotency (
    coalesce(json_extract(reply, '$.owner.number'), json_extract(reply, '$.number')));

CREATE INDEX kept_tokens_by_digest ON kept_tokens (digest);

CREATE INDEX members_active_admins ON members (number) WHERE role = 'admin' AND suspended = 0 AND erased_at IS NULL;

CREATE INDEX members_by_email ON members (email COLLATE NOCASE) WHERE email IS NOT NULL;

CREATE UNIQUE INDEX members_by_subject ON members (subject, coalesce(subject_issuer, '')) WHERE subject IS NOT NULL;

CREATE INDEX members_by_version ON members (version);

CREATE INDEX members_present ON members (number) WHERE erased_at IS NULL;

CREATE INDEX outbox_by_due ON outbox (due_at);

CREATE INDEX replaced_texts_by_token ON replaced_texts (token, valid_until);

CREATE INDEX replaced_texts_crowded ON replaced_texts (digest) WHERE weak = 2;

CREATE INDEX replaced_texts_weak ON replaced_texts (digest) WHERE weak = 1;

CREATE INDEX scopes_with_freshness ON scopes (name, freshness) WHERE freshness IS NOT NULL;

CREATE INDEX segments_to_make ON segments (kind, bits, prefix) WHERE made = 0;

CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE INDEX sessions_by_member ON sessions (member);

CREATE INDEX sessions_by_provider ON sessions (issuer, audience) WHERE issuer IS NOT NULL;

CREATE INDEX sessions_by_token ON sessions (token) WHERE token IS NOT NULL;

CREATE INDEX tokens_by_client ON tokens (client_id) WHERE client_id IS NOT NULL;

CREATE INDEX tokens_by_created_at ON tokens (created_at);

CREATE INDEX tokens_by_expires_at ON tokens (expires_at);

CREATE INDEX tokens_by_last_used_at ON tokens (last_used_at);

CREATE INDEX tokens_by_name ON tokens (name);

CREATE INDEX tokens_by_not_before ON tokens (not_before) WHERE not_before IS NOT NULL;

CREATE INDEX tokens_by_owner ON tokens (owner, number);

CREATE INDEX tokens_by_version ON tokens (version);

CREATE INDEX tokens_crowded ON tokens (number) WHERE weak = 2;

CREATE INDEX tokens_disabled ON tokens (number) WHERE enabled = 0 AND revoked_at IS NULL;

CREATE INDEX tokens_not_revoked ON tokens (expires_at) WHERE revoked_at IS NULL;

CREATE INDEX tokens_pinned ON tokens (owner, client_id) WHERE pinned = 1 AND revoked_at IS NULL;

CREATE INDEX tokens_revoked ON tokens (number) WHERE revoked_at IS NOT NULL;

CREATE INDEX tokens_unrevoked ON tokens (owner, expires_at) WHERE revoked_at IS NULL;

CREATE INDEX tokens_weak ON tokens (number) WHERE weak = 1;

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

CREATE TABLE edition (
    row INTEGER PRIMARY KEY CHECK (row = 1),
    kind TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    begun_at INTEGER NOT NULL,
    -- The workspace's record, as verifiers read it.
    workspace BLOB NOT NULL,
    -- 'tokens' and 'members': those that changed are being marked. 'files': files are being made.
    stage TEXT NOT NULL,
    -- The row that was marked last.
    version INTEGER NOT NULL,
    number INTEGER NOT NULL,
    -- When the next step may be taken, and how many puts have failed in a row.
    due_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE editions (
    kind TEXT PRIMARY KEY,
    -- The current one's; NULL where none is current.
    manifest BLOB,
    generation INTEGER,
    begun_at INTEGER,
    -- As of when it is told to be: when it began, or a later moment at which nothing had changed since.
    as_of INTEGER,
    -- The history that all of this is of; NULL where nothing was made yet.
    epoch INTEGER,
    -- When the next one begins; NULL where nobody has noticed yet that one has to.
    due_at INTEGER,
    -- When somebody last asked for it; of snapshots only.
    wanted_at INTEGER,
    -- How many bits of a digest tell its segment. Never fewer than before.
    bits INTEGER NOT NULL DEFAULT 0,
    -- Whether texts are left out because they are weak.
    without_weak INTEGER NOT NULL DEFAULT 0,
    -- Segments that changes up to this generation concern were made since, or are marked to be.
    marked INTEGER NOT NULL DEFAULT 0,
    -- How many texts there were at most when the last one began, and the last token's number then.
    texts INTEGER NOT NULL DEFAULT 0,
    numbered INTEGER NOT NULL DEFAULT 0
, least_bits INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;

CREATE TABLE files (
    name BLOB PRIMARY KEY,
    -- When it is deleted; NULL as long as something names it.
    due_at INTEGER,
    -- How often that has failed.
    attempts INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
    -- SHA-256 of the actor, the kind of command and the key, which may be a secret of the caller's.
    place BLOB PRIMARY KEY,
    -- SHA-256 of the command as JSON.
    fingerprint BLOB NOT NULL,
    reply TEXT NOT NULL,
    created_at INTEGER NOT NULL
, member INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;

CREATE TABLE kept_members (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    suspended INTEGER NOT NULL,
    grants TEXT NOT NULL,
    revoked_before INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;

CREATE TABLE kept_texts (
    digest BLOB PRIMARY KEY,
    token INTEGER NOT NULL,
    valid_until INTEGER NOT NULL,
    issued INTEGER NOT NULL,
    weak INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE kept_tokens (
    number INTEGER PRIMARY KEY,
    digest BLOB NOT NULL,
    owner INTEGER NOT NULL,
    scopes TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    not_before INTEGER,
    expires_at INTEGER,
    revoked_at INTEGER,
    addresses TEXT NOT NULL,
    issued INTEGER NOT NULL,
    weak INTEGER NOT NULL
) STRICT;

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
, erased_at INTEGER, subject TEXT, subject_issuer TEXT, suspended_by_admin INTEGER NOT NULL DEFAULT 0, texts INTEGER NOT NULL DEFAULT 0) STRICT;

CREATE TABLE outbox (
    -- The registry's key, and what is to be put there: of each key the last version only.
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL,
    version INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    -- How many puts have failed in a row.
    attempts INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE owner_segments (
    kind TEXT NOT NULL,
    block INTEGER NOT NULL,
    name BLOB,
    made INTEGER NOT NULL DEFAULT 0,
    current BLOB,
    PRIMARY KEY (kind, block)
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

CREATE TABLE schema_needs (version INTEGER PRIMARY KEY) STRICT;

CREATE TABLE schema_version (version INTEGER PRIMARY KEY) STRICT;

CREATE TABLE scopes (
    name TEXT PRIMARY KEY,
    description TEXT NOT NULL,
    visible_to TEXT NOT NULL,
    grantable_by TEXT NOT NULL,
    freshness TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE segments (
    kind TEXT NOT NULL,
    bits INTEGER NOT NULL,
    prefix INTEGER NOT NULL,
    -- The file that was made last, and how many texts it holds.
    name BLOB,
    tokens INTEGER NOT NULL DEFAULT 0,
    -- Whether that is still right.
    made INTEGER NOT NULL DEFAULT 0,
    -- The file that the current edition names.
    current BLOB,
    PRIMARY KEY (kind, bits, prefix)
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

CREATE TABLE spent (
    -- The table, and whose rows: 0 where they are nobody's.
    what TEXT NOT NULL,
    member INTEGER NOT NULL,
    -- How many rows there are, and how many bytes they have.
    rows INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (what, member)
) STRICT, WITHOUT ROWID;

CREATE TABLE token_scopes (
    scope TEXT NOT NULL,
    token INTEGER NOT NULL,
    PRIMARY KEY (scope, token)
) STRICT, WITHOUT ROWID;

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

CREATE VIRTUAL TABLE tokens_ids USING fts5 (
    hint, id, content = '', columnsize = 0, detail = none, tokenize = 'trigram');

CREATE TABLE 'tokens_ids_config'(k PRIMARY KEY, v) WITHOUT ROWID;

CREATE TABLE 'tokens_ids_data'(id INTEGER PRIMARY KEY, block BLOB);

CREATE TABLE 'tokens_ids_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;

CREATE VIRTUAL TABLE tokens_text USING fts5 (
    name, note, content = '', columnsize = 0, detail = none, tokenize = 'trigram');

CREATE TABLE 'tokens_text_config'(k PRIMARY KEY, v) WITHOUT ROWID;

CREATE TABLE 'tokens_text_data'(id INTEGER PRIMARY KEY, block BLOB);

CREATE TABLE 'tokens_text_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;

CREATE TABLE tokens_to_index (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    note TEXT,
    scopes TEXT NOT NULL
) STRICT;

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
, max_lifetime INTEGER, session_length INTEGER NOT NULL DEFAULT 43200, audit_retention INTEGER, allowed_origins TEXT NOT NULL DEFAULT '[]', deleting INTEGER NOT NULL DEFAULT 0, hosts TEXT NOT NULL DEFAULT '[]', identity_providers TEXT NOT NULL DEFAULT '[]', epoch INTEGER NOT NULL DEFAULT 0, lease_max INTEGER NOT NULL DEFAULT 10, longest_lease INTEGER NOT NULL DEFAULT 10, snapshot_max INTEGER NOT NULL DEFAULT 86400, snapshots_until INTEGER, leases_until INTEGER, grantor INTEGER, replaced INTEGER NOT NULL DEFAULT 0, indexed INTEGER NOT NULL DEFAULT 0) STRICT;

CREATE TRIGGER answers_are_counted AFTER INSERT ON idempotency
BEGIN
    INSERT INTO spent (what, member, rows, bytes)
    SELECT 'idempotency', NEW.member, 0, 0
    WHERE NOT EXISTS (SELECT 1 FROM spent WHERE what = 'idempotency' AND member = NEW.member);
    UPDATE spent SET rows = rows + 1, bytes = bytes + length(CAST(NEW.reply AS BLOB))
    WHERE what = 'idempotency' AND member = NEW.member;
END;

CREATE TRIGGER answers_are_discounted AFTER DELETE ON idempotency
BEGIN
    UPDATE spent SET rows = rows - 1, bytes = bytes - length(CAST(OLD.reply AS BLOB))
    WHERE what = 'idempotency' AND member = OLD.member;
    DELETE FROM spent WHERE what = 'idempotency' AND member = OLD.member AND rows <= 0;
END;

CREATE TRIGGER answers_make_room BEFORE INSERT ON idempotency
BEGIN
    DELETE FROM idempotency WHERE place = NEW.place;
END;

CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'an audit row is never changed');
END;

CREATE TRIGGER audit_is_counted AFTER INSERT ON audit
BEGIN
    INSERT INTO spent (what, member, rows, bytes)
    SELECT 'audit', 0, 0, 0 WHERE NOT EXISTS (SELECT 1 FROM spent WHERE what = 'audit' AND member = 0);
    UPDATE spent SET rows = rows + 1, bytes = bytes + 400 + coalesce(length(CAST(NEW.before AS BLOB)), 0)
        + coalesce(length(CAST(NEW.after AS BLOB)), 0)
    WHERE what = 'audit' AND member = 0;
END;

CREATE TRIGGER audit_is_discounted AFTER DELETE ON audit
BEGIN
    UPDATE spent SET rows = rows - 1, bytes = bytes - 400 - coalesce(length(CAST(OLD.before AS BLOB)), 0)
        - coalesce(length(CAST(OLD.after AS BLOB)), 0)
    WHERE what = 'audit' AND member = 0;
END;

CREATE TRIGGER members_are_kept BEFORE UPDATE OF version ON members
WHEN OLD.version <= (SELECT generation FROM edition) AND NEW.version > (SELECT generation FROM edition)
BEGIN
    INSERT OR IGNORE INTO kept_members (number, id, suspended, grants, revoked_before, version)
    VALUES (OLD.number, OLD.id, OLD.suspended, OLD.grants, OLD.revoked_before, OLD.version);
END;

CREATE TRIGGER replaced_texts_are_counted AFTER INSERT ON replaced_texts
BEGIN
    UPDATE members SET texts = texts + 1 WHERE number = (SELECT owner FROM tokens WHERE number = NEW.token);
END;

CREATE TRIGGER replaced_texts_are_kept BEFORE UPDATE OF version ON replaced_texts
WHEN OLD.version <= (SELECT generation FROM edition) AND NEW.version > (SELECT generation FROM edition)
BEGIN
    INSERT OR IGNORE INTO kept_texts (digest, token, valid_until, issued, weak)
    VALUES (OLD.digest, OLD.token, OLD.valid_until, OLD.issued, OLD.weak);
END;

CREATE TRIGGER replaced_texts_are_totalled AFTER INSERT ON replaced_texts
BEGIN
    UPDATE workspace SET replaced = replaced + 1;
END;

CREATE TRIGGER tokens_are_counted AFTER INSERT ON tokens
BEGIN
    UPDATE members SET texts = texts + 1 WHERE number = NEW.owner;
END;

CREATE TRIGGER tokens_are_indexed_again AFTER UPDATE OF name, note, hint, scopes ON tokens
WHEN OLD.number <= (SELECT indexed FROM workspace)
    AND (OLD.name, OLD.note, OLD.hint, OLD.scopes) IS NOT (NEW.name, NEW.note, NEW.hint, NEW.scopes)
BEGIN
    INSERT OR IGNORE INTO tokens_to_index (number, name, note, scopes)
    VALUES (OLD.number, OLD.name, OLD.note, OLD.scopes);
END;

CREATE TRIGGER tokens_are_kept BEFORE UPDATE OF version ON tokens
WHEN OLD.version <= (SELECT generation FROM edition) AND NEW.version > (SELECT generation FROM edition)
BEGIN
    INSERT OR IGNORE INTO kept_tokens (number, digest, owner, scopes, enabled, not_before, expires_at, revoked_at,
        addresses, issued, weak)
    VALUES (OLD.number, OLD.digest, OLD.owner, OLD.scopes, OLD.enabled, OLD.not_before, OLD.expires_at, OLD.revoked_at,
        OLD.addresses, OLD.issued, OLD.weak);
END;

CREATE VIEW edition_owners AS
SELECT number, id, suspended, grants, revoked_before, version
FROM members WHERE version <= (SELECT generation FROM edition)
UNION ALL
SELECT number, id, suspended, grants, revoked_before, version FROM kept_members;

CREATE VIEW edition_texts AS
SELECT digest, number, owner, scopes, enabled, not_before, expires_at, revoked_at, addresses, issued,
    CAST(NULL AS INTEGER) AS replaced_until, weak
FROM tokens WHERE version <= (SELECT generation FROM edition)
UNION ALL
SELECT digest, number, owner, scopes, enabled, not_before, expires_at, revoked_at, addresses, issued,
    CAST(NULL AS INTEGER), weak
FROM kept_tokens
UNION ALL
SELECT text.digest, number, owner, scopes, enabled, not_before, expires_at, revoked_at, addresses, text.issued,
    CAST(text.valid_until AS INTEGER), text.weak
FROM replaced_texts AS text CROSS JOIN tokens ON tokens.number = text.token
WHERE tokens.version <= (SELECT generation FROM edition)
UNION ALL
SELECT text.digest, number, owner, scopes, enabled, not_before, expires_at, revoked_at, addresses, text.issued,
    CAST(text.valid_until AS INTEGER), text.weak
FROM replaced_texts AS text CROSS JOIN kept_tokens ON kept_tokens.number = text.token
WHERE text.version <= (SELECT generation FROM edition)
UNION ALL
SELECT text.digest, number, owner, scopes, enabled, not_before, expires_at, revoked_at, addresses, text.issued,
    CAST(text.valid_until AS INTEGER), text.weak
FROM kept_texts AS text CROSS JOIN kept_tokens ON kept_tokens.number = text.token;

