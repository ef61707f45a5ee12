// The token that a request presents.

/** Logilica's pair: a token, and the slug of its workspace. */
const LGCA_TOKEN = "x-lgca-token";
const LGCA_DOMAIN = "x-lgca-domain";

/** Every header that may hold a token, or half of a pair that does. */
export const CREDENTIALS = ["authorization", "x-api-key", LGCA_TOKEN, LGCA_DOMAIN];

/**
 * The one token in the headers, by `Authorization: Bearer` (RFC 6750, section 2.1), `X-API-Key` or Logilica's pair, and
 * the slug that comes with it; or the code that says why there is none.
 *
 * @param headers a `Headers`, or an object of them by their names in small letters, as Node has it
 */
export function presented(headers) {
  if (headers == null) return { code: "NO_CREDENTIAL" };
  const read = typeof headers.get === "function" ? (name) => headers.get(name) : (name) => headers[name];
  const [authorization, key, lgca, domain] = CREDENTIALS.map((name) => read(name) ?? undefined);
  const texts = new Set([key, lgca].filter((text) => text !== undefined));
  if (authorization !== undefined) {
    const [, token] = /^bearer +(.+?) *$/i.exec(authorization) ?? [];
    if (token === undefined) return { code: "UNREADABLE_CREDENTIAL" };
    texts.add(token);
  }
  if (texts.size === 0) return { code: "NO_CREDENTIAL" };
  if (texts.size > 1) return { code: "AMBIGUOUS_CREDENTIAL" };
  if (lgca === undefined) return { token: [...texts][0] };
  return domain === undefined ? { code: "WORKSPACE_REQUIRED" } : { token: lgca, domain };
}
