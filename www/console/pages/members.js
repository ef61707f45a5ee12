// The list of members.

import { all, parameters, segment } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { rename } from "../lib/router.js";
import { when } from "../lib/time.js";
import { choice } from "../parts/choice.js";
import { empty, notice } from "../parts/states.js";
import { pager, table } from "../parts/table.js";
import { badge, scopeList } from "../parts/token.js";

const PAGE = 50;
/** How many members are loaded at most: search, filters and sorting happen in the page. */
const LOAD_LIMIT = 1_000;

const SORTS = {
  name: (one, other) => one.name.localeCompare(other.name),
  live_tokens: (one, other) => one.live_tokens - other.live_tokens,
  created_at: (one, other) => Date.parse(one.created_at) - Date.parse(other.created_at),
};

const SORTED = [
  ["name", "Name, A to Z"],
  ["-name", "Name, Z to A"],
  ["-live_tokens", "Most live tokens first"],
  ["live_tokens", "Fewest live tokens first"],
  ["-created_at", "Newest first"],
  ["created_at", "Oldest first"],
];

export async function show({ query }) {
  const members = await all("/v1/members", {}, LOAD_LIMIT);
  const filters = {
    q: query.get("q") ?? "",
    role: query.get("role") ?? "",
    state: query.get("state") ?? "",
    sort: query.get("sort") ?? "",
  };
  let first = 0;
  const results = h("div", { class: "results" });
  const render = () =>
    fill(
      results,
      resultsOf(matching(members, filters), first, filters.sort || "name", {
        onsort: (sort) => ask({ sort }),
        onturn: (next) => {
          first = next;
          render();
        },
      }),
    );
  function ask(change) {
    Object.assign(filters, change);
    first = 0;
    const text = parameters(filters);
    rename(text ? `#/members?${text}` : "#/members");
    render();
    if ("sort" in change) results.querySelector("[aria-sort] button")?.focus();
  }
  render();
  const search = h("input", {
    type: "search",
    "aria-label": "Search by name, ID or email address",
    placeholder: "Search…",
  });
  search.value = filters.q;
  search.addEventListener("input", () => ask({ q: search.value.trim() }));
  return {
    title: "Members",
    actions: h("a", { class: "button primary", href: "#/new-member" }, "Add member"),
    body: [
      h(
        "search",
        { class: "filters" },
        search,
        choice(
          "Role",
          filters.role,
          [
            ["", "Any role"],
            ["admin", "Admin"],
            ["member", "Member"],
          ],
          (role) => ask({ role }),
        ),
        choice(
          "State",
          filters.state,
          [
            ["", "Any state"],
            ["active", "Active"],
            ["suspended", "Suspended"],
          ],
          (state) => ask({ state }),
        ),
        // Narrow screens show cards, which have no column headings to sort by.
        h(
          "span",
          { class: "cards-only" },
          choice("Sort", filters.sort || "name", SORTED, (sort) => ask({ sort })),
        ),
      ),
      members.length >= LOAD_LIMIT &&
        notice(
          "info",
          h(
            "p",
            {},
            `Only the first ${LOAD_LIMIT.toLocaleString("en")} members are shown. To open another member, go to #/members/<member ID>.`,
          ),
        ),
      results,
    ],
  };
}

/** The members that match the filters, sorted. */
function matching(members, { q, role, state, sort }) {
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

function resultsOf(members, first, sorted, { onsort, onturn }) {
  if (members.length === 0) {
    return empty(
      "No matching members",
      "Change the search text, or clear the filters.",
      h("a", { class: "button", href: "#/members" }, "Clear filters"),
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
        { title: "Granted scopes", class: "wide" },
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
      total: members.length.toLocaleString("en"),
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
