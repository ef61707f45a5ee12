// The list of tokens: found, sorted, and chosen to be revoked.

import { get, parameters } from "../lib/api.js";
import { fill, h, settled } from "../lib/dom.js";
import { rename } from "../lib/router.js";
import { BUILT_IN } from "../lib/scopes.js";
import { isAdmin, may } from "../lib/session.js";
import { when } from "../lib/time.js";
import { choice } from "../parts/choice.js";
import { revokeMany } from "../parts/revoke.js";
import { empty, failure, loading } from "../parts/states.js";
import { pager, table } from "../parts/table.js";
import { badge, nameOf, pageOf, scopeList } from "../parts/token.js";
import { usesPicture } from "../parts/uses.js";

const LIMIT = 50;
/** On how many of the last days uses are shown. */
const DAYS = 30;
const STATES = ["active", "disabled", "pending", "expired", "revoked"];
const SORTS = [
  ["-created_at", "Newest first"],
  ["created_at", "Oldest first"],
  ["name", "By name"],
  ["expires_at", "First to expire"],
  ["-last_used_at", "Last used first"],
  ["last_used_at", "Longest unused first"],
];
/** What the address says of the list; `owner` and `client_id` come from other pages' links. */
const PARAMETERS = ["q", "state", "scope", "owner", "client_id", "sort"];
/** How long somebody stops typing before the list is searched, in milliseconds. */
const PAUSE = 250;

export async function show({ query, signal }) {
  const asked = Object.fromEntries(PARAMETERS.map((name) => [name, query.get(name) ?? ""]));
  const list = new List(asked, signal);
  const [{ scopes }] = await Promise.all([get("/v1/scopes", {}, { signal }), list.fetch()]);
  const write = may("tokens:write");
  return {
    title: "Tokens",
    actions: write && h("a", { class: "button primary", href: "#/new" }, "Generate new API token"),
    body: [filters(list, scopes), list.chosen, list.element],
  };
}

/** The tokens that are found, page by page. */
class List {
  /** What to show: the items, or why there are none. */
  element = h("div", { class: "results" });
  /** What is chosen, and what can be done with it. */
  chosen = h("div", { class: "chosen", role: "status" });
  /** The chosen tokens of this page, by id. */
  #picked = new Map();
  /** Where each page begins; the first at no cursor. */
  #cursors = [undefined];
  #asked;
  #signal;
  /** Which question was asked last: answers to earlier ones are dropped. */
  #turn = 0;

  constructor(asked, signal) {
    this.#asked = asked;
    this.#signal = signal;
  }

