// Replays the vectors of scopes with the package's JavaScript, which the console also uses, and with the wasm module.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { InvalidDemandError, Verifier } from "../../build/verify/node.js";
import { LONGEST_SCOPE, covers, isScope, isWildcard } from "../../build/verify/scopes.js";

const { format, texts, coverings } = JSON.parse(readFileSync(new URL("scopes.json", import.meta.url), "utf8"));

test("JavaScript and the wasm module agree with the vectors on what is a scope", () => {
  assert.equal(format, 1);
  const verifier = new Verifier();
  const isAccepted = (scope) => {
    try {
      return verifier.demand({ workspaces: ["0Ab3dE"], allOf: [scope] }) > 0;
    } catch (error) {
      assert.ok(error instanceof InvalidDemandError && error.code === "INVALID_SCOPE", error);
      return false;
    }
  };
  for (const { why, text, scope, pattern } of texts) {
    assert.equal(isScope(text), scope, why);
    assert.equal(isAccepted(text), scope, why);
    if (pattern) assert.equal(isWildcard(text), !scope, why);
  }
  assert.equal(Math.max(...texts.filter(({ scope }) => scope).map(({ text }) => text.length)), LONGEST_SCOPE);
});

test("a granted pattern covers the expected scopes, alone and among others", () => {
  for (const { why, granted, wanted, covers: expected } of coverings) {
    assert.equal(covers([granted], wanted), expected, why);
    assert.equal(covers(["another:scope", granted], wanted), expected, why);
    assert.equal(covers([], wanted), false, why);
  }
});
