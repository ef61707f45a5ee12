// The audit of the workspace: who did what, found, read and taken along.

import { parameters } from "../lib/api.js";
import { KINDS, inWords } from "../lib/audit.js";
import { csv } from "../lib/csv.js";
import { fill, h, settled } from "../lib/dom.js";
import { download } from "../lib/download.js";
import { Names } from "../lib/names.js";
import { rename } from "../lib/router.js";
import { isAdmin, me } from "../lib/session.js";
import { asDate, when } from "../lib/time.js";
import { Trail } from "../lib/trail.js";
import { choice } from "../parts/choice.js";
import { empty, failure, loading, notice } from "../parts/states.js";
import { told } from "../parts/story.js";
import { pager, table } from "../parts/table.js";
import { toast } from "../parts/toast.js";

const PAGE = 50;
/** How many entries are looked at in one go, where few of them are what somebody looks for. */
const GO = 2_000;
/** How many entries a file holds at most. */
const FILE = 10_000;
const PARAMETERS = ["q", "kind", "from", "to", "subject", "actor"];
/** How long somebody stops typing before the audit is searched, in milliseconds. */
const PAUSE = 250;

export async function show({ query, signal }) {
  const names = new Names(signal);
  const wanted = Object.fromEntries(PARAMETERS.map((name) => [name, query.get(name) ?? ""]));
  const results = h("div", { class: "results" });
  let trail = new Trail({ ...wanted }, names, signal);
  let first = 0;

  async function look(most = GO) {
    const mine = trail;
    results.setAttribute("aria-busy", "true");
    if (!results.hasChildNodes()) fill(results, loading("the audit"));
    // One more tells whether there is another page.
    const problem = await trail.find(first + PAGE + 1, most).then(
      () => null,
      (problem) => problem,
    );
    if (signal.aborted || mine !== trail) return;
    results.removeAttribute("aria-busy");
    fill(
      results,
      problem ? failure(problem, () => look(most)) : laid(trail, first, names, { turn, further: () => look() }),
    );
  }
  function turn(next) {
    first = next;
    return look().then(() => results.querySelector("table")?.scrollIntoView({ block: "nearest" }));
  }
  function ask(change) {
    Object.assign(wanted, change);
    trail = new Trail({ ...wanted }, names, signal);
    first = 0;
    const text = parameters(wanted);
    rename(text ? `#/audit?${text}` : "#/audit");
    return look();
  }
  const save = async ({ currentTarget: button }) => {
    button.disabled = true;
    button.textContent = "Exporting…";
    try {
      await saveAll(new Trail({ ...wanted }, names, signal), names);
    } catch (problem) {
      if (!signal.aborted) toast(problem.detail ?? "The export did not succeed.");
    }
    button.disabled = false;
    button.textContent = "Export as CSV";
  };
  await look();
  return {
    title: "Audit",
    actions: h("button", { type: "button", class: "button", onclick: save }, "Export as CSV"),
    body: [
      !isAdmin() && h("p", { class: "quiet" }, "What you did, and what was done to your tokens and sessions."),
      filters(wanted, ask),
      results,
    ],
  };
}

function filters(wanted, ask) {
  const search = h("input", {
    type: "search",
    "aria-label": "Search in what is told",
    placeholder: "Search…",
    maxlength: 200,
  });
  search.value = wanted.q;
  search.addEventListener(
    "input",
    settled(() => ask({ q: search.value.trim() }), PAUSE),
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
    choice("Of what", wanted.kind, [["", "Everything"], ...Object.entries(KINDS)], (kind) => ask({ kind })),
    day("From", "from"),
    day("To", "to"),
    wanted.subject && narrowed("done to", wanted.subject),
    wanted.actor && narrowed("done by", wanted.actor),
  );
}

/** A filter that a link has set, and the way to be rid of it. */
function narrowed(what, id) {
  return h(
    "span",
    { class: "narrowed" },
    `${what} `,
    h("code", {}, id),
    " ",
    h("a", { href: "#/audit", "aria-label": "Show what was done to and by everybody" }, "✕"),
  );
}

function laid(trail, first, names, { turn, further }) {
  const shown = trail.found.slice(first, first + PAGE);
  const more =
    !trail.ended &&
    trail.found.length <= first + PAGE &&
    notice(
      "info",
      h("p", {}, `The newest ${trail.looked.toLocaleString("en")} entries were looked through.`),
      h("button", { type: "button", class: "button", onclick: further }, "Look further back"),
    );
  if (shown.length === 0)
    return [
      more ||
        empty(
          "Nothing like that is in the audit",
          "Look for something else, or at another time.",
          h("a", { class: "button", href: "#/audit" }, "Show all of it"),
        ),
    ];
  return [
    table({
      caption: "Audit",
      columns: [{ title: "When" }, { title: "What was done", class: "deed" }, { title: "From" }],
      rows: shown.map((entry) => ({ cells: [when(entry.at), told(entry, names), origin(entry)] })),
      head: 1,
    }),
    more,
    pager({
      from: first + 1,
      count: shown.length,
      total: trail.isWhole ? trail.total : undefined,
      back: first > 0 && (() => turn(first - PAGE)),
      on: trail.found.length > first + PAGE && (() => turn(first + PAGE)),
    }),
  ];
}

function origin({ address, request_id }) {
  return [
    address ?? h("span", { class: "quiet" }, "not known"),
    h("small", { class: "mono", title: "The id of the request" }, request_id),
  ];
}

/** Makes a file of all that is found, in the page: nothing more leaves it. */
async function saveAll(trail, names) {
  await trail.find(FILE, Infinity);
  const entries = trail.found.slice(0, FILE);
  const name = (reference) => names.of(reference).text;
  const json = (value) => (value === null || value === undefined ? "" : JSON.stringify(value));
  const rows = entries.map((entry) => [
    entry.seq,
    entry.at,
    inWords(entry, name),
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
    "what was done",
    "action",
    "actor",
    "subject",
    "address",
    "request",
    "before",
    "after",
  ];
  download(`audit-${me.workspace.slug}-${asDate(Date.now())}.csv`, csv([heads, ...rows]), "text/csv");
  const whole = trail.ended && trail.found.length <= FILE;
  toast(
    whole
      ? `${entries.length.toLocaleString("en")} entries are saved.`
      : `The newest ${FILE.toLocaleString("en")} entries are saved: narrow the time for the others.`,
  );
}
