// Verifies the tokens of a test vector with the given exports of the package.
import data from "./data.js";

export async function answer({ Gate, init, inspect }, source) {
  await init(source);
  const file = Uint8Array.from(data.file.match(/../g), (byte) => parseInt(byte, 16));
  const gate = await Gate.offline(file, { keys: data.keys, now: () => data.now });
  const codes = [];
  for (const { text, allOf } of data.cases) codes.push((await gate.verify(text, { allOf })).code);
  return `${codes} ${inspect(data.ours).kind}`;
}

/** Prints what a promise of `answer` returns, or its error. */
export const print = (answer) => answer.then(console.log, (error) => console.log(`failed: ${error}`));
