// What those are called of whom the audit speaks. An entry knows ids alone: names may have to be forgotten, entries stay.

import { all, get, segment } from "./api.js";
import { references } from "./audit.js";
import { may, me } from "./session.js";

/** How many questions are asked for the sake of names: of whom is spoken after that, the id has to do. */
const MOST = 500;

export class Names {
  /** What was asked: promises of names by kind and id, and of answers by path. */
  #asked = new Map();
  /** The names, by kind and id: `{ text, href? }`. */
  #known = new Map();
  #left = MOST;
  #members = null;
  #signal;

  constructor(signal) {
    this.#signal = signal;
  }

  /** Finds out what those are called of whom these entries speak, as far as the signed-in person may know it. */
  async learn(entries) {
    await Promise.all(
      references(entries).map(async (reference) => {
        const key = keyOf(reference);
        if (!this.#asked.has(key)) this.#asked.set(key, this.#find(reference));
        this.#known.set(key, await this.#asked.get(key));
      }),
    );
  }

  /** What it is called, and where its page is if it has one. */
  of(reference) {
    return this.#known.get(keyOf(reference)) ?? { text: String(reference.id) };
  }

  #find({ kind, id }) {
    if (kind === "actor") return this.#actor(id);
    if (kind === "token") return this.#token(id);
    if (kind === "session") return this.#session(id, "somebody");
    if (kind === "client") return { text: id };
    return this.#member(kind, id);
  }

  /** Whoever acts is a member; what with is said where it was a token. */
  async #actor(id) {
    if (id === "root") return { text: "The root token" };
    if (id === "sign_in") return { text: "An identity provider" };
    if (id.startsWith("ses_")) return this.#session(id, "Somebody");
    const token = await this.#fetch(`/v1/tokens/${segment(id)}`);
    if (!token) return { text: token === null ? "Somebody" : id };
    const owner = await this.#member("member", token.owner.id);
    return { ...owner, by: await this.#token(id) };
  }

  async #token(id) {
    const token = await this.#fetch(`/v1/tokens/${segment(id)}`);
    const href = `#/tokens/${segment(id)}`;
    if (!token) return { text: token === null ? "a token" : id };
    return { text: token.name ? `“${token.name}”` : token.hint, href };
  }

  /** As whom a session acted: the audit knows by which token, or for whom, it was opened. */
  async #session(id, unknown) {
    const told = await this.#fetch("/v1/audit", { token: id, limit: 100 });
    if (told === undefined) return { text: id };
    const after = told?.items.find(({ action }) => action === "session.create")?.after;
    if (after?.member) return this.#member("number", after.member);
    const token = after?.created_by && (await this.#fetch(`/v1/tokens/${segment(after.created_by)}`));
    return token ? this.#member("member", token.owner.id) : { text: unknown };
  }

  async #member(kind, id) {
    this.#members ??= may("workspace:manage")
      ? all("/v1/members", {}).catch(() => [me.member])
      : Promise.resolve([me.member]);
    const found = (await this.#members).find((member) => (kind === "number" ? member.number === id : member.id === id));
    if (!found) return { text: kind === "number" ? `Member ${id}` : String(id) };
    return { text: found.name, href: may("workspace:manage") ? `#/members/${segment(found.id)}` : undefined };
  }

  /** An answer; null where there is none for this person, undefined where it is not asked for any more. */
  #fetch(path, query) {
    const key = `${path} ${query?.token ?? ""}`;
    if (this.#asked.has(key)) return this.#asked.get(key);
    if (this.#left === 0) return undefined;
    this.#left -= 1;
    const answer = get(path, query, { signal: this.#signal }).catch(() => null);
    this.#asked.set(key, answer);
    return answer;
  }
}

function keyOf({ kind, id }) {
  return `${kind} ${id}`;
}
