// Writes the tables and charts of docs/performance.md, and the table of README.md, from the measurements in docs/performance,
// so that no figure is typed by hand. With `--check`, fails if they differ instead.

import { readFile, readdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { chart } from "./chart.mjs";
import { number } from "./measure.mjs";

const root = new URL("../../", import.meta.url);
const figures = new URL("docs/performance/", root);

/** All measured tables, by id, each with the part of `cargo xtask bench` that it is from. */
async function measured() {
  const tables = {};
  for (const file of (await readdir(figures)).filter((name) => name.endsWith(".jsonl"))) {
    for (const line of (await readFile(new URL(file, figures), "utf8")).trim().split("\n")) {
      const table = JSON.parse(line);
      tables[table.id] = { ...table, part: file.slice(0, -".jsonl".length) };
    }
  }
  return tables;
}

const isOurs = ({ name }) => /^(Counterfoil|gate\.|verifier\.|the gateway)/.test(name);
const isSubject = ({ name }) => name !== "the loop itself";
const bold = (row) => (isOurs(row) ? `**${row.name}**` : row.name);
/** Without a sign if it is rounded to zero. */
const ratio = (value) => number(Math.abs(value) < 0.005 ? 0 : value, value < 10 ? 2 : value < 100 ? 1 : 0);
const LACKS = "what it does not do";

/** A Markdown table. If not stated otherwise, its first column holds names, and all others but one numbers. */
function table(head, rows, isText = (name, column) => column === 0 || name === LACKS) {
  const rule = head.map((name, column) => (isText(name, column) ? "---" : "---:"));
  return [head, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** How a table was measured. */
function source({ part, rounds, date, machine, load }) {
  const turns = rounds === undefined ? "" : `${rounds} rounds, `;
  const busy = load === undefined ? "" : `, load average ${number(load, 1)}`;
  return `\n\nMeasured by \`cargo xtask bench ${part}\`: ${turns}${date}, ${machine}${busy}.`;
}

/** The lines of a comparison: the ratio at the quantile at which budgets hold, ratio and value as medians, the budget. */
function compared(found, unit) {
  const { rows, heldAt } = found;
  const isLow = heldAt !== 0.5;
  const head = ["", ...(isLow ? [`ratio, p${100 * heldAt}`] : []), "ratio, median", `${unit}, median`, "budget"];
  const lines = rows.filter(isSubject).map((row) => {
    const value = row[found.unit].p50;
    const shown = number(value, value < 10 ? 1 : 0);
    const budget = (row.budget ?? "").replace("MISSED", "missed");
    return [bold(row), ...(isLow ? [ratio(row.held)] : []), ratio(row.ratio.p50), shown, budget];
  });
  return table(head, lines) + source(found);
}

const bar = (row, value, shown) => ({ name: row.name, value, shown, isOurs: isOurs(row) });

/** The bars of ratios, one for each subject with the usual counterpart. */
const ratioBars = (rows) =>
  rows
    .filter((row) => isSubject(row) && row.against === undefined && !/any of all/.test(row.name))
    .map((row) => bar(row, row.held, ratio(row.held)));

const ratioChart = (title, rows, options) =>
  chart({
    title,
    axis: "ratio to createHash and Map.get at p10: shorter is faster",
    bars: ratioBars(rows),
    isRatio: true,
    ...options,
  });

/** Checks of three kinds of tokens side by side, and what each subject does not do. */
function peers({ "peers-valid": valid, "peers-unknown": unknown, "peers-malformed": malformed }) {
  const head = ["", "valid, p10", "median", "ns, median", "unknown, p10", "malformed, p10", LACKS];
  const lines = valid.rows.map((row, at) => [
    bold(row),
    ratio(row.held),
    ratio(row.ratio.p50),
    number(row[valid.unit].p50),
    ratio(unknown.rows[at].held),
    ratio(malformed.rows[at].held),
    row.lacks,
  ]);
  return table(head, lines) + source(valid);
}

/** The milliseconds that a guard adds to a latency: at the tenth percentile of the rounds, as durations everywhere. */
const added = ({ unit, rows }) => rows.map((row) => row[unit].p10 - rows[0][unit].p10);

/** Requests a second, and what a guard adds to the latency of a request. */
function gateway({ gateway: throughput, "gateway-p50": p50, "gateway-p99": p99 }) {
  const head = ["", "requests a second", "ratio", "added at p50, ms", "added at p99, ms", LACKS];
  const lines = throughput.rows.map((row, at) => [
    bold(row),
    number(row[throughput.unit].p50),
    ratio(row.ratio.p50),
    ...[p50, p99].map((latencies) => (at === 0 ? "" : number(added(latencies)[at], 2))),
    row.lacks ?? "",
  ]);
  return table(head, lines) + source(throughput);
}

const fastestFirst = (rows) => rows.toSorted((one, other) => one.held - other.held);

/** The charts, by file. */
const charts = (tables) => ({
  "hot.svg": ratioChart("A check of a cached token, in Node", tables.hot.rows),
  "workerd.svg": ratioChart("A check of a cached token, in workerd", tables.workerd.rows),
  "peers.svg": ratioChart("A check of a valid token, in Node", fastestFirst(tables["peers-valid"].rows), {
    isLog: true,
    axis: "ratio to createHash and Map.get at p10, logarithmic: to the left of 1 is faster",
  }),
  "verify.svg": chart({
    title: "POST /v1/verify",
    axis: "requests a second, median: longer is better",
    bars: tables.verify.rows.map((row) => bar(row, row[tables.verify.unit].p50, number(row[tables.verify.unit].p50))),
  }),
  "gateway.svg": chart({
    title: "A guard in front of an origin",
    axis: "milliseconds that it adds to a request at p50: shorter is faster",
    bars: added(tables["gateway-p50"])
      .map((value, at) => bar(tables["gateway-p50"].rows[at], value, number(value, 2)))
      .slice(1),
  }),
});

/** The parts of a check, each as the difference between two subjects. */
function limits({ hot }) {
  const nanoseconds = (name) => hot.rows.find((row) => row.name === name)[hot.unit].p10;
  const [string, typo] = ["a string that is not a token value", "a token with a typo"].map((text) =>
    nanoseconds(`gate.code of ${text}`),
  );
  const [check, any] = ["gate.check, bounded", "gate.check, bounded, any of all tokens"].map(nanoseconds);
  return table(
    ["part of a check", "ns, p10"],
    [
      ["the call, the clock, the first letters of the value", number(string)],
      ["copying the value into the module, parsing, the checksum", number(typo - string)],
      ["SHA-256, finding the token, the decision, counting the use", number(check - typo)],
      ["caches of the processor that miss: one of all tokens instead of 64", number(any - check)],
    ],
  );
}

/** Everything that a subject of Counterfoil's loses against, and the budgets that it misses. */
function slower(tables) {
  const losses = ["valid", "unknown", "malformed"].flatMap((kind) => {
    const { rows } = tables[`peers-${kind}`];
    const ours = rows.find(isOurs);
    const faster = rows.filter((row) => !isOurs(row) && row.held < ours.held);
    const shown = faster.map(({ name, held }) => `${name} (${ratio(held)})`);
    return faster.length === 0
      ? []
      : [`For a token that is ${kind}, ${shown.join(", ")}: faster than \`gate.check\` (${ratio(ours.held)}).`];
  });
  const guards = tables.gateway.rows;
  const ours = guards.find(isOurs);
  const swifter = guards.slice(1).filter((row) => !isOurs(row) && row.ratio.p50 > ours.ratio.p50);
  const guard = swifter.map(({ name, ratio: { p50 } }) => `${name} (${ratio(p50)})`);
  const gateways =
    guard.length === 0
      ? []
      : [
          `In front of an origin, ${guard.join(", ")}: more requests a second than ${ours.name} (${ratio(ours.ratio.p50)}).`,
        ];
  const missed = [tables.hot, tables.workerd, tables.verify].flatMap(({ part, heldAt, rows }) =>
    rows
      .filter(({ budget }) => budget?.endsWith("MISSED"))
      .map(({ name, held, budget }) => {
        const at = heldAt === 0.5 ? "in the median" : `at p${100 * heldAt}`;
        return `\`cargo xtask bench ${part}\`, ${name}: ${ratio(held)} ${at}, the budget is ${budget.replace(" MISSED", "")}.`;
      }),
  );
  return [...losses, ...gateways, ...missed].map((line) => `- ${line}`).join("\n");
}

/** Ways to check a token, for the README. */
function comparison({ "peers-valid": { unit, rows } }) {
  const value = (name) => rows.find((row) => row.name === name || row.name.startsWith(`${name} `))[unit].p10;
  const ours = value("Counterfoil, gate.check, bounded");
  const times = (...names) => names.map((name) => `${ratio(value(name) / ours)} ×`).join(", ");
  const jose = rows.map(({ name }) => name).filter((name) => name.startsWith("jose "));
  return table(
    ["", "network requests per check", "a revoked token is accepted for", "time of a check"],
    [
      ["**Counterfoil, `bounded`**", "0", "at most 10 seconds", `**1** (${number(ours / 1_000, 2)} µs)`],
      [
        "SHA-256 and a `Map`, by hand: `createHash`, `crypto.hash`",
        "0",
        "until you tell every process",
        times("createHash", "crypto.hash"),
      ],
      ["JSON Web Token with `jose`: HS256, EdDSA", "0", "until it expires", times(...jose)],
      [
        "SHA-256 and Workers KV, by hand",
        "1, often cached",
        "a minute and KV's propagation, which has no bound",
        "a KV read",
      ],
      ["a central API or database", "1", "zero", "a round trip"],
    ],
    () => true,
  );
}

/** The blocks of each page, by the names in its markers. */
const blocks = (tables) => ({
  "README.md": { comparison: comparison(tables) },
  "docs/performance.md": {
    hot: compared(tables.hot, "ns"),
    workerd: compared(tables.workerd, "ns"),
    peers: peers(tables),
    gateway: gateway(tables),
    verify: compared(tables.verify, "requests a second"),
    limits: limits(tables),
    allocations: table(tables.allocations.columns, tables.allocations.rows),
    memory: table(tables.memory.columns, tables.memory.rows),
    slower: slower(tables),
  },
});

/** The page of this name with these blocks between their markers. */
function filled(name, page, blocks) {
  const used = new Set();
  const text = page.replaceAll(/(<!-- figures: (\w+) -->\n).*?(<!-- end -->)/gs, (_, start, block, end) => {
    if (blocks[block] === undefined) throw new Error(`${name}: there are no figures named ${block}`);
    used.add(block);
    return `${start}\n${blocks[block]}\n\n${end}`;
  });
  const unused = Object.keys(blocks).filter((block) => !used.has(block));
  if (unused.length > 0) throw new Error(`${name} has no place for these figures: ${unused.join(", ")}`);
  return text;
}

const tables = await measured();
const files = Object.entries(charts(tables)).map(([name, svg]) => [new URL(name, figures), svg]);
for (const [name, found] of Object.entries(blocks(tables))) {
  const page = new URL(name, root);
  files.push([page, filled(name, await readFile(page, "utf8"), found)]);
}
const isStale = async ([file, text]) => (await readFile(file, "utf8").catch(() => undefined)) !== text;
if (process.argv.includes("--check")) {
  for (const one of files) {
    if (!(await isStale(one))) continue;
    console.error(`not up to date: ${fileURLToPath(one[0])}; run \`cargo xtask docs\``);
    process.exitCode = 1;
  }
} else {
  for (const one of files) if (await isStale(one)) await writeFile(...one);
}
