-- Indices for lists, totals and searches: their cost no longer grows with the workspace.

-- Each order of a list of tokens. An index also holds the number.
CREATE INDEX tokens_by_name ON tokens (name);
CREATE INDEX tokens_by_created_at ON tokens (created_at);
CREATE INDEX tokens_by_expires_at ON tokens (expires_at);
CREATE INDEX tokens_by_last_used_at ON tokens (last_used_at);

-- Each filter of it, apart from scopes and text.
CREATE INDEX tokens_by_client ON tokens (client_id) WHERE client_id IS NOT NULL;
CREATE INDEX tokens_not_revoked ON tokens (expires_at) WHERE revoked_at IS NULL;
CREATE INDEX tokens_revoked ON tokens (number) WHERE revoked_at IS NOT NULL;
CREATE INDEX tokens_disabled ON tokens (number) WHERE enabled = 0 AND revoked_at IS NULL;
CREATE INDEX tokens_by_not_before ON tokens (not_before) WHERE not_before IS NOT NULL;

CREATE INDEX members_present ON members (number) WHERE erased_at IS NULL;
CREATE INDEX members_active_admins ON members (number) WHERE role = 'admin' AND suspended = 0 AND erased_at IS NULL;

CREATE INDEX sessions_by_token ON sessions (token) WHERE token IS NOT NULL;
CREATE INDEX sessions_by_provider ON sessions (issuer, audience) WHERE issuer IS NOT NULL;

CREATE INDEX audit_by_member ON audit (member, seq) WHERE member IS NOT NULL;
-- Actors without an id.
CREATE INDEX audit_by_actor_kind ON audit (actor, seq) WHERE actor_id IS NULL;

-- The member that a stored reply is about, or whose token it is about.
CREATE INDEX idempotency_by_subject ON idempotency (
    coalesce(json_extract(reply, '$.owner.number'), json_extract(reply, '$.number')));

-- How many rows replaced_texts has.
ALTER TABLE workspace ADD COLUMN replaced INTEGER NOT NULL DEFAULT 0;
UPDATE workspace SET replaced = (SELECT count(*) FROM replaced_texts);

CREATE TRIGGER replaced_texts_are_totalled AFTER INSERT ON replaced_texts
BEGIN
    UPDATE workspace SET replaced = replaced + 1;
END;

-- The search index. Upkeep adds tokens to it in batches, the existing ones too: this is the number of the last one that
-- it contains.
ALTER TABLE workspace ADD COLUMN indexed INTEGER NOT NULL DEFAULT 0;

-- Without a copy of the text and without positions: which tokens contain which three characters in a row.
CREATE VIRTUAL TABLE tokens_text USING fts5 (
    name, note, content = '', columnsize = 0, detail = none, tokenize = 'trigram');
-- Text that is taken out leaves no trace in the index.
INSERT INTO tokens_text (tokens_text, rank) VALUES ('secure-delete', 1);

-- The same of what is never personal data. Nothing is taken out, so a token is also found by its earlier hints.
CREATE VIRTUAL TABLE tokens_ids USING fts5 (
    hint, id, content = '', columnsize = 0, detail = none, tokenize = 'trigram');

CREATE TABLE token_scopes (
    scope TEXT NOT NULL,
    token INTEGER NOT NULL,
    PRIMARY KEY (scope, token)
) STRICT, WITHOUT ROWID;

-- Tokens that changed since they were indexed, with what the index contains of them.
CREATE TABLE tokens_to_index (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    note TEXT,
    scopes TEXT NOT NULL
) STRICT;

CREATE TRIGGER tokens_are_indexed_again AFTER UPDATE OF name, note, hint, scopes ON tokens
WHEN OLD.number <= (SELECT indexed FROM workspace)
    AND (OLD.name, OLD.note, OLD.hint, OLD.scopes) IS NOT (NEW.name, NEW.note, NEW.hint, NEW.scopes)
BEGIN
    INSERT OR IGNORE INTO tokens_to_index (number, name, note, scopes)
    VALUES (OLD.number, OLD.name, OLD.note, OLD.scopes);
END;
