// Requests records and leases from a Counterfoil deployment.
import { within } from "./within.js";

/** Plain HTTP would expose the gate's own token on the network, but not on the local machine. */
const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Any host: a service binding ignores it. */
const SERVICE = "https://counterfoil/";

/** The control plane of an offline gate. */
export const OFFLINE = {
  fetch() {
    throw new AsksNobody();
  },
};

class AsksNobody extends Error {
  constructor() {
    super(
      "This gate verifies with a snapshot and sends no requests, so it cannot answer what the snapshot does not contain.",
    );
  }
}

export class ControlPlane {
  #ask;
  #base;
  #timeout;

  /** @param at a service binding (any object with a `fetch`), or the URL of the deployment */
  constructor(at, timeout) {
    const isService = typeof at?.fetch === "function";
    // Called through a closure: the global fetch must not be called as another object's method.
    this.#ask = isService ? (url, init) => at.fetch(url, init) : (url, init) => fetch(url, init);
    this.#base = isService ? SERVICE : address(at);
    this.#timeout = timeout;
  }

  /**
   * The ledger's records of these digests, at most 100.
   *
   * @throws Error that describes the problem and never contains the token
   */
  records(token, digests) {
    return this.#post("/v1/records", token, { digests });
  }

  /** A lease from the ledger, and what changed since the given position. Throws likewise. */
  lease(token, question) {
    return this.#post("/v1/lease", token, question);
  }

  async #post(path, token, body) {
    // The signal cancels the request. A service that is not the platform's may ignore it, so that is not relied upon.
    const signal = AbortSignal.timeout(this.#timeout);
    const { response, content } = await within(this.#timeout, this.#read(path, token, body, signal)).catch((error) => {
      if (error instanceof AsksNobody) throw error;
      throw new Error(`Counterfoil cannot be reached, or did not respond within ${this.#timeout} ms.`);
    });
    if (response.ok) return content;
    const { code } = content;
    // An unknown server may return anything, including what it was sent.
    const known = /^[A-Z_]{1,64}$/.test(code) ? ` ${code}` : "";
    const why =
      response.status === 401 || response.status === 403
        ? "rejected the gate's own token, which must be live and have the scope tokens:verify"
        : "could not answer";
    throw new Error(`Counterfoil ${why}: ${response.status}${known}`);
  }

  /** The response with its whole body: the bytes if it succeeded, else the JSON that describes the error. */
  async #read(path, token, body, signal) {
    const response = await this.#ask(new URL(path, this.#base), {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
      redirect: "manual",
      signal,
    });
    const content = response.ok ? await response.arrayBuffer() : await response.json().catch(() => undefined);
    return { response, content: content ?? {} };
  }
}

function address(at) {
  const url = URL.canParse(at) ? new URL(at) : undefined;
  if (url?.protocol === "https:" || (url?.protocol === "http:" && LOOPBACK.has(url.hostname))) return url;
  throw new TypeError(
    "controlPlane must be a service binding, or the https URL of the Counterfoil deployment (http on localhost)",
  );
}
