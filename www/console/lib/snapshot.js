// The workspace's snapshot, from this deployment.

import { get } from "./api.js";

/** What a snapshot of the workspace is to be signed by: a JWK set. */
export function fetchKeys(signal) {
  return get("/v1/snapshot/keys", {}, { signal });
}

/**
 * The file. Where it has to be made first, the service says when to ask again.
 *
 * @param {AbortSignal} signal
 * @param {(seconds: number, total: number) => void} waiting told each second how many are left, and of how many
 */
export async function fetchSnapshot(signal, waiting) {
  for (;;) {
    try {
      return await get("/v1/snapshot", {}, { signal, as: "arrayBuffer" });
    } catch (problem) {
      if (problem.code !== "SNAPSHOT_NOT_READY") throw problem;
      const total = problem.retryAfter || 1;
      for (let left = total; left > 0; left -= 1) {
        waiting(left, total);
        await second(signal);
      }
    }
  }
}

/**
 * A second, unless there is nobody any more who waits.
 *
 * @returns {Promise<void>}
 */
function second(signal) {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) return stop();
    signal.addEventListener("abort", stop, { once: true });
    setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, 1_000);
  });
}
