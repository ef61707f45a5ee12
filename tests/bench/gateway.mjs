// Guards in front of an origin, end to end on workerd: the gateway of examples/gateway-worker, guards written by hand, and no
// guard. Throughput with as many requests as a guard can serve, and latencies at the same rate for all.

import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { SignJWT } from "jose";
import { bundled, project } from "../examples/installed.mjs";
import { withForgedSeal } from "../worker/client.mjs";
import { Client, counterfoil } from "./deployments.mjs";
import { digestOf } from "./digest.mjs";
import { Asker, run } from "./drive.mjs";
import { compare, inTurns, number, quantile, show } from "./measure.mjs";

const WIDTH = 32;
const MILLISECONDS = 1_000;
const ROUNDS = 11;
/** Requests per second that every guard can serve. */
const RATE = 200;

const ORIGIN = "https://origin.example";
const ISSUER = "https://issuer.example";
const AUDIENCE = "https://api.example";
const SECRET = randomUUID();

const ended = [];
const later = { after: (work) => ended.push(work) };

const app = await counterfoil();
later.after(app.stop);
const asker = new Asker(app.url);
const { token } = (await new Client(asker).send("POST", "/v1/workspaces", { slug: "acme", name: "Acme" })).token;
const admin = new Client(asker, token);
const scopes = ["orders:read", "orders:write"];
await admin.send("PUT", "/v1/scopes", { scopes: scopes.map((name) => ({ name, description: name })) });
const issued = async (...scopes) => (await admin.send("POST", "/v1/tokens", { name: "", scopes })).token;
const [gatewayToken, valid] = [await issued("tokens:verify"), await issued(...scopes)];

const example = await bundled(await project("examples/gateway-worker", [], later));

/** A guard of this folder, as one module. */
async function guard(name, options) {
  const entry = fileURLToPath(new URL(`gateway/${name}.mjs`, import.meta.url));
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, format: "esm", write: false });
  return {
    name,
    compatibilityDate: example.compatibilityDate,
    modules: [{ type: "ESModule", path: `${name}.mjs`, contents: outputFiles[0].text }],
    outboundService: "origin",
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
    ...options,
  };
}

const origin = {
  name: "origin",
  compatibilityDate: example.compatibilityDate,
  modules: true,
  script: `export default { fetch: () => Response.json({ order: 1 }) };`,
};
const gateway = {
  ...example,
  name: "gateway",
  bindings: { ...example.bindings, ORIGIN, COUNTERFOIL_TOKEN: gatewayToken },
  serviceBindings: { COUNTERFOIL: { external: { address: new URL(app.url).host, http: {} } } },
  kvNamespaces: {},
  outboundService: "origin",
};
const workers = await run(
  gateway,
  origin,
  await guard("none", { bindings: { ORIGIN } }),
  await guard("kv", { bindings: { ORIGIN }, kvNamespaces: { TOKENS: "tokens" } }),
  await guard("hono-jose", { bindings: { ORIGIN, ISSUER, AUDIENCE, SECRET } }),
);
later.after(workers.stop);

const tokens = await workers.registryOf("TOKENS", "kv");
await tokens.put(await digestOf(valid), JSON.stringify({ scopes }));
const signedWith = (secret) =>
  new SignJWT({ scope: "orders:read" })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setExpirationTime("1 day")
    .sign(new TextEncoder().encode(secret));

const reading = (token) => ["/orders/1", { headers: { authorization: `Bearer ${token}` } }];
const writing = (token) => ["/orders/1", { method: "DELETE", headers: { authorization: `Bearer ${token}` } }];
const forged = withForgedSeal(valid);
const guards = [
  { name: "no guard", worker: "none", question: reading(valid) },
  {
    name: "the gateway, bounded",
    worker: "gateway",
    question: reading(valid),
    refused: reading(forged),
    lacks: "revocation before the lease ends (10 s by default)",
  },
  { name: "the gateway, strong", worker: "gateway", question: writing(valid), refused: writing(forged) },
  {
    name: "by hand: subtle.digest and Workers KV",
    worker: "kv",
    question: reading(valid),
    refused: reading(forged),
    lacks: "expiration, revocation within a bounded time",
  },
  {
    name: "Hono and jose, HS256",
    worker: "hono-jose",
    question: reading(await signedWith(SECRET)),
    refused: reading(await signedWith(randomUUID())),
    lacks: "revocation before the token expires",
  },
];

for (const one of guards) {
  one.asker = new Asker(await workers.urlOf(one.worker));
  const answer = JSON.parse(await one.asker.ask(...one.question));
  if (answer.order !== 1) throw new Error(`${one.name}: a valid token did not reach the origin`);
  const denial = one.refused && (await one.asker.ask(...one.refused).catch(({ message }) => message));
  if (one.refused && !/: 401 /.test(denial)) throw new Error(`${one.name}: a token was not refused, but: ${denial}`);
}

await compare({
  id: "gateway",
  title: `A gateway in front of an origin, on workerd, one token, ${WIDTH} requests at a time`,
  unit: "requests per second",
  rounds: ROUNDS,
  subjects: guards.map(({ name, lacks, asker, question }) => ({
    name,
    lacks,
    run: async () => (await asker.load(() => question, { width: WIDTH, milliseconds: MILLISECONDS })).perSecond,
  })),
});

const took = await inTurns(
  guards.map(({ asker, question }) => ({
    run: () => asker.pace(() => question, { perSecond: RATE, milliseconds: 2 * MILLISECONDS }),
  })),
  ROUNDS,
);
for (const part of [0.5, 0.99]) {
  show({
    id: `gateway-p${100 * part}`,
    title: `The same at ${number(RATE)} requests a second: p${100 * part} of the latencies of a round`,
    unit: "ms",
    subjects: guards.map(({ name, lacks }) => ({ name, lacks })),
    found: took.map((rounds) => rounds.map((latencies) => quantile(latencies, part))),
  });
}

for (const { asker } of guards) asker.close();
asker.close();
for (const work of ended.reverse()) await work();
