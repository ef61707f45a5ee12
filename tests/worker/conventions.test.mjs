// HTTP conventions in which the runtime takes part.

import assert from "node:assert/strict";
import { request } from "node:http";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { workspace } from "./client.mjs";
import { start } from "./harness.mjs";

/** A response as received, because `fetch` would decompress it. */
function raw(url, headers) {
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers }, async (response) => {
      const chunks = [];
      for await (const chunk of response) chunks.push(chunk);
      resolve({ status: response.statusCode, headers: response.headers, bytes: Buffer.concat(chunks) });
    });
    sent.on("error", reject).end();
  });
}

// The platform compresses JSON, independent of the worker; here as in production.
test("a long response is compressed if the client accepts it", async (t) => {
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  for (let number = 0; number < 5; number++) await admin.issue({ name: `token ${number}`, scopes: [] });
  const url = new URL("/v1/tokens", app.url);
  const authorization = `Bearer ${admin.token}`;
  const plain = await raw(url, { authorization, "accept-encoding": "identity" });
  assert.deepEqual([plain.status, plain.headers["content-encoding"]], [200, undefined]);
  const packed = await raw(url, { authorization, "accept-encoding": "gzip" });
  assert.equal(packed.headers["content-encoding"], "gzip");
  assert.ok(packed.bytes.length < plain.bytes.length / 2, `${packed.bytes.length} of ${plain.bytes.length} bytes`);
  assert.deepEqual(JSON.parse(gunzipSync(packed.bytes)), JSON.parse(plain.bytes));
});

test("of concurrent updates with the same If-Match, one succeeds", async (t) => {
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  const { id, version } = await admin.issue({ name: "ci", scopes: [] });
  const path = `/v1/tokens/${id}`;
  const change = (name) => admin.send("PATCH", path, { name }, { "if-match": `"${version}"` });
  const answers = await Promise.all(Array.from({ length: 20 }, (_, number) => change(`writer ${number}`)));
  const done = answers.filter(({ status }) => status === 200);
  assert.equal(done.length, 1);
  const refused = answers.filter(({ status, body }) => status === 412 && body.code === "PRECONDITION_FAILED");
  assert.equal(refused.length, 19);
  const found = await admin.send("GET", path);
  assert.equal(found.body.name, done[0].body.name);
  assert.equal(found.headers.get("etag"), done[0].headers.get("etag"));
});

test("CORS requests are accepted from allowed origins only", async (t) => {
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  const from = (origin) => admin.send("GET", "/v1/tokens/self", undefined, { origin });
  const page = "https://app.example";
  assert.deepEqual([(await from(page)).body.code, (await from(app.url.origin)).status], ["ORIGIN_NOT_ALLOWED", 200]);
  await admin.expect(200, "PATCH", "/v1/workspace", { allowed_origins: [page] });
  const allowed = await from(page);
  assert.deepEqual([allowed.status, allowed.headers.get("access-control-allow-origin")], [200, page]);
  const preflight = { origin: page, "access-control-request-method": "DELETE" };
  const granted = await app.fetch("/v1/tokens", { method: "OPTIONS", headers: preflight });
  assert.deepEqual([granted.status, granted.headers.get("access-control-allow-origin")], [204, "*"]);
});
