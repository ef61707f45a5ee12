// Extracts the token from a request. tests/vectors/presented.json is the contract; the control plane reads headers likewise.
import { CREDENTIALS, LONGEST_HEADER } from "./contract.js";

/** Characters that no credential contains: all except visible ASCII, spaces and tabs. */
const UNREADABLE = /[^\t\x20-\x7e]/;

/**
 * The one token in the headers: `Authorization: Bearer` (RFC 6750, section 2.1), `X-API-Key` or Logilica's pair, with
 * the slug that comes with it; or a code that says why there is none. Another scheme in `Authorization` is meant for
 * another party, such as a proxy, and is ignored beside a token.
 *
 * @param headers a `Headers`, or an object of headers by their names in lower case, as in Node
 * @returns {{ code?: import("./index.d.ts").CredentialCode, token?: string, domain?: string }}
 */
export function presented(headers) {
  if (headers == null) return { code: "NO_CREDENTIAL" };
  const read = typeof headers.get === "function" ? (name) => headers.get(name) : (name) => headers[name];
  const values = CREDENTIALS.map((name) => joined(read(name)));
  // A workspace that cannot be read matches none.
  if (values.slice(0, 3).some(isUnreadable)) return { code: "UNREADABLE_CREDENTIAL" };
  // The last two are Logilica's pair: a token, and the slug of its workspace.
  const [authorization, key, lgca, domain] = values;
  const found = new Set();
  for (const [scheme, credential] of credentials(authorization ?? "")) {
    if (scheme.toLowerCase() !== "bearer") continue;
    if (credential === "") return { code: "UNREADABLE_CREDENTIAL" };
    found.add(credential);
  }
  for (const text of [...words(key), ...words(lgca)]) found.add(text);
  if (found.size > 1) return { code: "AMBIGUOUS_CREDENTIAL" };
  if (found.size === 0) return { code: authorization === undefined ? "NO_CREDENTIAL" : "UNREADABLE_CREDENTIAL" };
  const [token] = found;
  if (lgca === undefined) return { token };
  if (isUnreadable(domain)) return { token, domain: "" };
  const domains = new Set(words(domain));
  if (domains.size > 1) return { code: "AMBIGUOUS_CREDENTIAL" };
  return domains.size === 0 ? { code: "WORKSPACE_REQUIRED" } : { token, domain: [...domains][0] };
}

/** All headers of one name as one value: runtimes join them, except for an array in Node. */
function joined(value) {
  return Array.isArray(value) ? value.join(", ") : (value ?? undefined);
}

function isUnreadable(value) {
  return value !== undefined && (typeof value !== "string" || value.length > LONGEST_HEADER || UNREADABLE.test(value));
}

/** The values of a header that contains only a credential, once or several times. */
function words(value) {
  return value === undefined ? [] : value.split(", ").map((text) => text.trim());
}

/**
 * The credentials of an `Authorization` header: each scheme with its value.
 *
 * A credential ends at a comma that is followed by a space, or by the next credential's scheme and a space (RFC 9110,
 * section 5.3): no token contains a space. All other commas are part of the value. So one pass over the words suffices.
 */
function credentials(value) {
  const words = value.split(" ");
  const found = [];
  let [scheme, credential] = ["", []];
  const end = () => {
    if (scheme !== "") found.push([scheme, credential.join(" ").trim()]);
    [scheme, credential] = ["", []];
  };
  words.forEach((word, at) => {
    // No space follows the last word.
    const comma = at < words.length - 1 ? word.lastIndexOf(",") : -1;
    const [before, after] = comma < 0 ? [word, undefined] : [word.slice(0, comma), word.slice(comma + 1)];
    if (scheme === "") scheme = before;
    else credential.push(before);
    if (after === undefined) return;
    end();
    scheme = after;
  });
  end();
  return found;
}
