// Asks a Counterfoil deployment for records.

/** Plain HTTP would tell whoever listens the gate's own token; on one machine nobody does. */
const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Any: whoever is bound as a service does not look at it. */
const SERVICE = "https://counterfoil/";

export class ControlPlane {
  #ask;
  #at;
  #timeout;

  /** @param at a service binding (whatever has a `fetch`), or where the deployment is */
  constructor(at, timeout) {
    const isService = typeof at?.fetch === "function";
    // Called by its own name: the global one does not like to be another object's method.
    this.#ask = isService ? (url, init) => at.fetch(url, init) : (url, init) => fetch(url, init);
    this.#at = new URL("/v1/records", isService ? SERVICE : address(at));
    this.#timeout = timeout;
  }

  /**
   * What the ledger knows of these digests, at most 100.
   *
   * @throws Error that says what is wrong, and never holds the token
   */
  async records(token, digests) {
    const response = await this.#ask(this.#at, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ digests }),
      redirect: "manual",
      signal: AbortSignal.timeout(this.#timeout),
    }).catch(() => {
      throw new Error(`Counterfoil cannot be reached, or gave no answer in ${this.#timeout} ms.`);
    });
    if (response.ok) return response.arrayBuffer();
    const { code } = await response.json().catch(() => ({}));
    // Whoever answers there may say anything, also what it was sent.
    const known = /^[A-Z_]{1,64}$/.test(code) ? ` ${code}` : "";
    const why = response.status === 401 || response.status === 403
      ? "refuses the gate's own token, which must be live and hold tokens:verify"
      : "cannot answer";
    throw new Error(`Counterfoil ${why}: ${response.status}${known}`);
  }
}

function address(at) {
  const url = URL.canParse(at) ? new URL(at) : undefined;
  if (url?.protocol === "https:" || (url?.protocol === "http:" && LOOPBACK.has(url.hostname))) return url;
  throw new TypeError("controlPlane must be a service binding, or where Counterfoil is, by https (http on this machine)");
}
