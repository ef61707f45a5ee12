-- Which ledger a host stands for.
CREATE TABLE hosts (
    host TEXT PRIMARY KEY,
    key TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX hosts_by_key ON hosts (key);
