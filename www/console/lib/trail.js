// The audit as somebody looks through it: from the newest entry back, keeping those that they look for.

import { get } from "./api.js";
import { inWords } from "./audit.js";
import { endOfDay } from "./time.js";

/** How many entries are asked for at once: as many as the service gives. */
const STEP = 100;

/**
 * What somebody looks for. The service finds by who did something (`actor`) and what it was done to (`subject`), each an
 * id; the rest is found here.
 *
 * @typedef {{subject?: string, actor?: string, kind?: string, from?: string, to?: string, q?: string}} Wanted
 */
export class Trail {
  /** What was found so far, the newest first. */
  found = [];
  /** How many entries were looked at. */
  looked = 0;
  /** Whether the rest, if there is any, is older than what is looked for. */
  ended = false;
  /** How many entries the service has, before the rest is looked for. */
  total = 0;

  #wanted;
  #names;
  #signal;
  #cursor;
  #looking = Promise.resolve();

  /**
   * @param {Wanted} wanted
   * @param {import("./names.js").Names} names
   * @param {AbortSignal} signal
   */
  constructor(wanted, names, signal) {
    this.#wanted = wanted;
    this.#names = names;
    this.#signal = signal;
  }

  /** Whether every entry that the service gives is one that is looked for. */
  get isWhole() {
    const { kind, from, to, q } = this.#wanted;
    return !kind && !from && !to && !q;
  }

  /**
   * Looks on until so many are found, or the end is reached, or so many more were looked at.
   *
   * @param {number} count
   * @param {number} most
   */
  find(count, most) {
    // One look at a time: two would ask for the same entries.
    this.#looking = this.#looking.then(
      () => this.#look(count, most),
      () => this.#look(count, most),
    );
    return this.#looking;
  }

  async #look(count, most) {
    const stop = this.looked + most;
    while (!this.ended && this.found.length < count && this.looked < stop) await this.#step();
  }

  async #step() {
    const { subject, actor, from } = this.#wanted;
    const query = { token: subject, actor, limit: STEP, cursor: this.#cursor };
    const { items, next_cursor, total } = await get("/v1/audit", query, { signal: this.#signal });
    await this.#names.learn(items);
    this.#cursor = next_cursor;
    this.total ||= total;
    this.looked += items.length;
    this.found.push(...items.filter((entry) => this.#fits(entry)));
    const oldest = items.at(-1);
    const isPast = Boolean(from && oldest) && new Date(oldest.at) < startOfDay(from);
    this.ended = isPast || !next_cursor;
  }

  #fits(entry) {
    const { kind, from, to, q } = this.#wanted;
    const at = new Date(entry.at);
    if (kind && !entry.action.startsWith(`${kind}.`)) return false;
    if ((from && at < startOfDay(from)) || (to && at > endOfDay(to))) return false;
    return (
      !q ||
      inWords(entry, (reference) => this.#names.of(reference).text)
        .toLowerCase()
        .includes(q.toLowerCase())
    );
  }
}

function startOfDay(date) {
  return new Date(`${date}T00:00:00`);
}