  /** Asks for something else, from the first page on. */
  ask(change) {
    Object.assign(this.#asked, change);
    this.#cursors = [undefined];
    const query = parameters(this.#asked);
    rename(query ? `#/tokens?${query}` : "#/tokens");
    return this.fetch();
  }

  get asked() {
    return this.#asked;
  }

  async fetch() {
    const turn = ++this.#turn;
    this.element.setAttribute("aria-busy", "true");
    if (!this.element.hasChildNodes()) fill(this.element, loading("tokens"));
    const query = { ...this.#asked, limit: LIMIT, usage: DAYS, cursor: this.#cursors.at(-1) };
    const page = await get("/v1/tokens", query, { signal: this.#signal }).catch((problem) => ({ problem }));
    if (turn !== this.#turn || this.#signal.aborted) return;
    this.element.removeAttribute("aria-busy");
    this.#pick();
    fill(this.element, page.problem ? failure(page.problem, () => this.fetch()) : this.#lay(page));
  }

  #lay({ items, total, next_cursor }) {
    if (items.length === 0) return this.#none();
    const from = (this.#cursors.length - 1) * LIMIT + 1;
    const turn = (change) => () => {
      change();
      this.fetch().then(() => this.element.querySelector("table")?.scrollIntoView({ block: "nearest" }));
    };
    return [
      table({
        caption: "Tokens",
        columns: this.#columns(),
        rows: items.map((token) => this.#row(token)),
        head: may("tokens:write") ? 1 : 0,
        sorted: this.#asked.sort || "-created_at",
        onsort: (sort) => this.ask({ sort }).then(() => this.element.querySelector(`[aria-sort] button`)?.focus()),
      }),
      pager({
        from,
        count: items.length,
        total,
        back: from > 1 && turn(() => this.#cursors.pop()),
        on: next_cursor && turn(() => this.#cursors.push(next_cursor)),
      }),
    ];
  }

  #none() {
    if (Object.entries(this.#asked).some(([name, value]) => value && name !== "sort")) {
      return empty(
        "No token is like that",
        "Search for something else, or clear the filters.",
        h("a", { class: "button", href: "#/tokens" }, "Clear the filters"),
      );
    }
    return empty(
      "There are no tokens yet",
      "A token lets a program call an API in your name. Give each program one of its own: then each can be revoked alone.",
      may("tokens:write") && h("a", { class: "button primary", href: "#/new" }, "Generate new API token"),
    );
  }

  #columns() {
    return [
      may("tokens:write") && { title: "Choose", control: this.#chooser(), class: "choose" },
      { title: "Name", sort: "name", class: "name" },
      { title: "State" },
      { title: "Scopes", class: "wide" },
      isAdmin() && { title: "Owner", class: "who" },
      { title: "Created", sort: "created_at" },
      { title: "Expires", sort: "expires_at" },
      { title: "Last used", sort: "last_used_at" },
      { title: `Uses in ${DAYS} days`, class: "uses-column" },
    ].filter(Boolean);
  }

  /** Chooses all of the page, or none. */
  #chooser() {
    return h("input", {
      type: "checkbox",
      "aria-label": "Choose all on this page",
      onchange: ({ target }) => {
        for (const box of this.element.querySelectorAll("tbody input[type=checkbox]")) {
          if (box.checked !== target.checked) box.click();
        }
      },
    });
  }

  #row(token) {
    const live = token.state !== "revoked";
    const check = may("tokens:write") && [
      live &&
        h("input", {
          type: "checkbox",
          "aria-label": `Choose ${nameOf(token)}`,
          onchange: (event) => {
            if (event.target.checked) this.#picked.set(token.id, token);
            else this.#picked.delete(token.id);
            this.#pick(this.#picked);
          },
        }),
    ];
    return {
      class: live ? null : "over",
      cells: [
        check,
        [h("a", { href: pageOf(token) }, nameOf(token)), h("small", { class: "mono" }, token.hint)],
        badge(token.state),
        scopeList(token.scopes, 3),
        isAdmin() && token.owner.id,
        when(token.created_at),
        when(token.expires_at, "never"),
        when(token.last_used_at, "never"),
        usesPicture(token.daily_uses),
      ].filter((cell) => cell !== false),
    };
  }

  /** Shows what is chosen; nothing where nothing is said. */
  #pick(picked = new Map()) {
    this.#picked = picked;
    const count = picked.size;
    fill(
      this.chosen,
      count > 0 && [
        h("p", {}, `${count} chosen`),
        h(
          "button",
          { type: "button", class: "button danger", onclick: () => this.#revoke() },
          `Revoke ${count === 1 ? "it" : "them"}…`,
        ),
      ],
    );
  }

  async #revoke() {
    if (await revokeMany([...this.#picked.values()])) await this.fetch();
  }
}

/** What narrows the list. */
function filters(list, catalogue) {
  const { q, state, scope, owner, client_id, sort } = list.asked;
  const search = h("input", {
    type: "search",
    "aria-label": "Search in names, notes and hints",
    placeholder: "Search…",
    maxlength: 200,
  });
  search.value = q;
  search.addEventListener(
    "input",
    settled(() => list.ask({ q: search.value.trim() }), PAUSE),
  );
  const names = [...catalogue, ...BUILT_IN].map(({ name }) => [name, name]);
  const known = scope && !names.some(([name]) => name === scope) ? [[scope, scope]] : [];
  return h(
    "search",
    { class: "filters" },
    search,
    choice("State", state, [["", "Any state"], ...STATES.map((name) => [name, name])], (state) => list.ask({ state })),
    choice("Scope", scope, [["", "Any scope"], ["*", "*"], ...known, ...names], (scope) => list.ask({ scope })),
    // Cards have no heads of columns to sort by.
    h(
      "span",
      { class: "cards-only" },
      choice("Sort", sort || "-created_at", SORTS, (sort) => list.ask({ sort })),
    ),
    owner && narrowed("owner", owner),
    client_id && narrowed("client", client_id),
  );
}

/** A filter that a link has set, and the way to be rid of it. */
function narrowed(what, value) {
  return h(
    "span",
    { class: "narrowed" },
    `${what}: ${value} `,
    h("a", { href: "#/tokens", "aria-label": `Show tokens of every ${what}` }, "✕"),
  );
}
