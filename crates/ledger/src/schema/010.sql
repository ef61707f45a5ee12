-- What one member alone can fill: texts, and the segment of a prefix that it imports digests for.

-- How many texts the member's tokens ever had, the dead ones included.
ALTER TABLE members ADD COLUMN texts INTEGER NOT NULL DEFAULT 0;

UPDATE members SET texts = (SELECT count(*) FROM tokens WHERE owner = members.number)
    + (SELECT count(*) FROM tokens JOIN replaced_texts ON replaced_texts.token = tokens.number
        WHERE tokens.owner = members.number);

CREATE TRIGGER tokens_are_counted AFTER INSERT ON tokens
BEGIN
    UPDATE members SET texts = texts + 1 WHERE number = NEW.owner;
END;

CREATE TRIGGER replaced_texts_are_counted AFTER INSERT ON replaced_texts
BEGIN
    UPDATE members SET texts = texts + 1 WHERE number = (SELECT owner FROM tokens WHERE number = NEW.token);
END;

-- Of imported texts `weak` may also be 2: so many digests begin alike that no edition carries them.
CREATE INDEX tokens_crowded ON tokens (number) WHERE weak = 2;
CREATE INDEX replaced_texts_crowded ON replaced_texts (digest) WHERE weak = 2;

-- How many bits of a digest tell its segment at least, where some segment was too full with fewer.
ALTER TABLE editions ADD COLUMN least_bits INTEGER NOT NULL DEFAULT 0;
