// Input of any client takes linear time: input of eight times the size takes eight times the steps, counted.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { originHeaders } from "../../build/verify/fetch.js";
import { Policy } from "../../build/verify/policy.js";
import { presented } from "../../build/verify/presented.js";
import { pathOf } from "../../build/verify/rules.js";
import { attacks, search } from "./backtracking.mjs";
import { literals } from "./literals.mjs";
import { steps } from "./steps.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Eight times the steps, and an allowance for constant work. */
const isLinear = (small, large) => large <= 8 * small * 1.1 + 200;

/** Checks that the work for an input of size `n` is linear in it, and not zero. */
async function grows(what, size, work) {
  const counted = [];
  for (const n of [size, 8 * size]) counted.push(await steps(work(n)));
  const [small, large] = counted;
  assert.ok(small > 1, `${what}: nothing was counted`);
  assert.ok(isLinear(small, large), `${what}: ${small} steps, and ${large} for eight times as much`);
}

test("the step counter detects non-linear work", async () => {
  const list = (n) => Array.from({ length: n }, (_, at) => at);
  const linear = (n) => () => list(n).forEach(() => {});
  const squared = (n) => () => list(n).filter((one) => list(n).includes(-one - 1));
  assert.ok(isLinear(await steps(linear(100)), await steps(linear(800))));
  assert.ok(!isLinear(await steps(squared(100)), await steps(squared(800))));
  const matching = (n) => () => /^bearer +(.+?) *$/i.exec(`Bearer a${" ".repeat(n)}b`);
  assert.ok(!isLinear(await steps(matching(100)), await steps(matching(800))));
});

// --- headers

const spaces = (n) => " ".repeat(n);
const VALUES = {
  "spaces before the token": (n) => `Bearer ${spaces(n)}a`,
  "spaces within": (n) => `Bearer a${spaces(n)}b`,
  "spaces and commas": (n) => `Bearer a${" ,".repeat(n)}`,
  words: (n) => "Bearer ".repeat(n),
  "credentials of another scheme": (n) => "Basic x, ".repeat(n),
  "the same credentials": (n) => Array(n).fill("Bearer a").join(", "),
  "the same credentials with no space": (n) => Array(n).fill("Bearer a").join(","),
  "credentials that differ": (n) => Array.from({ length: n }, (_, at) => `Bearer ${at + 1e6}`).join(", "),
  commas: (n) => `Bearer ${",".repeat(n)} b`,
  "a long token": (n) => `Bearer ${"a".repeat(n)}`,
  letters: (n) => "a".repeat(n),
  "commas and words": (n) => `Bearer${",a".repeat(n)} b`,
};

test("parsing a header takes linear time", async () => {
  for (const [what, make] of Object.entries(VALUES)) {
    for (const name of ["authorization", "x-api-key", "x-lgca-token", "x-lgca-domain"]) {
      const headers = (n) => ({ "x-lgca-token": "a", [name]: make(n) });
      await grows(`${name}: ${what}`, 120, (n) => () => presented(headers(n)));
    }
  }
});

test("an overlong header is rejected by its length alone", async () => {
  for (const make of Object.values(VALUES)) {
    const headers = { authorization: make(64_000).padEnd(64_000, " b") };
    let answer;
    assert.ok((await steps(() => (answer = presented(headers)))) < 100, "the header is not parsed");
    assert.deepEqual(answer, { code: "UNREADABLE_CREDENTIAL" });
  }
});

test("building origin headers takes linear time", async () => {
  const headers = (n) => new Headers(Array.from({ length: n }, (_, at) => [`x-${"_".repeat(at % 9)}token-${at}`, "a"]));
  const requests = new Map([50, 400].map((n) => [n, { headers: headers(n) }]));
  await grows("headers", 50, (n) => () => originHeaders(requests.get(n)));
});

// --- paths

const PATHS = {
  slashes: (n) => "/".repeat(n),
  segments: (n) => "/a".repeat(n),
  "a long segment": (n) => `/${"a".repeat(n)}`,
  "encoded characters": (n) => `/${"%61".repeat(n)}`,
  "encoded twice": (n) => `/${"%2561".repeat(n)}`,
  "bad encodings": (n) => `/${"%".repeat(n)}`,
  dots: (n) => `/${".".repeat(n)}/a`,
  "dotted segments": (n) => "/..".repeat(n),
  capitals: (n) => "/A".repeat(n),
  backslashes: (n) => "/\\".repeat(n),
};

