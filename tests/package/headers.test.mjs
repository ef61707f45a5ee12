// The headers that an origin behind a Worker receives.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CREDENTIALS } from "../../build/verify/contract.js";
import { originHeaders } from "../../build/verify/fetch.js";

const decision = (scopes) => ({ valid: true, token: { id: "tok_1", owner: "ada", workspace: "acme", scopes } });

test("no credential header reaches the origin, in any spelling", () => {
  const spelled = (name) => ["-", "_", ".", "~"].map((between) => name.replaceAll("-", between));
  const names = [...CREDENTIALS, "x-counterfoil-gateway", "x-token-id", "x-original-url"].flatMap(spelled);
  const request = new Request("http://origin.example/", {
    headers: Object.fromEntries(names.map((name) => [name, "secret"])),
  });
  const sent = JSON.stringify([...originHeaders(request, decision([]))]);
  assert.ok(!sent.includes("secret"), sent);
  const passed = originHeaders(request, decision([]), { passToken: true });
  assert.deepEqual(
    CREDENTIALS.map((name) => passed.get(name)),
    CREDENTIALS.map(() => "secret"),
  );
  assert.equal(passed.get("x-counterfoil-gateway"), null);
});

test("origin headers limit the scopes and say whether all are included", () => {
  const request = new Request("http://origin.example/", { headers: { "x-token-scopes-complete": "true" } });
  // In the form of `/authorize`.
  for (const [count, length, kept] of [
    [0, 0, 0],
    [1, 63, 1],
    [32, 63, 32],
    [33, 63, 32],
    [61, 63, 32],
    [20, 100, 20],
    [21, 100, 20],
    [1, 2048, 1],
    [1, 2049, 0],
  ]) {
    const scopes = Array.from({ length: count }, (_, number) => String(number).padEnd(length, "x"));
    const headers = originHeaders(request, decision(scopes));
    assert.equal(headers.get("x-token-scopes"), scopes.slice(0, kept).join(" "), `${count} of ${length}`);
    assert.equal(headers.get("x-token-scopes-complete"), String(kept === count), `${count} of ${length}`);
  }
  assert.equal(originHeaders(request, undefined).get("x-token-scopes-complete"), null, "absent on a public route");
});
