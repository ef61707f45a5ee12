// Verifies presented tokens: drives a Verifier and fetches what it needs. It decides nothing itself.
import { BATCH, MOST_DIGESTS, NEEDS } from "./contract.js";
import { ControlPlane, OFFLINE } from "./control-plane.js";
import { FAILED } from "./failure.js";
import { presented } from "./presented.js";
import { Reader } from "./reader.js";
import { InvalidSnapshotError, readHead } from "./snapshot.js";
import {
  InvalidDemandError,
  SOME,
  Verifier,
  background,
  clientAddress,
  codeOf,
  inspect,
  isPending,
  isRenewalDue,
  passes,
  pause,
  plain,
  sharesPromises,
} from "./verifier.js";

/** For how long the same error is not reported again, in milliseconds. */
const REPORT_INTERVAL = 60_000;

/** How many reported errors are stored. If more kinds occur at a time, some are reported again. */
const MAX_REPORTED = 16;

/** Requests that may wait for another's response poll so many times less often than those that only have a timer. */
const WAIT_FACTOR = 10;

export class Gate {
  #verifier;
  #controlPlane;
  #registry;
  /** A token that holds `tokens:verify` for each workspace, by the workspace's key. */
  #tokens;
  #freshness;
  #orEventual;
  #now;
  #address;
  #onFailure;
  /** When each error was last reported, by its message. */
  #reported = new Map();
  /** Callbacks that wake requests waiting for others' responses, by the workspace's key. */
  #waiting = new Map();

  /** @param {import("./index.d.ts").GateOptions} options */
  constructor({
    controlPlane,
    token,
    tokens = { [workspaceOf(token)]: token },
    registry,
    segments = registry !== undefined,
    freshness = "bounded",
    orEventual = false,
    timeout = 2000,
    memory,
    address = clientAddress,
    now = Date.now,
    onFailure = (error) => console.error(error.message),
  }) {
    this.#controlPlane = new ControlPlane(controlPlane, timeout);
    this.#registry = registry;
    this.#tokens = new Map(Object.entries(tokens));
    this.#freshness = freshness;
    this.#orEventual = orEventual;
    this.#now = now;
    this.#address = address;
    this.#onFailure = onFailure;
    this.#verifier = new Verifier({ memory, segments });
    // Reports invalid workspaces or freshness now.
    this.compile({});
  }

  static async offline(file, { keys, address, now, onFailure }) {
    const { workspace } = readHead(file);
    const options = { address, now, onFailure, controlPlane: OFFLINE, tokens: { [workspace]: undefined } };
    const gate = new Gate({ ...options, freshness: "snapshot" });
    // Loaded before the gate is returned, so that a rejected snapshot is reported here.
    await gate.load(file, { keys });
    return gate;
  }

