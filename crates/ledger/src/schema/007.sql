-- Leases: what a verifier has to be told of what changed since it last asked, and for how long it may rely on that.

-- When this line of history began, in milliseconds since 1970. Whoever sets a ledger back to an earlier state must set it
-- anew and later, and longest_lease to 60: verifiers then drop what they hold of the history that is gone, and nobody waits too
-- short for leases that were granted in it.
ALTER TABLE workspace ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
-- Seconds: how long a lease lasts, and the longest that was ever granted may have lasted.
ALTER TABLE workspace ADD COLUMN lease_max INTEGER NOT NULL DEFAULT 10;
ALTER TABLE workspace ADD COLUMN longest_lease INTEGER NOT NULL DEFAULT 10;

UPDATE workspace SET epoch = created_at;

-- The generation at which the text's end was last set.
ALTER TABLE replaced_texts ADD COLUMN version INTEGER NOT NULL DEFAULT 0;

CREATE INDEX tokens_by_version ON tokens (version);
CREATE INDEX members_by_version ON members (version);
