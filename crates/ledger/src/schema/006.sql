-- Signing in by an identity provider.

-- A JSON list of the providers that may vouch for members.
ALTER TABLE workspace ADD COLUMN identity_providers TEXT NOT NULL DEFAULT '[]';

-- By what name providers know the member.
ALTER TABLE members ADD COLUMN subject TEXT;

CREATE UNIQUE INDEX members_by_subject ON members (subject) WHERE subject IS NOT NULL;
CREATE INDEX members_by_email ON members (email COLLATE NOCASE) WHERE email IS NOT NULL;

-- A session is opened by a token, as before, or by a provider's word for a member. No column holds its text.
CREATE TABLE opened_sessions (
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

INSERT INTO opened_sessions (number, id, digest, member, token, opened_with, created_at, expires_at)
SELECT sessions.number, sessions.id, sessions.digest, tokens.owner, sessions.token, sessions.opened_with,
    sessions.created_at, sessions.expires_at
FROM sessions JOIN tokens ON tokens.number = sessions.token;

DROP TABLE sessions;
ALTER TABLE opened_sessions RENAME TO sessions;

CREATE INDEX sessions_by_member ON sessions (member);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
