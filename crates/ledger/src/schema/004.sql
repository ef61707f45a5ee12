-- How often a token's texts were used, on each day.

CREATE TABLE uses (
    -- Days since 1970-01-01, UTC.
    day INTEGER NOT NULL,
    -- The token's number.
    token INTEGER NOT NULL,
    count INTEGER NOT NULL,
    -- In this order, since days go whole and are many tokens wide.
    PRIMARY KEY (day, token)
) STRICT, WITHOUT ROWID;
