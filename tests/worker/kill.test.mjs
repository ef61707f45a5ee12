// The runtime is killed repeatedly during changes: acknowledged changes persist, and the registry catches up.

import assert from "node:assert/strict";
import { createHash, randomInt } from "node:crypto";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { workspace } from "./client.mjs";
import { eventually, start } from "./harness.mjs";
import { leaks, secretOf } from "./leaks.mjs";

const ROUNDS = 20;
/** Operations in a round. */
const LENGTH = 200;
const LANES = 4;

/** Set `KILL_SEED` to run the same operations again; the moments of the kills also depend on the machine. */
const SEED = process.env.KILL_SEED ?? String(randomInt(2 ** 32));

/** Longer than the runtime takes to run a due alarm. */
const QUIET = 4_000;

const BATCH = 100;

const digestOf = (text) => createHash("sha256").update(text).digest("hex");

test("no acknowledged change is lost when the runtime is killed at random", { timeout: 600_000 }, async (t) => {
  t.diagnostic(`KILL_SEED=${SEED}`);
  const app = await start(t);
  const { key, admin } = await workspace(app, "acme");
  const lanes = [];
  for (let number = 0; number < LANES; number++) {
    const owner = `lane-${number}`;
    const member = { id: owner, name: owner, role: "member", grants: ["orders:*"], quota: 100_000 };
    await admin.expect(201, "POST", "/v1/members", member);
    lanes.push(new Lane(admin, owner));
  }

  const random = dice(SEED);
  const acknowledged = () => lanes.reduce((sum, lane) => sum + lane.acknowledged, 0);
  let cutOff = 0;
  for (let nth = 1; nth <= ROUNDS; nth++) {
    const before = acknowledged();
    const round = new Round(1 + random(LENGTH - LANES));
    const began = Date.now();
    const running = Promise.all(lanes.map((lane) => lane.work(round)));
    await Promise.race([running, round.moment]);
    // An operation takes about this long, so the kill may hit any of its steps, or the next operation's.
    const latency = ((Date.now() - began) * LANES) / round.begun;
    await sleep(random(Math.ceil(2 * latency)));
    round.killed = true;
    const atKill = { begun: round.begun, acknowledged: acknowledged() - before };
    await app.crash();
    await running;
    const fates = (await Promise.all(lanes.map((lane) => lane.settle()))).filter(Boolean);
    await assertVerdicts(admin, lanes, "strong");
    cutOff += fates.length;

    round.killed = false;
    await Promise.all(lanes.map((lane) => lane.work(round)));
    const sums = { begun: round.begun, acknowledged: acknowledged() - before, cutOff: fates };
    t.diagnostic(`round ${nth}: at the kill ${JSON.stringify(atKill)}, in total ${JSON.stringify(sums)}`);
  }
  assert.ok(cutOff > 0, "no kill interrupted an operation");
  assert.equal(acknowledged() + cutOff, ROUNDS * LENGTH);

  // The outbox is empty, and the registry has exactly the ledger's keys.
  await eventually(async () => {
    const puts = app.registry.count("put");
    await sleep(QUIET);
    return app.registry.count("put") === puts;
  }, 60);
  const expected = [`w/${key}`, ...Array.from({ length: LANES + 1 }, (_, number) => `o/${key}/${number + 1}`)];
  expected.push(`r/${key}/${digestOf(admin.token)}`);
  expected.push(...lanes.flatMap((lane) => lane.digests().map((digest) => `r/${key}/${digest}`)));
  const keys = await app.records();
  assert.deepEqual(except(expected, keys), [], "keys missing from the registry");
  assert.deepEqual(except(keys, expected), [], "keys only in the registry");
  const decisions = await assertVerdicts(admin, lanes, "strong");
  assert.deepEqual(await app.rows(`ledger/${key}`, "SELECT key FROM outbox"), []);

  // An isolate with an empty cache, and no ledger: decisions from the registry alone are the same.
  app.ledger.fail("fetch", "refused");
  assert.deepEqual(await assertVerdicts(admin, lanes, "eventual"), decisions);

  const texts = lanes.flatMap((lane) => lane.verdicts().map(([text]) => text));
  assert.ok(texts.length > LENGTH);
  assert.deepEqual(await leaks(app, texts.map(secretOf)), []);
});

