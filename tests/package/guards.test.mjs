// Guards if something throws: an error before the decision rejects the request, and errors of the handler are its own.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { inspect } from "node:util";
import Express from "express";
import Express4 from "express4";
import { Hono } from "hono";
import { InvalidDemandError, refusal } from "../../build/verify/node.js";
import { guard as expressGuard } from "../../build/verify/express.js";
import { guard as fetchGuard } from "../../build/verify/fetch.js";
import { guard as honoGuard } from "../../build/verify/hono.js";
import { Policy } from "../../build/verify/policy.js";
import { demand } from "./harness.mjs";
import { live, offlineGate } from "./offline.mjs";

const PATH = "/orders/1";

/** The errors of handlers. */
class Mine extends Error {}

/** Serves until the test ends; returns the URL. */
async function listening(t, handler) {
  const server = createServer(handler).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}`;
}

/** Sends a request. A request that hangs fails the test. */
const asking = (url) => (headers) => fetch(url + PATH, { headers, signal: AbortSignal.timeout(2_000) });

/**
 * The hosts. Each serves `handler`, which is called for authorized requests and may throw, behind a guard; `caught`
 * receives the errors that the host reports, and `spoil` may change the request before the guard.
 */
const hosts = {
  "a Worker's fetch": async (t, { gate, asked, spoil, handler, caught }) => {
    const guarded = fetchGuard(gate, asked, (request, decision) => Response.json({ in: true, ...handler(decision) }));
    return async (headers) => {
      const request = new Request(`http://origin.example${PATH}`, { headers });
      spoil?.(request);
      // As the runtime does for a Worker with passThroughOnException().
      return guarded(request).catch((error) => (caught(error), new Response("passed on", { status: 200 })));
    };
  },
  Hono: async (t, given) => honoHost(given, new Hono()),
  "Hono with onError": async (t, given) => {
    const app = new Hono().onError((error, context) => (given.caught(error), context.text("handled", 200)));
    return honoHost(given, app);
  },
  "Express 5": (t, given) => expressHost(t, Express, given, true),
  "Express 5 without an error handler": (t, given) => expressHost(t, Express, given, false),
  "Express 4": (t, given) => expressHost(t, Express4, given, true),
  "Express 4 without an error handler": (t, given) => expressHost(t, Express4, given, false),
  "node:http by hand": async (t, { gate, asked, spoil, handler, caught, options }) => {
    const middleware = expressGuard(gate, asked, options);
    return asking(
      await listening(t, async (request, response) => {
        spoil?.(request);
        try {
          await middleware(request, response, () =>
            response.end(JSON.stringify({ in: true, ...handler(request.counterfoil) })),
          );
        } catch (error) {
          caught(error);
          response.end("passed on");
        }
      }),
    );
  },
};

function honoHost({ gate, asked, spoil, handler, options }, app) {
  app.use((context, next) => (spoil?.(context.req.raw), next()));
  app.use(honoGuard(gate, asked, options));
  app.all("*", (context) => context.json({ in: true, ...handler(context.get("counterfoil")) }));
  return async (headers) => app.request(`http://origin.example${PATH}`, { headers });
}

async function expressHost(t, express, { gate, asked, spoil, handler, caught, options }, withHandler) {
  const app = express();
  // Without it an error is written to the console.
  app.set("env", "test");
  app.use((request, response, next) => (spoil?.(request), next()));
  app.use("/orders", expressGuard(gate, asked, options), (request, response) => {
    response.json({ in: true, ...handler(request.counterfoil) });
  });
  // Some continue where they should not.
  if (withHandler) app.use((error, request, response, next) => (caught(error), response.send("passed on")));
  return asking(await listening(t, app));
}

/** Errors for which Node would end the process. */
function rejections(t) {
  const unhandled = [];
  const note = (reason) => unhandled.push(reason);
  process.on("unhandledRejection", note);
  t.after(() => process.off("unhandledRejection", note));
  return unhandled;
}

/** A getter that throws in place of a property of the request. */
const spoiled = (name) => (request) => Object.defineProperty(request, name, { get: () => boom() });

/** Throws an error that quotes the token, as parsers may do. */
function boom() {
  throw new TypeError(`cannot read "Bearer ${live}"\n    at ${live}:1:1`);
}

