-- Until when leases may run, for the instance that comes next: it knows nothing of what this one has granted.

-- In milliseconds since 1970: no lease is over later. NULL where a version that wrote nothing down may have granted some;
-- whoever sets a ledger back to an earlier state sets this to NULL too.
ALTER TABLE workspace ADD COLUMN leases_until INTEGER;
-- The number that the instance drew which grants leases.
ALTER TABLE workspace ADD COLUMN grantor INTEGER;