/** The items of a list that are not in another. */
function except(list, others) {
  const among = new Set(others);
  return list.filter((one) => !among.has(one));
}

/** The operations of all lanes, with a kill in between. */
class Round {
  begun = 0;
  killed = false;
  #fatal;
  #strike;

  /** @param {number} fatal the number of the operation that `moment` waits for */
  constructor(fatal) {
    this.#fatal = fatal;
    this.moment = new Promise((resolve) => (this.#strike = resolve));
  }

  /** Whether there is another operation; it begins now. */
  next() {
    if (this.killed || this.begun === LENGTH) return false;
    this.begun += 1;
    if (this.begun === this.#fatal) this.#strike();
    return true;
  }
}

/**
 * Verifies every token value: each decision matches the lanes' state. Returns the scopes and owners of the valid ones.
 */
async function assertVerdicts(admin, lanes, freshness) {
  const verdicts = lanes.flatMap((lane) => lane.verdicts());
  const decisions = [];
  for (let at = 0; at < verdicts.length; at += BATCH) {
    const batch = verdicts.slice(at, at + BATCH);
    const question = { tokens: batch.map(([text]) => text), demand: { freshness } };
    const { results } = await admin.expect(200, "POST", "/v1/verify", question);
    assert.deepEqual(
      results.map(({ code }) => code),
      batch.map(([, code]) => code),
    );
    decisions.push(...results.map(({ code, token }) => ({ code, token })));
  }
  return decisions;
}

/** One member and its tokens, changed by one operation after the other. */
class Lane {
  acknowledged = 0;
  #admin;
  #owner;
  #random;
  #made = 0;
  /** The acknowledged state: `tokens` by name, `ended` values that rotation replaced. */
  #state = { suspended: false, tokens: {}, ended: [] };
  /** The effect of the operation that was interrupted, if any. */
  #cutOff = null;

  constructor(admin, owner) {
    this.#admin = admin;
    this.#owner = owner;
    this.#random = dice(`${SEED}/${owner}`);
  }

  /** Runs operations until the round ends or the runtime is killed. */
  async work(round) {
    while (round.next()) {
      const { ask, effect } = this.#operation();
      this.#cutOff = effect;
      let answer;
      try {
        answer = await this.#admin.send(...ask);
      } catch (error) {
        if (round.killed) return;
        throw error;
      }
      if (round.killed && answer.status >= 500) return;
      assert.ok([200, 201].includes(answer.status), `${ask}: ${JSON.stringify(answer.body)}`);
      effect(this.#state, answer.body);
      this.#cutOff = null;
      this.acknowledged += 1;
    }
  }

  /**
   * Compares the ledger's state with what was acknowledged. An interrupted operation was executed completely or not at
   * all; either is accepted.
   */
  async settle() {
    const seen = await this.#read();
    const cutOff = this.#cutOff;
    this.#cutOff = null;
    const after = structuredClone(this.#state);
    cutOff?.(after, {});
    const isDone = !fits(this.#state, seen);
    if (isDone) {
      assert.ok(fits(after, seen), `${JSON.stringify(seen)}\nis neither of\n${JSON.stringify([this.#state, after])}`);
      this.#state = after;
    }
    for (const [name, token] of Object.entries(this.#state.tokens)) {
      Object.assign(token, { id: seen.tokens[name].id, digest: seen.tokens[name].digest });
    }
    return cutOff && (isDone ? "done" : "not done");
  }

  /** Every known token value with the expected decision. */
  verdicts() {
    const { suspended, tokens, ended } = this.#state;
    const codeOf = ({ revoked, enabled }) =>
      revoked ? "REVOKED" : suspended ? "OWNER_SUSPENDED" : enabled ? "VALID" : "DISABLED";
    const held = Object.values(tokens).flatMap((token) => [
      [token.text, codeOf(token)],
      [token.previous?.text, codeOf(token)],
    ]);
    // A token value whose only response was interrupted is unknown.
    return [...held, ...ended.map(({ text }) => [text, "REVOKED"])].filter(([text]) => text);
  }

  /** The digests of all token values that ever existed. */
  digests() {
    const { tokens, ended } = this.#state;
    const held = Object.values(tokens).flatMap((token) => [token, token.previous]);
    return [...held, ...ended].filter(Boolean).map(({ digest }) => digest);
  }

  /** The next request, and its effect on a state. */
  #operation() {
    const { suspended, tokens } = this.#state;
    const live = Object.keys(tokens).filter((name) => !tokens[name].revoked);
    const kinds = suspended ? ["suspend", "update", "revoke", "revokeMany"] : WEIGHTED;
    const kind = live.length > 3 ? this.#pick(kinds) : suspended ? "suspend" : "create";
    const names = live.length > 3 ? [this.#pick(live), this.#pick(live), this.#pick(live)] : [];
    this.#made += 1;
    return OPERATIONS[kind]({
      owner: this.#owner,
      suspended,
      unique: `${this.#owner}/${this.#made}`,
      names: [...new Set(names)],
      ids: [...new Set(names)].map((name) => tokens[name].id),
      flag: this.#random(2) === 0,
    });
  }

  #pick(list) {
    return list[this.#random(list.length)];
  }

  async #read() {
    const { state } = await this.#admin.expect(200, "GET", `/v1/members/${this.#owner}`);
    const tokens = {};
    let cursor = "";
    do {
      const page = await this.#admin.expect(200, "GET", `/v1/tokens?owner=${this.#owner}&limit=100${cursor}`);
      for (const { name, id, digest, note, enabled, revoked_at } of page.items) {
        tokens[name] = { id, digest, note, enabled, revoked: revoked_at !== null };
      }
      cursor = page.next_cursor && `&cursor=${page.next_cursor}`;
    } while (cursor);
    return { suspended: state === "suspended", tokens };
  }
}

/** For each kind: the request, and its effect on a state; `reply` is empty if the response was interrupted. */
const OPERATIONS = {
  create: ({ unique, owner }) => ({
    ask: ["POST", "/v1/tokens", { name: unique, owner, scopes: ["orders:read"] }],
    effect: ({ tokens }, { id, digest, token }) => {
      tokens[unique] = { id, digest, text: token, note: null, enabled: true, revoked: false, previous: null };
    },
  }),
  update: ({ unique, names: [name], ids: [id], flag }) => ({
    ask: ["PATCH", `/v1/tokens/${id}`, { note: unique, enabled: flag }],
    effect: ({ tokens }) => Object.assign(tokens[name], { note: unique, enabled: flag }),
  }),
  rotate: ({ names: [name], ids: [id], flag }) => ({
    // A rotation with a grace period ends earlier values; one without keeps their promised grace periods.
    ask: ["POST", `/v1/tokens/${id}/rotate`, flag ? { grace_seconds: 3_600, previous: "end" } : {}],
    effect: ({ tokens, ended }, { digest, token }) => {
      const { [name]: held } = tokens;
      const replaced = { text: held.text, digest: held.digest };
      if (flag && held.previous) ended.push(held.previous);
      if (!flag) ended.push(replaced);
      Object.assign(held, { digest, text: token, previous: flag ? replaced : held.previous });
    },
  }),
  revoke: ({ names: [name], ids: [id] }) => ({
    ask: ["DELETE", `/v1/tokens/${id}`],
    effect: ({ tokens }) => (tokens[name].revoked = true),
  }),
  revokeMany: ({ names, ids }) => ({
    ask: ["POST", "/v1/tokens/revoke", { ids }],
    effect: ({ tokens }) => names.forEach((name) => (tokens[name].revoked = true)),
  }),
  suspend: ({ owner, suspended }) => ({
    ask: ["PATCH", `/v1/members/${owner}`, { state: suspended ? "active" : "suspended" }],
    effect: (state) => (state.suspended = !suspended),
  }),
};

/** The kinds of operations, with their weights. */
const WEIGHTED = "create create create create create update update rotate rotate revoke revokeMany suspend".split(" ");

/** Whether the ledger's state matches this state, as far as it is known. */
function fits(state, seen) {
  const names = Object.keys(state.tokens);
  return (
    state.suspended === seen.suspended &&
    names.length === Object.keys(seen.tokens).length &&
    names.every((name) => {
      const [known, found] = [state.tokens[name], seen.tokens[name]];
      const same = (field) => known[field] === undefined || known[field] === found[field];
      return found && ["id", "digest", "note", "enabled", "revoked"].every(same);
    })
  );
}

/** Random numbers below a bound, determined by the seed. */
function dice(seed) {
  let nth = 0;
  return (bound) => createHash("sha256").update(`${seed}/${nth++}`).digest().readUInt32LE() % bound;
}
