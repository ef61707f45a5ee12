// docs/quickstart.md, as a reader follows it: its shell blocks, its Worker, its Express server and its nginx.

import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { withTypo, workspace } from "../worker/client.mjs";
import { eventually, start } from "../worker/harness.mjs";
import { bundled, project, running } from "./installed.mjs";

const PAGE = readFileSync(new URL("../../docs/quickstart.md", import.meta.url), "utf8");

/** The first block of a section in this language. */
function documented(section, language) {
  const [, text] = PAGE.split(`\n### ${section}\n`)[1].split("```" + language + "\n");
  return text.split("```")[0];
}

/** Replaces text of the page, which must have it. */
function replaced(text, from, to) {
  assert.ok(text.includes(from), `the page contains ${from}`);
  return text.replaceAll(from, to);
}

const files = {
  "wrangler.toml": documented("Cloudflare Worker", "toml"),
  "index.js": documented("Cloudflare Worker", "js"),
};
const WORKER = await bundled(await project(files));
const EXPRESS = await project({ "server.mjs": documented("Express", "js") }, ["express"]);

test("the shell blocks print what the page shows", async (t) => {
  const app = await start(t);
  const { admin } = await workspace(app, "demo");
  // The shortest lease, for which the revocation waits.
  await admin.expect(200, "PATCH", "/v1/workspace", { lease_max: 2 });
  const steps = [...PAGE.matchAll(/^```sh\n(.*?)^```\n(?:```json\n(.*?)^```\n)?/gms)];
  assert.ok(steps.length > 6, "the page's blocks are found");
  // One shell for all: a block uses variables that earlier blocks set.
  const script = steps.map(([, script]) => `${script}\nprintf '\\0'\n`).join("");
  const env = { ...process.env, HOST: app.url.origin, ADMIN: admin.token };
  const { stdout } = await promisify(execFile)("bash", ["-euo", "pipefail", "-c", script], { env });
  const outputs = stdout.split("\u0000");
  for (const [step, [, script, answer]] of steps.entries()) {
    assert.match(outputs[step].trim(), pattern(answer ?? ""), `after:\n${script}`);
  }
});

/** A pattern for a documented response: line breaks may differ, and `…` matches anything. */
function pattern(shown) {
  const pieces = shown.trim().split(/\n */).join("").split("…");
  const literal = pieces.map((piece) => piece.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${literal.join("[^]*?")}$`);
}

/** A deployment with tokens, and the table of rejections for an API in front of which `url` answers. */
async function setUp(t) {
  const app = await start(t);
  const { admin } = await workspace(app, "demo");
  await admin.expect(200, "PATCH", "/v1/workspace", { lease_max: 2 });
  const [gateway, reader, writer] = await Promise.all(
    [["tokens:verify"], ["orders:read"], ["orders:write"]].map((scopes) => admin.issue({ scopes })),
  );
  return { app, admin, gateway, reader, writer };
}

async function send(url, token, headers = {}) {
  const response = await fetch(url, { headers: { ...(token && { authorization: `Bearer ${token}` }), ...headers } });
  const text = await response.text();
  const isProblem = response.headers.get("content-type")?.includes("problem+json");
  return { status: response.status, code: isProblem ? JSON.parse(text).code : undefined, text };
}

/** The rows of the page's table: status, status of nginx, code. */
const ROWS = [...PAGE.matchAll(/^\| w.* \| (\d{3})(?:; nginx: (\d{3}))? \| `(\w+)` \|$/gm)].map(
  ([, status, nginx = status, code]) => ({ status: Number(status), nginx: Number(nginx), code }),
);

/** Sends the requests of the page's table, and one that is accepted. `unreachable` is where Counterfoil cannot be reached. */
async function accepted(url, unreachable, { admin, reader, writer }, { isNginx = false } = {}) {
  assert.equal(ROWS.length, 5);
  const answer = await send(url, reader.token);
  assert.deepEqual([answer.status, answer.text], [200, "Hello admin"]);
  const expected = ROWS.map(({ status, nginx, code }) => (isNginx ? [nginx, undefined] : [status, code]));
  const got = [await send(url), await send(url, withTypo(reader.token)), await send(url, writer.token)];
  await admin.revoke(reader.id);
  const revoked = await eventually(async () => {
    const answer = await send(url, reader.token);
    return answer.status !== 200 && answer;
  }, 5);
  got.push(revoked, await send(unreachable, writer.token));
  assert.deepEqual(
    got.map(({ status, code }) => [status, code]),
    expected,
  );
}

test("the Worker", async (t) => {
  const parties = await setUp(t);
  const on = async (url) => {
    const variables = { COUNTERFOIL_URL: url, COUNTERFOIL_TOKEN: parties.gateway.token };
    return (await running(t, WORKER, { variables })).url;
  };
  assert.match(files["wrangler.toml"], /^COUNTERFOIL_URL = "http:\/\/127\.0\.0\.1:8787"$/m);
  const nowhere = `http://127.0.0.1:${await freePort()}`;
  await accepted(await on(parties.app.url.origin), await on(nowhere), parties);
});

