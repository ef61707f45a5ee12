// Checks what requests present: drives a Verifier, and fetches for it what it needs. It decides nothing.
import { MOST_DIGESTS, NEEDS } from "./contract.js";
import { ControlPlane, NOWHERE } from "./control-plane.js";
import { FAILED } from "./failure.js";
import { presented } from "./presented.js";
import { Reader } from "./reader.js";
import { InvalidSnapshotError, claimed } from "./snapshot.js";
import {
  InvalidDemandError,
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

/** How long the same failure is not told again, in milliseconds. */
const TOLD_AGAIN = 60_000;

/** How many failures are known to have been told. Of more kinds than these at a time some are told again. */
const TOLD = 16;

/** Who may wait for another's answer looks for it so many times less often than who has but a timer. */
const PATIENCE = 10;

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
  /** When which failure was told last, by its message. */
  #told = new Map();
  /** What wakes those who wait for others' answers, by the workspace's key. */
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
    // What is wrong with the workspaces or the freshness is said now.
    this.compile({});
  }

  static async offline(file, { keys, address, now, onFailure }) {
    const { workspace } = claimed(file);
    const options = { address, now, onFailure, controlPlane: NOWHERE, tokens: { [workspace]: undefined } };
    const gate = new Gate({ ...options, freshness: "snapshot" });
    // That the file may say so is seen now, before anybody has the gate.
    await gate.load(file, { keys });
    return gate;
  }

  async load(file, { keys }) {
    if (!this.#tokens.has(claimed(file).workspace)) throw new InvalidSnapshotError("OTHER_WORKSPACE");
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
    for (let at = 0; at < tokens.length; at += 1) into[at] = passes(this.#begin(tokens[at], demand, now, address));
    return into;
  }

  code(token, demand, address) {
    return codeOf(this.#begin(token, demand, this.#now(), address));
  }

  #begin(token, demand, now, address) {
    const answer = this.#verifier.begin(token, demand, now, address);
    // At once: the verifier holds the last few decisions only.
    if (isRenewalDue(answer)) this.#inBackground(this.#renew(answer));
    return answer;
  }

  /** Whatever becomes of it, this request goes on, and the process too: Node ends it for a promise that nobody looks at. */
  #inBackground(work) {
    const settled = work.catch((error) => this.#tell(error));
    try {
      background(settled);
    } catch (error) {
      this.#tell(error);
    }
  }

  /** @type {import("./index.d.ts").Gate["verify"]} */
  async verify(from, demand, { address } = {}) {
    const isText = typeof from === "string";
    const found = isText ? { token: from } : presented(from?.headers);
    if (found.code !== undefined) return { valid: false, code: found.code };
    const calls = address ?? (isText ? undefined : this.#address(from));
    const [decision] = await this.#decide([found.token], this.#compiled(demand), calls);
    // A token that is sent in another workspace's name was never issued there.
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

  /** Decides about at most `MOST_DIGESTS` tokens: what several wait for is fetched in one. */
  async #decide(tokens, demand, address) {
    const answers = tokens.map((token) => this.#begin(token, demand, this.#now(), address));
    // Details are read in the turn that decided: the verifier holds those of the last few.
    const decisions = answers.map((answer, at) => ({ ...this.#decision(answer), ...reasonOf(answer, tokens[at]) }));
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
    const details = isPending(answer) ? undefined : this.#verifier.details(answer);
    if (details === undefined) return { valid: false, code: codeOf(answer) };
    const { valid, code, freshness, asOf, workspaceKey, ownerId, owner, metadata, ...token } = details;
    if (token.number === undefined) return { valid, code, freshness, asOf };
    if (metadata !== undefined) Object.assign(token, { metadata: JSON.parse(metadata), metadataText: metadata });
    return { valid, code, freshness, asOf, token: { ...token, owner: ownerId } };
  }

  /** What each of the needs asks for, in their order; `undefined` where it could not be had. */
  async #fetch(needs, reader) {
    const [asked, leases, keys] = [new Map(), new Map(), new Set()];
    for (const need of needs) {
      if (need?.kind === NEEDS.registry) need.keys.forEach((key) => keys.add(key));
      if (need?.kind === NEEDS.ledger) add(asked, need.workspace, { digests: need.digests });
      if (need?.kind === NEEDS.lease) add(leases, need.workspace, need.question);
    }
    // Where something is fetched, that is time enough.
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
   * Waits for others to be answered, but not for longer than it takes to look by oneself.
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
      const timer = setTimeout(wake, PATIENCE * milliseconds);
      waiting.add(wake);
    });
  }

  #wake(workspace) {
    this.#waiting.get(workspace)?.forEach((wake) => wake());
  }

  /** Renews the lease that an answer came from, in the background of its request. */
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
      this.#tell(error);
      return undefined;
    }
  }

  /** What a guard of this gate could not go on with. */
  [FAILED](error) {
    this.#tell(error);
  }

  /** Says why nothing can be verified, but not with every request. Never throws: whoever waits for a decision goes on. */
  #tell(error) {
    try {
      const { message } = error;
      const now = this.#toldAt();
      // Either way: the clock may have been set back.
      if (Math.abs(now - this.#told.get(message)) < TOLD_AGAIN) return;
      this.#told.delete(message);
      this.#told.set(message, now);
      if (this.#told.size > TOLD) this.#told.delete(this.#told.keys().next().value);
      // A hook may be asynchronous, and fail later.
      Promise.resolve(this.#onFailure(error)).catch(() => {});
    } catch {
      // As above.
    }
  }

  /** The time, and always the same where it is the clock that fails. */
  #toldAt() {
    try {
      const now = this.#now();
      return Number.isFinite(now) ? now : 0;
    } catch {
      return 0;
    }
  }
}

/** The longest text of which it is said what is wrong with it. */
const EXPLAINED = 1024;

/** What is wrong with a text that is no token. */
function reasonOf(answer, text) {
  if (codeOf(answer) !== "MALFORMED" || typeof text !== "string" || text.length > EXPLAINED) return undefined;
  const { reason } = inspect(text);
  return reason === undefined ? undefined : { reason };
}

/** Adds one check's question to those of others of the same workspace, each digest once. */
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
    throw new TypeError("the gate's own token is none: give one that holds tokens:verify, whole and as it was shown");
  }
  return workspace;
}

/** What `get` gives for each key, by the key; `undefined` where it failed. */
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
