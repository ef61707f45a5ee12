// Side-by-side measurements. Times of two machines are not comparable, so only ratios count, between subjects that ran
// in turns, round by round, in one run. A missed budget is printed; with `--check` the run then fails.

/** Whether each table is printed as one line of JSON, with all its numbers, instead of as text. */
const JSON_LINES = process.argv.includes("--json");

/**
 * Runs all subjects in turns, and prints the ratio of each to its counterpart: the first one, unless it names another.
 *
 * @param {object} table
 * @param {string} table.title
 * @param {string} table.unit the unit of what a subject's `run` returns
 * @param {number} table.rounds how often each subject runs, after one warm-up run
 * @param {number} [table.at] the quantile of the rounds at which budgets hold. Other programs on the machine only ever make a
 *   duration longer, so its lower quantiles are those of a quiet machine.
 * @param {{ name: string, run: () => number | Promise<number>, most?: number, least?: number, against?: string }[]} table.subjects
 *   `most` and `least` are budgets of the ratio, `against` is the name of the counterpart
 */
export async function compare({ title, unit, rounds, at: held = 0.5, subjects }) {
  const found = subjects.map(() => []);
  for (let round = 0; round <= rounds; round += 1) {
    // Each subject begins a round in its turn, so that none always follows the same one.
    for (let turn = 0; turn < subjects.length; turn += 1) {
      const at = (round + turn) % subjects.length;
      const value = await subjects[at].run();
      if (round > 0) found[at].push(value);
    }
  }
  const measured = subjects.map(({ name, most, least, against }, at) => {
    const base = found[against === undefined ? 0 : subjects.findIndex((subject) => subject.name === against)];
    const ratios = found[at].map((value, round) => value / base[round]);
    const kept = held === 0.5 ? median(ratios) : quantile(found[at], held) / quantile(base, held);
    return { name, most, least, values: found[at], ratios, kept, isBase: base === found[at] };
  });
  if (JSON_LINES) {
    const rows = measured.map(({ name, most, least, values, ratios, kept }) => {
      const verdictOf = verdict(kept, { most, least });
      return {
        name,
        ratio: summary(ratios),
        [unit]: summary(values),
        held: kept,
        most,
        least,
        budget: verdictOf || undefined,
      };
    });
    console.log(JSON.stringify({ title, rounds, heldAt: held, rows }));
    return;
  }
  const rows = measured.map(({ name, most, least, values, ratios, kept, isBase }) => {
    const ratio = isBase ? "1" : spread(ratios, 3);
    const atHeld = held === 0.5 ? [] : [isBase ? "1" : number(kept, 3)];
    return [name, ...atHeld, verdict(kept, { most, least }), ratio, spread(values, median(values) < 100 ? 1 : 0)];
  });
  print(
    `${title}; medians of ${rounds} rounds, and in brackets where the middle half of them lies`,
    ["", ...(held === 0.5 ? [] : [`ratio at p${100 * held}`]), "budget", "ratio", unit],
    rows,
  );
}

/** Prints a table. The first column holds names, the others numbers. */
export function print(title, head, rows) {
  if (JSON_LINES) return console.log(JSON.stringify({ title, columns: head, rows }));
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

/** The quantiles by which a chart or a page shows values. */
const summary = (values) =>
  Object.fromEntries([0.1, 0.25, 0.5, 0.75, 0.9].map((part) => [`p${100 * part}`, quantile(values, part)]));

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

function spread(values, digits) {
  const [low, middle, high] = [0.25, 0.5, 0.75].map((part) => number(quantile(values, part), digits));
  return `${middle} (${low}–${high})`;
}
