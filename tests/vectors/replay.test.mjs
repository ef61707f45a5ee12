// Replays the vectors with the npm package's JavaScript, and tests its handling of invalid arguments.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  CODES,
  InvalidDemandError,
  Verifier,
  codeOf,
  digest,
  inspect,
  isPending,
  isRenewalDue,
  isValid,
} from "../../build/verify/node.js";
import { answerRecord, encode, grantRecord, ownerRecord, tokenRecord, workspaceRecord } from "./layout.mjs";

const read = (name) => JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8"));
const tokens = read("token.json");
const records = read("records.json");
const { cases } = read("decisions.json");

const NOW = 1_798_761_600_000;
const THIRD_PARTY = "ghp_another-systems-token";

test("records are encoded as the layout describes", () => {
  const kinds = [
    ["tokens", "r", tokenRecord],
    ["owners", "o", ownerRecord],
    ["workspaces", "w", workspaceRecord],
  ];
  for (const [name, kind, fields] of [...kinds, ["answers", "a", answerRecord], ["grants", "l", grantRecord]]) {
    assert.ok(records[name].length > 1);
    for (const { why, item, bytes } of records[name]) {
      assert.equal(Buffer.from(encode(kind, fields(item))).toString("hex"), bytes, `${name}: ${why}`);
    }
  }
});

// --- decisions

/** A ledger that knows one third-party token in one workspace, and grants leases of ten seconds. */
function ledgerOf({ token, owner, workspace, now }) {
  const answer = (key, digests) => {
    const here = key === workspace.key;
    const tokens = digests.map((hex) => [hex, here ? token : null]);
    return {
      key,
      as_of: now,
      generation: 1,
      workspace: here ? workspace : null,
      seal_keys: [],
      tokens,
      owners: [owner],
    };
  };
  return {
    ledger: async (key, digests) => encode("a", answerRecord(answer(key, digests))),
    lease: async (key, { since, digests }) =>
      encode(
        "l",
        grantRecord({
          epoch: 7,
          since: since?.generation ?? null,
          term: 10_000,
          answer: answer(key, digests),
        }),
      ),
  };
}

async function decide(verifier, given, level, sources = ledgerOf(given)) {
  const { workspaces, all_of: allOf, any_of: anyOf, address } = given.demand;
  const demand = verifier.demand({ workspaces, allOf, anyOf, freshness: level });
  const answer = verifier.begin(THIRD_PARTY, demand, given.now, address ?? undefined);
  return verifier.resolve(answer, { now: () => given.now, ...sources });
}

test("every case has the expected decision", async () => {
  for (const given of cases) {
    // Each case has its own ledger.
    const verifier = new Verifier();
    // A ledger never returns another member's record as the owner; such a response is rejected before the decision.
    const expected = given.token.owner === given.owner.number ? given.code : "UNAVAILABLE";
    for (const level of ["strong", "bounded"]) {
      const answer = await decide(verifier, given, level);
      assert.equal(codeOf(answer), expected, given.why);
      const { valid, code, freshness, id } = verifier.details(answer);
      assert.deepEqual([valid, code], [code === "VALID", expected]);
      assert.equal(freshness, expected === "UNAVAILABLE" ? level : "strong");
      assert.equal(id, ["UNKNOWN", "UNAVAILABLE"].includes(expected) ? undefined : given.token.id);
    }
  }
});

test("the cases cover every code that a decision about a record can have", () => {
  const met = new Set(cases.map(({ code }) => code));
  const missing = CODES.filter((code) => !met.has(code));
  assert.deepEqual(missing, ["PENDING", "MALFORMED", "RATE_LIMITED", "UNAVAILABLE"]);
});

