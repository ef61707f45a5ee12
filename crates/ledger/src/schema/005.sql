-- A JSON list of the hosts by which the workspace is reached. The directory is what decides whose a host is.
ALTER TABLE workspace ADD COLUMN hosts TEXT NOT NULL DEFAULT '[]';
