// The list of tokens: filters, sorting, pages, and revoking the selected ones.

import { get, parameters } from "../lib/api.js";
import { fill, h, debounced } from "../lib/dom.js";
import { rename } from "../lib/router.js";
import { BUILT_IN } from "../lib/scopes.js";
import { isAdmin, may } from "../lib/session.js";
import { when } from "../lib/time.js";
import { choice } from "../parts/choice.js";
import { revokeMany } from "../parts/revoke.js";
import { empty, failure, loading } from "../parts/states.js";
import { pager, table, totalOf } from "../parts/table.js";
import { badge, nameOf, pageOf, scopeList } from "../parts/token.js";
import { usesChart } from "../parts/uses.js";

const LIMIT = 50;
/** For how many of the last days uses are shown. */
const DAYS = 30;
/** The state filter. Active tokens are shown unless the address names another state. */
const STATES = [
  ["active", "Active tokens"],
  ["all", "All tokens"],
  ["expired", "Expired tokens"],
  ["revoked", "Revoked tokens"],
  ["disabled", "Disabled tokens"],
  ["pending", "Pending tokens"],
];
const [[DEFAULT_STATE]] = STATES;
const SORTS = [
  ["-created_at", "Newest first"],
  ["created_at", "Oldest first"],
  ["name", "Name, A to Z"],
  ["expires_at", "First to expire"],
  ["-last_used_at", "Recently used first"],
  ["last_used_at", "Longest unused first"],
];
/** The filters in the address; `owner` and `client_id` are set by links on other pages. */
const PARAMETERS = ["q", "state", "scope", "owner", "client_id", "sort"];
/** The delay between the last keystroke and the search, in milliseconds. */
const DEBOUNCE = 250;

export async function show({ query, signal }) {
  const asked = Object.fromEntries(PARAMETERS.map((name) => [name, query.get(name) ?? ""]));
  asked.state ||= DEFAULT_STATE;
  const list = new List(asked, signal);
  const [{ scopes }] = await Promise.all([get("/v1/scopes", {}, { signal }), list.fetch()]);
  const write = may("tokens:write");
  return {
    title: "Tokens",
    actions: write && h("a", { class: "button primary", href: "#/new" }, "Create token"),
    body: [filters(list, scopes), list.chosen, list.element],
  };
}

/** The matching tokens, page by page. */
class List {
  /** The table, an empty state, or an error. */
  element = h("div", { class: "results" });
  /** The number of selected tokens, and the button that revokes them. */
  chosen = h("div", { class: "selected", role: "status" });
  /** The selected tokens of this page, by id. */
  #picked = new Map();
  /** The cursor of each page up to the current one; the first page has none. */
  #cursors = [undefined];
  #asked;
  #signal;
  /** The number of the latest request: responses to earlier ones are dropped. */
  #turn = 0;

  constructor(asked, signal) {
    this.#asked = asked;
    this.#signal = signal;
  }

