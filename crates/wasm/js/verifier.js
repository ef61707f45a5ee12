// The JavaScript interface of the WebAssembly module. It decides nothing.
import {
  ABSENT,
  ADDRESS_ROOM,
  BATCH,
  CODES,
  CODE_BITS,
  DEMAND_FAULTS,
  END_OF_TIME,
  LINES,
  MOST_DIGESTS,
  NEEDS,
  PENDING,
  RENEWAL_BIT,
  SNAPSHOT_FAULTS,
  TEXT_ROOM,
  VALID,
} from "./contract.js";
import { Verifier as Machine } from "./glue.js";
import { InvalidSnapshotError, bytesOf, verifySnapshot } from "./snapshot.js";

const encoder = new TextEncoder();

/** The method that verifies part of a batch. */
export const SOME = Symbol("some");

/** The module's memory, once it is instantiated, and the fastest way to write text into it on this platform. */
let memory;
let write;
/** A separate instance for `inspect`. */
let scratch;
/**
 * Returns the client's address of a request, if the platform guarantees that the client cannot set it.
 *
 * @type {(request: import("./index.d.ts").Presenting) => string | undefined}
 */
export let clientAddress = () => undefined;
/**
 * Keeps work going after its request was answered. Most platforms do so without being told.
 *
 * @type {(work: Promise<unknown>) => unknown}
 */
export let background = () => {};
/** Whether a request may wait for a promise of another request. */
export let sharesPromises = true;

export function start(exports, platform) {
  ({ memory } = exports);
  ({ write, clientAddress = clientAddress, background = background, sharesPromises = true } = platform);
}

/** Whether the module is instantiated. */
export const isLoaded = () => memory !== undefined;

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Writes a string as UTF-8 and returns its length in bytes. If `view` is too short: TEXT_ROOM, which is too long for a token. */
export function writeEncoded(text, view) {
  const { read, written } = encoder.encodeInto(text, view);
  return read === text.length ? written : TEXT_ROOM;
}

/**
 * The same character by character, which is faster in workerd. Tokens are ASCII: any other character becomes 255, which
 * is invalid.
 */
export function writeCharacters(text, view) {
  const length = Math.min(text.length, TEXT_ROOM);
  for (let at = 0; at < length; at += 1) {
    const code = text.charCodeAt(at);
    view[at] = code < 128 ? code : 255;
  }
  return length;
}

/** What is wrong with a requirement, by its code. */
const DEMAND_MESSAGES = {
  NOT_AN_OBJECT: "it must be a plain object",
  UNKNOWN_FIELD: "it has an unknown field",
  NO_WORKSPACE: "it must name at least one workspace",
  INVALID_WORKSPACE: "workspaces must be a list of workspace keys",
  INVALID_SCOPE: "allOf and anyOf must be lists of scopes, without wildcards",
  INVALID_FRESHNESS: 'freshness must be "strong", "bounded", "eventual" or "snapshot"',
  INVALID_FLAG: "orEventual and brief must be true or false",
  TOO_MANY_DEMANDS: "too many different requirements were compiled; reuse the compiled ones",
};

export class InvalidDemandError extends TypeError {
  constructor(code) {
    super(`invalid requirement (${code})${DEMAND_MESSAGES[code] ? `: ${DEMAND_MESSAGES[code]}` : ""}`);
    this.name = "InvalidDemandError";
    this.code = code;
  }
}

export const codeOf = (answer) => CODES[answer & CODE_BITS];
export const isPending = (answer) => (answer & CODE_BITS) === PENDING;
export const isValid = (answer) => (answer & CODE_BITS) === VALID;
export const isRenewalDue = (answer) => (answer & RENEWAL_BIT) !== 0;

/** The result of `check`: only `true` is truthy. */
export const passes = (answer) => isValid(answer) || (isPending(answer) ? undefined : false);

export function inspect(text) {
  scratch ??= newMachine(0, false);
  give(scratch, encoder.encode(text));
  return JSON.parse(scratch.inspect());
}

export const digest = (text) => inspect(text).digest;

export class Verifier {
  #machine;
  #input;
  #isSeeded = false;
  #text = new Uint8Array();
  #address = new Uint8Array();
  /** Where the token values of a batch are written, their lengths, and the answers. */
  #texts = [];
  #lengths = new Uint16Array();
  #answers = new Uint32Array();

  constructor({ memory: budget = 0, segments = false } = {}) {
    this.#machine = newMachine(budget, segments);
    this.#input = this.#machine.input();
  }

