// The cost of a forged token on the real runtime, by the worker's log and the operations on its bindings.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, logged, withForgedSeal, withTypo, workspace } from "./client.mjs";
import { eventually, start } from "./harness.mjs";

test("a forged token costs only the authentication of the caller", async (t) => {
  const app = await start(t);
  const acme = await workspace(app, "acme");
  const other = await workspace(app, "other");
  const gate = new Client(app, (await acme.admin.issue({ scopes: ["tokens:verify"] })).token);
  const invented = {
    malformed: "nonsense",
    "wrong checksum": withTypo(gate.token),
    "forged authentication tag": withForgedSeal(gate.token),
    "another workspace's token": other.admin.token,
  };
  const cost = async (send) => {
    const before = [app.ledger.count("fetch"), app.registry.count("get")];
    const answer = await send();
    const passed = [app.ledger.count("fetch") - before[0], app.registry.count("get") - before[1]];
    const line = await logged(app, answer);
    assert.deepEqual(
      [line.ledger_calls, line.registry_reads],
      passed,
      "the log contains the operations on the bindings",
    );
    return { passed, line, answer };
  };

  for (const isolate of ["an isolate that has seen them", "a new isolate"]) {
    for (const [what, token] of Object.entries(invented)) {
      const strong = { token, demand: { freshness: "strong" } };
      const { passed, line, answer } = await cost(() => gate.send("POST", "/v1/verify", strong));
      assert.deepEqual(passed, [1, 0], `${what}, ${isolate}`);
      assert.equal(answer.body.code, ["malformed", "wrong checksum"].includes(what) ? "MALFORMED" : "UNKNOWN");
      assert.deepEqual([line.route, line.method, line.status, line.level], ["/v1/verify", "POST", 200, "info"]);
    }
    await app.crash();
  }
  // Under a lease that costs nothing either, because the caller's token is cached.
  await gate.send("POST", "/v1/verify", { token: gate.token });
  for (const what of Object.keys(invented)) {
    const { passed } = await cost(() => gate.send("POST", "/v1/verify", { token: invented[what] }));
    assert.deepEqual(passed, [0, 0], `${what}, under a lease`);
  }

  // Two workspaces, their admins, three tokens.
  await eventually(async () => (await app.records()).length === 7);
  const eventual = (token) => gate.send("POST", "/v1/verify", { token, demand: { freshness: "eventual" } });
  await eventual(gate.token);
  for (const what of ["malformed", "wrong checksum", "forged authentication tag"]) {
    assert.deepEqual((await cost(() => eventual(invented[what]))).passed, [0, 0], `${what}, eventually`);
  }

  for (const what of ["malformed", "wrong checksum", "forged authentication tag"]) {
    const { passed, answer } = await cost(() => new Client(app, invented[what]).send("GET", "/v1/tokens"));
    assert.deepEqual([answer.status, passed], [401, [0, 0]], `${what}, as a credential`);
  }
});

test("logs have route patterns, and reasons of failures are only logged", async (t) => {
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  const read = await admin.send("GET", `/v1/tokens/${admin.token}`);
  assert.equal(read.status, 404);
  assert.equal((await logged(app, read)).route, "/v1/tokens/{id}");
  app.ledger.fail("fetch", "refused");
  const failed = await admin.send("GET", "/v1/tokens");
  assert.deepEqual([failed.status, failed.body.code], [503, "LEDGER_UNAVAILABLE"]);
  const line = await logged(app, failed);
  assert.equal(line.level, "error");
  assert.match(line.detail, /injected/);
  assert.ok(!JSON.stringify(failed.body).includes("injected"));
});
