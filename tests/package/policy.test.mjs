// Route policies: what they match, and that no spelling of a path gets a route through another one's rule.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Policy, PolicyError } from "../../build/verify/policy.js";

const any = (method, path) => ({ method, path, any_token: true });

test("the first matching route applies and unmatched requests are denied", () => {
  const policy = new Policy({
    routes: [
      { method: "GET", path: "/health", public: true },
      { method: ["POST", "PUT"], path: "/orders/:id/items", all_of: ["orders:write", "items:write"] },
      { method: "GET", path: "/orders/:id", any_of: ["orders:read", "orders:admin"], freshness: "strong" },
      any("*", "/admin/*"),
      any("GET", "/"),
    ],
    freshness: "eventual",
  });
  const covered = [
    ["GET", "/health", 0],
    ["HEAD", "/health", 0],
    ["GET", "/health/", 0],
    ["POST", "/health"],
    ["get", "/health"],
    ["POST", "/orders/7/items", 1],
    ["PUT", "/orders/a%20b/items", 1],
    ["GET", "/orders/7/items"],
    ["DELETE", "/orders/7/items"],
    ["GET", "/orders/7", 2],
    ["GET", "/orders/%C3%BC", 2],
    ["GET", "/orders"],
    ["GET", "/orders/"],
    ["GET", "/orders/7/8"],
    ["DELETE", "/admin", 3],
    ["GET", "/admin/a/b/c", 3],
    ["GET", "/administrator"],
    ["GET", "/", 4],
    ["GET", ""],
    ["OPTIONS", "*"],
    ["GET", "health"],
    ["GET", "http://here/health"],
  ];
  for (const [method, path, at] of covered) {
    assert.equal(policy.route(method, path), at === undefined ? undefined : policy.routes[at], `${method} ${path}`);
  }
  const [health, items, order] = policy.routes;
  assert.deepEqual([health.public, items.public], [true, false]);
  const unset = { orEventual: undefined };
  assert.deepEqual(items.demand, {
    allOf: ["orders:write", "items:write"],
    anyOf: [],
    freshness: "eventual",
    ...unset,
  });
  assert.deepEqual(order.demand, { allOf: [], anyOf: ["orders:read", "orders:admin"], freshness: "strong", ...unset });
});

test("or_eventual is taken from the route, else the policy, else the gate", () => {
  const route = (path, options) => ({ ...any("GET", path), ...options });
  const routes = [route("/a", {}), route("/b", { or_eventual: true }), route("/c", { or_eventual: false })];
  const flags = (policy) => new Policy({ routes, ...policy }).routes.map(({ demand }) => demand.orEventual);
  assert.deepEqual(flags({}), [undefined, true, false]);
  assert.deepEqual(flags({ or_eventual: true }), [true, true, false]);
  assert.deepEqual(flags({ or_eventual: false }), [false, true, false]);
});

test("ambiguous paths match no route", () => {
  const policy = new Policy({ routes: [any("GET", "/Admin/users"), { method: "GET", path: "/*", public: true }] });
  const unclear = [
    "//",
    "/a//b",
    "//evil.example/x",
    "/./a",
    "/../a",
    "/a/..",
    "/%2e%2e/a",
    "/.%2E/a",
    "/a%2fb",
    "/a%5cb",
    "/a\\b",
    "/a;b",
    "/;",
    "/a%3bb",
    "/%00",
    "/a%0ab",
    "/%7f",
    "/%252e%252e/a",
    "/%2561",
    "/%",
    "/%zz",
    "/%ff",
    "/admin/users",
    "/ADMIN/users",
    "/Admin/USERS",
    "/%61dmin/users",
  ];
  for (const path of unclear) assert.equal(policy.route("GET", path), undefined, path);
  assert.equal(policy.route("GET", "/Admin/users"), policy.routes[0]);
  assert.equal(policy.route("GET", "/%41dmin/users"), policy.routes[0]);
  assert.equal(policy.route("GET", "/..."), policy.routes[1]);
});

