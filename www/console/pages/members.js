// The members of the workspace.

import { all, parameters, segment } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { rename } from "../lib/router.js";
import { when } from "../lib/time.js";
import { choice } from "../parts/choice.js";
import { empty, notice } from "../parts/states.js";
import { pager, table } from "../parts/table.js";
import { badge, scopeList } from "../parts/token.js";

const PAGE = 50;
/** How many members are read at most, to be searched here. */
const MOST = 1_000;

const SORTS = {
  name: (one, other) => one.name.localeCompare(other.name),
  live_tokens: (one, other) => one.live_tokens - other.live_tokens,
  created_at: (one, other) => Date.parse(one.created_at) - Date.parse(other.created_at),
};

const SORTED = [
  ["name", "By name"],
  ["-name", "By name, backwards"],
  ["-live_tokens", "Most tokens first"],
  ["live_tokens", "Fewest tokens first"],
  ["-created_at", "Newest first"],
  ["created_at", "Oldest first"],
];

export async function show({ query }) {
  const members = await all("/v1/members", {}, MOST);
  const asked = {
    q: query.get("q") ?? "",
    role: query.get("role") ?? "",
    state: query.get("state") ?? "",
    sort: query.get("sort") ?? "",
  };
  let first = 0;
  const results = h("div", { class: "results" });
  const lay = () =>
    fill(
      results,
      laid(found(members, asked), first, asked.sort || "name", {
        onsort: (sort) => ask({ sort }),
        onturn: (next) => {
          first = next;
          lay();
        },
      }),
    );
  function ask(change) {
    Object.assign(asked, change);
    first = 0;
    const text = parameters(asked);
    rename(text ? `#/members?${text}` : "#/members");
    lay();
    if ("sort" in change) results.querySelector("[aria-sort] button")?.focus();
  }
  lay();
  const search = h("input", {
    type: "search",
    "aria-label": "Search in names, ids and e-mail addresses",
    placeholder: "Search…",
  });
  search.value = asked.q;
  search.addEventListener("input", () => ask({ q: search.value.trim() }));
  return {
    title: "Members",
    actions: h("a", { class: "button primary", href: "#/new-member" }, "Add a member"),
    body: [
      h(
        "search",
        { class: "filters" },
        search,
        choice(
          "Role",
          asked.role,
          [
            ["", "Any role"],
            ["admin", "admin"],
            ["member", "member"],
          ],
          (role) => ask({ role }),
        ),
        choice(
          "State",
          asked.state,
          [
            ["", "Any state"],
            ["active", "active"],
            ["suspended", "suspended"],
          ],
          (state) => ask({ state }),
        ),
        // Cards have no heads of columns to sort by.
        h(
          "span",
          { class: "cards-only" },
          choice("Sort", asked.sort || "name", SORTED, (sort) => ask({ sort })),
        ),
      ),
      members.length >= MOST &&
        notice(
          "info",
          h(
            "p",
            {},
            `These are the first ${MOST.toLocaleString("en")} members. Open another at #/members/ and its id.`,
          ),
        ),
      results,
    ],
  };
}

/** Those that are asked for, in order. */
function found(members, { q, role, state, sort }) {
  const wanted = q.toLowerCase();
  const has = (text) => text?.toLowerCase().includes(wanted);
  const some = members.filter(
    (member) =>
      (!role || member.role === role) &&
      (!state || member.state === state) &&
      (!wanted || has(member.name) || has(member.id) || has(member.email)),
  );
  const down = sort.startsWith("-");
  const compare = SORTS[sort.replace("-", "")] ?? SORTS.name;
  return some.sort((one, other) => (down ? compare(other, one) : compare(one, other)));
}

function laid(members, first, sorted, { onsort, onturn }) {
  if (members.length === 0) {
    return empty(
      "No member is like that",
      "Search for something else, or clear the filters.",
      h("a", { class: "button", href: "#/members" }, "Clear the filters"),
    );
  }
  const shown = members.slice(first, first + PAGE);
  return [
    table({
      caption: "Members",
      columns: [
        { title: "Name", sort: "name" },
        { title: "Role" },
        { title: "State" },
        { title: "Granted", class: "wide" },
        { title: "Live tokens", sort: "live_tokens" },
        { title: "Added", sort: "created_at" },
      ],
      rows: shown.map(row),
      sorted,
      onsort,
    }),
    pager({
      from: first + 1,
      count: shown.length,
      total: members.length,
      back: first > 0 && (() => onturn(first - PAGE)),
      on: first + PAGE < members.length && (() => onturn(first + PAGE)),
    }),
  ];
}

function row(member) {
  const { id, name, role, state, grants, live_tokens, quota, created_at } = member;
  return {
    class: state === "suspended" ? "over" : null,
    cells: [
      [h("a", { href: `#/members/${segment(id)}` }, name), h("small", { class: "mono" }, id)],
      role,
      badge(state),
      scopeList(grants, 3),
      [live_tokens.toLocaleString("en"), h("span", { class: "quiet" }, ` of ${quota.toLocaleString("en")}`)],
      when(created_at),
    ],
  };
}