/** The errors, each with the part of a working setup that it replaces. */
const faults = {
  "the gate throws": { gate: (gate) => ((gate.verify = boom), gate) },
  "the gate rejects": { gate: (gate) => ((gate.verify = async () => boom()), gate) },
  "the gate rejects with nothing": { gate: (gate) => ((gate.verify = () => Promise.reject()), gate) },
  "the gate returns nothing": { gate: (gate) => ((gate.verify = async () => undefined), gate) },
  "the gate returns a string for valid": { gate: (gate) => ((gate.verify = async () => ({ valid: "no" })), gate) },
  "the gate returns an unknown code": {
    gate: (gate) => ((gate.verify = async () => ({ valid: false, code: "constructor" })), gate),
    code: "constructor",
  },
  "the gate's clock throws": { made: { now: boom } },
  "the gate's address throws": { made: { address: boom }, without: "Express" },
  "the gate's address throws, and so does its hook": {
    made: { address: boom, onFailure: () => boom() },
    silent: true,
    without: "Express",
  },
  "its hook rejects": { made: { address: boom, onFailure: async () => boom() }, silent: true, without: "Express" },
  "the guard's address throws": { options: { address: boom }, without: "fetch" },
  "the policy throws": { asked: { routes: [], route: boom } },
  "the policy returns a route that it does not have": {
    asked: { routes: [], route: () => ({ public: true, demand }) },
    code: "NO_ROUTE",
  },
  "the policy matches no route": { asked: { routes: [], route: () => undefined }, code: "NO_ROUTE" },
  "the gate's compile returns nothing": {
    gate: (gate) => ((gate.compile = () => undefined), gate),
    code: "UNAVAILABLE",
  },
  "the headers throw": { spoil: spoiled("headers") },
};

for (const [host, serve] of Object.entries(hosts)) {
  test(`${host}: an error before the decision rejects the request`, async (t) => {
    const unhandled = rejections(t);
    for (const [
      fault,
      { made, gate: change, asked = demand, code = "INTERNAL", silent, without, ...others },
    ] of Object.entries(faults)) {
      // Express-like hosts provide the client's address, and a Worker's guard uses the gate alone.
      if (without === "Express" && /Express|http by/.test(host)) continue;
      if (without === "fetch" && /fetch/.test(host)) continue;
      await t.test(fault, async (t) => {
        const [failures, reached, caught] = [[], [], []];
        const broken = await offlineGate({ onFailure: ({ message }) => failures.push(message), ...made });
        const gate = change ? change(broken) : broken;
        const handler = () => (reached.push(host), {});
        const send = await serve(t, { gate, asked, handler, caught: (error) => caught.push(error), ...others });
        for (let turn = 0; turn < 3; turn += 1) {
          const response = await send({ authorization: `Bearer ${live}` });
          const body = await response.json();
          assert.deepEqual([response.status, body.code], [refusal({ code }).status, code]);
          assert.equal(response.headers.get("content-type"), "application/problem+json");
          assert.ok(!JSON.stringify(body).includes(live));
        }
        assert.deepEqual([reached, caught, unhandled], [[], [], []]);
        if (code !== "INTERNAL" || silent) return;
        assert.equal(failures.length, 1, `reported once: ${failures.join("\n")}`);
        assert.match(failures[0], /^A request could not be verified and was denied: /);
        assert.ok(!failures[0].includes(live), "the message does not contain the token");
      });
    }
  });

  test(`${host}: errors of the handler are rethrown unchanged`, async (t) => {
    const unhandled = rejections(t);
    const [failures, caught, thrown] = [[], [], new Mine("in the handler")];
    const gate = await offlineGate({ onFailure: ({ message }) => failures.push(message) });
    const asked = new Policy({ routes: [{ method: "GET", path: "/orders/*", all_of: ["orders:read"] }] });
    let handler = ({ token }) => ({ owner: token.owner });
    const send = await serve(t, {
      gate,
      asked,
      handler: (decision) => handler(decision),
      caught: (error) => caught.push(error),
    });
    const headers = { authorization: `Bearer ${live}` };
    assert.deepEqual(await (await send(headers)).json(), { in: true, owner: "ada" });
    handler = () => {
      throw thrown;
    };
    t.mock.method(console, "error", () => {});
    const response = await send(headers);
    const isReported = !/without|^Hono$/.test(host);
    assert.notEqual(response.headers.get("content-type"), "application/problem+json");
    if (isReported) {
      assert.equal(caught.length, 1);
      assert.equal(caught[0], thrown);
    } else {
      assert.equal(response.status, 500);
    }
    assert.deepEqual([failures, unhandled], [[], []]);
  });
}

