-- Tokens that are pinned to a client, whose text was replaced, or that were issued elsewhere.

-- Whether client_id pins the token or only labels it.
ALTER TABLE tokens ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
-- Whether the text may be guessed from the digest.
ALTER TABLE tokens ADD COLUMN weak INTEGER NOT NULL DEFAULT 0;

CREATE INDEX tokens_pinned ON tokens (owner, client_id) WHERE pinned = 1 AND revoked_at IS NULL;

-- Texts that rotation has replaced. They stay for ever: what once was a token's text is never unknown again, nor is it
-- ever another's.
CREATE TABLE replaced_texts (
    digest BLOB PRIMARY KEY,
    token INTEGER NOT NULL REFERENCES tokens (number),
    -- The end of its grace.
    valid_until INTEGER NOT NULL,
    -- The generation at which the text was issued.
    issued INTEGER NOT NULL,
    seal_epoch TEXT,
    weak INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX replaced_texts_by_token ON replaced_texts (token, valid_until);

-- Settings of the workspace; those that version 1 had already stay where they are.
-- Seconds; NULL: no limit.
ALTER TABLE workspace ADD COLUMN max_lifetime INTEGER;
-- Seconds.
ALTER TABLE workspace ADD COLUMN session_length INTEGER NOT NULL DEFAULT 43200;
-- Days; NULL: for ever.
ALTER TABLE workspace ADD COLUMN audit_retention INTEGER;
-- A JSON list of the origins whose web pages may send requests.
ALTER TABLE workspace ADD COLUMN allowed_origins TEXT NOT NULL DEFAULT '[]';
-- Whether the workspace is being deleted: to everybody outside it is gone already.
ALTER TABLE workspace ADD COLUMN deleting INTEGER NOT NULL DEFAULT 0;

-- When the member was erased: its row stays for its number's sake, and says nothing of who it was.
ALTER TABLE members ADD COLUMN erased_at INTEGER;

CREATE TABLE clients (
    -- In the order in which they were added; never used again.
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    permissions TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX audit_by_actor ON audit (actor_id, seq);

-- Version 1 wrote names, addresses and notes into the audit, where erasing a member does not reach them. They are taken
-- out, this once: nothing of the kind has been written since, and no row is ever changed again.
DROP TRIGGER audit_is_append_only;
UPDATE audit SET after = json_remove(after, '$.name', '$.email', '$.note', '$.metadata')
WHERE action IN ('member.create', 'token.create');
CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'an audit row is never changed');
END;

-- What a command answered, for when it is sent again under the same key. The reply holds no token's text.
CREATE TABLE idempotency (
    -- SHA-256 of the actor, the kind of command and the key, which may be a secret of the caller's.
    place BLOB PRIMARY KEY,
    -- SHA-256 of the command as JSON.
    fingerprint BLOB NOT NULL,
    reply TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_by_age ON idempotency (created_at);
