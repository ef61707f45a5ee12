-- Whom a member is: bound to the provider that says so; and who suspended it.

-- The issuer whose subject it is. NULL where no provider goes by subject yet: the first one that does is meant, where it is
-- the only one. Empty where several could be meant: the subject then counts for none of them until somebody says which.
ALTER TABLE members ADD COLUMN subject_issuer TEXT;

-- Whether an admin suspended it: what an admin has ended only an admin brings back. Of old suspensions nobody knows.
ALTER TABLE members ADD COLUMN suspended_by_admin INTEGER NOT NULL DEFAULT 0;

UPDATE members SET suspended_by_admin = 1 WHERE suspended = 1 AND erased_at IS NULL;

-- Where one issuer's subjects count, those that are stored are its own.
UPDATE members SET subject_issuer = (
    SELECT CASE count(DISTINCT provider.value ->> '$.issuer')
        WHEN 0 THEN NULL
        WHEN 1 THEN min(provider.value ->> '$.issuer')
        ELSE ''
    END
    FROM workspace, json_each(workspace.identity_providers) AS provider
    WHERE provider.value ->> '$.member_by' = 'subject'
) WHERE subject IS NOT NULL;

DELETE FROM sessions WHERE issuer IS NOT NULL AND member IN (SELECT number FROM members WHERE subject_issuer = '');

DROP INDEX members_by_subject;
CREATE UNIQUE INDEX members_by_subject ON members (subject, coalesce(subject_issuer, '')) WHERE subject IS NOT NULL;

-- Why people were not signed in is kept for the last of them only, since strangers have a hand in it.
CREATE INDEX audit_of_refusals ON audit (seq) WHERE action = 'session.refuse';
