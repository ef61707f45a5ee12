// Serves the built worker on this machine until SIGINT or SIGTERM: dev.mjs <state folder> <port> <folder to serve>
// The folder to serve has the bundle in `worker` and the pages in `assets`. Only this server uses it, and removes it at the end.

import { createHash, randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { workerOptions } from "./runtime.mjs";
import { State } from "./state.mjs";

const { Log, LogLevel, Miniflare } = await import("miniflare");

const [folder, port, served] = process.argv.slice(2);
const url = `http://127.0.0.1:${port}`;

/** The scope catalogue of the demo workspace. */
const SCOPES = [
  { name: "orders:read", description: "See orders and their state" },
  { name: "orders:write", description: "Place, change and cancel orders" },
  { name: "read", description: "See everything" },
  { name: "write", description: "Change everything" },
];

// Miniflare exits on some signals before asynchronous work can finish.
process.on("exit", () => rmSync(served, { recursive: true, force: true }));

await main().catch((error) => {
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
});

async function main() {
  const state = await State.open(folder);
  const known = await state.recall();
  const secrets = await state.secrets();
  // 43 digits: cannot be confused with a token value, which has 42 after its prefix.
  known.root_token ??= `root_${base62(43)}`;
  await state.remember(known);

  const bindings = {
    ROOT_TOKEN_DIGESTS: JSON.stringify([sha256(known.root_token)]),
    SEAL_SECRETS: JSON.stringify(secrets.seal),
    SESSION_SECRETS: JSON.stringify(secrets.session),
    SNAPSHOT_KEYS: JSON.stringify(secrets.snapshot),
    // Allows an identity provider on this machine.
    PRIVATE_PROVIDERS: "allow",
  };
  const server = new Miniflare({
    ...(await workerOptions(join(served, "worker"), state.data, bindings, join(served, "assets"))),
    host: "127.0.0.1",
    port: Number(port),
    log: new Log(LogLevel.WARN),
  });
  const stop = once(async () => {
    await server.dispose();
    process.exit();
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, stop);

  try {
    await server.ready;
    await healthy();
    const id = await demo(known, state);
    await state.ready({ ...known, url, pid: process.pid });
    greet(known, id);
  } catch (error) {
    await server.dispose();
    throw error;
  }
}

/** Creates the missing parts of the workspace `demo`. Returns the id of the token to try. */
async function demo(known, state) {
  if (!known.admin_token) {
    const { workspace, token } = await api("POST", "/v1/workspaces", known.root_token, { slug: "demo", name: "Demo" });
    Object.assign(known, { workspace: workspace.slug, workspace_key: workspace.key, admin_token: token.token });
    await state.remember(known);
    await api("PUT", "/v1/scopes", known.admin_token, { scopes: SCOPES });
  }
  if (known.try_token) {
    const decision = await api("POST", "/v1/verify", known.admin_token, { token: known.try_token, demand: {} });
    if (decision.valid) return decision.token.id;
  }
  const issued = await api("POST", "/v1/tokens", known.admin_token, { name: "try me", scopes: ["orders:read"] });
  known.try_token = issued.token;
  await state.remember(known);
  return issued.id;
}

async function api(method, path, token, body) {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (response.ok) return answer;
  const hint = `if an older version created ${shown(folder)}, delete it and start again`;
  throw new Error(`${method} ${path}: ${response.status} ${answer.code} ${answer.detail ?? answer.title}; ${hint}`);
}

async function healthy() {
  for (let attempt = 0; ; attempt++) {
    const response = await fetch(`${url}/healthz`).catch((error) => error);
    if (response.ok) return;
    if (attempt === 50) throw new Error(`the Worker does not respond at /healthz: ${response.status ?? response}`);
    await sleep(100);
  }
}

function greet({ admin_token, try_token }, id) {
  const name = shown(join(folder, "dev.json"));
  console.log(`
Counterfoil is running at ${url}
URL and tokens for scripts: ${name}

  admin token of the workspace demo   ${admin_token}
  token with the scope orders:read    ${try_token}

Console (sign in with the admin token): ${url}/console/

Try it:

  ADMIN=${admin_token}

  # Create a token
  curl -s ${url}/v1/tokens -H "Authorization: Bearer $ADMIN" -H 'Content-Type: application/json' \\
    -d '{"name": "mine", "scopes": ["orders:read"]}'

  # Verify the token above: is it valid, and does it have the scope orders:read?
  curl -s ${url}/v1/verify -H "Authorization: Bearer $ADMIN" -H 'Content-Type: application/json' \\
    -d '{"token": "${try_token}", "demand": {"all_of": ["orders:read"]}}'

  # Revoke it, then verify it again
  curl -s -X DELETE ${url}/v1/tokens/${id} -H "Authorization: Bearer $ADMIN"

Press Ctrl-C to stop. State is saved in ${shown(folder)}.`);
}

/** The path, relative to the current folder if it is inside of it. */
function shown(path) {
  const short = relative(".", path);
  return short.startsWith("..") ? path : short;
}

function sha256(text) {
  return createHash("sha256").update(text).digest("hex");
}

/** Uniformly distributed digits: bytes from the last multiple of 62 up are discarded. */
function base62(length) {
  const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  let text = "";
  while (text.length < length) {
    const [byte] = randomBytes(1);
    if (byte < 248) text += digits[byte % 62];
  }
  return text;
}

function once(run) {
  let running;
  return () => (running ??= run());
}
