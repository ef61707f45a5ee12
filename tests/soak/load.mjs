// The mixed load: 90 % verification, 9 % reads, 1 % changes. Each response is compared with the known state.

/** The number of concurrent requests. */
const WIDTH = 32;

/**
 * How many workspaces have load at a time, and how many the load advances by per second. workerd limits the SQLite
 * memory of all objects in a process to 512 MB, and each active object takes more than 1 MB. On the platform, objects
 * are spread over machines.
 */
const AT_WORK = 100;
const MOVES = 4;

/**
 * How long a `bounded` check may accept a revoked token after the revocation's response: a lease, and the clock skew.
 */
const LEASE = 11_000;

/**
 * The same for an `eventual` check: the lifetimes of the verifier's and the registry's caches, and the delay of the
 * outbox.
 */
const EVENTUAL = 150_000;

/** What an overloaded deployment may answer instead, in a problem or as a decision. */
const REFUSALS = ["RATE_LIMITED", "UNAVAILABLE", "LEDGER_UNAVAILABLE", "TOO_MANY_REQUESTS"];

const pick = (items) => items[Math.floor(Math.random() * items.length)];

export class Load {
  answered = { verify: 0, read: 0, change: 0 };
  /** Requests refused as designed, by code. */
  refused = new Map();
  /** Violations: the first of each kind, and their number. */
  wrong = new Map();

  #caller;
  #tenants;
  #isOver = false;
  #began = Date.now();

  constructor(caller, tenants) {
    this.#caller = caller;
    this.#tenants = tenants;
  }

  get total() {
    return Object.values(this.answered).reduce((sum, count) => sum + count, 0);
  }

  async run() {
    const one = async () => {
      while (!this.#isOver) await this.#step();
    };
    await Promise.all(Array.from({ length: WIDTH }, one));
  }

  stop() {
    this.#isOver = true;
  }

  async #step() {
    const chance = Math.random();
    const kind = chance < 0.9 ? "verify" : chance < 0.99 ? "read" : "change";
    // The large workspace gets half of the load, those whose turn it is the rest.
    const tenant = Math.random() < 0.5 ? this.#tenants[0] : this.#atWork();
    try {
      await { verify: () => this.#verify(tenant), read: () => this.#read(tenant), change: () => this.#change(tenant) }[
        kind
      ]();
      this.answered[kind] += 1;
    } catch (error) {
      this.#isWrong(`${kind} failed`, error.message);
    }
  }

  #atWork() {
    const from = Math.floor((MOVES * (Date.now() - this.#began)) / 1_000);
    return this.#tenants[(from + Math.floor(AT_WORK * Math.random())) % this.#tenants.length];
  }

  /** The body of a successful response; undefined if the request was refused as designed. */
  async #ask(token, method, path, body) {
    const answer = await this.#caller.send(token, method, path, body);
    if (answer.status < 300) return answer.body;
    if ([429, 503].includes(answer.status) && REFUSALS.includes(answer.body.code))
      return this.#isRefused(answer.body.code);
    throw new Error(`${method} ${path.split("?")[0].replace(/tok_\w+/, "{id}")}: ${answer.status} ${answer.body.code}`);
  }

  #isRefused(code) {
    this.refused.set(code, (this.refused.get(code) ?? 0) + 1);
  }

