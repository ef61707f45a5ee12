// Replays the vectors in whatever host imports this: Node, workerd, a page. It uses nothing but the package.

import { Verifier, init, inspect, isPending } from "@counterfoil/verify";

/** What the package says of the texts, and what it decides in the cases. */
export async function replay({ texts, cases }) {
  await init();
  const verifier = new Verifier();
  return { texts: texts.map(inspect), decisions: cases.map((given) => decide(verifier, given)) };
}

function decide(verifier, { text, demand, address, now, answers }) {
  let answer = verifier.check(text, verifier.demand(demand), now, address);
  while (isPending(answer)) {
    const { workspace } = verifier.need(answer);
    answer = verifier.supply(answer, Uint8Array.from(answers[workspace]), now);
  }
  return verifier.details(answer);
}
