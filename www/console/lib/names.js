// Names for the ids in audit log entries. Entries hold only ids, so that a name can be erased while the entry stays.

import { all, get, segment } from "./api.js";
import { references } from "./audit.js";
import { may, me } from "./session.js";

/** How many requests are sent at most to find names; after that, ids are shown. */
const REQUEST_LIMIT = 500;

export class Names {
  /** Pending and finished lookups: promises of names by kind and id, and of responses by path. */
  #lookups = new Map();
  /** The names, by kind and id: `{ text, href? }`. */
  #names = new Map();
  #remaining = REQUEST_LIMIT;
  #members = null;
  #signal;

  constructor(signal) {
    this.#signal = signal;
  }

  /** Finds the names for all references in these entries, as far as the signed-in member may see them. */
  async learn(entries) {
    await Promise.all(
      references(entries).map(async (reference) => {
        const key = keyOf(reference);
        if (!this.#lookups.has(key)) this.#lookups.set(key, this.#find(reference));
        this.#names.set(key, await this.#lookups.get(key));
      }),
    );
  }

  /** The name of a reference, and the link to its page if it has one. */
  of(reference) {
    return this.#names.get(keyOf(reference)) ?? { text: String(reference.id) };
  }

  #find({ kind, id }) {
    if (kind === "actor") return this.#actor(id);
    if (kind === "token") return this.#token(id);
    if (kind === "session") return this.#session(id, "someone");
    if (kind === "client") return { text: id };
    return this.#member(kind, id);
  }

  /** The actor: the member, and the token (`by`) if it acted with one. */
  async #actor(id) {
    if (id === "root") return { text: "The root token" };
    if (id === "sign_in") return { text: "An identity provider" };
    if (id.startsWith("ses_")) return this.#session(id, "Someone");
    const token = await this.#fetch(`/v1/tokens/${segment(id)}`);
    if (!token) return { text: token === null ? "Someone" : id };
    const owner = await this.#member("member", token.owner.id);
    return { ...owner, by: await this.#token(id) };
  }

  async #token(id) {
    const token = await this.#fetch(`/v1/tokens/${segment(id)}`);
    const href = `#/tokens/${segment(id)}`;
    if (!token) return { text: token === null ? "a token" : id };
    return { text: token.name ? `“${token.name}”` : token.hint, href };
  }

  /** The member of a session: the audit log has the token that opened it, or the member who signed in. */
  async #session(id, unknown) {
    const found = await this.#fetch("/v1/audit", { token: id, limit: 100 });
    if (found === undefined) return { text: id };
    const after = found?.items.find(({ action }) => action === "session.create")?.after;
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

  /** A response; null if the member may not see it, undefined if the limit of requests is reached. */
  #fetch(path, query) {
    const key = `${path} ${query?.token ?? ""}`;
    if (this.#lookups.has(key)) return this.#lookups.get(key);
    if (this.#remaining === 0) return undefined;
    this.#remaining -= 1;
    const answer = get(path, query, { signal: this.#signal }).catch(() => null);
    this.#lookups.set(key, answer);
    return answer;
  }
}

function keyOf({ kind, id }) {
  return `${kind} ${id}`;
}
