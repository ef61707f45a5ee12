// `cargo xtask soak`: minutes of mixed load against the built bundle on workerd, and the invariants afterwards.

import { parseArgs } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";
import { counterfoilOver } from "../bench/deployments.mjs";
import { number } from "../bench/measure.mjs";
import { Caller } from "./caller.mjs";
import { drained, violations } from "./invariants.mjs";
import { Load } from "./load.mjs";
import { residentBytes } from "./memory.mjs";
import { registry as newRegistry } from "./registry.mjs";
import { found } from "./tenants.mjs";

const { values: options } = parseArgs({
  options: { minutes: { type: "string", default: "5" }, short: { type: "boolean", default: false } },
});
const SIZE = options.short ? { workspaces: 20, tokens: 2_000 } : { workspaces: 1_000, tokens: 100_000 };
const SECONDS = options.short ? 20 : 60 * Number(options.minutes);
if (!(SECONDS > 0)) throw new Error("--minutes takes a number above 0");

/**
 * The interval of progress reports, and the time of the memory measurement that the final one is compared with, in
 * seconds.
 */
const TELL = 10;
const SETTLED = 60;

/** The allowed ratio of the final memory to that measurement. */
const GROWTH = 1.1;

/** How long the outboxes may take to drain once the load ends, in milliseconds. */
const PATIENCE = 600_000;

const megabytes = (bytes) => (bytes === undefined ? "?" : number(bytes / 1e6));
const began = Date.now();
const tell = (line) => console.log(`${number((Date.now() - began) / 1_000).padStart(5)} s  ${line}`);

const registry = newRegistry();
const app = await counterfoilOver(registry.worker);
const caller = new Caller(app.url);
const problems = [];
try {
  tell(`setting up ${number(SIZE.workspaces)} workspaces, one of them with ${number(SIZE.tokens)} tokens`);
  const tenants = await found(caller, SIZE, tell);
  tell("waiting until the outboxes are drained, so that the load starts on an idle deployment");
  if ((await drained(registry, PATIENCE)) === undefined)
    problems.push(`the outboxes were not drained ${PATIENCE / 1_000} s after the imports`);
  const load = new Load(caller, tenants);
  tell(`${number(SECONDS)} s of load; workerd occupies ${megabytes(await residentBytes())} MB`);
  const from = Date.now();
  const running = load.run();
  let [before, settled] = [0, undefined];
  for (let second = TELL; second <= SECONDS; second += TELL) {
    await sleep(from + 1_000 * second - Date.now());
    const bytes = await residentBytes();
    if (second === SETTLED) settled = bytes;
    const refused = [...load.refused.values()].reduce((sum, count) => sum + count, 0);
    const wrong = [...load.wrong.values()].reduce((sum, { count }) => sum + count, 0);
    tell(
      `${number((load.total - before) / TELL)} requests per second, ${number(refused)} rejected by design, ${number(wrong)} violations; ` +
        `workerd ${megabytes(bytes)} MB, registry ${number(registry.held.size)} keys`,
    );
    before = load.total;
  }
  load.stop();
  await running;
  const atEnd = await residentBytes();
  const took = (Date.now() - from) / 1_000;

  tell("the load has ended; waiting for the outboxes");
  const drainedIn = await drained(registry, PATIENCE);
  if (drainedIn === undefined) problems.push(`the outboxes were not drained ${PATIENCE / 1_000} s after the load`);
  tell("checking the invariants");
  problems.push(...(await violations(caller, tenants, registry)));
  for (const [what, { count, example }] of load.wrong)
    problems.push(`${what}: ${count} times${example ? `, such as: ${example}` : ""}`);
  if (settled !== undefined && atEnd > GROWTH * settled) {
    problems.push(`workerd occupies ${megabytes(atEnd)} MB at the end, and ${megabytes(settled)} MB after a minute`);
  }

  const { verify, read, change } = load.answered;
  const sum = (of) => tenants.reduce((total, tenant) => total + of(tenant), 0);
  tell(
    `${number(load.total)} requests in ${number(took)} s, ${number(load.total / took)} per second: ${number(verify)} verifications, ` +
      `${number(read)} reads, ${number(change)} changes`,
  );
  tell(
    `rejected by design: ${[...load.refused].map(([code, count]) => `${number(count)} ${code}`).join(", ") || "none"}`,
  );
  tell(
    `memory of workerd: ${megabytes(settled)} MB after a minute, ${megabytes(atEnd)} MB at the end` +
      `${settled === undefined ? "" : `, ${number(atEnd / settled, 2)} ×`}; outboxes drained ${number((drainedIn ?? 0) / 1_000)} s after the load`,
  );
  tell(
    `checked: ${number(sum(({ tokens }) => tokens.length))} issued and ${number(sum(({ imported }) => imported))} imported tokens, ` +
      `${number(sum(({ ended }) => ended.length))} values that ended, ${number(sum(({ changes }) => changes))} changes and their audit, ` +
      `${number(registry.held.size)} keys of the registry`,
  );
} catch (error) {
  console.error(app.log());
  throw error;
} finally {
  caller.close();
  await app.stop();
}
for (const problem of problems.slice(0, 50)) tell(`WRONG: ${problem}`);
if (problems.length > 50) tell(`and ${number(problems.length - 50)} more`);
tell(problems.length === 0 ? "no violations" : `${number(problems.length)} violations`);
process.exitCode = problems.length === 0 ? 0 : 1;
