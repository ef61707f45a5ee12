// The requests to identity providers that outsiders can cause, on the real runtime: at most a few per second.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { workspace } from "./client.mjs";
import { start } from "./harness.mjs";
import { Visitor, letIn, provider, seated } from "./identity.mjs";
import { json, startIssuer } from "./issuer.mjs";

const DESCRIPTION = "/.well-known/openid-configuration";
const START = "/v1/session/start?workspace=acme";

/** Without rate limits, so that they are not what protects the providers. */
const UNLIMITED = { limited: false };

/** Calls repeatedly, twenty at a time, for this many seconds: the responses, and the actual duration. */
async function flood(seconds, call) {
  const began = Date.now();
  const end = began + seconds * 1_000;
  const answers = [];
  const caller = async () => {
    while (Date.now() < end) answers.push(await call(answers.length));
  };
  await Promise.all(Array.from({ length: 20 }, caller));
  return { answers, seconds: (Date.now() - began) / 1_000 };
}

const place = (answer) => answer.headers.get("location");
const failed = (code) => `/console/#/sign-in?failed=${code}`;

test("a failing provider is queried with back-off until it recovers", async (t) => {
  const { issuer, app } = await seated(t, {}, UNLIMITED);
  issuer.instead[DESCRIPTION] = (_, response) => json(response, 503, {});
  const { answers, seconds } = await flood(5, () => app.fetch(START));
  t.diagnostic(`${answers.length} requests in ${seconds} s: ${issuer.asked.length} queries`);
  assert.ok(answers.every((answer) => place(answer) === failed("PROVIDER_UNAVAILABLE")));
  // At the start, and after pauses of 2, 4 and 8 seconds.
  assert.ok(answers.length > 50 && issuer.asked.length <= 2 + (seconds - 6) / 8 + 1, `${issuer.asked}`);
  delete issuer.instead[DESCRIPTION];
  await sleep(8_000);
  assert.ok(place(await app.fetch(START)).startsWith(`${issuer.url}/authorize`));
});

test("a hanging provider is queried once a second", async (t) => {
  const { issuer, app } = await seated(t, {}, UNLIMITED);
  issuer.instead[DESCRIPTION] = () => {};
  const { answers, seconds } = await flood(4, () => app.fetch(START));
  t.diagnostic(`${answers.length} requests in ${seconds} s: ${issuer.asked.length} queries`);
  assert.ok(answers.every((answer) => place(answer) === failed("PROVIDER_UNAVAILABLE")));
  assert.ok(issuer.asked.length >= 1 && issuer.asked.length <= seconds + 1, `${issuer.asked}`);
});

test("unknown key ids are looked up once in thirty seconds without blocking sign-ins", async (t) => {
  const { issuer, app, admin } = await seated(t, {}, UNLIMITED);
  const visitor = new Visitor(app);
  const tokens = await Promise.all(
    Array.from({ length: 50 }, (_, number) => issuer.token({}, { header: { kid: `invented-${number}` } })),
  );
  const { answers, seconds } = await flood(3, (number) => visitor.present(tokens[number % tokens.length]));
  t.diagnostic(`${answers.length} requests in ${seconds} s: ${issuer.asked.length} queries`);
  // While the keys are fetched, only few requests wait for them; the others get a response with Retry-After.
  const codes = new Set(answers.map(({ status, body }) => `${status} ${body.code}`));
  assert.ok(codes.has("401 SIGN_IN_FAILED"));
  assert.deepEqual(
    [...codes].filter((code) => !["401 SIGN_IN_FAILED", "503 PROVIDER_UNAVAILABLE"].includes(code)),
    [],
  );
  assert.deepEqual([issuer.count(DESCRIPTION), issuer.count("/keys")], [1, 2]);
  await visitor.signIn(await issuer.token());
  assert.equal(issuer.count("/keys"), 2);
  const rows = await admin.expect(200, "GET", "/v1/audit?actor=sign_in");
  assert.deepEqual(
    rows.items.map(({ action }) => action),
    ["session.create"],
    "unauthenticated requests write nothing",
  );
});

test("forged authorization codes are exchanged at a limited rate", async (t) => {
  const { issuer, app } = await seated(t, {}, UNLIMITED);
  const out = await app.fetch(START);
  const cookie = out.headers.getSetCookie()[0].split(";")[0];
  const query = new URL(place(out)).searchParams;
  const back = new URLSearchParams({ code: "invented", state: query.get("state"), iss: issuer.url });
  const come = () => app.fetch(`/v1/session/callback?${back}`, { headers: { cookie } });
  // So many at once that more arrive than may wait.
  const began = Date.now();
  const answers = await Promise.all(Array.from({ length: 150 }, come));
  const seconds = (Date.now() - began) / 1_000;
  t.diagnostic(`${answers.length} requests in ${seconds} s: ${issuer.count("/token")} codes exchanged`);
  const count = (code) => answers.filter((answer) => place(answer) === failed(code)).length;
  assert.equal(count("SIGN_IN_FAILED"), issuer.count("/token"));
  assert.equal(count("SIGN_IN_FAILED") + count("PROVIDER_UNAVAILABLE"), answers.length);
  assert.ok(issuer.count("/token") >= 10 && issuer.count("/token") <= 11 + seconds * 10, `${issuer.count("/token")}`);
});

test("a provider in a private network is refused unless the deployment allows it", async (t) => {
  const issuer = await startIssuer(t);
  const app = await start(t, { bindings: { PRIVATE_PROVIDERS: "" } });
  const { admin } = await workspace(app, "acme");
  const { port } = new URL(issuer.url);
  for (const url of [issuer.url, `http://localhost:${port}`, `https://2130706433:${port}`, `https://0x7f.1:${port}`]) {
    const settings = { identity_providers: [{ ...provider(issuer), issuer: url }] };
    const { status, body } = await admin.send("PATCH", "/v1/workspace", settings);
    assert.deepEqual([status, body.code, body.pointer], [422, "INVALID_VALUE", "/identity_providers/0/issuer"], url);
    assert.match(body.detail, /PRIVATE_PROVIDERS/);
  }
  await letIn(admin, provider({ url: "https://accounts.example" }));
  assert.deepEqual(issuer.asked, []);
});