/** Random numbers from a seed (mulberry32), so that a failure can be reproduced. */
function numbers(seed) {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Spellings of a path that some servers treat as the same. */
const SPELLINGS = [
  (path) => path.toUpperCase(),
  (path) => `${path}/`,
  (path) => path.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
  (path) => path.replace(/[a-z]/, (letter) => `%25${letter.charCodeAt(0).toString(16)}`),
  (path) => path.replace("/", "//"),
  (path) => path.replace("/", "/./"),
  (path) => path.replace("/", "/x/../"),
  (path) => path.replace("/", "/x/%2e%2E/"),
  (path) => path.replace(/\/(?=[^/]*$)/, "/x%2f..%2f"),
  (path) => `${path};x=1`,
  (path) => path.replaceAll("/", "\\"),
];

test("no spelling of a path matches another route's rule", () => {
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
  console.log(`seed ${seed}`);
  const draw = numbers(seed);
  const one = (items) => items[draw(items.length)];
  const segments = ["a", "b", "ab", ":x", ":y"];
  for (let round = 0; round < 3000; round += 1) {
    const path = () =>
      `/${Array.from({ length: draw(3) }, () => one(segments))
        .concat(draw(3) === 0 ? ["*"] : [])
        .join("/")}`;
    const routes = Array.from({ length: 1 + draw(5) }, () => any(one(["GET", "*"]), path()));
    let policy;
    try {
      policy = new Policy({ routes });
    } catch (error) {
      assert.ok(
        error.mistakes.every(({ detail }) => detail.startsWith("is never reached")),
        error.message,
      );
      continue;
    }
    const asked = `/${Array.from({ length: draw(4) }, () => one(["a", "b", "ab", "c"])).join("/")}`;
    const route = policy.route("GET", asked);
    for (const spell of SPELLINGS) {
      const found = policy.route("GET", spell(asked));
      assert.ok(found === undefined || found === route, `${asked} as ${spell(asked)}: ${JSON.stringify(routes)}`);
    }
  }
});

test("every mistake of a policy is reported with its JSON pointer", () => {
  const route = (changes) => ({ routes: [{ ...any("GET", "/a"), ...changes }] });
  const mistakes = [
    [undefined, ""],
    [null, ""],
    [[], ""],
    ["routes", ""],
    [{}, "/routes"],
    [{ routes: [] }, "/routes"],
    [{ routes: {} }, "/routes"],
    [{ routes: [null] }, "/routes/0"],
    [{ routes: [any("GET", "/a")], freshness: "fresh" }, "/freshness"],
    [{ routes: [any("GET", "/a")], route: 1 }, "/route"],
    [route({ method: undefined }), "/routes/0/method"],
    [route({ method: "get" }), "/routes/0/method"],
    [route({ method: [] }), "/routes/0/method"],
    [route({ method: ["GET", 7] }), "/routes/0/method"],
    [route({ path: undefined }), "/routes/0/path"],
    [route({ path: "a" }), "/routes/0/path"],
    [route({ path: "/a/*/b" }), "/routes/0/path"],
    [route({ path: "/a*" }), "/routes/0/path"],
    [route({ path: "/:" }), "/routes/0/path"],
    [route({ path: "/a?x=1" }), "/routes/0/path"],
    [route({ path: "/a//b" }), "/routes/0/path"],
    [route({ path: "/../a" }), "/routes/0/path"],
    [route({ path: "/%61" }), "/routes/0/path"],
    [route({ any_token: undefined }), "/routes/0"],
    [route({ public: true }), "/routes/0"],
    [route({ all_of: ["a"] }), "/routes/0"],
    [route({ any_token: false, public: true }), "/routes/0/any_token"],
    [route({ public: "yes", any_token: undefined }), "/routes/0/public"],
    [route({ any_token: undefined, all_of: [] }), "/routes/0/all_of"],
    [route({ any_token: undefined, all_of: "a" }), "/routes/0/all_of"],
    [route({ any_token: undefined, any_of: ["a", "b:*"] }), "/routes/0/any_of/1"],
    [route({ any_token: undefined, any_of: ["a b"] }), "/routes/0/any_of/0"],
    [route({ any_token: undefined, all_of: ["x".repeat(101)] }), "/routes/0/all_of/0"],
    [route({ freshness: "fresh" }), "/routes/0/freshness"],
    [route({ any_token: undefined, public: true, freshness: "strong" }), "/routes/0/freshness"],
    [{ routes: [any("GET", "/a")], or_eventual: "yes" }, "/or_eventual"],
    [{ routes: [any("GET", "/a")], orEventual: true }, "/orEventual"],
    [route({ or_eventual: "true" }), "/routes/0/or_eventual"],
    [route({ or_eventual: null }), "/routes/0/or_eventual"],
    [route({ any_token: undefined, public: true, or_eventual: true }), "/routes/0/or_eventual"],
    [route({ any_token: undefined, public: true, or_eventual: false }), "/routes/0/or_eventual"],
    [route({ scopes: ["a"] }), "/routes/0/scopes"],
    [{ routes: [any("GET", "/a/*"), any("GET", "/a/:b")] }, "/routes/1"],
    [{ routes: [any("GET", "/a/*"), any("HEAD", "/a")] }, "/routes/1"],
    [{ routes: [any("*", "/:a"), any(["GET", "POST"], "/b/")] }, "/routes/1"],
  ];
  for (const [json, pointer] of mistakes) {
    assert.throws(
      () => new Policy(json),
      (error) => {
        assert.ok(error instanceof PolicyError && error instanceof TypeError);
        assert.ok(
          error.mistakes.some((mistake) => mistake.pointer === pointer),
          `${JSON.stringify(json)}: ${error.message}`,
        );
        return true;
      },
    );
  }
  const several = { routes: [any("GET", "/a"), { ...any("get", "b"), x: 1 }, any("GET", "/a")], freshness: 1 };
  assert.throws(
    () => new Policy(several),
    ({ mistakes }) => {
      assert.deepEqual(
        mistakes.map(({ pointer }) => pointer),
        ["/freshness", "/routes/1/x", "/routes/1/method", "/routes/1/path", "/routes/2"],
      );
      return true;
    },
  );
  const fine = [any("GET", "/a"), any("POST", "/a"), any("GET", "/:b"), any("GET", "/a/*"), any("GET", "/*")];
  assert.equal(new Policy({ routes: fine }).routes.length, 5);
});