test("the Express server", async (t) => {
  const parties = await setUp(t);
  const on = async (url) => {
    const port = await freePort();
    const env = { ...process.env, PORT: port, COUNTERFOIL_URL: url, COUNTERFOIL_TOKEN: parties.gateway.token };
    await started(t, process.execPath, ["server.mjs"], { cwd: EXPRESS, env }, port);
    return `http://127.0.0.1:${port}`;
  };
  const nowhere = `http://127.0.0.1:${await freePort()}`;
  await accepted(await on(parties.app.url.origin), await on(nowhere), parties);
});

test("nginx", async (t) => {
  const program = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/bin/nginx"].find(existsSync) ?? onPath("nginx");
  if (!program) {
    assert.ok(!process.env.CI, "nginx is not installed");
    t.skip("nginx is not installed");
    return;
  }
  const parties = await setUp(t);
  const seen = [];
  const origin = createServer((request, response) => {
    seen.push(request.headers);
    response.end(`Hello ${request.headers["x-token-owner"]}`);
  }).listen(0, "127.0.0.1");
  await once(origin, "listening");
  t.after(() => origin.close().closeAllConnections());
  const on = async (counterfoil) => {
    const folder = mkdtempSync(join(tmpdir(), "counterfoil-quickstart-"));
    // Workers of an nginx that root starts run as another user.
    chmodSync(folder, 0o755);
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    let config = replaced(documented("nginx", "nginx"), "http://127.0.0.1:8787", counterfoil);
    config = replaced(config, "http://127.0.0.1:3000", `http://127.0.0.1:${origin.address().port}`);
    config = replaced(config, "GATEWAY_TOKEN", parties.gateway.token);
    const port = await freePort();
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (kind) => `${kind}_temp_path ${folder};`,
    );
    writeFileSync(
      join(folder, "nginx.conf"),
      `daemon off; pid ${folder}/pid; error_log /dev/null;
      events {}
      http { access_log off; ${temporary.join(" ")} server { listen 127.0.0.1:${port}; ${config} } }`,
    );
    await started(t, program, ["-c", join(folder, "nginx.conf"), "-p", folder, "-e", "/dev/null"], {}, port);
    return `http://127.0.0.1:${port}`;
  };
  const url = await on(parties.app.url.origin);
  const forged = await send(url, parties.reader.token, {
    "x-token-owner": "forged",
    "x-counterfoil-scopes": "orders:write",
  });
  assert.equal(forged.text, "Hello admin");
  assert.equal((await send(url, parties.writer.token, { "x-counterfoil-scopes": "orders:write" })).status, 403);
  await accepted(url, await on(`http://127.0.0.1:${await freePort()}`), parties, { isNginx: true });
  for (const headers of seen)
    assert.ok(!JSON.stringify(headers).includes(parties.reader.token), "the token does not reach the API");
});

/** Runs a program until the test ends, and waits until it listens. */
async function started(t, program, args, options, port) {
  const child = spawn(program, args, { ...options, stdio: ["ignore", "inherit", "inherit"] });
  const ended = once(child, "exit");
  t.after(async () => {
    child.kill("SIGTERM");
    await ended;
  });
  await eventually(() => {
    assert.equal(child.exitCode, null, "the program is running");
    return send(`http://127.0.0.1:${port}`).catch(() => false);
  }, 30);
}

function onPath(name) {
  try {
    return execFileSync("sh", ["-c", 'command -v "$0"', name], { encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}