test("matching a path takes linear time", async () => {
  const route = (path) => ({ method: "GET", path, any_token: true });
  const policy = new Policy({ routes: [route("/a/b/c/d"), route("/a/:b/*"), route("/:a"), route("/*")] });
  for (const [what, make] of Object.entries(PATHS)) {
    await grows(what, 120, (n) => () => policy.route("GET", make(n)));
    for (const url of [
      (path) => `https://here${path}?q`,
      (path) => path,
      (path) => `https:${path}`,
      (path) => `a:b${path}`,
    ]) {
      await grows(`${what}, of a URL`, 120, (n) => () => pathOf(url(make(n))));
    }
  }
});

// --- policies

const POLICIES = {
  routes: (n) => Array.from({ length: n }, (_, at) => ({ method: "GET", path: `/a/r${at}/b`, any_token: true })),
  "routes with names": (n) =>
    Array.from({ length: n }, (_, at) => ({ method: "GET", path: `/:a/r${at}/:b`, any_token: true })),
  "routes for all below": (n) =>
    Array.from({ length: n }, (_, at) => ({ method: "*", path: `/r${at}/*`, any_token: true })),
  "the same route": (n) => Array.from({ length: n }, () => ({ method: "GET", path: "/a/:b", any_token: true })),
  "methods of one route": (n) => [{ method: letters(n), path: "/a", any_token: true }],
  "one path by many methods": (n) => letters(n).map((method) => ({ method, path: "/a", any_token: true })),
  segments: (n) => [{ method: "GET", path: "/a".repeat(n), any_token: true }],
  "a long segment": (n) => [{ method: "GET", path: `/${":".repeat(n)}`, any_token: true }],
  scopes: (n) => [{ method: "GET", path: "/", all_of: Array.from({ length: n }, (_, at) => `a:${at}`) }],
  "a long scope": (n) => [{ method: "GET", path: "/", all_of: [`a${":a".repeat(n)}!`] }],
  mistakes: (n) => Array.from({ length: n }, () => ({})),
};

/** So many distinct methods. */
function letters(n) {
  return Array.from({ length: n }, (_, at) => [...String(at + 1e6)].map((digit) => "ABCDEFGHIJ"[digit]).join(""));
}

test("parsing a policy takes linear time", async () => {
  const read = (routes) => () => {
    try {
      return new Policy({ routes });
    } catch (error) {
      return error.mistakes;
    }
  };
  for (const [what, make] of Object.entries(POLICIES)) await grows(what, 40, (n) => read(make(n)));
});

// --- regular expressions of everything that is served or published

/** The JavaScript below a folder. */
async function scripts(folder) {
  const entries = await readdir(`${root}${folder}`, { recursive: true, withFileTypes: true });
  const files = entries.filter(
    (entry) => entry.isFile() && /\.m?js$/.test(entry.name) && !entry.parentPath.includes("node_modules"),
  );
  return files.map(({ parentPath, name }) => `${parentPath}/${name}`);
}

test("every shipped regular expression takes linear time", async () => {
  let found = 0;
  for (const folder of ["crates/wasm/js", "crates/worker/js", "www", "examples"]) {
    for (const file of await scripts(folder)) {
      const code = await readFile(file, "utf8");
      assert.ok(
        !/\bRegExp\(/.test(code),
        `${file} builds a regular expression from a string, which this test cannot check`,
      );
      for (const expression of literals(code)) {
        found += 1;
        const [small, large] = [attacks(expression, 100), attacks(expression, 800)];
        small.forEach((text, at) => {
          const { steps, found } = search(expression, text);
          expression.lastIndex = 0;
          assert.equal(found, expression.test(text), `${expression}: the engine finds a different result`);
          const more = search(expression, large[at]).steps;
          assert.ok(
            isLinear(steps, more),
            `${file}: ${expression} on ${JSON.stringify(text.slice(0, 20))}: ${steps}, ${more}`,
          );
        });
      }
    }
  }
  assert.ok(found >= 25, `${found} expressions`);
});
