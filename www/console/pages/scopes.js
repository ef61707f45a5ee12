// The scope catalogue, edited as a whole.

import { Problem, get, put } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { guardWith } from "../lib/router.js";
import { BUILT_IN } from "../lib/scopes.js";
import { isAdmin, may } from "../lib/session.js";
import { confirm } from "../parts/dialog.js";
import { COLUMNS, refusalOf, scopeRow } from "../parts/scope-row.js";
import { empty, failure } from "../parts/states.js";
import { table } from "../parts/table.js";
import { toast } from "../parts/toast.js";

/** Of how many scopes that are removed it is looked who has them. */
const LOOKED_UP = 10;

export async function show({ signal, reload }) {
  const { scopes: before } = await get("/v1/scopes", {}, { signal });
  if (!isAdmin()) {
    // What is saved is the whole catalogue, and others are not shown all of it.
    return {
      title: "Scopes",
      body: empty(
        "Only an admin changes the catalogue here",
        "You may not see all of it, and what you do not see would be removed.",
      ),
    };
  }
  const place = h("div", { class: "catalogue" });
  const wrong = h("div", { role: "alert" });
  let rows = [];
  const remove = (row) => {
    const at = rows.indexOf(row);
    rows = rows.filter((one) => one !== row);
    touched();
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
            "The catalogue is empty",
            "Name what your API lets programs do, such as orders:read. Tokens are given what stands here, and the built-in scopes.",
          ),
    );
  const add = () => {
    const row = scopeRow({ name: "", description: "" }, remove);
    rows.push(row);
    touched();
    lay();
    row.focus();
  };
  const save = async () => {
    fill(wrong);
    const entries = rows.map(({ entry }) => entry);
    if (!right(rows, entries, wrong)) return;
    try {
      if (!(await replace(before, entries))) return;
    } catch (problem) {
      return refused(problem, rows, wrong);
    }
    guardWith(null);
    reload();
  };
  place.addEventListener("input", touched);
  lay();
  const adds = h("button", { type: "button", class: "button", onclick: add }, "Add a scope");
  return {
    title: "Scopes",
    actions: [adds, h("button", { type: "button", class: "button primary", onclick: save }, "Save…")],
    body: [
      h(
        "p",
        { class: "prose" },
        "What your API lets programs do. Tokens and members are granted scopes that stand here, and wildcards over them such as ",
        h("code", {}, "orders:*"),
        ". A scope with a freshness is never checked with an older answer than that: ",
        h("em", {}, "strong"),
        " asks the ledger each time.",
      ),
      wrong,
      place,
      h(
        "details",
        { class: "built-in" },
        h("summary", {}, "The built-in scopes"),
        h(
          "dl",
          { class: "facts" },
          BUILT_IN.map(({ name, description }) => [h("dt", {}, h("code", {}, name)), h("dd", {}, description)]),
        ),
      ),
    ],
  };
}

/** From now on nobody leaves without being asked. */
function touched() {
  guardWith(() =>
    confirm({
      title: "Leave without saving?",
      body: [h("p", {}, "What you changed in the catalogue is not saved.")],
      action: "Leave without saving",
      keep: "Stay here",
      danger: true,
    }),
  );
}

/** Says of each row what would be refused: whether there is none. */
function right(rows, entries, wrong) {
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
        count === 1
          ? "One scope would be refused. Nothing was saved."
          : `${count} scopes would be refused. Nothing was saved.`,
      ),
    ),
  );
  rows[refusals.findIndex(Boolean)].focus();
  return false;
}

/** What the service says, beside the row that it is about. */
function refused(problem, rows, wrong) {
  const [, list, index] = problem.pointer?.split("/") ?? [];
  const row = list === "scopes" && rows[index];
  if (!row) return fill(wrong, failure(problem));
  row.error(problem.detail);
  row.focus();
}

/** Says what will change, and does it: whether it was done. */
async function replace(before, after) {
  const { added, changed, removed } = difference(before, after);
  if (added.length + changed.length + removed.length === 0) {
    toast("Nothing was changed.");
    return false;
  }
  const carried = await carriers(removed);
  // What is said of one row is shown there, and the dialog goes.
  let refusal = null;
  const list = (title, names) =>
    names.length > 0 && [
      h("h3", {}, title),
      h(
        "ul",
        { class: "named", tabindex: "0", "aria-label": title },
        names.map((name) => h("li", {}, h("code", {}, name), carried.get(name) && h("small", {}, carried.get(name)))),
      ),
    ];
  const done = await confirm({
    title: "Save the catalogue?",
    body: [
      list("Added", added),
      list("Changed", changed),
      list("Removed", removed),
      removed.length > 0 &&
        h(
          "p",
          {},
          "Tokens that have a removed scope keep it, and are still let through where it is asked for. Nobody can be granted it any more.",
        ),
    ]
      .flat()
      .filter(Boolean),
    action: "Save the catalogue",
    danger: removed.length > 0,
    run: async () => {
      // The catalogue has no version: what somebody else made of it meanwhile would be lost unseen.
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
  if (done) toast("The catalogue is saved.");
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

/** How many tokens have each of these scopes by its own name, in words. */
async function carriers(names) {
  if (!may("tokens:read")) return new Map();
  const told = names.slice(0, LOOKED_UP).map(async (scope) => {
    const page = await get("/v1/tokens", { scope, limit: 1 }).catch(() => null);
    return [scope, page && (page.total === 1 ? "1 token has it" : `${page.total.toLocaleString("en")} tokens have it`)];
  });
  return new Map(await Promise.all(told));
}
