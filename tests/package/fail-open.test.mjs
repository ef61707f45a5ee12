// On workerd, in a Worker with passThroughOnException(): no error before the decision passes a request to the origin.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { install } from "./installed.mjs";
import { keys, live, snapshotFile } from "./offline.mjs";
import { worker } from "./worker.mjs";

/** Errors by the path that causes them; `/orders` causes none. */
const CODE = `
import { Gate } from "@counterfoil/verify";
import { guard } from "@counterfoil/verify/fetch";
import { guard as honoGuard } from "@counterfoil/verify/hono";
import { Policy } from "@counterfoil/verify/policy";
import { Hono } from "hono";
import { file, keys } from "./snapshot.js";

const boom = () => { throw new TypeError("on purpose"); };
const demand = { allOf: ["orders:read"] };
const policy = new Policy({ routes: [{ method: "GET", path: "/policy", all_of: ["orders:read"] }] });
const thrower = { routes: [], route: boom };
const origin = (request) => (new URL(request.url).searchParams.has("throws") ? boom() : new Response("served"));

let faults;
async function make() {
  const gate = (options) => Gate.offline(Uint8Array.from(file), { keys, onFailure: () => {}, ...options });
  const good = await gate();
  const spoiled = await gate();
  spoiled.verify = boom;
  const hono = (gate, asked, options) => {
    const app = new Hono().onError((error) => { throw error; });
    app.use(honoGuard(gate, asked, options));
    app.all("*", (context) => origin(context.req.raw));
    return (request) => app.fetch(request);
  };
  return {
    "/orders": guard(good, demand, origin),
    "/policy": guard(good, policy, origin),
    "/hono": hono(good, demand),
    "/unguarded": origin,
    "/gate": guard(spoiled, demand, origin),
    "/address": guard(await gate({ address: boom }), demand, origin),
    "/hook": guard(await gate({ address: boom, onFailure: boom }), demand, origin),
    "/rejects": guard(await gate({ address: boom, onFailure: async () => boom() }), demand, origin),
    "/thrower": guard(good, thrower, origin),
    "/hono-gate": hono(spoiled, demand),
    "/hono-address": hono(good, demand, { address: boom }),
    "/hono-thrower": hono(good, thrower),
  };
}

export default {
  async fetch(request, env, context) {
    context.passThroughOnException();
    faults ??= await make();
    return faults[new URL(request.url).pathname](request, env, context);
  },
};`;

const { folder } = await install({ after }, ["hono"]);
await writeFile(
  join(folder, "snapshot.js"),
  `export const file = ${JSON.stringify([...snapshotFile()])}; export const keys = ${JSON.stringify(keys)};`,
);
const miniflare = await worker({ after }, folder, CODE, { outboundService: () => new Response("the origin, unasked") });

const ask = async (path, headers = { authorization: `Bearer ${live}` }) => {
  const response = await miniflare.dispatchFetch(`http://origin.example${path}`, { headers });
  return [response.status, await response.text()];
};

test("passThroughOnException applies to the handler's own exceptions", async () => {
  assert.deepEqual(await ask("/unguarded?throws", {}), [200, "the origin, unasked"]);
  for (const path of ["/orders", "/policy", "/hono"]) {
    assert.deepEqual(await ask(path), [200, "served"]);
    assert.deepEqual(
      await ask(`${path}?throws`),
      [200, "the origin, unasked"],
      "what the handler throws is the handler's",
    );
    const [status, body] = await ask(`${path}?throws`, {});
    assert.deepEqual([status, JSON.parse(body).code], [401, "NO_CREDENTIAL"]);
  }
});

test("an error before the decision never passes a request to the origin", async () => {
  for (const path of [
    "/gate",
    "/address",
    "/hook",
    "/rejects",
    "/thrower",
    "/hono-gate",
    "/hono-address",
    "/hono-thrower",
  ]) {
    const [status, body] = await ask(path);
    assert.deepEqual([path, status, body.startsWith("{") && JSON.parse(body).code], [path, 500, "INTERNAL"]);
  }
});
