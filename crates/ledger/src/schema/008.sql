-- Editions: all that verification must know, as of one generation, in files that the registry holds by their hash.

-- Of each kind, 'leases' and 'snapshots': the current edition, and how things stand for the next.
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
) STRICT, WITHOUT ROWID;

-- The edition that is under way, where one is.
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

CREATE INDEX segments_to_make ON segments (kind, bits, prefix) WHERE made = 0;

-- The same of blocks of members' numbers.
CREATE TABLE owner_segments (
    kind TEXT NOT NULL,
    block INTEGER NOT NULL,
    name BLOB,
    made INTEGER NOT NULL DEFAULT 0,
    current BLOB,
    PRIMARY KEY (kind, block)
) STRICT, WITHOUT ROWID;

-- Every file that the registry may hold: it is here before it is there.
CREATE TABLE files (
    name BLOB PRIMARY KEY,
    -- When it is deleted; NULL as long as something names it.
    due_at INTEGER,
    -- How often that has failed.
    attempts INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE INDEX files_by_due ON files (due_at) WHERE due_at IS NOT NULL;

-- What rows were at the generation of the edition under way, where they have changed since.
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

CREATE INDEX kept_tokens_by_digest ON kept_tokens (digest);

CREATE TABLE kept_texts (
    digest BLOB PRIMARY KEY,
    token INTEGER NOT NULL,
    valid_until INTEGER NOT NULL,
    issued INTEGER NOT NULL,
    weak INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE kept_members (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    suspended INTEGER NOT NULL,
    grants TEXT NOT NULL,
    revoked_before INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;

-- Only the first change after the generation finds a version that is not above it.
CREATE TRIGGER tokens_are_kept BEFORE UPDATE OF version ON tokens
WHEN OLD.version <= (SELECT generation FROM edition) AND NEW.version > (SELECT generation FROM edition)
BEGIN
    INSERT OR IGNORE INTO kept_tokens (number, digest, owner, scopes, enabled, not_before, expires_at, revoked_at,
        addresses, issued, weak)
    VALUES (OLD.number, OLD.digest, OLD.owner, OLD.scopes, OLD.enabled, OLD.not_before, OLD.expires_at, OLD.revoked_at,
        OLD.addresses, OLD.issued, OLD.weak);
END;

CREATE TRIGGER replaced_texts_are_kept BEFORE UPDATE OF version ON replaced_texts
WHEN OLD.version <= (SELECT generation FROM edition) AND NEW.version > (SELECT generation FROM edition)
BEGIN
    INSERT OR IGNORE INTO kept_texts (digest, token, valid_until, issued, weak)
    VALUES (OLD.digest, OLD.token, OLD.valid_until, OLD.issued, OLD.weak);
END;

CREATE TRIGGER members_are_kept BEFORE UPDATE OF version ON members
WHEN OLD.version <= (SELECT generation FROM edition) AND NEW.version > (SELECT generation FROM edition)
BEGIN
    INSERT OR IGNORE INTO kept_members (number, id, suspended, grants, revoked_before, version)
    VALUES (OLD.number, OLD.id, OLD.suspended, OLD.grants, OLD.revoked_before, OLD.version);
END;

-- Every text, as it was at the generation of the edition under way. A replaced text comes and changes only together with
-- its token: of a token that has not changed since, none has; and of a text that was kept the token was kept. All branches have the same types, and what a branch begins with
-- is what a range of digests selects by: only then each is read by its index.
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

-- Every member, likewise.
CREATE VIEW edition_owners AS
SELECT number, id, suspended, grants, revoked_before, version
FROM members WHERE version <= (SELECT generation FROM edition)
UNION ALL
SELECT number, id, suspended, grants, revoked_before, version FROM kept_members;

-- A snapshot says whether weak texts were left out.
CREATE INDEX tokens_weak ON tokens (number) WHERE weak = 1;
CREATE INDEX replaced_texts_weak ON replaced_texts (digest) WHERE weak = 1;

-- For how long a snapshot may be relied upon, in seconds.
ALTER TABLE workspace ADD COLUMN snapshot_max INTEGER NOT NULL DEFAULT 86400;

-- Until when any snapshot may be that was handed out; NULL where nobody ever asked for one.
ALTER TABLE workspace ADD COLUMN snapshots_until INTEGER;
