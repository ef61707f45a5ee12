// The subjects, the same in Node and in workerd: a hand-written hash and look-up, and the package.

import { createHash } from "node:crypto";

/**
 * The work of each subject, by name: runs it this many times, and returns how often the result was as expected. `halfway` is
 * called when this many tokens are cached.
 */
export async function subjects(
  { Gate, Verifier, inspect, isValid },
  { hot, cold, digests, malformed, typos },
  lease,
  halfway = () => {},
) {
  const service = { fetch: async (_, { body }) => new Response(await lease(JSON.parse(body))) };
  const gate = new Gate({ controlPlane: service, token: hot[0], memory: 128 << 20 });
  const [bounded, eventual] = ["bounded", "eventual"].map((freshness) =>
    gate.compile({ allOf: ["orders:read"], freshness }),
  );
  const half = cold.length / 2;
  const decisions = await gate.verifyAll(cold.slice(0, half), bounded);
  halfway(half);
  decisions.push(...(await gate.verifyAll([...cold.slice(half), ...hot], bounded)));
  if (!decisions.every(({ valid }) => valid)) throw new Error("not all tokens are valid");

  // The same without a verifier client: the clock is not read.
  const verifier = new Verifier();
  const demand = verifier.demand({ workspaces: [inspect(hot[0]).workspace], allOf: ["orders:read"] });
  const now = Date.now();
  for (const token of hot) {
    const sources = { lease: (_, question) => lease(question), now: () => now };
    await verifier.resolve(verifier.begin(token, demand, now), sources);
  }

  // In an order that no cache of the processor can predict.
  const shuffled = cold.map((_, at) => cold[(at * 61_813) % cold.length]);
  const accepted = new Array(hot.length);
  const known = new Map(digests.map((digest, at) => [digest, { number: at, scopes: ["orders:read"] }]));
  const count = (texts, isRight) => (times) => {
    let right = 0;
    for (let at = 0; at < times; at += 1) if (isRight(texts[at % texts.length])) right += 1;
    return right;
  };
  const byHand = (text) => known.get(createHash("sha256").update(text).digest("hex")) !== undefined;
  return {
    floor: count(hot, byHand),
    floorOfAll: count(shuffled, byHand),
    ofAll: count(shuffled, (text) => gate.check(text, bounded)),
    batch: (times) => {
      let right = 0;
      for (let done = 0; done < times; done += hot.length) {
        gate.checkAll(hot, bounded, { into: accepted });
        for (const one of accepted) if (one === true) right += 1;
      }
      // The last batch may be more than was asked for.
      return Math.min(right, times);
    },
    bounded: count(hot, (text) => gate.check(text, bounded)),
    eventual: count(hot, (text) => gate.check(text, eventual)),
    verifier: count(hot, (text) => isValid(verifier.begin(text, demand, now))),
    malformed: count(malformed, (text) => gate.code(text, bounded) === "MALFORMED"),
    typos: count(typos, (text) => gate.code(text, bounded) === "MALFORMED"),
    nothing: count(hot, (text) => text !== undefined),
  };
}

/** The name of the hand-written counterpart of a check of any of all tokens. */
const ALL = "createHash and Map.get, any of all tokens";

/**
 * A row for each subject, the floor first. `most`: the budgets of a check, of a check of any of all tokens, and of each token
 * of a batch, as multiples of the floor.
 */
export const rows = (timed, most) => [
  { name: "createHash('sha256') in hex, and Map.get", run: timed("floor") },
  { name: "gate.check, bounded", run: timed("bounded"), most: most.check },
  { name: "gate.check, eventual", run: timed("eventual"), most: most.check },
  { name: "gate.checkAll of 64, each token", run: timed("batch"), most: most.batch },
  { name: "verifier.begin, bounded, of 64 records", run: timed("verifier"), most: most.check },
  { name: ALL, run: timed("floorOfAll") },
  { name: "gate.check, bounded, any of all tokens", run: timed("ofAll"), most: most.any, against: ALL },
  { name: "gate.code of a string that is not a token value", run: timed("malformed"), most: 0.08 },
  { name: "gate.code of a token with a typo", run: timed("typos"), most: 0.14 },
  { name: "the loop itself", run: timed("nothing") },
];