test("a started response is left alone and one that cannot start is aborted", async (t) => {
  const unhandled = rejections(t);
  const gate = await offlineGate({});
  gate.verify = boom;
  const middleware = expressGuard(gate, demand);
  const next = () => assert.fail("the request passes");
  const meanwhile = asking(
    await listening(t, (request, response) => {
      response.write("too ");
      middleware(request, response, next).then(() => response.end("late"));
    }),
  );
  assert.equal(await (await meanwhile({})).text(), "too late");
  const unwritable = asking(
    await listening(t, (request, response) => {
      response.writeHead = boom;
      middleware(request, response, next);
    }),
  );
  await assert.rejects(unwritable({}), (error) => error.name !== "TimeoutError");
  const frozen = asking(
    await listening(t, (request, response) => middleware(Object.freeze(Object.create(request)), response, next)),
  );
  assert.equal((await frozen({})).status, 500);
  assert.deepEqual(unhandled, []);
});

test("a guard's failure is reported with its location but not the error's message", async (t) => {
  const failures = [];
  const gate = await offlineGate({ onFailure: ({ message, cause }) => failures.push([message, cause]) });
  function addressOfProxy() {
    throw new RangeError(`no address in ${live}`);
  }
  const first = honoGuard(gate, demand, { address: addressOfProxy });
  const context = { req: { raw: new Request("http://origin.example/") }, set: () => {} };
  await first(context, () => assert.fail("the request passes"));
  assert.match(failures[0][0], /: RangeError, at addressOfProxy \(.*guards\.test\.mjs:\d+:\d+\)$/);
  assert.equal(failures[0][1], undefined);
  // Names that contain more than the kind of error.
  for (const odd of [{ name: live, message: live, stack: live }, live, null, Object.create(null), () => live]) {
    const other = honoGuard(gate, demand, {
      address: () => {
        throw odd;
      },
    });
    assert.equal((await other(context, () => assert.fail("the request passes"))).status, 500);
  }
  assert.ok(failures.length >= 2 && failures.every(([message]) => !message.includes(live)), String(failures));
});

test("two alternating errors are each reported once", async () => {
  const failures = [];
  const gate = await offlineGate({ onFailure: ({ message }) => failures.push(message) });
  const guarded = [() => null.one, () => boom()].map((address) => honoGuard(gate, demand, { address }));
  const context = { req: { raw: new Request("http://origin.example/") }, set: () => {} };
  for (let turn = 0; turn < 20; turn += 1) await guarded[turn % 2](context, () => assert.fail("the request passes"));
  assert.equal(failures.length, 2);
});

test("an invalid requirement is rejected before the first request", async () => {
  const gate = await offlineGate({});
  for (const none of [
    () => demand,
    async () => demand,
    Promise.resolve(demand),
    7,
    true,
    "orders:read",
    ["orders:read"],
    new Map([["allOf", ["orders:read"]]]),
    new (class Demand {})(),
    { all_of: ["orders:read"] },
    { allOf: "orders:read" },
    { allOf: new Set(["orders:read"]) },
    { allOf: null },
    { allOf: undefined },
    { anyOf: undefined },
    { allOf: new Array(1) },
    { anyOf: { 0: "orders:read" } },
    Object.defineProperty({}, "allOf", { value: ["orders:read"] }),
    Object.create(Object.assign(Object.create(null), { allOf: ["orders:read"] })),
    { ...demand, orEventual: "false" },
    { ...demand, brief: "false" },
  ]) {
    for (const guard of [
      () => fetchGuard(gate, none, () => {}),
      () => honoGuard(gate, none),
      () => expressGuard(gate, none),
    ]) {
      assert.throws(guard, InvalidDemandError, inspect(none));
    }
    if (typeof none !== "number") await assert.rejects(gate.verify(live, none), InvalidDemandError);
  }
  gate.compile({});
  for (const none of [true, "1", [1], { valueOf: () => 1 }, undefined, null, {}]) {
    assert.equal(gate.check(live, none), false, "not a compiled requirement");
    assert.deepEqual(gate.checkAll([live], none), [false]);
  }
  for (const none of [undefined, null]) assert.throws(() => fetchGuard(gate, none, () => {}), TypeError);
  await assert.rejects(gate.verify(live, undefined), InvalidDemandError);
  // An object without a prototype.
  assert.ok((await gate.verify(live, Object.assign(Object.create(null), demand))).valid);
});
