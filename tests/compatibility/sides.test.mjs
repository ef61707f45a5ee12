// Newer and older code side by side: every command, and the guarantees of leases, while the Worker and its objects run
// different versions, during updates and after rollbacks.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { before, describe, test } from "node:test";
import { workspace } from "../worker/client.mjs";
import { eventually } from "../worker/harness.mjs";
import { Sides, Verifier } from "./sides.mjs";

const [OLD, NEW] = ["earlier", "current"];

/** The sequence of versions: the Worker's and its objects'. */
const COURSES = {
  "an update that reaches the objects first": [
    [OLD, OLD],
    [OLD, NEW],
    [NEW, NEW],
  ],
  "an update that reaches the Worker first": [
    [OLD, OLD],
    [NEW, OLD],
    [NEW, NEW],
  ],
  "a rollback that reaches the Worker first": [
    [NEW, NEW],
    [OLD, NEW],
    [OLD, OLD],
  ],
  "a rollback that reaches the objects first": [
    [NEW, NEW],
    [NEW, OLD],
    [OLD, OLD],
  ],
};

describe("mixed versions", { concurrency: true }, () => {
  let oldest;
  before(() => {
    oldest = schemaOfTheEarlier();
  });

  for (const [name, course] of Object.entries(COURSES)) {
    test(name, async (t) => {
      let [first, ...others] = course;
      const sides = await Sides.of(t);
      await sides.run(...first);
      const { key, admin } = await workspace(sides, "acme");
      await admin.expect(200, "PATCH", "/v1/workspace", { default_quota: 1_000 });
      const { token } = await admin.issue({ scopes: ["tokens:verify"] });
      await exercise(sides, admin);
      for (const versions of others) {
        // The database was used by the newest version that ran so far.
        const may = versions[1] === NEW || mayRun(await oldest, await schema(sides, key));
        if (!may) {
          await sides.run(...versions);
          await assertRefused(admin);
          t.diagnostic(`refused by the earlier objects: ${JSON.stringify(await schema(sides, key))}`);
          await sides.run(NEW, NEW);
          return exercise(sides, admin);
        }
        await sides.run(...first);
        first = versions;
        const verifiers = [OLD, NEW].map((version) => new Verifier(version, sides, token));
        const doomed = await lend(admin, verifiers);
        await sides.run(...versions);
        await takeBack(admin, verifiers, doomed);
        await exercise(sides, admin);
      }
      t.diagnostic(`all on ${JSON.stringify(await schema(sides, key))}`);
    });
  }

  test("a later database is used after an addition and refused after a step", async (t) => {
    const sides = await Sides.of(t);
    await sides.run(NEW, NEW);
    const { key, admin } = await workspace(sides, "acme");
    const { token } = await admin.issue({ scopes: [] });
    for (const name of [`ledger/${key}`, "directory"]) {
      const later =
        "CREATE TABLE of_a_later_version (a INTEGER); INSERT INTO schema_version SELECT max(version) + 1 FROM schema_version";
      await sides.rows(name, later);
    }
    await sides.run(NEW, NEW);
    await exercise(sides, admin);
    await workspace(sides, "other");
    assert.equal(await admin.code(token), "VALID");

    // A version that predates the rule refuses every later database.
    if (!mayRun(await oldest, await schema(sides, key))) {
      await sides.run(NEW, OLD);
      await assertRefused(admin, token);
      await sides.run(OLD, OLD);
      await assertRefused(admin, token);
    }

    await sides.rows(`ledger/${key}`, "INSERT INTO schema_needs SELECT max(version) FROM schema_version");
    await sides.run(NEW, NEW);
    await assertRefused(admin, token);
    await sides.rows(
      `ledger/${key}`,
      "DELETE FROM schema_needs WHERE version = (SELECT max(version) FROM schema_version)",
    );
    await sides.run(NEW, NEW);
    assert.equal(await admin.code(token), "VALID", "nothing was lost meanwhile");
  });
});

/** Asserts that these objects refuse every request. */
async function assertRefused(admin, token = admin.token) {
  const answers = await Promise.all([
    admin.send("GET", "/v1/tokens/self"),
    admin.send("POST", "/v1/tokens", { name: "", scopes: [] }),
    admin.send("POST", "/v1/verify", { token }),
    admin.send("POST", "/v1/lease", { digests: [] }),
  ]);
  for (const { status, body } of answers) assert.deepEqual([status, body.code], [503, "LEDGER_UNAVAILABLE"]);
}

/** The newest schema of the earlier version, and whether that version has the rule. */
async function schemaOfTheEarlier() {
  const undo = [];
  const sides = await Sides.of({ after: (run) => undo.push(run) });
  try {
    await sides.run(OLD, OLD);
    const { key } = await workspace(sides, "acme");
    return await schema(sides, key);
  } finally {
    for (const run of undo) await run();
  }
}

/** Whether that version may use a database. */
function mayRun(old, { version, needs }) {
  return version <= old.version || (old.needs !== undefined && needs <= old.version);
}

/** The schema version of a ledger, and the version that a program must know, if recorded. */
async function schema(sides, key) {
  const has = await sides.rows(`ledger/${key}`, "SELECT name FROM sqlite_master WHERE name = 'schema_needs'");
  const [{ version }] = await sides.rows(`ledger/${key}`, "SELECT max(version) AS version FROM schema_version");
  const [{ needs }] = has.length
    ? await sides.rows(`ledger/${key}`, "SELECT max(version) AS needs FROM schema_needs")
    : [{}];
  return { version, needs };
}

