// Reads the registry for one check: a few keys at a time, and none of them for long.
import { TimeoutError, within } from "./within.js";

/** How long one read may take, in milliseconds. */
const PATIENCE = 1000;

/**
 * How many reads are out at once. Workers has six connections for a request, and whatever more it opens waits for these: two
 * are left for the control plane, of which one renews a lease in the background.
 */
const AT_ONCE = 4;

export class Reader {
  #registry;
  /** One read that was given up is enough: a registry that hangs costs a check no more than that. */
  #isSilent = false;

  constructor(registry) {
    this.#registry = registry;
  }

  /** What the registry has under each key, by the key: `null` where it has nothing, none where that could not be had. */
  async read(keys) {
    const values = new Map();
    const waiting = this.#registry ? [...keys] : [];
    const readOn = async () => {
      while (waiting.length > 0 && !this.#isSilent) {
        const key = waiting.shift();
        try {
          values.set(key, await within(PATIENCE, this.#registry.get(key, "arrayBuffer")));
        } catch (error) {
          // Any other failure is of one key.
          this.#isSilent ||= error instanceof TimeoutError;
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, readOn));
    return values;
  }
}
