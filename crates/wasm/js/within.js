// A time limit for promises.

/** The time limit was exceeded. */
export class TimeoutError extends Error {}

/**
 * The outcome of a promise, unless it takes longer than this. A later outcome is ignored.
 *
 * @throws TimeoutError if it takes longer
 */
export function within(milliseconds, begun) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new TimeoutError(`no response within ${milliseconds} ms`)), milliseconds);
  });
  return Promise.race([begun, late]).finally(() => clearTimeout(timer));
}