  async load(file, { keys }) {
    if (!this.#tokens.has(readHead(file).workspace)) throw new InvalidSnapshotError("OTHER_WORKSPACE");
    return this.#verifier.load(file, { keys, now: this.#now() });
  }

  compile(demand) {
    const { freshness = this.#freshness, orEventual = this.#orEventual, workspaces, ...others } = plain(demand);
    if (workspaces !== undefined) throw new InvalidDemandError("UNKNOWN_FIELD");
    return this.#verifier.demand({ ...others, workspaces: [...this.#tokens.keys()], freshness, orEventual });
  }

  check(token, demand, address) {
    return passes(this.#begin(token, demand, this.#now(), address));
  }

  /** @type {import("./index.d.ts").Gate["checkAll"]} */
  checkAll(tokens, demand, { address, into = new Array(tokens.length) } = {}) {
    const now = this.#now();
    for (let from = 0; from < tokens.length; from += BATCH) {
      const answers = this.#verifier[SOME](tokens, from, demand, now, address);
      let due;
      for (let at = from; at < Math.min(from + BATCH, tokens.length); at += 1) {
        const answer = answers[at - from];
        into[at] = passes(answer);
        if (isRenewalDue(answer)) (due ??= []).push(answer);
      }
      // At once: the verifier holds only the last few decisions. And last: it overwrites the answers.
      due?.forEach((answer) => this.#inBackground(this.#renew(answer)));
    }
    return into;
  }

  code(token, demand, address) {
    return codeOf(this.#begin(token, demand, this.#now(), address));
  }

  #begin(token, demand, now, address) {
    const answer = this.#verifier.begin(token, demand, now, address);
    this.#renewIfDue(answer);
    return answer;
  }

  /** At once: the verifier holds only the last few decisions. */
  #renewIfDue(answer) {
    if (isRenewalDue(answer)) this.#inBackground(this.#renew(answer));
  }

  /** Its result affects neither this request nor the process: Node would end it for an unhandled rejection. */
  #inBackground(work) {
    const settled = work.catch((error) => this.#report(error));
    try {
      background(settled);
    } catch (error) {
      this.#report(error);
    }
  }

  /** @type {import("./index.d.ts").Gate["verify"]} */
  async verify(from, demand, { address } = {}) {
    const isText = typeof from === "string";
    const found = isText ? { token: from } : presented(from?.headers);
    if (found.code !== undefined) return { valid: false, code: found.code };
    const calls = address ?? (isText ? undefined : this.#address(from));
    const [decision] = await this.#decide([found.token], this.#compiled(demand), calls);
    // A token that is presented under another workspace's name was never issued there.
    if (found.domain !== undefined && decision.token && decision.token.workspace !== found.domain) {
      return { valid: false, code: "UNKNOWN", freshness: decision.freshness, asOf: decision.asOf };
    }
    return decision;
  }

  /** @type {import("./index.d.ts").Gate["verifyAll"]} */
  async verifyAll(tokens, demand, { address } = {}) {
    const compiled = this.#compiled(demand);
    const decisions = [];
    for (let at = 0; at < tokens.length; at += MOST_DIGESTS) {
      decisions.push(...(await this.#decide(tokens.slice(at, at + MOST_DIGESTS), compiled, address)));
    }
    return decisions;
  }

  #compiled(demand) {
    return typeof demand === "number" ? demand : this.compile(demand);
  }

  /** Decides on at most `MOST_DIGESTS` tokens: data that several need is fetched in one request. */
  async #decide(tokens, demand, address) {
    const decisions = [];
    const answers = tokens.map((token, at) => {
      const answer = this.#verifier.begin(token, demand, this.#now(), address);
      // Details are read before anything else is done with the verifier: later, they may be of newer records.
      decisions[at] = { ...this.#decision(answer), ...reasonOf(answer, token) };
      this.#renewIfDue(answer);
      return answer;
    });
    const waiting = () => [...answers.keys()].filter((at) => isPending(answers[at]));
    const reader = new Reader(this.#registry);
    for (let open = waiting(); open.length > 0; open = waiting()) {
      const needs = open.map((at) => this.#verifier.need(answers[at], open.length));
      const values = await this.#fetch(needs, reader);
      open.forEach((at, place) => {
        answers[at] = this.#verifier.supply(answers[at], values[place], this.#now());
        decisions[at] = this.#decision(answers[at]);
      });
      needs.filter((need) => need?.kind !== NEEDS.wait).forEach((need) => this.#wake(need?.workspace));
    }
    return decisions;
  }

  #decision(answer) {
    if (isPending(answer)) return { valid: false, code: codeOf(answer) };
    const details = this.#verifier.details(answer);
    // The records were evicted meanwhile, so that nothing can be said about the token.
    if (details === undefined) return { valid: false, code: "UNAVAILABLE" };
    const { valid, code, freshness, asOf, workspaceKey, ownerId, owner, metadata, ...token } = details;
    if (token.number === undefined) return { valid, code, freshness, asOf };
    if (metadata !== undefined) Object.assign(token, { metadata: JSON.parse(metadata), metadataText: metadata });
    return { valid, code, freshness, asOf, token: { ...token, owner: ownerId } };
  }

  /** The data for each of the needs, in their order; `undefined` if it could not be fetched. */
  async #fetch(needs, reader) {
    const [asked, leases, keys] = [new Map(), new Map(), new Set()];
    for (const need of needs) {
      if (need?.kind === NEEDS.registry) need.keys.forEach((key) => keys.add(key));
      if (need?.kind === NEEDS.ledger) add(asked, need.workspace, { digests: need.digests });
      if (need?.kind === NEEDS.lease) add(leases, need.workspace, need.question);
    }
    // If anything is fetched, that takes long enough.
    if (needs.every((need) => need?.kind === NEEDS.wait)) await this.#wait(needs[0]);
    const [answers, grants, values] = await Promise.all([
      gathered(asked.keys(), (workspace) => this.#ask("records", workspace, asked.get(workspace).digests)),
      gathered(leases.keys(), (workspace) => this.#ask("lease", workspace, leases.get(workspace))),
      reader.read(keys),
    ]);
    return needs.map((need) => {
      if (need?.kind === NEEDS.registry) return need.keys.map((key) => values.get(key));
      return (need?.kind === NEEDS.lease ? grants : answers).get(need?.workspace);
    });
  }

  /**
   * Waits for the response to another request, or until it is time to look again.
   *
   * @returns {Promise<void>}
   */
  #wait({ workspace, milliseconds }) {
    if (!sharesPromises) return pause(milliseconds);
    const waiting = this.#waiting.get(workspace) ?? new Set();
    this.#waiting.set(workspace, waiting);
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, WAIT_FACTOR * milliseconds);
      waiting.add(wake);
    });
  }

  #wake(workspace) {
    this.#waiting.get(workspace)?.forEach((wake) => wake());
  }

  /** Renews the lease on which an answer relied, in the background of its request. */
  async #renew(answer) {
    const asked = this.#verifier.renew(answer, this.#now());
    if (asked === undefined) return;
    const { workspace, question } = this.#verifier.need(asked, 1);
    const grant = await this.#ask("lease", workspace, question);
    this.#verifier.supply(asked, grant, this.#now());
    this.#wake(workspace);
  }

  async #ask(what, workspace, question) {
    try {
      return await this.#controlPlane[what](this.#tokens.get(workspace), question);
    } catch (error) {
      this.#report(error);
      return undefined;
    }
  }

  /** Reports the failure of a guard of this gate. */
  [FAILED](error) {
    this.#report(error);
  }

  /** Reports why tokens cannot be verified, but not for every request. Never throws: a check is waiting to continue. */
  #report(error) {
    try {
      const { message } = error;
      const now = this.#reportTime();
      // In both directions: the clock may have been set back.
      if (Math.abs(now - this.#reported.get(message)) < REPORT_INTERVAL) return;
      this.#reported.delete(message);
      this.#reported.set(message, now);
      if (this.#reported.size > MAX_REPORTED) this.#reported.delete(this.#reported.keys().next().value);
      // A callback may be asynchronous, and fail later.
      Promise.resolve(this.#onFailure(error)).catch(() => {});
    } catch {
      // The check continues.
    }
  }

  /** The time, or a constant if the clock fails. */
  #reportTime() {
    try {
      const now = this.#now();
      return Number.isFinite(now) ? now : 0;
    } catch {
      return 0;
    }
  }
}

/** The longest value for which a reason is computed. */
const EXPLAINED = 1024;

/** What is wrong with a value that is not a token. */
function reasonOf(answer, text) {
  if (codeOf(answer) !== "MALFORMED" || typeof text !== "string" || text.length > EXPLAINED) return undefined;
  const { reason } = inspect(text);
  return reason === undefined ? undefined : { reason };
}

/** Adds one check's question to the combined question of its workspace, each digest once. */
function add(questions, workspace, question) {
  const known = questions.get(workspace) ?? { digests: [], uses: [] };
  const digests = [...new Set([...known.digests, ...question.digests])];
  const uses = [...known.uses, ...(question.uses ?? [])];
  questions.set(workspace, { since: question.since, digests, uses, segments: question.segments });
}

/** The key of the workspace that issued the token. */
function workspaceOf(token) {
  const { workspace } = typeof token === "string" ? inspect(token) : {};
  if (workspace === undefined) {
    throw new TypeError(
      "`token` is not a valid Counterfoil token. Pass the complete value of a token that has the tokens:verify scope.",
    );
  }
  return workspace;
}

/** The result of `get` for each key, by the key; `undefined` if it failed. */
async function gathered(keys, get) {
  /** @returns {Promise<[string, unknown]>} */
  const pair = async (key) => {
    try {
      return [key, await get(key)];
    } catch {
      return [key, undefined];
    }
  };
  return new Map(await Promise.all([...keys].map(pair)));
}
