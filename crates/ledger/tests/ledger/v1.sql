-- A database as version 1 of the ledger made it: two members, a catalogue, three tokens of which one is revoked, and
-- all of it still on its way to the registry.
CREATE TABLE audit (
    -- Never used again, also where old rows are removed.
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    -- 'token' or 'root', with the token's id.
    actor TEXT NOT NULL,
    actor_id TEXT,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    before TEXT,
    after TEXT,
    request_id TEXT NOT NULL,
    address TEXT
) STRICT;
INSERT INTO "audit" VALUES(1,1763000000000,'root',NULL,'workspace.create','0Ab3dE',NULL,'{"admin":"admin","workspace":{"created_at":1763000000000,"key":"0Ab3dE","name":"Demo","prefix":"cft","slug":"demo"}}','native',NULL);
INSERT INTO "audit" VALUES(2,1763000000000,'root',NULL,'token.create','tok_031aaGCzTPjzdN8AIx7t6q',NULL,'{"allowed_addresses":[],"client_id":null,"created_at":1763000000000,"created_by":"root","digest":"d9be5d92f529b0670de088b61dbbcd575ef7d6578fde3eeff3d6b248ed0e7975","effective_scopes":["*"],"enabled":true,"expires_at":null,"hint":"cft_…OiFr","id":"tok_031aaGCzTPjzdN8AIx7t6q","last_used_at":null,"metadata":null,"name":"First admin token","not_before":null,"note":null,"number":1,"owner":{"id":"admin","number":1},"revoked_at":null,"scopes":["*"],"state":"active"}','native',NULL);
INSERT INTO "audit" VALUES(3,1763000000000,'root',NULL,'scopes.replace','0Ab3dE','[]','[{"description":"may orders:read","freshness":null,"grantable_by":"member","name":"orders:read","visible_to":"member"},{"description":"may read","freshness":null,"grantable_by":"member","name":"read","visible_to":"member"}]','native',NULL);
INSERT INTO "audit" VALUES(4,1763000000000,'root',NULL,'member.create','ann',NULL,'{"created_at":1763000000000,"email":null,"grants":["read"],"id":"ann","live_tokens":0,"name":"ANN","number":2,"quota":600,"role":"member","suspended":false}','native',NULL);
INSERT INTO "audit" VALUES(5,1763000000000,'root',NULL,'token.create','tok_031aaGCzTRe2aoYFhqWn4l',NULL,'{"allowed_addresses":[],"client_id":null,"created_at":1763000000000,"created_by":"root","digest":"681862bde74dfaf00a2fce9b9ba0673d6af221cb7bd4af3aa282774c9c993069","effective_scopes":["read"],"enabled":true,"expires_at":null,"hint":"cft_…xrv2","id":"tok_031aaGCzTRe2aoYFhqWn4l","last_used_at":null,"metadata":null,"name":"a token","not_before":null,"note":null,"number":2,"owner":{"id":"ann","number":2},"revoked_at":null,"scopes":["read"],"state":"active"}','native',NULL);
INSERT INTO "audit" VALUES(6,1763000000000,'token','tok_031aaGCzTPjzdN8AIx7t6q','token.create','tok_031aaGCzTgFpL0qy24wdPn',NULL,'{"allowed_addresses":[],"client_id":null,"created_at":1763000000000,"created_by":"tok_031aaGCzTPjzdN8AIx7t6q","digest":"aac1658474cd2efcfc72473ac2bb535034094264d39c36401827effbb055c90a","effective_scopes":["read"],"enabled":true,"expires_at":1763086400000,"hint":"cft_…511r","id":"tok_031aaGCzTgFpL0qy24wdPn","last_used_at":null,"metadata":{"team":"a"},"name":"a token","not_before":null,"note":"a note","number":3,"owner":{"id":"admin","number":1},"revoked_at":null,"scopes":["read"],"state":"active"}','native',NULL);
INSERT INTO "audit" VALUES(7,1763000000000,'token','tok_031aaGCzTPjzdN8AIx7t6q','token.revoke','tok_031aaGCzTgFpL0qy24wdPn','{"revoked_at":null}','{"reason":"over","revoked_at":1763000000000}','native',NULL);
CREATE TABLE members (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    email TEXT,
    role TEXT NOT NULL,
    grants TEXT NOT NULL,
    -- NULL: the workspace's default.
    quota INTEGER,
    suspended INTEGER NOT NULL,
    -- Tokens issued at an earlier generation are revoked.
    revoked_before INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;
INSERT INTO "members" VALUES(1,'admin','Admin',NULL,'admin','["*"]',NULL,0,0,1763000000000,1);
INSERT INTO "members" VALUES(2,'ann','ANN',NULL,'member','["read"]',NULL,0,0,1763000000000,3);
CREATE TABLE outbox (
    -- The registry's key, and what is to be put there: of each key the last version only.
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL,
    version INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    -- How many puts have failed in a row.
    attempts INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "outbox" VALUES('o/0Ab3dE/1',X'016F01010561646D696E0001012A00',1,1763000000000,0);
INSERT INTO "outbox" VALUES('o/0Ab3dE/2',X'016F030203616E6E0001047265616400',3,1763000000000,0);
INSERT INTO "outbox" VALUES('r/0Ab3dE/681862bde74dfaf00a2fce9b9ba0673d6af221cb7bd4af3aa282774c9c993069',X'0172041A746F6B5F303331616147437A54526532616F59466871576E346C0202076120746F6B656E00000104726561640400010000000000',4,1763000000000,0);
INSERT INTO "outbox" VALUES('r/0Ab3dE/aac1658474cd2efcfc72473ac2bb535034094264d39c36401827effbb055c90a',X'0172061A746F6B5F303331616147437A546746704C30717932347764506E0301076120746F6B656E00010C7B227465616D223A2261227D010472656164050101000180F48D81A833000000',6,1763000000000,0);
INSERT INTO "outbox" VALUES('r/0Ab3dE/d9be5d92f529b0670de088b61dbbcd575ef7d6578fde3eeff3d6b248ed0e7975',X'0172011A746F6B5F303331616147437A54506A7A644E384149783774367101011146697273742061646D696E20746F6B656E000001012A0100010000000000',1,1763000000000,0);
INSERT INTO "outbox" VALUES('w/0Ab3dE',X'0177023041623364450464656D6F000000',2,1763000000000,0);
CREATE TABLE schema_version (version INTEGER PRIMARY KEY) STRICT;
INSERT INTO "schema_version" VALUES(1);
CREATE TABLE scopes (
    name TEXT PRIMARY KEY,
    description TEXT NOT NULL,
    visible_to TEXT NOT NULL,
    grantable_by TEXT NOT NULL,
    freshness TEXT
) STRICT, WITHOUT ROWID;
INSERT INTO "scopes" VALUES('orders:read','may orders:read','member','member',NULL);
INSERT INTO "scopes" VALUES('read','may read','member','member',NULL);
CREATE TABLE tokens (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    digest BLOB NOT NULL UNIQUE,
    -- Names the secret that sealed the text.
    seal_epoch TEXT,
    hint TEXT NOT NULL,
    owner INTEGER NOT NULL REFERENCES members (number),
    name TEXT NOT NULL,
    note TEXT,
    scopes TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    not_before INTEGER,
    expires_at INTEGER,
    revoked_at INTEGER,
    revoke_reason TEXT,
    created_at INTEGER NOT NULL,
    -- A token's id, or 'root'.
    created_by TEXT NOT NULL,
    client_id TEXT,
    addresses TEXT NOT NULL,
    metadata TEXT,
    last_used_at INTEGER,
    -- The generation at which the text was issued.
    issued INTEGER NOT NULL,
    -- The generation at which the token's record was last changed.
    version INTEGER NOT NULL
) STRICT;
INSERT INTO "tokens" VALUES(1,'tok_031aaGCzTPjzdN8AIx7t6q',X'D9BE5D92F529B0670DE088B61DBBCD575EF7D6578FDE3EEFF3D6B248ED0E7975','70db0cae','cft_…OiFr',1,'First admin token',NULL,'["*"]',1,NULL,NULL,NULL,NULL,1763000000000,'root',NULL,'[]',NULL,NULL,1,1);
INSERT INTO "tokens" VALUES(2,'tok_031aaGCzTRe2aoYFhqWn4l',X'681862BDE74DFAF00A2FCE9B9BA0673D6AF221CB7BD4AF3AA282774C9C993069','70db0cae','cft_…xrv2',2,'a token',NULL,'["read"]',1,NULL,NULL,NULL,NULL,1763000000000,'root',NULL,'[]',NULL,NULL,4,4);
INSERT INTO "tokens" VALUES(3,'tok_031aaGCzTgFpL0qy24wdPn',X'AAC1658474CD2EFCFC72473AC2BB535034094264D39C36401827EFFBB055C90A','70db0cae','cft_…511r',1,'a token','a note','["read"]',1,NULL,1763086400000,1763000000000,'over',1763000000000,'tok_031aaGCzTPjzdN8AIx7t6q',NULL,'[]','{"team":"a"}',NULL,5,6);
CREATE TABLE workspace (
    row INTEGER PRIMARY KEY CHECK (row = 1),
    key TEXT NOT NULL,
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- Rises by one with every change that verification must see.
    generation INTEGER NOT NULL,
    -- The generation at which the workspace record was last changed.
    version INTEGER NOT NULL,
    -- The generation of the last bootstrap: as long as it is the current one, nothing else has happened here.
    founded INTEGER NOT NULL,
    -- The number of the token issued last. Numbers are never used again.
    last_number INTEGER NOT NULL,
    suspended INTEGER NOT NULL,
    has_imports INTEGER NOT NULL,
    default_quota INTEGER NOT NULL
) STRICT;
INSERT INTO "workspace" VALUES(1,'0Ab3dE','demo','Demo','cft',1763000000000,6,2,1,3,0,0,600);
CREATE INDEX scopes_with_freshness ON scopes (name, freshness) WHERE freshness IS NOT NULL;
CREATE INDEX tokens_by_owner ON tokens (owner, number);
CREATE INDEX tokens_unrevoked ON tokens (owner, expires_at) WHERE revoked_at IS NULL;
CREATE INDEX audit_by_subject ON audit (subject, seq);
CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'an audit row is never changed');
END;
CREATE INDEX outbox_by_due ON outbox (due_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('audit',7);