  #isWrong(what, example) {
    const known = this.wrong.get(what) ?? { count: 0, example };
    known.count += 1;
    this.wrong.set(what, known);
  }

  async #verify(tenant) {
    const freshness = pick(["bounded", "bounded", "bounded", "bounded", "bounded", "bounded", "eventual", "strong"]);
    const chance = Math.random();
    if (chance < 0.1 && tenant.ended.length > 0) return this.#verifyEnded(tenant, pick(tenant.ended), freshness);
    if (chance < 0.15) return this.#verifyInvented(tenant, freshness);
    if (chance < 0.4 && tenant.imported > 0) {
      const value = tenant.valueAt(Math.floor(Math.random() * tenant.imported));
      return this.#isDecided(await this.#code(tenant, value, freshness), ["VALID"], `an imported token, ${freshness}`);
    }
    const token = tenant.tokens.length > 0 ? pick(tenant.tokens) : { value: tenant.verifier, isLive: true, changes: 0 };
    const before = token.changes;
    // From the moment a change is sent, the ledger may have executed it: its response may still be on the way.
    const isSure = () => token.isLive && !token.isBusy && token.changes === before;
    const wasSure = isSure();
    const code = await this.#code(tenant, token.value, freshness);
    if (wasSure && isSure()) this.#isDecided(code, ["VALID"], `a live token, ${freshness}`);
  }

  async #verifyEnded(tenant, { value, since }, freshness) {
    const age = Date.now() - since;
    const code = await this.#code(tenant, value, freshness);
    const limit = { strong: 0, bounded: LEASE, eventual: EVENTUAL }[freshness];
    if (age > limit) this.#isDecided(code, ["REVOKED"], `a revoked token, ${freshness}`);
  }

  async #verifyInvented(tenant, freshness) {
    const value = `${tenant.verifier.slice(0, 20)}${Math.random().toString(36).slice(2, 12)}`;
    this.#isDecided(
      await this.#code(tenant, value, freshness),
      ["MALFORMED", "UNKNOWN"],
      `not a token value, ${freshness}`,
    );
  }

  async #code(tenant, token, freshness) {
    const demand = { freshness };
    return (await this.#ask(tenant.verifier, "POST", "/v1/verify", { token, demand }))?.code;
  }

  #isDecided(code, expected, what) {
    if (REFUSALS.includes(code)) this.#isRefused(code);
    else if (code !== undefined && !expected.includes(code)) this.#isWrong(`${what} is ${code}`);
  }

  async #read(tenant) {
    const token = pick(tenant.tokens);
    const paths = [
      "/v1/tokens?limit=20",
      "/v1/audit?limit=20",
      "/v1/tokens/self",
      "/v1/members",
      "/v1/tokens?state=active&limit=5&q=token",
    ];
    if (token) paths.push(`/v1/tokens/${token.id}`, `/v1/tokens/${token.id}/usage`);
    await this.#ask(tenant.admin, "GET", pick(paths));
  }

  async #change(tenant) {
    const token = tenant.tokens.find(({ isLive, isBusy }) => isLive && !isBusy);
    const chance = Math.random();
    if (!token || chance < 0.4) return this.#issue(tenant);
    token.isBusy = true;
    try {
      if (chance < 0.7) await this.#revoke(tenant, token);
      else if (chance < 0.85) await this.#rotate(tenant, token);
      else
        await this.#counted(tenant, () =>
          this.#ask(tenant.admin, "PATCH", `/v1/tokens/${token.id}`, { note: `${chance}` }),
        );
    } finally {
      token.isBusy = false;
      token.changes += 1;
    }
  }

  /** Counts a change, or one with an unknown outcome. */
  async #counted(tenant, change) {
    tenant.unknown += 1;
    const changed = await change();
    if (changed === undefined) return undefined;
    tenant.unknown -= 1;
    tenant.changes += 1;
    return changed;
  }

  async #issue(tenant) {
    const body = { name: "load test token", scopes: ["orders:read"] };
    const issued = await this.#counted(tenant, () => this.#ask(tenant.admin, "POST", "/v1/tokens", body));
    if (issued) tenant.tokens.push({ id: issued.id, value: issued.token, isLive: true, isBusy: false, changes: 0 });
  }

  async #revoke(tenant, token) {
    const revoked = await this.#counted(tenant, () => this.#ask(tenant.admin, "DELETE", `/v1/tokens/${token.id}`));
    // If the outcome is unknown, nothing is expected of the token any more.
    token.isLive = false;
    if (revoked) tenant.ended.push({ value: token.value, since: Date.now() });
    else token.isUnknown = true;
  }

  async #rotate(tenant, token) {
    const rotated = await this.#counted(tenant, () =>
      this.#ask(tenant.admin, "POST", `/v1/tokens/${token.id}/rotate`, {}),
    );
    if (!rotated) {
      [token.isLive, token.isUnknown] = [false, true];
      return;
    }
    tenant.ended.push({ value: token.value, since: Date.now() });
    token.value = rotated.token;
  }
}
