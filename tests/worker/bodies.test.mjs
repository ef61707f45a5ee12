// Bodies as they really come: with a length, and as a stream without one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { workspace } from "./client.mjs";
import { start } from "./harness.mjs";

const MAX_BODY = 64 * 1024;

test("a body is read up to its limit, however it comes", async (t) => {
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  const send = async (body) => {
    const headers = { authorization: `Bearer ${admin.token}`, "content-type": "application/json" };
    const response = await app.fetch("/v1/verify", { method: "POST", headers, body, duplex: "half" });
    assert.equal(response.headers.get("cache-control"), "no-store");
    return [response.status, (await response.json()).code];
  };
  const padded = (length) => JSON.stringify({ token: admin.token }).padEnd(length);
  const streamed = (text) => new Blob([text]).stream();
  for (const form of [(text) => text, streamed]) {
    assert.deepEqual(await send(form(padded(MAX_BODY + 1))), [413, "BODY_TOO_LARGE"]);
    assert.deepEqual(await send(form(padded(20 * MAX_BODY))), [413, "BODY_TOO_LARGE"]);
    assert.deepEqual(await send(form(padded(MAX_BODY))), [200, "VALID"]);
    assert.deepEqual(await send(form("{")), [400, "INVALID_JSON"]);
  }
});
