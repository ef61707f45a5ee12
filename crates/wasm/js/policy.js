// Maps requests to required scopes. Validated once at start, when every mistake is reported; requests without a route are
// denied.
import { FRESHNESS } from "./contract.js";
import { isScope } from "./scopes.js";

const METHOD = /^[A-Z]+$/;
const ROUTE = ["method", "path", "all_of", "any_of", "any_token", "public", "freshness", "or_eventual"];

/** The most segments of a route's path. */
const DEEPEST = 100;

/** Match any one segment, and all that follow. */
const ONE = Symbol("one");
const REST = Symbol("rest");

/** Characters and segments that servers interpret differently: cut off, decode twice or treat as a separator. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: paths with control characters are denied
const UNCLEAR = /[\0-\x1f\x7f/\\;]|%[0-9a-f]{2}|^\.{0,2}$/i;

export class PolicyError extends TypeError {
  constructor(mistakes) {
    super(["invalid policy:", ...mistakes.map(({ pointer, detail }) => `  ${pointer || "/"}: ${detail}`)].join("\n"));
    this.name = "PolicyError";
    this.mistakes = mistakes;
  }
}

export class Policy {
  routes;

  constructor(json) {
    const mistakes = new Mistakes();
    this.routes = Object.freeze(readRoutes(json, mistakes));
    mistakes.check();
  }

  /** The first route that matches the request; `undefined` if none does, or if that is ambiguous. */
  route(method, path) {
    const segments = segmentsOf(path);
    if (segments === undefined) return undefined;
    const small = segments.map((segment) => segment.toLowerCase());
    const route = this.routes.find((route) => route.takes(method) && matches(route.pattern, segments));
    const ignoringCase = this.routes.find((route) => route.takes(method) && matches(route.smallPattern, small));
    // A server that ignores case would match another route.
    return route === ignoringCase ? route : undefined;
  }
}

class Route {
  #methods;

  constructor({ methods, path, pattern, demand, isPublic }) {
    this.#methods = new Set(methods);
    Object.assign(this, { methods, path, demand, public: isPublic });
    Object.defineProperties(this, {
      pattern: { value: pattern },
      smallPattern: { value: pattern.map((part) => (typeof part === "string" ? part.toLowerCase() : part)) },
    });
    Object.freeze(this);
  }

  takes(method) {
    const asked = method === "HEAD" && !this.#methods.has("HEAD") ? "GET" : method;
    return this.#methods.has("*") || this.#methods.has(asked);
  }

  takesAllOf(other) {
    return this.#methods.has("*") || other.methods.every((method) => this.takes(method));
  }
}

/** Routes by their patterns, segment by segment: finds one that covers another without comparing with each. */
class Tree {
  /** Routes whose pattern ends here, by each of their methods. */
  #here = new Map();
  #below = new Map();

  add(place, route) {
    let tree = this;
    for (const part of route.pattern) {
      if (!tree.#below.has(part)) tree.#below.set(part, new Tree());
      tree = tree.#below.get(part);
    }
    for (const method of route.methods) {
      if (!tree.#here.has(method)) tree.#here.set(method, []);
      tree.#here.get(method).push({ place, route });
    }
  }

  /** The index of a route that covers every request that this one covers. */
  covering(route, at = 0) {
    const rest = this.#below.get(REST);
    const place = rest === undefined ? undefined : rest.#taking(route);
    if (place !== undefined) return place;
    if (at === route.pattern.length) return this.#taking(route);
    const part = route.pattern[at];
    // `*` covers everything, `:name` covers `:name`, and a literal covers only itself.
    const ways = part === REST ? [] : part === ONE ? [ONE] : [part, ONE];
    for (const way of ways) {
      const place = this.#below.get(way)?.covering(route, at + 1);
      if (place !== undefined) return place;
    }
    return undefined;
  }

  #taking(route) {
    const [method] = route.methods;
    const candidates = new Set([method, method === "HEAD" ? "GET" : method, "*"]);
    for (const candidate of candidates) {
      const found = this.#here.get(candidate)?.find((other) => other.route.takesAllOf(route));
      if (found !== undefined) return found.place;
    }
    return undefined;
  }
}

class Mistakes {
  #list = [];

  add(pointer, detail) {
    this.#list.push({ pointer, detail });
  }

  get count() {
    return this.#list.length;
  }

