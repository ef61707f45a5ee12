// The runtime is killed again and again amid changes: what was acknowledged holds, and the registry gets there.

import assert from "node:assert/strict";
import { createHash, randomInt } from "node:crypto";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { workspace } from "./client.mjs";
import { eventually, start } from "./harness.mjs";
import { leaks } from "./leaks.mjs";

const KILLS = 20;
const LANES = 4;
/** Operations of a lane between two kills, at most. */
const LENGTH = 15;

/** What `KILL_SEED` sets, to run the same operations again; the moments of the kills depend on the machine too. */
const SEED = process.env.KILL_SEED ?? String(randomInt(2 ** 32));

const BATCH = 100;

const digestOf = (text) => createHash("sha256").update(text).digest("hex");

test("killed at random moments, it loses no change that it acknowledged", async (t) => {
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
  const tally = { "cut off but done": 0, "cut off and not done": 0, "between two operations": 0 };
  for (let kill = 0; kill < KILLS; kill++) {
    const run = { killed: false, left: random(LANES * LENGTH - LANES) };
    const running = Promise.all(lanes.map((lane) => lane.work(run)));
    await Promise.race([running, eventually(() => run.left <= 0, 60)]);
    await sleep(random(20));
    run.killed = true;
    await app.crash();
    await running;
    for (const outcome of await Promise.all(lanes.map((lane) => lane.settle()))) tally[outcome] += 1;
    await assertVerdicts(admin, lanes, "strong");
  }
  const acknowledged = lanes.reduce((sum, lane) => sum + lane.acknowledged, 0);
  t.diagnostic(JSON.stringify({ acknowledged, ...tally }));
  assert.ok(tally["cut off but done"] + tally["cut off and not done"] > 0, "no kill met an operation");

  // All the outbox held has gone out: the keys are those of the ledger, and nothing is put any more.
  const expected = [`w/${key}`, ...Array.from({ length: LANES + 1 }, (_, number) => `o/${key}/${number + 1}`)];
  expected.push(`r/${key}/${digestOf(admin.token)}`);
  expected.push(...lanes.flatMap((lane) => lane.digests().map((digest) => `r/${key}/${digest}`)));
  await eventually(async () => (await app.keys()).length >= expected.length, 30);
  await eventually(async () => {
    const puts = app.registry.count("put");
    await sleep(3_000);
    return app.registry.count("put") === puts;
  }, 30);
  assert.deepEqual((await app.keys()).toSorted(), expected.toSorted());

  // An isolate that remembers nothing, and no ledger to ask: the registry alone says the same.
  await app.crash();
  app.ledger.fail("fetch", "refused");
  await assertVerdicts(admin, lanes, "eventual");

  const texts = lanes.flatMap((lane) => lane.verdicts().map(([text]) => text));
  assert.ok(texts.length > 100);
  assert.deepEqual(await leaks(app, texts), []);
});

/** What is asked about each text is answered as the lanes have it. */
async function assertVerdicts(admin, lanes, freshness) {
  const verdicts = lanes.flatMap((lane) => lane.verdicts());
  for (let at = 0; at < verdicts.length; at += BATCH) {
    const batch = verdicts.slice(at, at + BATCH);
    const question = { tokens: batch.map(([text]) => text), demand: { freshness } };
    const { results } = await admin.expect(200, "POST", "/v1/verify", question);
    assert.deepEqual(results.map(({ code }) => code), batch.map(([, code]) => code));
  }
}

/** One member and its tokens, changed by one operation after the other. */
class Lane {
  acknowledged = 0;
  #admin;
  #owner;
  #random;
  #made = 0;
  /** What is known to hold: `tokens` by name, `ended` texts that rotation replaced. */
  #state = { suspended: false, tokens: {}, ended: [] };
  /** The effect of the operation that was cut off, if one was. */
  #cutOff = null;

  constructor(admin, owner) {
    this.#admin = admin;
    this.#owner = owner;
    this.#random = dice(`${SEED}/${owner}`);
  }

  /** Runs operations until the runtime is killed. */
  async work(run) {
    for (let nth = 0; nth < LENGTH && !run.killed; nth++) {
      const { ask, effect } = this.#operation();
      run.left -= 1;
      this.#cutOff = effect;
      let answer;
      try {
        answer = await this.#admin.send(...ask);
      } catch (error) {
        if (run.killed) return;
        throw error;
      }
      if (run.killed && answer.status >= 500) return;
      assert.ok([200, 201].includes(answer.status), `${ask}: ${JSON.stringify(answer.body)}`);
      effect(this.#state, answer.body);
      this.#cutOff = null;
      this.acknowledged += 1;
    }
  }

  /** Holds what the ledger says against what was acknowledged. The operation that was cut off is done whole, or not. */
  async settle() {
    const seen = await this.#read();
    const cutOff = this.#cutOff;
    this.#cutOff = null;
    const after = structuredClone(this.#state);
    cutOff?.(after, {});
    const isDone = !fits(this.#state, seen);
    if (isDone) {
      assert.ok(fits(after, seen), `${JSON.stringify(seen)}\nis neither\n${JSON.stringify([this.#state, after])}`);
      this.#state = after;
    }
    for (const [name, token] of Object.entries(this.#state.tokens)) {
      Object.assign(token, { id: seen.tokens[name].id, digest: seen.tokens[name].digest });
    }
    return !cutOff ? "between two operations" : isDone ? "cut off but done" : "cut off and not done";
  }

  /** Every text known, with the decision that is due. */
  verdicts() {
    const { suspended, tokens, ended } = this.#state;
    const codeOf = ({ revoked, enabled }) =>
      revoked ? "REVOKED" : suspended ? "OWNER_SUSPENDED" : enabled ? "VALID" : "DISABLED";
    const held = Object.values(tokens).flatMap((token) => [
      [token.text, codeOf(token)],
      [token.previous?.text, codeOf(token)],
    ]);
    // A text whose only showing was cut off is known to nobody.
    return [...held, ...ended.map(({ text }) => [text, "REVOKED"])].filter(([text]) => text);
  }

  /** The digest of every text there ever was. */
  digests() {
    const { tokens, ended } = this.#state;
    const held = Object.values(tokens).flatMap((token) => [token, token.previous]);
    return [...held, ...ended].filter(Boolean).map(({ digest }) => digest);
  }

  /** What to ask next, and what that does to a state. */
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

/** Of each kind: what to ask, and what it does to a state; `reply` holds nothing where the answer was cut off. */
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
    ask: ["POST", `/v1/tokens/${id}/rotate`, { grace_seconds: flag ? 3_600 : 0 }],
    effect: ({ tokens, ended }, { digest, token }) => {
      const { [name]: held } = tokens;
      const replaced = { text: held.text, digest: held.digest };
      if (held.previous) ended.push(held.previous);
      if (!flag) ended.push(replaced);
      Object.assign(held, { digest, text: token, previous: flag ? replaced : null });
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

/** The kinds, as often as they come. */
const WEIGHTED = "create create create create create update update rotate rotate revoke revokeMany suspend".split(" ");

/** Whether the ledger says what this state does, so far as the state knows. */
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

/** Random numbers below a bound, the same for the same seed. */
function dice(seed) {
  let nth = 0;
  return (bound) => createHash("sha256").update(`${seed}/${nth++}`).digest().readUInt32LE() % bound;
}
