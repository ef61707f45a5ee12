// The invariants that must hold after the load, whatever happened during it.

import { setTimeout as sleep } from "node:timers/promises";
import { Gate } from "../../build/verify/node.js";
import { paced } from "./caller.mjs";
import { audited } from "./tenants.mjs";

/** The maximum number of tokens in one request. */
const BATCH = 100;

/** How many imported tokens are verified individually; all of them are counted. */
const SAMPLE = 1_000;

/** How long no record is written to the registry once the outboxes are empty, in milliseconds. */
const QUIET = 5_000;

/**
 * Waits until no more records are written. Returns how long that took, in milliseconds, or undefined on a timeout.
 */
export async function drained({ counts }, patience) {
  const began = Date.now();
  for (let since = began, puts = counts.put; Date.now() < began + patience; ) {
    await sleep(250);
    if (counts.put !== puts) [since, puts] = [Date.now(), counts.put];
    else if (Date.now() > since + QUIET) return since - began;
  }
  return undefined;
}

/** All violations, in words. */
export async function violations(caller, tenants, registry) {
  const found = [];
  await paced(tenants, async (tenant) => {
    found.push(...(await ofLedger(caller, tenant)), ...(await ofRegistry(tenant, registry)));
  });
  return found;
}

/** The known values of a workspace: `[value, code]`. */
function known({ tokens, ended, imported, valueAt, slug }) {
  const live = tokens.filter(({ isLive }) => isLive).map(({ value }) => [value, "VALID"]);
  const step = Math.max(1, Math.floor(imported / SAMPLE));
  const some = Array.from({ length: Math.floor(imported / step) }, (_, at) => [
    valueAt.call({ slug }, at * step),
    "VALID",
  ]);
  return { ours: [...live, ...ended.map(({ value }) => [value, "REVOKED"])], foreign: some };
}

async function ofLedger(caller, tenant) {
  const found = [];
  const { ours, foreign } = known(tenant);
  const expect = [...ours, ...foreign];
  for (let at = 0; at < expect.length; at += BATCH) {
    const batch = expect.slice(at, at + BATCH);
    const codes = await decided(
      caller,
      tenant,
      batch.map(([value]) => value),
    );
    batch.forEach(([value, code], nth) => {
      if (codes[nth] !== code)
        found.push(`${tenant.slug}: ${value.slice(0, 12)}… is ${codes[nth]}, and should be ${code}`);
    });
  }

  const count = async (state) => (await caller.expect(tenant.admin, "GET", `/v1/tokens?limit=1&state=${state}`)).total;
  const unknown = tenant.tokens.filter(({ isUnknown }) => isUnknown).length;
  const [active, live] = [await count("active"), tenant.tokens.filter(({ isLive }) => isLive).length];
  // In addition there are the tokens of the admin and of the verifier.
  const least = live + tenant.imported + 2;
  if (active < least || active > least + unknown + tenant.unknown)
    found.push(`${tenant.slug}: ${active} active tokens, not ${least}`);
  const [revoked, dead] = [
    await count("revoked"),
    tenant.tokens.filter(({ isLive, isUnknown }) => !isLive && !isUnknown).length,
  ];
  if (revoked < dead || revoked > dead + unknown) found.push(`${tenant.slug}: ${revoked} revoked tokens, not ${dead}`);

  const rows = (await audited(caller, tenant)) - tenant.audited;
  if (rows < tenant.changes || rows > tenant.changes + tenant.unknown) {
    found.push(`${tenant.slug}: ${rows} rows of audit for ${tenant.changes} changes`);
  }
  return found;
}

/** The codes of these values, decided by the ledger. Rate-limited requests are repeated later. */
async function decided(caller, tenant, tokens) {
  const codes = new Map();
  for (let turn = 0; turn < 60 && codes.size < tokens.length; turn += 1) {
    if (turn > 0) await sleep(1_000);
    const open = tokens.filter((token) => !codes.has(token));
    const { results } = await caller.expect(tenant.verifier, "POST", "/v1/verify", {
      tokens: open,
      demand: { freshness: "strong" },
    });
    results.forEach(({ code }, at) => ["RATE_LIMITED", "UNAVAILABLE"].includes(code) || codes.set(open[at], code));
  }
  return tokens.map((token) => codes.get(token));
}

/** The same decisions from the registry alone. */
async function ofRegistry(tenant, { held }) {
  const { ours, foreign } = known(tenant);
  // More third-party tokens are not looked up in one second.
  const expect = [...ours, ...foreign.slice(0, BATCH)];
  const controlPlane = { fetch: async () => new Response("{}", { status: 503 }) };
  const registry = { get: async (key) => held.get(key) ?? null };
  const gate = new Gate({
    controlPlane,
    token: tenant.verifier,
    registry,
    segments: false,
    freshness: "eventual",
    onFailure() {},
  });
  const decisions = await gate.verifyAll(
    expect.map(([value]) => value),
    {},
  );
  const found = [];
  expect.forEach(([value, code], at) => {
    const by = decisions[at].code;
    if (by !== code)
      found.push(`${tenant.slug}: by the registry ${value.slice(0, 12)}… is ${by}, and should be ${code}`);
  });
  const records = [...held.keys()].filter((key) => key.startsWith(`r/${tenant.key}/`)).length;
  const values =
    tenant.imported +
    tenant.ended.length +
    tenant.tokens.filter(({ isLive, isUnknown }) => isLive || isUnknown).length +
    2;
  if (records < values || records > values + 2 * tenant.unknown)
    found.push(`${tenant.slug}: ${records} records, not ${values}`);
  return found;
}
