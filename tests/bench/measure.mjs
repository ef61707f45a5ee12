// Side-by-side measurements. Times of two machines are not comparable, so only ratios count, between subjects that ran
// in turns, round by round, in one run. A missed budget is printed; with `--check` the run then fails.

import { cpus, loadavg } from "node:os";

/** Whether each table is printed as one line of JSON, with all its numbers, instead of as text. */
const JSON_LINES = process.argv.includes("--json");

/**
 * Runs all subjects in turns, and prints the ratio of each to its counterpart.
 *
 * @param {Table & { rounds: number, subjects: { run: () => number | Promise<number> }[] }} table `rounds`: how often each
 *   subject runs, after one warm-up run; `run` returns the measured value
 */
export async function compare({ rounds, subjects, ...table }) {
  show({ ...table, subjects, found: await inTurns(subjects, rounds) });
}

/** What each subject's `run` returned in each round, after one warm-up round. */
export async function inTurns(subjects, rounds) {
  const found = subjects.map(() => []);
  for (let round = 0; round <= rounds; round += 1) {
    // Each subject begins a round in its turn, so that none always follows the same one.
    for (let turn = 0; turn < subjects.length; turn += 1) {
      const at = (round + turn) % subjects.length;
      const value = await subjects[at].run();
      if (round > 0) found[at].push(value);
    }
  }
  return found;
}

/**
 * Prints measured values, and the ratio of each subject to its counterpart: the first one, unless it names another.
 *
 * @typedef {object} Table
 * @property {string} [id] by which docs/performance.md includes the table
 * @property {string} title
 * @property {string} unit the unit of the values
 * @property {number} [at] the quantile of the rounds at which budgets hold. Other programs on the machine only ever make a
 *   duration longer, so its lower quantiles are those of a quiet machine.
 * @property {{ name: string, most?: number, least?: number, against?: string, lacks?: string }[]} subjects `most` and
 *   `least` are budgets of the ratio, `against` is the name of the counterpart, `lacks` states what the subject does not do
 *
 * @param {Table & { found: number[][] }} table `found`: the values of each subject, round by round
 */
export function show({ id, title, unit, at: held = 0.5, subjects, found }) {
  const rounds = found[0].length;
  const measured = subjects.map(({ name, most, least, against, lacks }, at) => {
    const base = found[against === undefined ? 0 : subjects.findIndex((subject) => subject.name === against)];
    const ratios = found[at].map((value, round) => value / base[round]);
    const kept = held === 0.5 ? median(ratios) : quantile(found[at], held) / quantile(base, held);
    return { name, most, least, lacks, against, values: found[at], ratios, kept, isBase: base === found[at] };
  });
  if (JSON_LINES) {
    const rows = measured.map(({ name, most, least, lacks, against, values, ratios, kept }) => ({
      name,
      ratio: summary(ratios),
      [unit]: summary(values),
      held: rounded(kept),
      against,
      most,
      least,
      budget: verdict(kept, { most, least }) || undefined,
      lacks,
    }));
    console.log(JSON.stringify({ id, title, unit, rounds, heldAt: held, ...machine(), rows }));
    return;
  }
  const isNoted = measured.some(({ lacks }) => lacks !== undefined);
  const rows = measured.map(({ name, most, least, lacks, values, ratios, kept, isBase }) => {
    const ratio = isBase ? "1" : spread(ratios, 3);
    const atHeld = held === 0.5 ? [] : [isBase ? "1" : number(kept, 3)];
    const shown = [name, ...atHeld, verdict(kept, { most, least }), ratio, spread(values, digitsOf(values))];
    return isNoted ? [...shown, lacks ?? ""] : shown;
  });
  print(
    `${title}; medians of ${rounds} rounds, and in brackets where the middle half of them lies`,
    [
      "",
      ...(held === 0.5 ? [] : [`ratio at p${100 * held}`]),
      "budget",
      "ratio",
      unit,
      ...(isNoted ? ["what it does not do"] : []),
    ],
    rows,
  );
}

/** Prints a table. The first column holds names, the others numbers. By `id`, docs/performance.md includes it. */
export function print(title, head, rows, { id } = {}) {
  if (JSON_LINES) return console.log(JSON.stringify({ id, title, ...machine(), columns: head, rows }));
  const lines = [head, ...rows].map((line) => line.map(String));
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  console.log(`\n${title}\n`);
  for (const line of lines) {
    console.log(
      `  ${line.map((text, column) => (column === 0 ? text.padEnd(widths[0]) : text.padStart(widths[column]))).join("   ")}`,
    );
  }
}

/** A budget and whether it is met. */
export function verdict(value, { most, least }) {
  if (most === undefined && least === undefined) return "";
  const met = value <= (most ?? Infinity) && value >= (least ?? -Infinity);
  if (!met && process.argv.includes("--check")) process.exitCode = 1;
  return `${most === undefined ? `≥ ${least}` : `≤ ${most}`} ${met ? "met" : "MISSED"}`;
}

/** Where and when a table was measured, and how many programs wanted to run meanwhile, of which a bench is one or two. */
const machine = () => ({
  date: new Date().toISOString().slice(0, 10),
  machine: `${cpus().length} cores, ${cpus()[0].model}, Node ${process.versions.node}`,
  load: rounded(loadavg()[1]),
});

/** The quantiles by which a chart or a page shows values, with the digits that a measurement can have. */
const summary = (values) =>
  Object.fromEntries([0.1, 0.25, 0.5, 0.75, 0.9].map((part) => [`p${100 * part}`, rounded(quantile(values, part))]));

const rounded = (value) => Number(value.toPrecision(5));

export const median = (values) => quantile(values, 0.5);

export function quantile(values, part) {
  const sorted = [...values].sort((one, other) => one - other);
  const at = part * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return below + (above - below) * (at % 1);
}

/** `12,345`, with this many decimals. */
export const number = (value, digits = 0) =>
  value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });

const digitsOf = (values) => (median(values) < 1 ? 2 : median(values) < 100 ? 1 : 0);

function spread(values, digits) {
  const [low, middle, high] = [0.25, 0.5, 0.75].map((part) => number(quantile(values, part), digits));
  return `${middle} (${low}–${high})`;
}
