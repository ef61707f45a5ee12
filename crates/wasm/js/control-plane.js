// Asks a Counterfoil deployment for records and leases.
import { within } from "./within.js";

/** Plain HTTP would tell whoever listens the gate's own token; on one machine nobody does. */
const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Any: whoever is bound as a service does not look at it. */
const SERVICE = "https://counterfoil/";

/** In place of one, for whoever has nobody to ask. */
export const NOWHERE = {
  fetch() {
    throw new AsksNobody();
  },
};

class AsksNobody extends Error {
  constructor() {
    super("A gate that goes by a snapshot asks nobody: what the snapshot leaves open stays so.");
  }
}

export class ControlPlane {
  #ask;
  #base;
  #timeout;

  /** @param at a service binding (whatever has a `fetch`), or where the deployment is */
  constructor(at, timeout) {
    const isService = typeof at?.fetch === "function";
    // Called by its own name: the global one does not like to be another object's method.
    this.#ask = isService ? (url, init) => at.fetch(url, init) : (url, init) => fetch(url, init);
    this.#base = isService ? SERVICE : address(at);
    this.#timeout = timeout;
  }

  /**
   * What the ledger knows of these digests, at most 100.
   *
   * @throws Error that says what is wrong, and never holds the token
   */
  records(token, digests) {
    return this.#post("/v1/records", token, { digests });
  }

  /** What the ledger grants to one that stands there, and what changed since; throws likewise. */
  lease(token, question) {
    return this.#post("/v1/lease", token, question);
  }

  async #post(path, token, body) {
    // The signal ends the request; that it is heeded is not relied upon, by a service that is none of the platform's.
    const signal = AbortSignal.timeout(this.#timeout);
    const { response, told } = await within(this.#timeout, this.#read(path, token, body, signal)).catch((error) => {
      if (error instanceof AsksNobody) throw error;
      throw new Error(`Counterfoil cannot be reached, or gave no answer in ${this.#timeout} ms.`);
    });
    if (response.ok) return told;
    const { code } = told;
    // Whoever answers there may say anything, also what it was sent.
    const known = /^[A-Z_]{1,64}$/.test(code) ? ` ${code}` : "";
    const why =
      response.status === 401 || response.status === 403
        ? "refuses the gate's own token, which must be live and hold tokens:verify"
        : "cannot answer";
    throw new Error(`Counterfoil ${why}: ${response.status}${known}`);
  }

  /** The answer, with all of its body: the bytes of a good one, else the JSON that it says why in. */
  async #read(path, token, body, signal) {
    const response = await this.#ask(new URL(path, this.#base), {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
      redirect: "manual",
      signal,
    });
    const told = response.ok ? await response.arrayBuffer() : await response.json().catch(() => undefined);
    return { response, told: told ?? {} };
  }
}

function address(at) {
  const url = URL.canParse(at) ? new URL(at) : undefined;
  if (url?.protocol === "https:" || (url?.protocol === "http:" && LOOPBACK.has(url.hostname))) return url;
  throw new TypeError(
    "controlPlane must be a service binding, or where Counterfoil is, by https (http on this machine)",
  );
}
