// What those are called of whom the audit speaks. An entry knows ids alone: names may have to be forgotten, entries stay.

import { all, get, segment } from "./api.js";
import { references } from "./audit.js";
import { may, me } from "./session.js";

export class Names {
  /** What is known, by kind and id: promises of `{ text, href? }`, and what they were kept with. */
  #asked = new Map();
  #known = new Map();
  #members = null;
  #signal;

  constructor(signal) {
    this.#signal = signal;
  }

  /** Finds out what those are called of whom these entries speak, as far as the signed-in person may know it. */
  async learn(entries) {
    await Promise.all(references(entries).map(async (reference) => {
      const key = keyOf(reference);
      if (!this.#asked.has(key)) this.#asked.set(key, this.#find(reference));
      this.#known.set(key, await this.#asked.get(key));
    }));
  }

  /** What it is called, and where its page is if it has one. */
  of(reference) {
    return this.#known.get(keyOf(reference)) ?? { text: String(reference.id) };
  }

  #find({ kind, id }) {
    if (kind === "actor") return this.#actor(id);
    if (kind === "token") return this.#token(id);
    if (kind === "session") return this.#session(id).then((found) => found ?? { text: "somebody" });
    if (kind === "client") return { text: id };
    return this.#member(kind, id);
  }

  /** Whoever acts is a member; what with is said where it was a token. */
  async #actor(id) {
    if (id === "root") return { text: "The root token" };
    if (id === "sign_in") return { text: "An identity provider" };
    if (id.startsWith("ses_")) return (await this.#session(id)) ?? { text: "Somebody" };
    const token = await this.#fetch(`/v1/tokens/${segment(id)}`);
    if (!token) return { text: "Somebody" };
    const owner = await this.#member("member", token.owner.id);
    return { ...owner, by: await this.#token(id) };
  }

  async #token(id) {
    const token = await this.#fetch(`/v1/tokens/${segment(id)}`);
    const href = `#/tokens/${segment(id)}`;
    return token ? { text: token.name ? `“${token.name}”` : token.hint, href } : { text: "a token" };
  }

  /** As whom a session acted: the audit knows by which token, or for whom, it was opened. */
  async #session(id) {
    const told = await this.#fetch("/v1/audit", { token: id, limit: 100 });
    const after = told?.items.find(({ action }) => action === "session.create")?.after;
    if (after?.member) return this.#member("number", after.member);
    const token = after?.created_by && (await this.#fetch(`/v1/tokens/${segment(after.created_by)}`));
    return token ? this.#member("member", token.owner.id) : null;
  }

  async #member(kind, id) {
    this.#members ??= may("workspace:manage") ? all("/v1/members", {}).catch(() => [me.member]) : Promise.resolve([me.member]);
    const found = (await this.#members).find((member) => (kind === "number" ? member.number === id : member.id === id));
    if (!found) return { text: kind === "number" ? `Member ${id}` : String(id) };
    return { text: found.name, href: may("workspace:manage") ? `#/members/${segment(found.id)}` : undefined };
  }

  /** An answer, or null where there is none for this person. Each question is asked once. */
  #fetch(path, query) {
    const key = `${path} ${query?.token ?? ""}`;
    if (!this.#asked.has(key)) this.#asked.set(key, get(path, query, { signal: this.#signal }).catch(() => null));
    return this.#asked.get(key);
  }
}

function keyOf({ kind, id }) {
  return `${kind} ${id}`;
}