test("the registry is read once, then the cache decides", async () => {
  const given = { ...cases[0], workspace: { ...cases[0].workspace, has_imports: true } };
  const key = given.workspace.key;
  const values = new Map([
    [`r/${key}/${createHash("sha256").update(THIRD_PARTY).digest("hex")}`, encode("r", tokenRecord(given.token))],
    [`o/${key}/${given.owner.number}`, encode("o", ownerRecord(given.owner))],
    [`w/${key}`, encode("w", workspaceRecord(given.workspace))],
  ]);
  const asked = [];
  const registry = async (keys) => {
    asked.push(...keys);
    return keys.map((name) => values.get(name)?.buffer ?? null);
  };
  const verifier = new Verifier();
  const demand = verifier.demand({ workspaces: [key], freshness: "eventual" });
  const answer = await verifier.resolve(verifier.begin(THIRD_PARTY, demand, NOW), { registry, now: () => NOW });
  assert.equal(codeOf(answer), "VALID");
  assert.deepEqual(asked.sort(), [...values.keys()].sort());
  const again = verifier.begin(THIRD_PARTY, demand, NOW + 60_000);
  assert.ok(isValid(again));
  assert.deepEqual(verifier.details(again), {
    valid: true,
    code: "VALID",
    freshness: "eventual",
    asOf: NOW,
    id: given.token.id,
    number: 12,
    name: "a token",
    workspace: "demo",
    workspaceKey: key,
    ownerId: "ada",
    owner: 3,
    scopes: ["orders:read"],
  });
  assert.ok(isPending(verifier.begin(THIRD_PARTY, demand, NOW + 60_001)));
});

test("only one request renews a lease", async () => {
  const [given] = cases;
  const verifier = new Verifier();
  const demand = verifier.demand({ workspaces: [given.workspace.key] });
  let now = NOW;
  const asked = [];
  const { lease } = ledgerOf(given);
  const sources = {
    now: () => now,
    lease: (workspace, question) => (asked.push({ workspace, ...question }), lease(workspace, question)),
  };
  const check = () => verifier.begin(THIRD_PARTY, demand, now);
  const digests = [digest(THIRD_PARTY)];
  assert.equal(codeOf(await verifier.resolve(check(), sources)), "VALID");
  assert.deepEqual(asked.splice(0), [{ workspace: given.workspace.key, since: undefined, digests, uses: [] }]);
  now += 4_400;
  const early = check();
  assert.ok(isValid(early) && !isRenewalDue(early));
  await verifier.renewFrom(early, sources);
  assert.deepEqual([asked, verifier.renew(early, now)], [[], undefined]);
  now += 1;
  const due = check();
  assert.deepEqual([isValid(due), isPending(due), isRenewalDue(due), codeOf(due)], [true, false, true, "VALID"]);
  const { valid, code, freshness } = verifier.details(due);
  assert.deepEqual([valid, code, freshness], [true, "VALID", "bounded"]);
  assert.ok(!isRenewalDue(check()));
  await verifier.renewFrom(due, {
    now: sources.now,
    lease: async () => {
      throw new Error("on purpose");
    },
  });
  now += 1_000;
  await verifier.renewFrom(check(), sources);
  const uses = [{ digest: digests[0], last_used_at: new Date(given.now + 5_401).toISOString(), count: 5 }];
  const since = { epoch: 7, generation: 1 };
  assert.deepEqual(asked, [{ workspace: given.workspace.key, since, digests: [], uses }], "no reported use is lost");
  now += 8_799;
  assert.ok(isValid(check()), "the lease is counted from its request");
  now += 1;
  assert.ok(isPending(check()));
  // Renewed first without a source, then step by step.
  assert.equal(codeOf(await verifier.resolve(check(), sources)), "VALID");
  now += 5_000;
  await verifier.renewFrom(check(), { now: sources.now });
  now += 1_000;
  const pending = verifier.renew(check(), now);
  const need = verifier.need(pending);
  assert.deepEqual([need.kind, need.workspace, need.question.digests], ["lease", given.workspace.key, []]);
  const grant = await lease(need.workspace, need.question);
  assert.equal(codeOf(verifier.supply(pending, grant, now)), "UNAVAILABLE", "a renewal decides no check");
  assert.equal(verifier.need(pending), undefined);
  now += 8_799;
  assert.ok(isValid(check()));
});