/** Two tokens that every verifier has cached, under a lease. */
async function lend(admin, verifiers) {
  const doomed = await Promise.all([admin.issue({ scopes: [] }), admin.issue({ scopes: [] })]);
  for (const verifier of verifiers) {
    // A deployment that was just started may respond slowly, and a failed request is not repeated immediately.
    for (const { token } of doomed)
      await eventually(async () => (await verifier.verify(token)).startsWith("VALID"), 30);
    for (const { token } of doomed) assert.equal(await verifier.verify(token), "VALID bounded");
  }
  return doomed;
}

/**
 * Revokes both, the second with `wait`, while the verifiers are disconnected. Afterwards no verifier accepts either.
 */
async function takeBack(admin, verifiers, [unwaited, awaited]) {
  for (const verifier of verifiers) verifier.isCut = true;
  const codes = (token) => Promise.all(verifiers.map((verifier) => verifier.verify(token)));
  assert.deepEqual(
    await codes(awaited.token),
    ["VALID bounded", "VALID bounded"],
    "leases run across the change of versions",
  );
  await admin.expect(200, "DELETE", `/v1/tokens/${unwaited.id}`);
  const since = Date.now();
  const { waited } = await admin.expect(200, "DELETE", `/v1/tokens/${awaited.id}?wait=true`);
  assert.ok(waited.ms > 0, "leases ran");
  for (const { token } of [awaited, unwaited]) {
    for (const code of await codes(token)) assert.doesNotMatch(code, /^VALID/, `after ${Date.now() - since} ms`);
  }
  for (const verifier of verifiers) verifier.isCut = false;
  await eventually(async () => (await codes(awaited.token)).every((code) => code.startsWith("REVOKED")));
  assert.equal(await admin.code(unwaited.token, { freshness: "strong" }), "REVOKED");
}

/** Uses every operation of a token's life, and of the other resources. */
async function exercise(sides, admin) {
  const name = randomBytes(6).toString("hex");
  const code = (token, freshness = "bounded") => admin.code(token, { freshness });

  await admin.expect(201, "POST", "/v1/members", {
    id: name,
    name,
    role: "member",
    grants: ["orders:*", "tokens:*", "sessions:create"],
  });
  const made = await admin.issue({ name, owner: name, scopes: ["orders:read"], expires_in: 3_600, metadata: { name } });
  const path = `/v1/tokens/${made.id}`;
  assert.deepEqual(
    [await code(made.token, "strong"), await code(made.token), await code(made.token)],
    ["VALID", "VALID", "VALID"],
  );
  assert.equal((await admin.expect(200, "GET", `/v1/tokens?owner=${name}&q=${name}`)).total, 1);
  await admin.expect(200, "PATCH", path, { enabled: false });
  assert.equal(await code(made.token), "DISABLED");
  const updated = await admin.expect(200, "PATCH", path, { enabled: true, scopes: { "orders:write": true } });
  assert.deepEqual(updated.scopes, ["orders:read", "orders:write"]);
  assert.equal(await code(made.token), "VALID");

  const rotated = await admin.expect(200, "POST", `${path}/rotate`, { grace_seconds: 60 });
  assert.deepEqual([await code(made.token), await code(rotated.token)], ["VALID", "VALID"]);
  const again = await admin.expect(200, "POST", `${path}/rotate`, { previous: "end" });
  assert.deepEqual([await code(rotated.token, "strong"), await code(again.token)], ["REVOKED", "VALID"]);

  const foreign = `foreign-${randomBytes(20).toString("hex")}`;
  const digest = createHash("sha256").update(foreign).digest("hex");
  const { imported } = await admin.expect(200, "POST", "/v1/tokens/import", {
    tokens: [{ digest, name, owner: name, scopes: ["orders:read"] }],
  });
  assert.equal(imported, 1);
  assert.deepEqual([await code(foreign, "strong"), await code(foreign)], ["VALID", "VALID"]);

  const once = { "idempotency-key": name };
  const twice = [];
  for (const _ of [1, 2])
    twice.push((await admin.send("POST", "/v1/tokens", { name, owner: name, scopes: [] }, once)).body.id);
  assert.equal(twice[0], twice[1]);

  const opener = await admin.issue({ name, owner: name, scopes: ["tokens:read", "sessions:create"] });
  const browser = await admin.as(opener.token).open();
  assert.equal((await browser.expect(200, "GET", "/v1/session")).member.id, name);
  await admin.expect(200, "DELETE", `/v1/tokens/${opener.id}`);
  assert.equal((await browser.send("GET", "/v1/session")).status, 401);

  const lease = await admin.send("POST", "/v1/lease", { digests: [again.digest] });
  assert.deepEqual([lease.status, lease.body.subarray(0, 2).toString()], [200, "\u0001l"]);
  const records = await admin.send("POST", "/v1/records", { digests: [again.digest] });
  assert.deepEqual([records.status, records.body.subarray(0, 2).toString()], [200, "\u0001a"]);
  await eventually(async () => (await admin.send("GET", "/v1/snapshot")).status === 200, 30);

  const { items } = await admin.expect(200, "POST", "/v1/tokens/revoke", { ids: [made.id], reason: name });
  assert.deepEqual(
    items.map(({ result }) => result),
    ["revoked"],
  );
  assert.deepEqual([await code(again.token, "strong"), await code(again.token)], ["REVOKED", "REVOKED"]);
  await admin.expect(200, "PATCH", `/v1/members/${name}`, { state: "suspended" });
  assert.equal(await code(foreign), "OWNER_SUSPENDED");
  const audit = await admin.expect(200, "GET", "/v1/audit?limit=1");
  assert.equal(audit.items[0].subject, name);
}