  check() {
    if (this.count > 0) throw new PolicyError(this.#list);
  }
}

function readRoutes(json, mistakes) {
  if (!isObject(json)) {
    mistakes.add("", 'must be an object, {"routes": [...]}');
    return [];
  }
  const { routes, freshness, or_eventual: orEventual, ...others } = json;
  for (const name of Object.keys(others))
    mistakes.add(`/${name}`, "is unknown; allowed: routes, freshness, or_eventual");
  checkFreshness(freshness, "/freshness", mistakes);
  checkBoolean(orEventual, "/or_eventual", mistakes);
  if (!Array.isArray(routes) || routes.length === 0) {
    mistakes.add("/routes", "must be a list of at least one route");
    return [];
  }
  const read = routes.map((route, at) => readRoute(route, `/routes/${at}`, { freshness, orEventual }, mistakes));
  const before = new Tree();
  read.forEach((route, at) => {
    if (route === undefined) return;
    const place = before.covering(route);
    if (place === undefined) before.add(at, route);
    else
      mistakes.add(`/routes/${at}`, `is never reached, because /routes/${place} covers it; put it before that route`);
  });
  return read;
}

function readRoute(json, pointer, ofPolicy, mistakes) {
  if (!isObject(json)) {
    mistakes.add(pointer, "must be an object");
    return undefined;
  }
  const before = mistakes.count;
  for (const name of Object.keys(json).filter((name) => !ROUTE.includes(name))) {
    mistakes.add(`${pointer}/${name}`, `is unknown; allowed: ${ROUTE.join(", ")}`);
  }
  const { method, path, all_of, any_of, any_token, public: isPublic } = json;
  const { freshness = ofPolicy.freshness, or_eventual: orEventual = ofPolicy.orEventual } = json;
  const methods = Array.isArray(method) ? method : [method];
  if (
    methods.length === 0 ||
    !methods.every((method) => method === "*" || (typeof method === "string" && METHOD.test(method)))
  ) {
    mistakes.add(`${pointer}/method`, 'must be a method in capitals, a list of them, or "*"');
  }
  const pattern = readPattern(path, `${pointer}/path`, mistakes);
  const allOf = readScopes(all_of, `${pointer}/all_of`, mistakes);
  const anyOf = readScopes(any_of, `${pointer}/any_of`, mistakes);
  checkFreshness(json.freshness, `${pointer}/freshness`, mistakes);
  checkBoolean(json.or_eventual, `${pointer}/or_eventual`, mistakes);
  for (const [name, value] of Object.entries({ any_token, public: isPublic })) {
    if (value !== undefined && value !== true) mistakes.add(`${pointer}/${name}`, "must be true or omitted");
  }
  const ways = [all_of !== undefined || any_of !== undefined, any_token, isPublic].filter(Boolean).length;
  if (ways !== 1) {
    mistakes.add(
      pointer,
      "must state its requirement in exactly one way: scopes (all_of, any_of), any_token: true, or public: true",
    );
  }
  for (const name of ["freshness", "or_eventual"].filter((name) => isPublic && json[name] !== undefined)) {
    mistakes.add(`${pointer}/${name}`, "has no effect on a public route");
  }
  if (mistakes.count > before) return undefined;
  return new Route({
    methods,
    path,
    pattern,
    demand: { allOf, anyOf, freshness, orEventual },
    isPublic: isPublic === true,
  });
}

function readPattern(path, pointer, mistakes) {
  if (typeof path !== "string" || !path.startsWith("/")) {
    mistakes.add(pointer, "must be a path that starts with /");
    return undefined;
  }
  const parts = split(path);
  if (parts.length > DEEPEST) {
    mistakes.add(pointer, `has more than ${DEEPEST} segments`);
    return undefined;
  }
  const pattern = parts.map((part, at) => {
    if (part === "*" && at === parts.length - 1) return REST;
    if (/^:[A-Za-z_]\w*$/.test(part)) return ONE;
    return part;
  });
  const wrong = pattern.find((part) => typeof part === "string" && (UNCLEAR.test(part) || /[*:?#%]/.test(part)));
  if (wrong === undefined) return pattern;
  mistakes.add(
    pointer,
    `the segment ${JSON.stringify(wrong)} is invalid: use plain text, :name for any one segment, or * at the end for all below`,
  );
  return undefined;
}

function readScopes(scopes, pointer, mistakes) {
  if (scopes === undefined) return [];
  if (!Array.isArray(scopes) || scopes.length === 0) {
    mistakes.add(pointer, "must be a list of at least one scope");
    return [];
  }
  scopes.forEach((scope, at) => {
    if (typeof scope !== "string" || !isScope(scope)) {
      mistakes.add(`${pointer}/${at}`, "is not a scope: use letters, digits, _ and - in segments joined by : or .");
    }
  });
  return scopes;
}

function checkFreshness(freshness, pointer, mistakes) {
  if (freshness !== undefined && !FRESHNESS.includes(freshness)) {
    mistakes.add(pointer, `must be one of ${FRESHNESS.join(", ")}`);
  }
}

function checkBoolean(value, pointer, mistakes) {
  if (value !== undefined && typeof value !== "boolean") mistakes.add(pointer, "must be true or false");
}

/** The segments of a request's path, decoded; `undefined` if servers might interpret it differently. */
function segmentsOf(path) {
  if (!path.startsWith("/")) return undefined;
  try {
    const segments = split(path).map(decodeURIComponent);
    return segments.some((segment) => UNCLEAR.test(segment)) ? undefined : segments;
  } catch {
    return undefined;
  }
}

/** A trailing slash makes no difference. */
function split(path) {
  const parts = path.split("/").slice(1);
  if (parts.at(-1) === "") parts.pop();
  return parts;
}

function matches(pattern, segments) {
  const rest = pattern.at(-1) === REST;
  const fixed = rest ? pattern.slice(0, -1) : pattern;
  if (rest ? segments.length < fixed.length : segments.length !== fixed.length) return false;
  return fixed.every((part, at) => part === ONE || part === segments[at]);
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
