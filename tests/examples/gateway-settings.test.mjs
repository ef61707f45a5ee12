// An invalid setting keeps the example `gateway-worker` from starting, with a message that says what to do.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { bundled, project, running } from "./installed.mjs";

const PROJECT = await project("examples/gateway-worker");
const WORKER = await bundled(PROJECT);

/** A token of no workspace: at the start only its format is checked. */
const TOKEN = JSON.parse(await readFile(new URL("../vectors/token.json", import.meta.url))).valid[0].text;

const GOOD = {
  ORIGIN: "https://origin.example.com/v2",
  COUNTERFOIL_TOKEN: TOKEN,
  COUNTERFOIL: "https://counterfoil.example.com",
};

/** The message of a gateway that does not start. */
async function refused(t, variables, worker = WORKER) {
  const bindings = Object.fromEntries(
    Object.entries({ ...GOOD, ...variables }).filter(([, value]) => value !== undefined),
  );
  const started = await running(t, worker, { variables: bindings }).catch((error) => error);
  assert.ok(started instanceof Error, `the gateway starts with ${JSON.stringify(variables)}`);
  assert.match(started.message, /the gateway does not start:/);
  assert.ok(!started.message.includes(TOKEN), "the message does not contain the token");
  return started.message;
}

test("the gateway starts with valid settings", async (t) => {
  await running(t, WORKER, { variables: GOOD });
  await running(t, WORKER, { variables: { ...GOOD, ORIGIN: "http://localhost:3000" } });
});

test("each missing or invalid setting is reported", async (t) => {
  const origin = /ORIGIN: must say where your API is, by https/;
  const bare = /ORIGIN: must be scheme, host and path alone/;
  const binding = /COUNTERFOIL: is missing: bind your deployment as a service/;
  const token = /COUNTERFOIL_TOKEN is missing: issue a token that holds tokens:verify/;
  for (const [variables, message] of [
    [{ ORIGIN: "" }, origin],
    [{ ORIGIN: undefined }, origin],
    [{ ORIGIN: "origin.example.com" }, origin],
    [{ ORIGIN: "http://origin.example.com" }, origin],
    [{ ORIGIN: "ftp://origin.example.com" }, origin],
    [{ ORIGIN: "https://ada:secret@origin.example.com" }, bare],
    [{ ORIGIN: "https://origin.example.com/?key=1" }, bare],
    [{ ORIGIN: "https://origin.example.com/#v2" }, bare],
    [{ PASS_TOKEN: "yes" }, /PASS_TOKEN: must be "true" or "false", in quotes/],
    [{ PASS_TOKEN: true }, /PASS_TOKEN: must be "true" or "false", in quotes/],
    [{ COUNTERFOIL: undefined }, binding],
    [
      { COUNTERFOIL: "http://counterfoil.example.com" },
      /COUNTERFOIL: controlPlane must be a service binding, or the https URL of the Counterfoil deployment/,
    ],
    [{ COUNTERFOIL_TOKEN: undefined }, token],
    [{ COUNTERFOIL_TOKEN: "" }, token],
    [{ COUNTERFOIL_TOKEN: TOKEN.slice(0, -1) }, /COUNTERFOIL: `token` is not a valid Counterfoil token/],
    [{ REGISTRY: "a name" }, /REGISTRY must be bound as a KV namespace/],
  ]) {
    assert.match(await refused(t, variables), message, JSON.stringify(Object.keys(variables)));
  }
});

test("all invalid settings are reported together", async (t) => {
  const said = await refused(t, { ORIGIN: "", PASS_TOKEN: "yes", COUNTERFOIL: undefined });
  for (const name of ["ORIGIN", "PASS_TOKEN", "COUNTERFOIL"]) assert.match(said, new RegExp(`^${name}: `, "m"));
});

test("each mistake in a policy is reported with its place", async (t) => {
  const route = { method: "GET", path: "/a", any_token: true };
  for (const [policy, mistakes] of [
    [[], { "/": "must be an object" }],
    [{}, { "/routes": "must be a list of at least one route" }],
    [{ routes: [] }, { "/routes": "must be a list of at least one route" }],
    [
      {
        version: 1,
        freshness: "fresh",
        routes: [
          "GET /a",
          { ...route, scopes: ["a"] },
          { ...route, method: "get" },
          { ...route, method: [] },
          { ...route, path: "a" },
          { ...route, path: "/a/*/b" },
          { ...route, path: "/a//b" },
          { ...route, path: "/a/%2e" },
          { ...route, any_token: false },
          { ...route, public: true },
          { method: "GET", path: "/b" },
          { method: "GET", path: "/b", all_of: [] },
          { method: "GET", path: "/b", any_of: ["a:*", "a b"] },
          { ...route, freshness: "soon" },
          { method: "GET", path: "/c", public: true, freshness: "strong" },
        ],
      },
      {
        "/version": "is unknown; allowed: routes, freshness, or_eventual",
        "/freshness": "must be one of strong, bounded, eventual",
        "/routes/0": "must be an object",
        "/routes/1/scopes": "is unknown; allowed: ",
        "/routes/2/method": "must be a method in capitals",
        "/routes/3/method": "must be a method in capitals",
        "/routes/4/path": "must be a path that starts with /",
        "/routes/5/path": 'the segment "*" is invalid',
        "/routes/6/path": 'the segment "" is invalid',
        "/routes/7/path": 'the segment "%2e" is invalid',
        "/routes/8/any_token": "must be true or omitted",
        "/routes/9": "must state its requirement in exactly one way",
        "/routes/10": "must state its requirement in exactly one way",
        "/routes/11/all_of": "must be a list of at least one scope",
        "/routes/12/any_of/0": "is not a scope: use letters",
        "/routes/12/any_of/1": "is not a scope: use letters",
        "/routes/13/freshness": "must be one of strong, bounded, eventual",
        "/routes/14/freshness": "has no effect on a public route",
      },
    ],
    [{ routes: [{ ...route, path: "/*" }, route] }, { "/routes/1": "is never reached, because /routes/0 covers it" }],
  ]) {
    await writeFile(join(PROJECT, "src/policy.json"), JSON.stringify(policy));
    const said = await refused(t, {}, await bundled(PROJECT));
    for (const [pointer, detail] of Object.entries(mistakes)) {
      assert.ok(said.includes(`\n  ${pointer}: ${detail}`), `${pointer}: ${detail}\n\n${said}`);
    }
  }
});
