// Searches the audit log from the newest entry back and keeps the entries that match.

import { get } from "./api.js";
import { entryText } from "./audit.js";
import { endOfDay } from "./time.js";

/** Entries per request: the maximum that the API returns. */
const STEP = 100;

/**
 * The filters. The API filters by `actor` and `subject`, both ids; the other filters are applied here.
 *
 * @typedef {{subject?: string, actor?: string, kind?: string, from?: string, to?: string, q?: string}} Wanted
 */
export class AuditSearch {
  /** The matching entries so far, newest first. */
  found = [];
  /** How many entries were scanned. */
  scanned = 0;
  /** Whether no older entry can match. */
  ended = false;
  /** How many entries the API has for `actor` and `subject`, before the other filters. */
  total = 0;
  /** Whether there are no more than that. */
  total_is_exact = true;

  #wanted;
  #names;
  #signal;
  #cursor;
  #searching = Promise.resolve();

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

  /** Whether the API applies all filters, so that `total` is the number of matches. */
  get isWhole() {
    const { kind, from, to, q } = this.#wanted;
    return !kind && !from && !to && !q;
  }

  /**
   * Continues until `count` entries are found, the end is reached, or `most` more entries were scanned.
   *
   * @param {number} count
   * @param {number} most
   */
  find(count, most) {
    // One search at a time: concurrent ones would request the same entries.
    this.#searching = this.#searching.then(
      () => this.#search(count, most),
      () => this.#search(count, most),
    );
    return this.#searching;
  }

  async #search(count, most) {
    const stop = this.scanned + most;
    while (!this.ended && this.found.length < count && this.scanned < stop) await this.#step();
  }

  async #step() {
    const { subject, actor, from } = this.#wanted;
    const query = { token: subject, actor, limit: STEP, cursor: this.#cursor };
    const { items, next_cursor, total, total_is_exact } = await get("/v1/audit", query, { signal: this.#signal });
    await this.#names.learn(items);
    this.#cursor = next_cursor;
    this.total ||= total;
    this.total_is_exact &&= total_is_exact !== false;
    this.scanned += items.length;
    this.found.push(...items.filter((entry) => this.#matches(entry)));
    const oldest = items.at(-1);
    const isPast = Boolean(from && oldest) && new Date(oldest.at) < startOfDay(from);
    this.ended = isPast || !next_cursor;
  }

  #matches(entry) {
    const { kind, from, to, q } = this.#wanted;
    const at = new Date(entry.at);
    if (kind && !entry.action.startsWith(`${kind}.`)) return false;
    if ((from && at < startOfDay(from)) || (to && at > endOfDay(to))) return false;
    return (
      !q ||
      entryText(entry, (reference) => this.#names.of(reference).text)
        .toLowerCase()
        .includes(q.toLowerCase())
    );
  }
}

function startOfDay(date) {
  return new Date(`${date}T00:00:00`);
}