  /** Changes filters or sorting and shows the first page. */
  ask(change) {
    Object.assign(this.#asked, change);
    this.#cursors = [undefined];
    rename(hashOf(this.#asked));
    return this.fetch();
  }

  get asked() {
    return this.#asked;
  }

  async fetch() {
    const turn = ++this.#turn;
    this.element.setAttribute("aria-busy", "true");
    if (!this.element.hasChildNodes()) fill(this.element, loading("tokens"));
    const page = await this.#read().catch((problem) => ({ problem }));
    if (turn !== this.#turn || this.#signal.aborted) return;
    this.element.removeAttribute("aria-busy");
    this.#pick();
    fill(this.element, page.problem ? failure(page.problem, () => this.fetch()) : this.#lay(page));
  }

  /** The current page; if it has no tokens, also how many match in other states (`elsewhere`). */
  async #read() {
    const query = { ...this.#asked, limit: LIMIT, usage: DAYS, cursor: this.#cursors.at(-1) };
    let page = await this.#get(query);
    // The API ends a page early if it examined many tokens without filling it.
    while (page.items.length === 0 && page.next_cursor) {
      this.#cursors.splice(-1, 1, page.next_cursor);
      page = await this.#get({ ...query, cursor: page.next_cursor });
    }
    if (page.items.length > 0) return page;
    // All tokens of the last page were revoked or have expired: the page before it is now the last one.
    if (this.#cursors.length > 1) {
      this.#cursors.pop();
      return this.#read();
    }
    if (query.state === "all") return page;
    const others = await this.#get({ ...this.#asked, state: "all", limit: 1 });
    return { ...page, elsewhere: others };
  }

  #get({ state, ...query }) {
    return get("/v1/tokens", { ...query, state: state === "all" ? "" : state }, { signal: this.#signal });
  }

  #lay(page) {
    const { items, next_cursor, elsewhere } = page;
    if (items.length === 0) return this.#none(elsewhere);
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
        total: totalOf(page),
        back: from > 1 && turn(() => this.#cursors.pop()),
        on: next_cursor && turn(() => this.#cursors.push(next_cursor)),
      }),
    ];
  }

  /** The empty state. A filter that hides tokens is named, with a link that shows them. */
  #none(elsewhere = { total: 0 }) {
    const { state, sort: _, ...others } = this.#asked;
    const isNarrowed = Object.values(others).some(Boolean);
    if (elsewhere.total > 0) {
      const count = totalOf(elsewhere);
      return empty(
        isNarrowed ? `No matching tokens are ${state}` : `No ${state} tokens`,
        `${count} ${isNarrowed ? "matching " : ""}${elsewhere.total === 1 ? "token is in another state" : "tokens are in other states"}.`,
        h(
          "a",
          { class: "button", href: hashOf({ ...this.#asked, state: "all" }) },
          elsewhere.total === 1 ? "Show 1 token" : `Show all ${count} tokens`,
        ),
      );
    }
    if (isNarrowed) {
      return empty(
        "No matching tokens",
        "Change the search text, or clear the filters.",
        h("a", { class: "button", href: "#/tokens" }, "Clear filters"),
      );
    }
    return empty(
      "No tokens yet",
      "A token lets a program call an API on your behalf. Create one token per program, so that you can revoke each separately.",
      may("tokens:write") && h("a", { class: "button primary", href: "#/new" }, "Create token"),
    );
  }

  #columns() {
    return [
      may("tokens:write") && { title: "Select", control: this.#chooser(), class: "select-column" },
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

  /** A checkbox that selects all tokens on the page, or none. */
  #chooser() {
    return h("input", {
      type: "checkbox",
      "aria-label": "Select all on this page",
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
          "aria-label": `Select ${nameOf(token)}`,
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
        usesChart(token.daily_uses),
      ].filter((cell) => cell !== false),
    };
  }

  /** Sets the selected tokens; none by default. */
  #pick(picked = new Map()) {
    this.#picked = picked;
    const count = picked.size;
    fill(
      this.chosen,
      count > 0 && [
        h("p", {}, `${count} selected`),
        h("button", { type: "button", class: "button danger", onclick: () => this.#revoke() }, "Revoke selected…"),
      ],
    );
  }

  async #revoke() {
    if (await revokeMany([...this.#picked.values()])) await this.fetch();
  }
}

/** The address of the list with these filters; the default state is left out. */
function hashOf({ state, ...others }) {
  const query = parameters({ ...others, state: state === DEFAULT_STATE ? "" : state });
  return query ? `#/tokens?${query}` : "#/tokens";
}

/** The filters above the list. */
function filters(list, catalogue) {
  const { q, state, scope, owner, client_id, sort } = list.asked;
  const search = h("input", {
    type: "search",
    "aria-label": "Search by name, note, ID or masked token",
    placeholder: "Search…",
    maxlength: 200,
  });
  search.value = q;
  search.addEventListener(
    "input",
    debounced(() => list.ask({ q: search.value.trim() }), DEBOUNCE),
  );
  const names = [...catalogue, ...BUILT_IN].map(({ name }) => [name, name]);
  const known = scope && !names.some(([name]) => name === scope) ? [[scope, scope]] : [];
  return h(
    "search",
    { class: "filters" },
    search,
    choice("State", state, STATES, (state) => list.ask({ state })),
    choice("Scope", scope, [["", "Any scope"], ["*", "*"], ...known, ...names], (scope) => list.ask({ scope })),
    // Narrow screens show cards, which have no column headings to sort by.
    h(
      "span",
      { class: "cards-only" },
      choice("Sort", sort || "-created_at", SORTS, (sort) => list.ask({ sort })),
    ),
    owner && linkFilter("Owner", owner),
    client_id && linkFilter("Client", client_id),
  );
}

/** A filter that was set by a link, with a control to clear it. */
function linkFilter(what, value) {
  return h(
    "span",
    { class: "narrowed" },
    `${what}: ${value} `,
    h("a", { href: "#/tokens", "aria-label": "Clear filters" }, "✕"),
  );
}
