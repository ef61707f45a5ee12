// Reads the registry for one check: a few keys at a time, each with a time limit.
import { TimeoutError, within } from "./within.js";

/** How long one read may take, in milliseconds. */
const READ_TIMEOUT = 1000;

/**
 * How many reads run at once. Workers allows six connections per request and queues more. Two are left for the control
 * plane, one of them for a lease renewal in the background.
 */
const AT_ONCE = 4;

export class Reader {
  #registry;
  /** Set after one timeout: a registry that hangs delays a check only once. */
  #isSilent = false;

  constructor(registry) {
    this.#registry = registry;
  }

  /** The registry's value of each key, by the key: `null` if it has none. A key whose read failed is absent. */
  async read(keys) {
    const values = new Map();
    const waiting = this.#registry ? [...keys] : [];
    const readOn = async () => {
      while (waiting.length > 0 && !this.#isSilent) {
        const key = waiting.shift();
        try {
          values.set(key, await within(READ_TIMEOUT, this.#registry.get(key, "arrayBuffer")));
        } catch (error) {
          // Any other error affects one key only.
          this.#isSilent ||= error instanceof TimeoutError;
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, readOn));
    return values;
  }
}