test("a source that is missing, fails or returns nonsense makes no token valid", async () => {
  const throwing = () => {
    throw new Error("on purpose");
  };
  const sources = [
    {},
    { ledger: throwing },
    { ledger: async () => throwing() },
    { ledger: async () => undefined },
    { ledger: async () => new Uint8Array(9) },
    { ledger: async () => "text" },
    { ledger: async () => 7 },
    { ledger: async () => [] },
    { ledger: async () => [null] },
    { ledger: async () => new Uint8Array(1 << 20) },
  ];
  for (const given of sources) {
    for (const level of ["strong", "bounded"]) {
      const source = given.ledger && { ledger: given.ledger, lease: given.ledger };
      // A new verifier has recorded no failure, so it sends a request.
      assert.equal(codeOf(await decide(new Verifier(), cases[0], level, { ...source })), "UNAVAILABLE");
    }
  }
  const { ledger, lease } = ledgerOf(cases[0]);
  // A response of the wrong kind is rejected.
  assert.equal(codeOf(await decide(new Verifier(), cases[0], "strong", { ledger: lease, lease })), "UNAVAILABLE");
  assert.equal(codeOf(await decide(new Verifier(), cases[0], "bounded", { ledger, lease: ledger })), "UNAVAILABLE");
  const half = { registry: throwing, ledger };
  const answer = await decide(new Verifier(), cases[0], "eventual", half);
  assert.equal(codeOf(answer), "VALID", "the ledger is queried if the registry fails");
});

// --- token values

test("token values are classified, with correct digests", () => {
  for (const { text: token, prefix, workspace, digest: hex } of tokens.valid) {
    assert.deepEqual(inspect(token), { kind: "ours", prefix, workspace, digest: hex });
    assert.equal(digest(token), hex);
  }
  for (const { text: token, digest: hex } of tokens.foreign) {
    assert.deepEqual(inspect(token), { kind: "foreign", digest: hex });
  }
  for (const { why, text: token } of tokens.malformed) assert.equal(inspect(token).kind, "malformed", why);
  for (const [odd, what] of [
    ["", /too short/],
    ["ü", /a character/],
    ["é".repeat(16), /a character/],
    ["x".repeat(100_000), /too long/],
  ]) {
    const { reason, ...others } = inspect(odd);
    assert.match(reason, what);
    assert.deepEqual(others, { kind: "malformed", digest: createHash("sha256").update(odd).digest("hex") });
  }
  assert.equal(inspect("\ud800").kind, "malformed");
});

test("a forged authentication tag is rejected without a request once the keys are known", () => {
  const verifier = new Verifier();
  for (const { why, text: token, workspace, seal_key: hex } of tokens.wrong_seal) {
    const demand = verifier.demand({ workspaces: [workspace] });
    verifier.trustSealKeys(workspace, [Buffer.from(hex, "hex")], NOW);
    assert.equal(codeOf(verifier.begin(token, demand, NOW)), "UNKNOWN", why);
    assert.ok(isPending(verifier.begin(token, demand, NOW + 60_001)), "outdated keys do not reject a token");
  }
  for (const [workspace, ...lengths] of [["0k3Ya"], ["0k3Yab", 31], ["0k3Yab", 16, 48], ["0k3Ya-", 32]]) {
    const keys = lengths.map((length) => new Uint8Array(length));
    assert.throws(() => verifier.trustSealKeys(workspace, keys, NOW), TypeError);
  }
});

// --- invalid arguments

test("an invalid token value is MALFORMED and never throws", () => {
  const verifier = new Verifier();
  const demand = verifier.demand({ workspaces: ["0k3Yab"] });
  const texts = [
    ...tokens.malformed.map((given) => given.text),
    "",
    "\ud800".repeat(20),
    `${"x".repeat(511)}\ud800`,
    `${"x".repeat(511)}😀`,
    "x".repeat(513),
    "x".repeat(1 << 20),
    `${"x".repeat(20)}\u{10ffff}`,
    "ü".repeat(20),
    `${"x".repeat(20)}\0`,
  ];
  for (const token of texts) {
    for (let turn = 0; turn < 2; turn += 1) {
      assert.equal(codeOf(verifier.begin(token, demand, NOW)), "MALFORMED", JSON.stringify(token.slice(0, 60)));
    }
  }
  for (const none of [undefined, null, 7, {}, [], Symbol("none"), () => "x"]) {
    assert.equal(codeOf(verifier.begin(none, demand, NOW)), "MALFORMED");
  }
  assert.ok(isPending(verifier.begin("x".repeat(512), demand, NOW)), "the longest possible token value");
});

