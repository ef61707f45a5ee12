// Downloads the workspace's snapshot from this deployment.

import { get } from "./api.js";

/** The public keys that the workspace's snapshots are signed with: a JWK set. */
export function fetchKeys(signal) {
  return get("/v1/snapshot/keys", {}, { signal });
}

/**
 * Downloads the file. If it must be built first, the API says when to try again.
 *
 * @param {AbortSignal} signal
 * @param {(seconds: number, total: number) => void} waiting called each second with the seconds left and their total
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
 * Waits a second; rejects if the signal is aborted.
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
