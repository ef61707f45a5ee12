// Request bodies with a Content-Length, and streamed without one.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { workspace } from "./client.mjs";
import { start } from "./harness.mjs";

const MAX_BODY = 64 * 1024;

const TOO_LARGE = [413, "BODY_TOO_LARGE"];
const CUT = "the connection was cut";

/** The errors of a cut connection: a reset, a failed write, or its end before the response. */
const CUT_CODES = ["ECONNRESET", "EPIPE", "UND_ERR_SOCKET"];

const forms = { "with a length": (text) => text, streamed: (text) => new Blob([text]).stream() };

for (const [name, form] of Object.entries(forms)) {
  test(`a body is read up to its limit, ${name}`, async (t) => {
    const app = await start(t);
    const { admin } = await workspace(app, "acme");
    const send = async (text, extra) => {
      const headers = { authorization: `Bearer ${admin.token}`, "content-type": "application/json", ...extra };
      const init = { method: "POST", headers, body: form(text), duplex: "half" };
      const response = await app.fetch("/v1/verify", init);
      assert.equal(response.headers.get("cache-control"), "no-store");
      return [response.status, (await response.json()).code];
    };
    const padded = (length) => JSON.stringify({ token: admin.token }).padEnd(length);

    // Only one byte too many has been read when it is refused, so this response always arrives.
    assert.deepEqual(await send(padded(MAX_BODY + 1)), TOO_LARGE);
    assert.deepEqual(await send(padded(MAX_BODY)), [200, "VALID"]);
    assert.deepEqual(await send("{"), [400, "INVALID_JSON"]);

    // The runtime answers a body that is far too long, reads on for a moment, and closes the connection. A client that
    // is still writing then may lose the response to a reset (RFC 9112, section 9.6), so both outcomes are correct. The
    // connection serves no second request; `close` keeps `fetch` from reusing it.
    const outcome = await send(padded(20 * MAX_BODY), { connection: "close" }).catch(cut);
    assert.ok(
      [TOO_LARGE, CUT].some((right) => isDeepStrictEqual(outcome, right)),
      `${outcome}`,
    );
    assert.deepEqual(await send(padded(MAX_BODY)), [200, "VALID"]);
  });
}

test("a length that is declared beside chunks does not count", async (t) => {
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  const { hostname, port } = new URL(app.url);
  const socket = connect(Number(port), hostname);
  t.after(() => socket.destroy());
  const head = [
    "POST /v1/verify HTTP/1.1",
    "host: acme.example",
    `authorization: Bearer ${admin.token}`,
    "content-type: application/json",
    "content-length: 10",
    "transfer-encoding: chunked",
  ];
  // The body never ends, so a Worker that reads it whole never responds.
  const length = MAX_BODY + 1;
  socket.write(`${head.join("\r\n")}\r\n\r\n${length.toString(16)}\r\n${" ".repeat(length)}`);
  const [response] = await once(socket, "data");
  assert.match(String(response), /^HTTP\/1\.1 413 /);
});

test("a length that a service binding declares does not count either", async (t) => {
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  const json = JSON.stringify({ token: admin.token });
  const send = (length, { start = json, chunks = 0, ...others } = {}) => {
    const headers = { authorization: `Bearer ${admin.token}`, "content-type": "application/json" };
    if (length !== undefined) headers["content-length"] = String(length);
    return app.bound({ path: "/v1/verify", headers, start, chunks, ...others });
  };
  // Whatever is declared, the whole body is read if it is within the limit.
  for (const length of [undefined, 0, 10, json.length - 1, json.length, MAX_BODY, MAX_BODY + 1]) {
    assert.deepEqual(await send(length), { status: 200, code: "VALID", sent: 0 }, `${length}`);
    assert.equal((await send(length, { chunks: 3 })).code, "VALID", `${length}`);
  }
  // If not, reading ends soon after the limit, also if nothing more arrives.
  for (const length of [undefined, 0, 10, MAX_BODY]) {
    for (const endless of [false, true]) {
      const { status, code, sent } = await send(length, { chunks: 1_000, endless });
      assert.deepEqual([status, code], TOO_LARGE, `${length}`);
      assert.ok(sent < 20, `${sent} chunks were read`);
    }
    assert.deepEqual((await send(length, { start: " ".repeat(MAX_BODY + 1), endless: true })).status, 413, `${length}`);
  }
});

test("JSON nested in JSON strings is not parsed, at any depth", async (t) => {
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  // serde_json's internal name for a raw value to parse again: each level once used a stack frame of its own.
  const nested = (depth) => {
    let text = "1";
    for (let level = 0; level < depth; level += 1) {
      text = JSON.stringify({ "$serde_json::private::RawValue": `${"[".repeat(9)}${text}${"]".repeat(9)}` });
      if (text.length > MAX_BODY / 3) break;
    }
    return `{"name":"","scopes":[],"metadata":{"a":${text}}}`;
  };
  for (const depth of [1, 2, 5, 60]) {
    const headers = { authorization: "Bearer stranger-stranger-stranger", "content-type": "application/json" };
    const send = app.fetch("/v1/tokens", {
      method: "POST",
      headers: { ...headers, "x-counterfoil-workspace": "acme" },
      body: nested(depth),
    });
    const [response, beside] = await Promise.all([send, admin.send("GET", "/v1/tokens")]);
    assert.deepEqual([response.status, (await response.json()).code], [400, "INVALID_JSON"], `${depth} levels`);
    assert.equal(beside.status, 200);
  }
});

/** The error code of a `fetch` whose connection was cut. Other errors are rethrown. */
function cut(error) {
  if (CUT_CODES.includes(error.cause?.code)) return CUT;
  throw error;
}
