// Requests to the API, in the session of the signed-in member.

/** The error of a request: a problem from the API (RFC 9457), or a network failure. */
export class Problem extends Error {
  /**
   * @param {object} about
   * @param {number} [about.status] 0 if there was no response
   * @param {string} about.code
   * @param {string} [about.title]
   * @param {string} [about.detail]
   * @param {string} [about.pointer]
   * @param {string} [about.request_id]
   * @param {object[]} [about.items]
   * @param {number} [about.retryAfter] in seconds
   */
  constructor({ status = 0, code, title, detail, pointer, request_id, items, retryAfter }) {
    super(detail ?? title ?? code);
    this.status = status;
    Object.assign(this, {
      code,
      title: title ?? code,
      detail: detail ?? title,
      pointer,
      requestId: request_id,
      items,
      retryAfter,
    });
  }

  /** The problem in a response; code `INTERNAL` if the body is not a problem of this API. */
  static async of(response) {
    const body = await response.json().catch(() => ({}));
    const unknown = { code: "INTERNAL", title: `The server responded with status ${response.status}.` };
    const seconds = response.headers.get("retry-after");
    return new Problem({
      ...(body.code ? body : unknown),
      status: response.status,
      retryAfter: seconds === null ? undefined : Number(seconds),
    });
  }
}

const unreachable = () =>
  new Problem({
    code: "UNREACHABLE",
    title: "Server unreachable",
    detail: "Can't reach the server. Check your connection and try again.",
  });

/** Turns the TypeError by which `fetch`, or reading its body, reports a network failure into a problem. */
const lost = (error) => {
  throw error.name === "TypeError" ? unreachable() : error;
};

/** Asks the user to sign in again; set by the shell. */
let signInAgain = null;
/** The pending sign-in, shared by all requests that wait for it. */
let pending = null;
/** How many times the user has signed in again. */
let renewals = 0;

/** Sets the function that is called if the session has ended: `ask` returns a promise that resolves after a new sign-in. */
export function onSessionEnd(ask) {
  signInAgain = ask;
}

/**
 * Sends a request and returns the body of the response.
 *
 * If the session has ended, the user signs in again and the request is repeated. This is safe: a rejected request has no effect.
 *
 * @param {string} method
 * @param {string} path
 * @param {object} [options]
 * @param {object} [options.query] parameters; empty, null and undefined ones are omitted
 * @param {object} [options.body]
 * @param {string} [options.key] the `Idempotency-Key`
 * @param {number} [options.version] the version that was read, for `If-Match`
 * @param {object} [options.headers]
 * @param {AbortSignal} [options.signal]
 * @param {boolean} [options.once] never ask for sign-in, never repeat
 * @param {"json" | "arrayBuffer"} [options.as] how the body is read
 */
export async function request(
  method,
  path,
  { query, body, key, version, headers, signal, once = false, as = "json" } = {},
) {
  const search = parameters(query ?? {});
  const url = search ? `${path}?${search}` : path;
  /** @type {RequestInit} */
  const init = {
    method,
    signal,
    cache: "no-store",
    redirect: "error",
    headers: {
      ...(body !== undefined && { "content-type": "application/json" }),
      ...(key !== undefined && { "idempotency-key": key }),
      ...(version !== undefined && { "if-match": `"${version}"` }),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  };
  for (;;) {
    const sentAfter = renewals;
    const response = await fetch(url, init).catch(lost);
    if (response.ok) return response[as]().catch(lost);
    const problem = await Problem.of(response);
    if (problem.status !== 401 || once || !signInAgain) throw problem;
    // Another request may already have renewed the session since this one was sent.
    if (sentAfter === renewals) {
      pending ??= signInAgain(problem)
        .then(() => void renewals++)
        .finally(() => (pending = null));
      await pending;
    }
  }
}

export const get = (path, query, options) => request("GET", path, { query, ...options });
export const post = (path, body, options) => request("POST", path, { body, ...options });
export const put = (path, body, options) => request("PUT", path, { body, ...options });
export const patch = (path, body, options) => request("PATCH", path, { body, ...options });
export const remove = (path, query, options) => request("DELETE", path, { query, ...options });

/** All items of a list, fetched page by page. Stops after the page that reaches `most`. */
export async function all(path, query = {}, most = 1_000) {
  const items = [];
  let cursor;
  do {
    const page = await get(path, { ...query, limit: 100, cursor });
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && items.length < most);
  return items;
}

/** Encodes an id as one segment of a path. */
export function segment(id) {
  return encodeURIComponent(id);
}

/** A query string without the empty parameters. */
export function parameters(query) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return new URLSearchParams(given).toString();
}
