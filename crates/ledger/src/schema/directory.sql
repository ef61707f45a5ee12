-- Which ledger a slug stands for. A slug is reserved first and confirmed once its workspace stands.
CREATE TABLE slugs (
    slug TEXT PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    confirmed INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
