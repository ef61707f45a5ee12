// The audit log: search, filter, export as CSV.

import { parameters } from "../lib/api.js";
import { KINDS, entryText } from "../lib/audit.js";
import { csv } from "../lib/csv.js";
import { fill, h, debounced } from "../lib/dom.js";
import { download } from "../lib/download.js";
import { Names } from "../lib/names.js";
import { rename } from "../lib/router.js";
import { isAdmin, me } from "../lib/session.js";
import { asDate, when } from "../lib/time.js";
import { AuditSearch } from "../lib/audit-search.js";
import { choice } from "../parts/choice.js";
import { empty, failure, loading, notice } from "../parts/states.js";
import { entryElement } from "../parts/audit-entry.js";
import { pager, table, totalOf } from "../parts/table.js";
import { toast } from "../parts/toast.js";

const PAGE = 50;
/** How many entries are scanned at most before the user is asked whether to continue. */
const SCAN_LIMIT = 2_000;
/** The maximum number of exported entries. */
const EXPORT_LIMIT = 10_000;
const PARAMETERS = ["q", "kind", "from", "to", "subject", "actor"];
/** The delay between the last keystroke and the search, in milliseconds. */
const DEBOUNCE = 250;

export async function show({ query, signal }) {
  const names = new Names(signal);
  const wanted = Object.fromEntries(PARAMETERS.map((name) => [name, query.get(name) ?? ""]));
  const results = h("div", { class: "results" });
  let auditSearch = new AuditSearch({ ...wanted }, names, signal);
  let first = 0;

  async function refresh(most = SCAN_LIMIT) {
    const mine = auditSearch;
    results.setAttribute("aria-busy", "true");
    if (!results.hasChildNodes()) fill(results, loading("audit log"));
    // One extra entry shows whether there is a next page.
    const problem = await auditSearch.find(first + PAGE + 1, most).then(
      () => null,
      (problem) => problem,
    );
    if (signal.aborted || mine !== auditSearch) return;
    results.removeAttribute("aria-busy");
    fill(
      results,
      problem
        ? failure(problem, () => refresh(most))
        : resultsOf(auditSearch, first, names, { turn, continueSearch: () => refresh() }),
    );
  }
  function turn(next) {
    first = next;
    return refresh().then(() => results.querySelector("table")?.scrollIntoView({ block: "nearest" }));
  }
  function ask(change) {
    Object.assign(wanted, change);
    auditSearch = new AuditSearch({ ...wanted }, names, signal);
    first = 0;
    const text = parameters(wanted);
    rename(text ? `#/audit?${text}` : "#/audit");
    return refresh();
  }
  const save = async ({ currentTarget: button }) => {
    button.disabled = true;
    button.textContent = "Exporting…";
    try {
      await saveAll(new AuditSearch({ ...wanted }, names, signal), names);
    } catch (problem) {
      if (!signal.aborted) toast(problem.detail ?? "The export failed. Try again.");
    }
    button.disabled = false;
    button.textContent = "Export as CSV";
  };
  await refresh();
  return {
    title: "Audit log",
    actions: h("button", { type: "button", class: "button", onclick: save }, "Export as CSV"),
    body: [
      !isAdmin() && h("p", { class: "quiet" }, "Your own actions, and actions on your tokens and sessions."),
      filters(wanted, ask),
      results,
    ],
  };
}

function filters(wanted, ask) {
  const search = h("input", {
    type: "search",
    "aria-label": "Search the audit log",
    placeholder: "Search…",
    maxlength: 200,
  });
  search.value = wanted.q;
  search.addEventListener(
    "input",
    debounced(() => ask({ q: search.value.trim() }), DEBOUNCE),
  );
  const day = (label, name) => {
    const control = h("input", {
      type: "date",
      max: asDate(Date.now()),
      onchange: () => ask({ [name]: control.value }),
    });
    control.value = wanted[name];
    return h("label", { class: "day" }, label, control);
  };
  return h(
    "search",
    { class: "filters" },
    search,
    choice("Type", wanted.kind, [["", "All types"], ...Object.entries(KINDS)], (kind) => ask({ kind })),
    day("From", "from"),
    day("To", "to"),
    wanted.subject && linkFilter("Subject", wanted.subject),
    wanted.actor && linkFilter("Actor", wanted.actor),
  );
}

/** A filter that was set by a link, with a control to clear it. */
function linkFilter(what, id) {
  return h(
    "span",
    { class: "narrowed" },
    `${what}: `,
    h("code", {}, id),
    " ",
    h("a", { href: "#/audit", "aria-label": "Clear filters" }, "✕"),
  );
}

function resultsOf(auditSearch, first, names, { turn, continueSearch }) {
  const shown = auditSearch.found.slice(first, first + PAGE);
  const more =
    !auditSearch.ended &&
    auditSearch.found.length <= first + PAGE &&
    notice(
      "info",
      h("p", {}, `Searched the newest ${auditSearch.scanned.toLocaleString("en")} entries.`),
      h("button", { type: "button", class: "button", onclick: continueSearch }, "Search older entries"),
    );
  if (shown.length === 0)
    return [
      more ||
        empty(
          "No matching audit log entries",
          "Change the search text, the type or the dates.",
          h("a", { class: "button", href: "#/audit" }, "Show all entries"),
        ),
    ];
  return [
    table({
      caption: "Audit log",
      columns: [{ title: "Time" }, { title: "Action", class: "sentence" }, { title: "IP address" }],
      rows: shown.map((entry) => ({ cells: [when(entry.at), entryElement(entry, names), origin(entry)] })),
      head: 1,
    }),
    more,
    pager({
      from: first + 1,
      count: shown.length,
      total: auditSearch.isWhole ? totalOf(auditSearch) : undefined,
      back: first > 0 && (() => turn(first - PAGE)),
      on: auditSearch.found.length > first + PAGE && (() => turn(first + PAGE)),
    }),
  ];
}

function origin({ address, request_id }) {
  return [
    address ?? h("span", { class: "quiet" }, "unknown"),
    h("small", { class: "mono", title: "Request ID" }, request_id),
  ];
}

/** Exports all matching entries to a file, which is made in the page: nothing is uploaded. */
async function saveAll(auditSearch, names) {
  await auditSearch.find(EXPORT_LIMIT, Infinity);
  const entries = auditSearch.found.slice(0, EXPORT_LIMIT);
  const name = (reference) => names.of(reference).text;
  const json = (value) => (value === null || value === undefined ? "" : JSON.stringify(value));
  const rows = entries.map((entry) => [
    entry.seq,
    entry.at,
    entryText(entry, name),
    entry.action,
    entry.actor,
    entry.subject,
    entry.address,
    entry.request_id,
    json(entry.before),
    json(entry.after),
  ]);
  const heads = [
    "number",
    "time",
    "description",
    "action",
    "actor",
    "subject",
    "address",
    "request",
    "before",
    "after",
  ];
  download(`audit-${me.workspace.slug}-${asDate(Date.now())}.csv`, csv([heads, ...rows]), "text/csv");
  const whole = auditSearch.ended && auditSearch.found.length <= EXPORT_LIMIT;
  toast(
    whole
      ? `${entries.length.toLocaleString("en")} entries exported.`
      : `Exported the newest ${EXPORT_LIMIT.toLocaleString("en")} entries. To export older ones, narrow the dates.`,
  );
}