  demand(demand) {
    // An array that is given as undefined is a mistake, as null is: like an absent one, it would require nothing.
    const given = { workspaces: [], allOf: [], anyOf: [], ...plain(demand) };
    const { workspaces, allOf, anyOf, freshness = "bounded", orEventual = false, brief = false, ...others } = given;
    // A field that is not read would require nothing.
    if (Object.keys(others).length > 0) throw new InvalidDemandError("UNKNOWN_FIELD");
    const lines = [
      ...items(LINES.workspaces, workspaces, "INVALID_WORKSPACE"),
      ...items(LINES.allOf, allOf, "INVALID_SCOPE"),
      ...items(LINES.anyOf, anyOf, "INVALID_SCOPE"),
      line(LINES.freshness, freshness, "INVALID_FRESHNESS"),
      ...flag(LINES.orEventual, orEventual),
      ...flag(LINES.brief, brief),
    ];
    give(this.#machine, encoder.encode(lines.join("\n")));
    const compiled = this.#machine.demand();
    if (compiled < 0) throw new InvalidDemandError(DEMAND_FAULTS[-1 - compiled]);
    return compiled;
  }

  trustSealKeys(workspace, keys, now) {
    give(this.#machine, encoder.encode(workspace), ...keys);
    const are32Long = keys.every((key) => key.length === 32);
    if (!are32Long || !this.#machine.trust_seal_keys(now))
      throw new TypeError("expected a workspace key and its seal keys of 32 bytes each");
  }

  async load(file, { keys, now = Date.now() }) {
    const { about, parts } = await verifySnapshot(file, keys);
    if (!give(this.#machine, ...parts)) throw new InvalidSnapshotError("TOO_LARGE");
    const untaken = this.#machine.load(now);
    if (untaken < 0) throw new InvalidSnapshotError(SNAPSHOT_FAULTS[-1 - untaken]);
    return about;
  }

  begin(token, demand, now, address) {
    // Views are detached when the memory grows.
    if (this.#text.byteLength === 0) this.#view();
    const length = typeof token === "string" ? write(token, this.#text) : 0;
    const place = typeof address === "string" ? this.#place(address) : 0;
    // The module would convert true to 1, which is the number of some requirement.
    return this.#machine.check(length, place, typeof demand === "number" ? demand : 0, now);
  }

  /**
   * @template {Uint32Array | number[]} [Into=Uint32Array]
   * @overload
   * @param {readonly string[]} tokens
   * @param {number} demand
   * @param {number} now
   * @param {string} [address]
   * @param {Into} [into]
   * @returns {Into}
   */
  beginAll(tokens, demand, now, address, into = new Uint32Array(tokens.length)) {
    for (let from = 0; from < tokens.length; from += BATCH) {
      const answers = this[SOME](tokens, from, demand, now, address);
      for (let at = from; at < Math.min(from + BATCH, tokens.length); at += 1) into[at] = answers[at - from];
    }
    return into;
  }

  /**
   * The answers of at most `BATCH` tokens, beginning with the one at `from`. They are valid until the verifier is used again.
   *
   * @param {readonly string[]} tokens
   * @param {number} from
   * @param {number} demand
   * @param {number} now
   * @param {string} [address]
   */
  [SOME](tokens, from, demand, now, address) {
    if (this.#answers.byteLength === 0) this.#viewBatch();
    const count = Math.min(BATCH, tokens.length - from);
    for (let at = 0; at < count; at += 1) {
      const token = tokens[from + at];
      this.#lengths[at] = typeof token === "string" ? write(token, this.#texts[at]) : 0;
    }
    if (this.#text.byteLength === 0) this.#view();
    const place = typeof address === "string" ? this.#place(address) : 0;
    this.#machine.check_all(count, place, typeof demand === "number" ? demand : 0, now);
    if (this.#answers.byteLength === 0) this.#viewBatch();
    return this.#answers;
  }

  need(answer, together = MOST_DIGESTS) {
    // Some platforms provide random numbers only within requests.
    if (!this.#isSeeded) this.#machine.seed(Math.floor(Math.random() * 2 ** 32));
    this.#isSeeded = true;
    const json = this.#machine.need(answer, together);
    if (json === "") return undefined;
    const need = JSON.parse(json);
    return need.kind === NEEDS.lease ? leaseNeed(need) : need;
  }

  renew(answer, now) {
    const asked = isRenewalDue(answer) ? this.#machine.renew(answer, now) : 0;
    return asked === 0 ? undefined : asked;
  }

  supply(answer, values, now) {
    give(this.#machine, ...frames(Array.isArray(values) ? values : values == null ? [] : [values]));
    return this.#machine.supply(answer, now);
  }

  details(answer) {
    const json = this.#machine.details(answer);
    return json === "" ? undefined : { valid: isValid(answer), code: codeOf(answer), ...JSON.parse(json) };
  }

  async resolve(answer, sources) {
    const now = sources.now ?? Date.now;
    let current = answer;
    while (isPending(current)) {
      const need = this.need(current, 1);
      // If too many other checks were pending and this one was dropped, `supply` returns that.
      const values = need && (await fetchFrom(sources, need));
      current = this.supply(current, values, now());
    }
    return current;
  }

  async renewFrom(answer, sources) {
    const now = sources.now ?? Date.now;
    const asked = this.renew(answer, now());
    if (asked !== undefined) this.supply(asked, await fetchFrom(sources, this.need(asked, 1)), now());
  }

  free() {
    this.#machine.free();
  }

  #view() {
    this.#text = new Uint8Array(memory.buffer, this.#input, TEXT_ROOM);
    this.#address = new Uint8Array(memory.buffer, this.#input + TEXT_ROOM, ADDRESS_ROOM);
  }

  #viewBatch() {
    const batch = this.#machine.batch();
    this.#answers = new Uint32Array(memory.buffer, batch, BATCH);
    this.#lengths = new Uint16Array(memory.buffer, batch + this.#answers.byteLength, BATCH);
    const texts = this.#lengths.byteOffset + this.#lengths.byteLength;
    this.#texts = Array.from(
      { length: BATCH },
      (_, at) => new Uint8Array(memory.buffer, texts + at * TEXT_ROOM, TEXT_ROOM),
    );
  }

  #place(address) {
    const { read, written } = encoder.encodeInto(address, this.#address);
    return read === address.length ? written : 0;
  }
}

function newMachine(budget, segments) {
  if (!memory) throw new Error("not initialised: call await init() first");
  return new Machine(budget, segments);
}

/**
 * Returns the requirement itself. A function, a promise or an array would be read as an empty requirement, which every
 * valid token meets. So would an object whose fields are inherited or hidden. `Object.prototype` is recognised by its
 * properties, since an object may come from another realm.
 */
export function plain(demand) {
  const prototype = typeof demand === "object" && demand !== null ? Object.getPrototypeOf(demand) : undefined;
  const isObjects = (one) => Object.getPrototypeOf(one) === null && Object.hasOwn(one, "isPrototypeOf");
  const isPlain = prototype === null || (prototype !== undefined && isObjects(prototype));
  if (!isPlain || Object.getOwnPropertyNames(demand).length !== Object.keys(demand).length) {
    throw new InvalidDemandError("NOT_AN_OBJECT");
  }
  return demand;
}

function items(kind, list, code) {
  if (!Array.isArray(list)) throw new InvalidDemandError(code);
  // Unlike `map`, it visits holes, too.
  return Array.from(list, (item) => line(kind, item, code));
}

/** A string such as "false" is truthy, so only booleans are accepted. */
function flag(kind, isSet) {
  if (typeof isSet !== "boolean") throw new InvalidDemandError("INVALID_FLAG");
  return isSet ? [kind] : [];
}

function line(kind, item, code) {
  if (typeof item !== "string" || item.includes("\n")) throw new InvalidDemandError(code);
  return kind + item;
}

/** Writes bytes where the module's next call reads them, one part after the other; false if there is no memory for them. */
function give(machine, ...parts) {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const place = machine.room(length);
  if (place === 0) return false;
  const room = new Uint8Array(memory.buffer, place, length);
  let at = 0;
  for (const part of parts) {
    room.set(part, at);
    at += part.length;
  }
  return true;
}

/** Values in the module's format: length and bytes of each; the highest length for an absent one. */
function frames(values) {
  return values.flatMap((value) => {
    const bytes = bytesOf(value);
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, bytes ? bytes.length : ABSENT, true);
    return bytes ? [length, bytes] : [length];
  });
}

/** A lease question in the format of the control plane. */
function leaseNeed({ kind, workspace, digests, epoch, generation, uses, segments: manifest }) {
  const since = epoch === undefined ? undefined : { epoch, generation };
  const counted = uses.map((text) => {
    const [digest, last, count] = text.split(" ");
    // The ledger's clock may have any value.
    return { digest, last_used_at: new Date(Math.min(Number(last), END_OF_TIME)).toISOString(), count: Number(count) };
  });
  const segments = manifest === undefined ? {} : { segments: { manifest: manifest || undefined } };
  return { kind, workspace, question: { since, digests, uses: counted, ...segments } };
}

/** The data that a check needs; undefined if the source is missing or fails. */
async function fetchFrom(sources, need) {
  try {
    switch (need.kind) {
      case NEEDS.ledger:
        return await sources.ledger?.(need.workspace, need.digests);
      case NEEDS.lease:
        return await sources.lease?.(need.workspace, need.question);
      case NEEDS.wait:
        return await pause(need.milliseconds);
      default:
        return await sources.registry?.(need.keys);
    }
  } catch {
    return undefined;
  }
}
