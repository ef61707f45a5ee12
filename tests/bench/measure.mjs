// Side-by-side measurements. Times of two machines are not comparable, so only ratios count, between subjects that ran
// in turns, round by round, in one run. A missed budget is printed; with `--check` the run then fails.

/**
 * Runs all subjects in turns, and prints the ratio of each to the first one, the floor.
 *
 * @param {object} table
 * @param {string} table.title
 * @param {string} table.unit the unit of what a subject's `run` returns
 * @param {number} table.rounds how often each subject runs, after one warm-up run
 * @param {{ name: string, run: () => number | Promise<number>, most?: number, least?: number }[]} table.subjects `most` and
 *   `least` are budgets of the ratio
 */
export async function compare({ title, unit, rounds, subjects }) {
  const found = subjects.map(() => []);
  for (let round = 0; round <= rounds; round += 1) {
    // Each subject begins a round in its turn, so that none always follows the same one.
    for (let turn = 0; turn < subjects.length; turn += 1) {
      const at = (round + turn) % subjects.length;
      const value = await subjects[at].run();
      if (round > 0) found[at].push(value);
    }
  }
  const rows = subjects.map(({ name, most, least }, at) => {
    const ratios = found[at].map((value, round) => value / found[0][round]);
    const ratio = at === 0 ? "1" : spread(ratios, 3);
    return [name, ratio, verdict(median(ratios), { most, least }), spread(found[at], median(found[at]) < 100 ? 1 : 0)];
  });
  print(
    `${title}; medians of ${rounds} rounds, and in brackets where the middle half of them lies`,
    ["", "ratio", "budget", unit],
    rows,
  );
}

/** Prints a table. The first column holds names, the others numbers. */
export function print(title, head, rows) {
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
