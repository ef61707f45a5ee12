// What people use instead, in Node: each checks valid, unknown and malformed tokens, in turns with a hand-written hash and
// Map. Each must decide correctly about all of its tokens before any is timed.

import { Gate } from "../../build/verify/node.js";
import { compare, number } from "./measure.mjs";
import { betterAuths } from "./peers/better-auth.mjs";
import { hashes } from "./peers/hashes.mjs";
import { signed } from "./peers/signed.mjs";
import { controlPlane, texts } from "./tokens.mjs";

/** The milliseconds of a subject's turn: so long that garbage collection of what it allocates happens within it. */
const TURN = 150;

/** Counterfoil, with as many cached tokens as the Maps hold. */
async function counterfoil({ hot, cold, unknown, malformed }) {
  const lease = controlPlane();
  const service = { fetch: async (_, { body }) => new Response(lease(JSON.parse(body))) };
  const gate = new Gate({ controlPlane: service, token: hot[0], memory: 128 << 20 });
  const demands = ["bounded", "eventual"].map((freshness) => gate.compile({ allOf: ["orders:read"], freshness }));
  await gate.verifyAll([...cold, ...hot], demands[0]);
  const [bounded, eventual] = demands.map((demand) => (token) => gate.check(token, demand));
  // Tokens that are not valid do not renew the lease.
  const prepare = () => gate.verify(hot[0], demands[0]);
  const shared = { tokens: { valid: hot, unknown, malformed }, prepare };
  return [
    {
      name: "Counterfoil, gate.check, bounded",
      lacks: "revocation before the lease ends (10 s by default)",
      check: bounded,
      ...shared,
    },
    {
      name: "Counterfoil, gate.check, eventual",
      lacks: "revocation within a minute",
      check: eventual,
      ...shared,
    },
  ];
}

/** A loop that checks tokens and returns how often the decision was this one. */
function loop({ check, tokens }, kind) {
  const expected = kind === "valid";
  const texts = tokens[kind];
  if (check(texts[0]) instanceof Promise) {
    return async (times) => {
      let right = 0;
      for (let at = 0; at < times; at += 1) if ((await check(texts[at % texts.length])) === expected) right += 1;
      return right;
    };
  }
  return (times) => {
    let right = 0;
    for (let at = 0; at < times; at += 1) if (check(texts[at % texts.length]) === expected) right += 1;
    return right;
  };
}

/** Measures checks of tokens of this kind, after all were decided correctly. */
async function timed(subject, kind) {
  const run = loop(subject, kind);
  const took = async (times) => {
    await subject.prepare?.();
    const began = process.hrtime.bigint();
    if ((await run(times)) !== times) throw new Error(`${subject.name}: a wrong decision about a ${kind} token`);
    return Number(process.hrtime.bigint() - began) / times;
  };
  await took(subject.tokens[kind].length);
  // Warm, so that a turn is not too short.
  await took(1_000);
  const times = Math.max(100, Math.round((TURN * 1e6) / (await took(1_000))));
  return () => took(times);
}

const given = texts();
const floor = await hashes(given);
const others = [...(await signed(given)), ...(await betterAuths(given))];
const subjects = [...floor, ...(await counterfoil(given)), ...others];

for (const kind of ["valid", "unknown", "malformed"]) {
  const rows = [];
  for (const subject of subjects) {
    const { name, lacks } = subject;
    rows.push({ name, lacks, run: await timed(subject, kind) });
  }
  await compare({
    id: `peers-${kind}`,
    title: `Checks of ${given.hot.length} ${kind} tokens, ${number(given.digests.length)} known, Node ${process.versions.node}`,
    unit: "ns per check",
    rounds: 21,
    at: 0.1,
    subjects: rows,
  });
}
