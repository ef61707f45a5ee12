-- Sessions: what a browser holds in place of a token. No column holds a session's text either.
CREATE TABLE sessions (
    -- In the order in which they were opened; never used again.
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    digest BLOB NOT NULL UNIQUE,
    token INTEGER NOT NULL REFERENCES tokens (number),
    -- The digest of the text that opened it, which may be one that its token no longer has: the session is good for as
    -- long as that text is.
    opened_with BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX sessions_by_token ON sessions (token);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- The number of the member in whose session something was done, or whose session was opened or ended: sessions do not
-- stay, and the rows that tell of them do.
ALTER TABLE audit ADD COLUMN member INTEGER;
