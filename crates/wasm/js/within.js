// Waits for what others answer, but not for ever.

/** There was no answer in time. */
export class TimeoutError extends Error {}

/**
 * The outcome of what was begun. Whatever becomes of it after that, nobody hears of.
 *
 * @throws TimeoutError where it takes longer
 */
export function within(milliseconds, begun) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new TimeoutError(`no answer in ${milliseconds} ms`)), milliseconds);
  });
  return Promise.race([begun, late]).finally(() => clearTimeout(timer));
}
