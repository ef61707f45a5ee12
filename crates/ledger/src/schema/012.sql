-- What one table takes up, where that is bounded: the audit in all, and the answers kept for idempotency keys by member.

-- The number of the member who asked; 0 is root.
ALTER TABLE idempotency ADD COLUMN member INTEGER NOT NULL DEFAULT 0;
CREATE INDEX idempotency_by_member ON idempotency (member, created_at);

-- So that the oldest changes of the catalogue can go first: their rows are the largest.
CREATE INDEX audit_of_catalogues ON audit (seq) WHERE action = 'scopes.replace';

CREATE TABLE spent (
    -- The table, and whose rows: 0 where they are nobody's.
    what TEXT NOT NULL,
    member INTEGER NOT NULL,
    -- How many rows there are, and how many bytes they have.
    rows INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (what, member)
) STRICT, WITHOUT ROWID;

-- An audit row counts 400 bytes for what is always there, with its place in the indices.
INSERT INTO spent (what, member, rows, bytes)
SELECT 'audit', 0, count(*), coalesce(sum(400 + coalesce(length(CAST(before AS BLOB)), 0)
    + coalesce(length(CAST(after AS BLOB)), 0)), 0) FROM audit;

INSERT INTO spent (what, member, rows, bytes)
SELECT 'idempotency', member, count(*), sum(length(CAST(reply AS BLOB))) FROM idempotency GROUP BY member;

-- Of conflict clauses in a trigger those of the statement outside count, so these have none.
CREATE TRIGGER audit_is_counted AFTER INSERT ON audit
BEGIN
    INSERT INTO spent (what, member, rows, bytes)
    SELECT 'audit', 0, 0, 0 WHERE NOT EXISTS (SELECT 1 FROM spent WHERE what = 'audit' AND member = 0);
    UPDATE spent SET rows = rows + 1, bytes = bytes + 400 + coalesce(length(CAST(NEW.before AS BLOB)), 0)
        + coalesce(length(CAST(NEW.after AS BLOB)), 0)
    WHERE what = 'audit' AND member = 0;
END;

CREATE TRIGGER audit_is_discounted AFTER DELETE ON audit
BEGIN
    UPDATE spent SET rows = rows - 1, bytes = bytes - 400 - coalesce(length(CAST(OLD.before AS BLOB)), 0)
        - coalesce(length(CAST(OLD.after AS BLOB)), 0)
    WHERE what = 'audit' AND member = 0;
END;

-- An answer takes the place of one whose time is over. SQLite fires no trigger for a row that REPLACE removes.
CREATE TRIGGER answers_make_room BEFORE INSERT ON idempotency
BEGIN
    DELETE FROM idempotency WHERE place = NEW.place;
END;

CREATE TRIGGER answers_are_counted AFTER INSERT ON idempotency
BEGIN
    INSERT INTO spent (what, member, rows, bytes)
    SELECT 'idempotency', NEW.member, 0, 0
    WHERE NOT EXISTS (SELECT 1 FROM spent WHERE what = 'idempotency' AND member = NEW.member);
    UPDATE spent SET rows = rows + 1, bytes = bytes + length(CAST(NEW.reply AS BLOB))
    WHERE what = 'idempotency' AND member = NEW.member;
END;

CREATE TRIGGER answers_are_discounted AFTER DELETE ON idempotency
BEGIN
    UPDATE spent SET rows = rows - 1, bytes = bytes - length(CAST(OLD.reply AS BLOB))
    WHERE what = 'idempotency' AND member = OLD.member;
    DELETE FROM spent WHERE what = 'idempotency' AND member = OLD.member AND rows <= 0;
END;
