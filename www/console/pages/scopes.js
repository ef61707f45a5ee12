// The scope catalogue, edited and saved as a whole.

import { Problem, get, put } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { confirmLeaving } from "../lib/router.js";
import { BUILT_IN } from "../lib/scopes.js";
import { isAdmin, may } from "../lib/session.js";
import { confirm } from "../parts/dialog.js";
import { fieldError } from "../parts/form.js";
import { COLUMNS, refusalOf, scopeRow } from "../parts/scope-row.js";
import { empty, failure } from "../parts/states.js";
import { table, totalOf } from "../parts/table.js";
import { toast } from "../parts/toast.js";

/** For how many removed scopes the number of tokens that have them is looked up. */
const LOOKUP_LIMIT = 10;

export async function show({ signal, reload }) {
  const { scopes: before } = await get("/v1/scopes", {}, { signal });
  if (!isAdmin()) {
    // Saving replaces the whole catalogue, and only admins see all of it.
    return {
      title: "Scopes",
      body: empty(
        "Only an admin can edit the catalogue",
        "Saving replaces the whole catalogue. Scopes that are not visible to you would be removed.",
      ),
    };
  }
  const place = h("div", { class: "catalogue" });
  const wrong = h("div", { role: "alert" });
  let rows = [];
  const remove = (row) => {
    const at = rows.indexOf(row);
    rows = rows.filter((one) => one !== row);
    markChanged();
    lay();
    (rows[at] ?? rows.at(-1) ?? adds).focus();
  };
  rows = before.map((entry) => scopeRow(entry, remove));
  const lay = () =>
    fill(
      place,
      rows.length > 0
        ? table({ caption: "Scope catalogue", columns: COLUMNS, rows })
        : empty(
            "No scopes yet",
            "Add a scope for each thing that programs can do with your API, for example orders:read. Tokens can be given these scopes and the built-in ones.",
          ),
    );
  const add = () => {
    const row = scopeRow({ name: "", description: "" }, remove);
    rows.push(row);
    markChanged();
    lay();
    row.focus();
  };
  const save = async () => {
    fill(wrong);
    const entries = rows.map(({ entry }) => entry);
    if (!validate(rows, entries, wrong)) return;
    try {
      if (!(await confirmAndSave(before, entries))) return;
    } catch (problem) {
      return showProblem(problem, rows, wrong);
    }
    confirmLeaving(null);
    reload();
  };
  place.addEventListener("input", markChanged);
  lay();
  const adds = h("button", { type: "button", class: "button", onclick: add }, "Add scope");
  return {
    title: "Scopes",
    actions: [adds, h("button", { type: "button", class: "button primary", onclick: save }, "Save…")],
    body: [
      h(
        "p",
        { class: "prose" },
        "Scopes define what tokens may do with your API. Tokens and members can be given the scopes below, and wildcards such as ",
        h("code", {}, "orders:*"),
        ". Minimum freshness applies to every check that requires the scope: ",
        h("code", {}, "strong"),
        " queries the ledger each time.",
      ),
      wrong,
      place,
      h(
        "details",
        { class: "built-in" },
        h("summary", {}, "Built-in scopes"),
        h(
          "dl",
          { class: "facts" },
          BUILT_IN.map(({ name, description }) => [h("dt", {}, h("code", {}, name)), h("dd", {}, description)]),
        ),
      ),
    ],
  };
}

/** From now on, leaving the page asks for confirmation. */
function markChanged() {
  confirmLeaving(() =>
    confirm({
      title: "Leave without saving?",
      body: [h("p", {}, "Your changes to the catalogue will be lost.")],
      action: "Leave without saving",
      keep: "Stay on this page",
      danger: true,
    }),
  );
}

/** Shows the error of each invalid row. Returns whether all rows are valid. */
function validate(rows, entries, wrong) {
  const names = entries.map(({ name }) => name);
  const refusals = names.map((name) => refusalOf(name, names));
  rows.forEach((row, index) => row.error(refusals[index] ?? ""));
  const count = refusals.filter(Boolean).length;
  if (count === 0) return true;
  fill(
    wrong,
    h(
      "div",
      { class: "notice bad" },
      h(
        "p",
        {},
        count === 1 ? "1 scope is invalid. Nothing was saved." : `${count} scopes are invalid. Nothing was saved.`,
      ),
    ),
  );
  rows[refusals.findIndex(Boolean)].focus();
  return false;
}

/** Shows the API's error beside the row that it is about. */
function showProblem(problem, rows, wrong) {
  const [, list, index] = problem.pointer?.split("/") ?? [];
  const row = list === "scopes" && rows[index];
  if (!row) return fill(wrong, failure(problem));
  row.error(fieldError(problem));
  row.focus();
}

/** Asks for confirmation with a list of all changes, and saves them. Returns whether they were saved. */
async function confirmAndSave(before, after) {
  const { added, changed, removed } = difference(before, after);
  if (added.length + changed.length + removed.length === 0) {
    toast("No changes to save.");
    return false;
  }
  const counts = await tokenCounts(removed);
  // An error about one row closes the dialog and is shown beside that row.
  let refusal = null;
  const list = (title, names) =>
    names.length > 0 && [
      h("h3", {}, title),
      h(
        "ul",
        { class: "named", tabindex: "0", "aria-label": title },
        names.map((name) => h("li", {}, h("code", {}, name), counts.get(name) && h("small", {}, counts.get(name)))),
      ),
    ];
  const done = await confirm({
    title: "Save scope catalogue?",
    body: [
      list("Added", added),
      list("Changed", changed),
      list("Removed", removed),
      removed.length > 0 &&
        h(
          "p",
          {},
          "Tokens that have a removed scope keep it, and checks that require the scope still accept them. The scope can no longer be given to tokens or members.",
        ),
    ]
      .flat()
      .filter(Boolean),
    action: "Save catalogue",
    danger: removed.length > 0,
    run: async () => {
      // The catalogue has no version, so a concurrent change must be detected here: saving would overwrite it.
      const { scopes: now } = await get("/v1/scopes");
      if (JSON.stringify(now) !== JSON.stringify(before))
        throw new Problem({ status: 412, code: "PRECONDITION_FAILED", title: "The catalogue has changed." });
      await put("/v1/scopes", { scopes: after }).catch((problem) => {
        if (!problem.pointer) throw problem;
        refusal = problem;
      });
    },
  });
  if (refusal) throw refusal;
  if (done) toast("Scope catalogue saved.");
  return done;
}

function difference(before, after) {
  const was = new Map(before.map((entry) => [entry.name, entry]));
  const is = new Map(after.map((entry) => [entry.name, entry]));
  const same = (one, other) => Object.keys(other).every((field) => one[field] === other[field]);
  return {
    added: [...is.keys()].filter((name) => !was.has(name)),
    changed: [...is.keys()].filter((name) => was.has(name) && !same(was.get(name), is.get(name))),
    removed: [...was.keys()].filter((name) => !is.has(name)),
  };
}

/** For each scope, a text with the number of tokens that have it (wildcards not counted). */
async function tokenCounts(names) {
  if (!may("tokens:read")) return new Map();
  const lookups = names.slice(0, LOOKUP_LIMIT).map(async (scope) => {
    const page = await get("/v1/tokens", { scope, limit: 1 }).catch(() => null);
    return [scope, page && (page.total === 1 ? "1 token has this scope" : `${totalOf(page)} tokens have this scope`)];
  });
  return new Map(await Promise.all(lookups));
}