test("invalid arguments are UNAVAILABLE", async () => {
  const verifier = new Verifier();
  const valid = await decide(verifier, cases[0], "eventual");
  const demand = verifier.demand({ workspaces: [cases[0].workspace.key], freshness: "eventual" });
  assert.ok(isValid(valid) && isValid(verifier.begin(THIRD_PARTY, demand, NOW)));
  for (const now of [NaN, Infinity, -1, 8.64e15 + 2, undefined, "soon"]) {
    assert.equal(codeOf(verifier.begin(THIRD_PARTY, demand, now)), "UNAVAILABLE", String(now));
  }
  for (const none of [0, demand + 1, -1, NaN, undefined, null, 2 ** 31]) {
    assert.equal(codeOf(verifier.begin(THIRD_PARTY, none, NOW)), "UNAVAILABLE", `demand ${none}`);
  }
  for (const stale of [0, -1, 2 ** 32 - 1, NaN, undefined, valid + 100 * 256]) {
    assert.equal(verifier.need(stale), undefined);
    assert.equal(verifier.details(stale), undefined);
    assert.equal(codeOf(verifier.supply(stale, undefined, NOW)), "UNAVAILABLE");
  }
  assert.equal(verifier.need(valid), undefined);
  const bound = { ...cases[0], token: { ...cases[0].token, addresses: ["192.0.2.0/24"] } };
  for (const address of [null, undefined, "", "here", "192.0.2.01", "1".repeat(1000), `192.0.2.1\ud800`, 7]) {
    const answer = await decide(verifier, { ...bound, demand: { ...bound.demand, address } }, "strong");
    assert.equal(codeOf(answer), "ADDRESS_NOT_ALLOWED", String(address));
  }
});

test("an invalid requirement is rejected with its code", () => {
  const verifier = new Verifier();
  const workspaces = ["0Ab3dE"];
  const refused = [
    [{}, "NO_WORKSPACE"],
    [{ workspaces: [] }, "NO_WORKSPACE"],
    [{ workspaces: ["0Ab3d"] }, "INVALID_WORKSPACE"],
    [{ workspaces: ["0Ab3dE\naall"] }, "INVALID_WORKSPACE"],
    [{ workspaces: [7] }, "INVALID_WORKSPACE"],
    [{ workspaces, allOf: ["orders:*"] }, "INVALID_SCOPE"],
    [{ workspaces, allOf: [""] }, "INVALID_SCOPE"],
    [{ workspaces, anyOf: ["a\nob"] }, "INVALID_SCOPE"],
    [{ workspaces, anyOf: ["ü"] }, "INVALID_SCOPE"],
    [{ workspaces, freshness: "fresh" }, "INVALID_FRESHNESS"],
    [{ workspaces, freshness: null }, "INVALID_FRESHNESS"],
  ];
  for (const [demand, code] of refused) {
    assert.throws(
      () => verifier.demand(demand),
      (error) => error instanceof InvalidDemandError && error.code === code,
    );
  }
  const number = verifier.demand({ workspaces, allOf: ["a"] });
  assert.equal(verifier.demand({ workspaces, allOf: ["a"], freshness: "bounded", orEventual: false }), number);
  const others = [{ freshness: "strong" }, { orEventual: true }, {}];
  assert.equal(new Set(others.map((other) => verifier.demand({ workspaces, allOf: ["a"], ...other }))).size, 3);
});

test("a verifier keeps its input when the module's memory grows", async () => {
  const verifier = new Verifier();
  const demand = verifier.demand({ workspaces: [cases[0].workspace.key], freshness: "eventual" });
  await decide(verifier, cases[0], "eventual");
  assert.ok(isValid(verifier.begin(THIRD_PARTY, demand, NOW)));
  verifier.supply(0, new Uint8Array(64 << 20), NOW);
  assert.ok(isValid(verifier.begin(THIRD_PARTY, demand, NOW)));
  verifier.free();
});

test("both ways of writing a string agree", async () => {
  const { writeCharacters, writeEncoded } = await import("../../build/verify/verifier.js");
  for (const token of [...tokens.valid, ...tokens.foreign, ...tokens.malformed].map((given) => given.text)) {
    const [one, other] = [new Uint8Array(513), new Uint8Array(513)];
    const lengths = [writeCharacters(token, one), writeEncoded(token, other)];
    if (/^[\0-\x7f]{0,513}$/u.test(token)) {
      assert.deepEqual([lengths[0], one], [lengths[1], other]);
    }
  }
});
