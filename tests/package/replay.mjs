// Replays the vectors in the host that imports this: Node, workerd, a page. It uses only the package.

import { InvalidSnapshotError, Verifier, codeOf, init, inspect, isPending } from "@counterfoil/verify";

/** The package's results for the token values, the files and the cases. */
export async function replay({ texts, cases, snapshots }) {
  await init();
  const verifier = new Verifier();
  return {
    texts: texts.map(inspect),
    decisions: cases.map((given) => decide(verifier, given)),
    loaded: await Promise.all(snapshots.files.map((file) => load(new Verifier(), file, snapshots))),
    untrusted: await Promise.all(
      snapshots.files.map((file) => load(new Verifier(), file, { ...snapshots, keys: snapshots.strangers })),
    ),
    offline: await Promise.all(snapshots.cases.map((given) => decideOffline(given, snapshots))),
  };
}

function decide(verifier, { text, demand, address, now, answers }) {
  let answer = verifier.begin(text, verifier.demand(demand), now, address);
  while (isPending(answer)) {
    const { workspace } = verifier.need(answer);
    answer = verifier.supply(answer, Uint8Array.from(answers[workspace]), now);
  }
  return verifier.details(answer);
}

/** The content of a snapshot, or the error. */
async function load(verifier, file, { keys, now }) {
  try {
    return await verifier.load(
      Uint8Array.from(file.match(/../g) ?? [], (byte) => parseInt(byte, 16)),
      { keys, now },
    );
  } catch (error) {
    if (!(error instanceof InvalidSnapshotError)) throw error;
    return error.code;
  }
}

async function decideOffline({ snapshot, text, allOf, address, now }, snapshots) {
  const verifier = new Verifier();
  await load(verifier, snapshots.files[snapshot], snapshots);
  const demand = verifier.demand({ workspaces: [snapshots.workspace], allOf, freshness: "snapshot" });
  return codeOf(verifier.begin(text, demand, now, address));
}
