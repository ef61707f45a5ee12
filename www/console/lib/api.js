// Requests to the API, in the session of the signed-in person.

/** Why a request was refused (RFC 9457), or that it got no answer. */
export class Problem extends Error {
  /**
   * @param {object} about
   * @param {number} [about.status] 0 where there was no answer
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

  /** The problem that an answer holds, or that it is none of this API's. */
  static async of(response) {
    const body = await response.json().catch(() => ({}));
    const unknown = { code: "INTERNAL", title: `The answer was ${response.status}.` };
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
    title: "No answer",
    detail: "The service was not reached. Is the network up? Nothing is lost: try again.",
  });

/** What `fetch`, and the reading of what it got, fail with where the network does. */
const lost = (error) => {
  throw error.name === "TypeError" ? unreachable() : error;
};

/** Has somebody sign in again; set by the shell. */
let reenter = null;
/** The sign-in that is under way, for all requests that wait for it. */
let entering = null;
/** How many times somebody has signed in again. */
let entries = 0;

/** Says what is to be done when a session is over: `ask` answers a promise that is kept once another goes on. */
export function whenSessionEnds(ask) {
  reenter = ask;
}

/**
 * The body of the answer to a request.
 *
 * Where the session is over, the person signs in again and the request is repeated: it was refused, so nothing was done.
 *
 * @param {string} method
 * @param {string} path
 * @param {object} [options]
 * @param {object} [options.query] parameters; those that are empty, null or undefined are left out
 * @param {object} [options.body]
 * @param {string} [options.key] the `Idempotency-Key`
 * @param {number} [options.version] the version that was read, for `If-Match`
 * @param {object} [options.headers]
 * @param {AbortSignal} [options.signal]
 * @param {boolean} [options.once] not to be repeated, for want of a session or otherwise
 * @param {"json" | "arrayBuffer"} [options.as] what the body is read as
 */
export async function request(
  method,
  path,
  { query, body, key, version, headers, signal, once = false, as = "json" } = {},
) {
  const asked = parameters(query ?? {});
  const url = asked ? `${path}?${asked}` : path;
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
    const sent = entries;
    const response = await fetch(url, init).catch(lost);
    if (response.ok) return response[as]().catch(lost);
    const problem = await Problem.of(response);
    if (problem.status !== 401 || once || !reenter) throw problem;
    // Somebody may have signed in since this was sent.
    if (sent === entries) {
      entering ??= reenter(problem)
        .then(() => void entries++)
        .finally(() => (entering = null));
      await entering;
    }
  }
}

export const get = (path, query, options) => request("GET", path, { query, ...options });
export const post = (path, body, options) => request("POST", path, { body, ...options });
export const put = (path, body, options) => request("PUT", path, { body, ...options });
export const patch = (path, body, options) => request("PATCH", path, { body, ...options });
export const remove = (path, query, options) => request("DELETE", path, { query, ...options });

/** Every item of a list, page by page, up to so many. */
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

/** A part of a path. */
export function segment(id) {
  return encodeURIComponent(id);
}

/** A query string of what is said. */
export function parameters(query) {
  const said = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return new URLSearchParams(said).toString();
}
