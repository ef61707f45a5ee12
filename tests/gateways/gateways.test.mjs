// The configurations of docs/gateways/, in the real proxies, before a real origin.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { connect, createServer as listen } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { CREDENTIALS } from "../../build/verify/contract.js";
import { ROOT_TOKEN, eventually, start } from "../worker/harness.mjs";
import { workspace } from "../worker/client.mjs";

const page = (name) => readFileSync(new URL(`../../docs/gateways/${name}.md`, import.meta.url), "utf8");

const PROXIES = [
  {
    name: "nginx",
    page: page("nginx"),
    language: "nginx",
    find: () => which("nginx", "/usr/sbin/nginx"),
    configure: nginx,
    failureInLog: /auth request unexpected status: 503/,
  },
  {
    name: "Caddy",
    page: page("caddy"),
    language: "caddy",
    find: () => which("caddy"),
    configure: caddy,
    failureInLog: /"logger":"http\.log\.error/,
  },
  { name: "Envoy", page: page("envoy"), language: "yaml", find: envoyOfPython, configure: envoy },
];

/** Envoy without `path_override`, as older versions are, and with default settings: it appends the client's path. */
const APPENDING = {
  ...PROXIES[2],
  title: "Envoy without path_override appends the client's path",
  change: (config) =>
    config
      .replace("path_override:", "path_prefix:")
      .replace("match: { path: /authorize }", "match: { prefix: /authorize }")
      .replace(/^(normalize_path|merge_slashes|path_with_escaped_slashes_action): .*\n/gm, ""),
};

/** Spellings of paths to content that is served without a token. */
const SPELLINGS = [
  ...["/orders/../../healthz", "/../healthz", "/../../healthz", "/orders/../../console/", "/orders/../../openapi.json"],
  ...["/orders/../../docs/errors", "/orders/../..", "/orders/%2e%2e/%2e%2e/healthz", "/orders/%2E./.%2e/healthz"],
  ...["/orders/..%2f..%2fhealthz", "/orders/..%2F..%2Fconsole%2F", "/orders/%2e%2e%2f%2e%2e%2fhealthz"],
  ...["/orders/%252e%252e/%252e%252e/healthz", "/orders/..%5c..%5chealthz", "/orders/..\\..\\healthz", "\\..\\healthz"],
  ...["/orders//..//..//healthz", "//healthz", "///../healthz", "/orders/./.././../healthz", "/.//..//healthz"],
  ...[
    "/orders/..;/..;/healthz",
    "/orders/..;a=b/..;c/healthz",
    "/orders/../../healthz;x",
    "/orders/%00/../../../healthz",
  ],
  ...[
    "/orders/../../healthz%00",
    "/orders/%c0%ae%c0%ae/%c0%ae%c0%ae/healthz",
    "/orders/%e0%80%ae%e0%80%ae/../../healthz",
  ],
  ...[
    "/orders/../../healthz?x=/authorize",
    "/orders/../../v1/session/providers?workspace=acme",
    "/orders/../../healthz#x",
  ],
  ...[
    "/healthz/../../../../healthz",
    "/orders/.../../../../healthz",
    `/${"a/".repeat(500)}${"../".repeat(502)}healthz`,
  ],
];

for (const proxy of PROXIES) {
  test(`${proxy.name} forwards authorized requests with identity headers`, async (t) => {
    const program = proxy.find();
    if (!program) {
      assert.ok(!process.env.CI, `${proxy.name} is not installed`);
      t.skip(`${proxy.name} is not installed (on Debian: nginx-light, caddy)`);
      return;
    }
    const app = await start(t);
    const { admin } = await workspace(app, "acme");
    await admin.expect(201, "POST", "/v1/clients", { id: "app", name: "App", permissions: [] });
    const gateway = await admin.issue({ scopes: ["tokens:verify"] });
    const origin = await startOrigin(t);
    const send = await startProxy(t, proxy, program, { app, origin, gateway: gateway.token });

    const reader = await admin.issue({ scopes: ["orders:read"], client_id: "app" });
    const bearer = (token) => ({ authorization: `Bearer ${token}` });
    await t.test("an authorized token", async () => {
      for (const [method, body] of [["GET"], ["POST", "{}"], ["DELETE"], ["OPTIONS"]]) {
        const { status, seen } = await send(method, "/orders/1?x=y", bearer(reader.token), body);
        assert.equal(status, 200);
        assert.deepEqual([seen.method, seen.url, seen.body], [method, "/orders/1?x=y", body ?? ""]);
        const {
          "x-token-id": id,
          "x-token-owner": owner,
          "x-token-scopes": scopes,
          "x-token-workspace": acme,
        } = seen.headers;
        assert.deepEqual([id, owner, scopes, acme], [reader.id, "admin", "orders:read", "acme"]);
        assert.equal(seen.headers["x-token-client"], "app");
        assert.ok(!JSON.stringify(seen).includes(reader.token), "the token does not reach the origin");
        assert.ok(!JSON.stringify(seen).includes(gateway.token), "the gateway's token does not reach the origin");
      }
    });

    await t.test(
      "every credential header is sent to Counterfoil, and none is forwarded to the origin server",
      async () => {
        const values = { authorization: `Bearer ${reader.token}`, "x-lgca-domain": "acme" };
        const value = (name) => values[name] ?? reader.token;
        const pairs = CREDENTIALS.map((name) =>
          name.startsWith("x-lgca-") ? ["x-lgca-token", "x-lgca-domain"] : [name],
        );
        for (const names of [...pairs, CREDENTIALS]) {
          const headers = Object.fromEntries(names.map((name) => [name, value(name)]));
          const { status, seen } = await send("GET", "/orders/1", {
            ...headers,
            "X-Counterfoil-Gateway": reader.token,
          });
          assert.deepEqual([status, seen?.headers["x-token-id"]], [200, reader.id], String(names));
          for (const name of [...CREDENTIALS, "x-counterfoil-gateway"])
            assert.equal(seen.headers[name], undefined, name);
          assert.ok(!JSON.stringify(seen).includes(reader.token), "the token does not reach the origin");
        }
      },
    );

    await t.test("a token with many scopes", async () => {
      const scope = (number, length) => `orders:${String(number).padStart(3, "0")}${"x".repeat(length - 10)}`;
      const scopes = [63, 100].flatMap((length) => Array.from({ length: 100 }, (_, number) => scope(number, length)));
      const catalogue = ["orders:read", "orders:write", ...scopes].map((name) => ({ name, description: "" }));
      await admin.expect(200, "PUT", "/v1/scopes", { scopes: catalogue });
      for (const [count, length, complete] of [
        [31, 63, "true"],
        [32, 63, "false"],
        [61, 63, "false"],
        [99, 100, "false"],
      ]) {
        const held = ["orders:read", ...Array.from({ length: count }, (_, number) => scope(number, length))];
        const token = await admin.issue({ scopes: held });
        const { status, seen } = await send("GET", "/orders", {
          ...bearer(token.token),
          "X-Token-Scopes-Complete": "forged",
        });
        assert.equal(status, 200, `${count} of ${length}`);
        assert.equal(seen.headers["x-token-scopes-complete"], complete, `${count} of ${length}`);
        const scopes = seen.headers["x-token-scopes"].split(" ");
        assert.deepEqual(
          [scopes.length === held.length, scopes.every((one) => held.includes(one))],
          [complete === "true", true],
        );
        assert.ok(scopes.includes("orders:read"), "the required scope is listed");
      }
    });

    await t.test("no spelling of a path bypasses verification", () => nowhere(send, origin, admin));

    await t.test("unauthorized tokens", async () => {
      const writer = await admin.issue({ scopes: ["orders:write"] });
      const late = await admin.issue({ scopes: ["orders:read"], expires_in: 1 });
      const elsewhere = await admin.issue({ scopes: ["orders:read"], allowed_addresses: ["192.0.2.1"] });
      await new Promise((later) => setTimeout(later, 1_100));
      const other = (await workspace(app, "other")).admin;
      for (const [headers, status] of [
        [{}, 401],
        [bearer("nonsense"), 401],
        [bearer(late.token), 401],
        [bearer(other.token), 401],
        [bearer(ROOT_TOKEN), 401],
        [bearer(writer.token), 403],
        [bearer(elsewhere.token), 403],
        [{ ...bearer(reader.token), "x-api-key": writer.token }, 401],
      ]) {
        const answer = await send("GET", "/orders", headers);
        assert.deepEqual([answer.status, answer.seen], [status, undefined], JSON.stringify(Object.keys(headers)));
        if (status === 401) assert.match(answer.challenge ?? "", /^Bearer realm=/, "the response has a challenge");
      }
    });

    await t.test("an IP-restricted token", async () => {
      const here = await admin.issue({ scopes: ["orders:read"], allowed_addresses: ["127.0.0.1"] });
      assert.equal((await send("GET", "/orders", bearer(here.token))).status, 200);
      const elsewhere = await admin.issue({ scopes: ["orders:read"], allowed_addresses: ["192.0.2.1"] });
      const names = ["X-Forwarded-For", "X-Real-IP", "True-Client-IP", "X-Envoy-External-Address", "X-Client-IP"];
      const said = Object.fromEntries(names.map((name) => [name, "192.0.2.1"]));
      const claims = { ...bearer(elsewhere.token), ...said, Forwarded: "for=192.0.2.1" };
      assert.equal(
        (await send("GET", "/orders", claims)).status,
        403,
        "the client's address is not read from its own headers",
      );
    });

    await t.test("a client's own gateway and identity headers are overwritten", async () => {
      const writer = await admin.issue({ scopes: ["orders:write"] });
      const verifier = await admin.issue({ scopes: ["tokens:verify", "orders:write"] });
      const demands = {
        "X-Counterfoil-Gateway": verifier.token,
        "X-Counterfoil-Scopes": "orders:write",
        "X-Counterfoil-Any-Scope": "orders:write",
        "X-Counterfoil-Address": "192.0.2.1",
        "X-Counterfoil-Freshness": "eventual",
        "X-Counterfoil-Workspace": "other",
      };
      const path = "/orders?X-Counterfoil-Scopes=orders:write&scopes=orders:write";
      assert.equal((await send("GET", path, { ...bearer(writer.token), ...demands })).status, 403);
      const bound = await admin.issue({ scopes: ["orders:read"], allowed_addresses: ["192.0.2.1"] });
      assert.equal((await send("GET", path, { ...bearer(bound.token), ...demands })).status, 403);
      const preflight = { origin: "https://evil.example", "access-control-request-method": "DELETE" };
      assert.equal((await send("OPTIONS", "/orders", preflight)).status, 401, "a preflight is not exempt");

      // If they reached Counterfoil, the request would be rejected.
      const nonsense = { "X-Counterfoil-Freshness": "nonsense" };
      const reader = await admin.issue({ scopes: ["orders:read"] });
      assert.equal((await send("GET", "/orders", { ...bearer(reader.token), ...nonsense })).status, 200);

      // Origin servers that read headers as CGI variables treat X_Token_Id as X-Token-Id; PHP also X.Token.Id.
      const plain = await admin.issue({ scopes: ["orders:read"] });
      const between = ["-", "_", "."];
      const spellings = between.flatMap((first) => between.map((second) => `x${first}Token${second}`));
      const names = spellings.flatMap((start) =>
        ["Id", "Owner", "Scopes", "Scopes-Complete", "Workspace", "Client"].map((end) => start + end),
      );
      const identity = Object.fromEntries(names.map((name) => [name, "forged"]));
      const { status, seen } = await send("GET", "/orders", { ...bearer(plain.token), ...identity });
      assert.deepEqual([status, seen.headers["x-token-id"], seen.headers["x-token-owner"]], [200, plain.id, "admin"]);
      const forged = Object.entries(seen.headers).filter(([, value]) => value.includes("forged"));
      assert.deepEqual(forged, [], "a client's identity header does not reach the origin");
      assert.ok(!seen.headers["x-token-client"], "a token without a client has no client header");
    });

    await t.test("a client's Connection header cannot remove the gateway's headers", async () => {
      // Proxies remove headers that Connection names (RFC 9110, section 7.6.1).
      const connection =
        "close, x-token-id, X-Token-Owner, X-Counterfoil-Scopes, X-Counterfoil-Address, X-Counterfoil-Gateway";
      const ask = async (token) => {
        const [answer] = await once(request(send.url, { headers: { ...bearer(token), connection } }).end(), "response");
        return { status: answer.statusCode, text: Buffer.concat(await answer.toArray()).toString() };
      };
      const plain = await admin.issue({ scopes: ["orders:read"] });
      const { status, text } = await ask(plain.token);
      assert.equal(status, 200);
      const { "x-token-id": id, "x-token-owner": owner } = JSON.parse(text).headers;
      assert.deepEqual([id, owner], [plain.id, "admin"], "the origin gets the identity headers");
      const writer = await admin.issue({ scopes: ["orders:write"] });
      assert.equal((await ask(writer.token)).status, 403, "Counterfoil gets the required scopes");
    });

    await t.test("a revoked token is rejected immediately", async () => {
      await admin.revoke(reader.id);
      const answer = await send("GET", "/orders", bearer(reader.token));
      assert.deepEqual([answer.status, answer.seen], [401, undefined]);
    });

    await t.test("a gateway with a revoked token forwards no requests", async () => {
      const fresh = await admin.issue({ scopes: ["orders:read"] });
      await admin.revoke(gateway.id);
      const answer = await send("GET", "/orders", bearer(fresh.token));
      assert.deepEqual([answer.status, answer.seen], [403, undefined]);
    });

    await t.test("no token is in the proxy's log", () => {
      for (const { token } of [reader, gateway]) assert.ok(!send.log().includes(token));
    });
  });
}

test(APPENDING.title, async (t) => {
  const program = APPENDING.find();
  if (!program) {
    assert.ok(!process.env.CI, "Envoy is not installed");
    t.skip("Envoy is not installed");
    return;
  }
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  const gateway = await admin.issue({ scopes: ["tokens:verify"] });
  const origin = await startOrigin(t);
  const send = await startProxy(t, APPENDING, program, { app, origin, gateway: gateway.token });
  await nowhere(send, origin, admin);
});

for (const proxy of PROXIES) {
  test(`${proxy.name} fails closed if Counterfoil fails, with the status that its page names`, async (t) => {
    const program = proxy.find();
    if (!program) {
      assert.ok(!process.env.CI, `${proxy.name} is not installed`);
      t.skip(`${proxy.name} is not installed`);
      return;
    }
    const origin = await startOrigin(t);
    const failing = await startFailing(t);
    const send = await startProxy(t, proxy, program, { app: failing, origin, gateway: "the gateway's" });
    const rejected = async (failure) => {
      const answer = await send("GET", "/orders", { authorization: "Bearer an-arbitrary-token" });
      assert.equal(answer.status, documentedStatus(proxy.page, failure), failure);
      assert.deepEqual([answer.seen, origin.seen], [undefined, []], `${failure}: the origin was reached`);
    };
    await rejected("Counterfoil responds with 503");
    // The Host that Counterfoil gets is not its client's, since Cloudflare routes by it.
    assert.ok(failing.hosts.length > 0 && !failing.hosts.includes(new URL(send.url).host), String(failing.hosts));
    failing.mode = "silent";
    await rejected("Counterfoil does not respond");
    failing.stop();
    await rejected("Counterfoil is unreachable");
    if (proxy.failureInLog) assert.match(send.log(), proxy.failureInLog);
  });
}

test("Envoy accepts the documented configuration as a whole", async (t) => {
  const program = envoyOfPython();
  if (!program) {
    assert.ok(!process.env.CI, "Envoy is not installed");
    t.skip("Envoy is not installed");
    return;
  }
  const [config, listener, clusters] = documented(page("envoy"), "yaml");
  const folder = mkdtempSync(join(tmpdir(), "counterfoil-gateway-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "envoy.yaml");
  writeFileSync(path, envoyConfig({ config, listener, clusters, port: 1, origin: new URL("http://127.0.0.1:2") }));
  // Throws if it is not valid.
  execFileSync(program, ["--mode", "validate", "-c", path], { stdio: "pipe" });
});

/** A Counterfoil that answers 503, or nothing, and remembers the `Host` of each request. */
async function startFailing(t) {
  const failing = { mode: "503", hosts: [] };
  const server = createServer((request, response) => {
    failing.hosts.push(request.headers.host);
    if (failing.mode === "503") response.writeHead(503, { "retry-after": "1" }).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  failing.url = new URL(`http://127.0.0.1:${server.address().port}`);
  failing.stop = () => {
    server.close();
    server.closeAllConnections();
  };
  t.after(failing.stop);
  return failing;
}

/** Checks that requests without an authorized token are rejected on every path and never reach the origin server. */
async function nowhere(send, origin, admin) {
  const writer = await admin.issue({ scopes: ["orders:write"] });
  const reader = await admin.issue({ scopes: ["orders:read"] });
  const before = origin.seen.length;
  let asked = 0;
  // Some proxies reject paths that lead above their root themselves; with a deeper path they send a request to Counterfoil.
  for (const path of SPELLINGS.flatMap((path) => [path, `/a/b/c${path}`])) {
    for (const [method, headers, expected] of [
      ["GET", {}, 401],
      ["POST", {}, 401],
      ["OPTIONS", { Origin: "https://evil.example", "Access-Control-Request-Method": "GET" }, 401],
      ["GET", { Authorization: `Bearer ${writer.token}` }, 403],
    ]) {
      const status = await raw(send.url, method, path, headers);
      // 400 is the proxy's own rejection of such a path.
      assert.ok([expected, 400].includes(status), `${method} ${path}: ${status}, not ${expected}`);
      if (status !== 400) asked++;
    }
  }
  assert.deepEqual(origin.seen.slice(before), [], "the origin was not reached");
  assert.ok(asked > 4 * 20, `Counterfoil was queried only ${asked} times`);
  // An authorized request passes with such a path too.
  const passed = await raw(send.url, "GET", "/orders/1/../2", { Authorization: `Bearer ${reader.token}` });
  assert.deepEqual([passed, origin.seen.length], [200, before + 1]);
}

/** The status of the response to a request whose path is sent unchanged (`curl --path-as-is`). */
async function raw(url, method, path, headers) {
  const { hostname, port, host } = new URL(url);
  const lines = Object.entries({ Host: host, Connection: "close", "Content-Length": 0, ...headers });
  const socket = connect(port, hostname);
  // The socket stays half open: a proxy treats a closed one as a disconnected client.
  socket.write(`${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`);
  const answer = Buffer.concat(await socket.toArray()).toString();
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1]);
}

/** An origin server that records each request and returns it. */
async function startOrigin(t) {
  const seen = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { method, url, headers } = request;
    seen.push({ method, url });
    response.setHeader("x-origin", "yes").end(JSON.stringify({ method, url, headers, body }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${server.address().port}`, seen };
}

/** Starts the proxy with the documented configuration; returns a function that sends a request through it. */
async function startProxy(
  t,
  { page, language, configure, change = (config) => config },
  program,
  { app, origin, gateway },
) {
  const folder = mkdtempSync(join(tmpdir(), "counterfoil-gateway-"));
  // If root starts nginx, its workers run as `nobody`.
  chmodSync(folder, 0o755);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [config, ...parts] = documented(page, language).map((block) =>
    change(block)
      .replaceAll("https://counterfoil.example", app.url.origin)
      .replaceAll("http://origin.example", origin.url)
      .replaceAll("GATEWAY_TOKEN", gateway),
  );
  const [port, innerPort] = [await freePort(), await freePort()];
  const { file, args } = configure({
    folder,
    config,
    parts,
    port,
    innerPort,
    app: app.url,
    origin: new URL(origin.url),
  });
  writeFileSync(file.path, file.text);
  const child = spawn(program, args, { stdio: "pipe", env: { ...process.env, HOME: folder } });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said += chunk));
  const ended = once(child, "exit");
  t.after(async () => {
    child.kill("SIGTERM");
    await ended;
  });
  const url = `http://127.0.0.1:${port}`;
  const send = async (method, path, headers, body) => {
    const response = await fetch(url + path, { method, headers, body });
    const text = await response.text();
    const seen = response.headers.get("x-origin") && JSON.parse(text);
    return { status: response.status, challenge: response.headers.get("www-authenticate"), seen: seen || undefined };
  };
  await eventually(() => {
    assert.equal(child.exitCode, null, said);
    return send("GET", "/", {}).catch(() => false);
  }, 30);
  return Object.assign(send, { url, log: () => said });
}

/** The blocks of a page in this language. */
function documented(page, language) {
  return [...page.matchAll(new RegExp("```" + language + "\n([^]*?)```", "g"))].map(([, block]) => block);
}

/** The status that a page's table of failure cases gives for this case. */
function documentedStatus(page, failure) {
  const [, status] = page.match(new RegExp(`^\\| ${failure} \\| (\\d{3}) \\|`, "m"));
  return Number(status);
}

function nginx({ folder, config, port }) {
  const path = join(folder, "nginx.conf");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  );
  const text = `daemon off; pid ${folder}/pid; error_log stderr;
    events {}
    http { access_log off; ${temporary.join(" ")} server { listen 127.0.0.1:${port}; ${config} } }`;
  return { file: { path, text }, args: ["-c", path, "-p", folder, "-e", "stderr"] };
}

function caddy({ folder, config, parts, port }) {
  const path = join(folder, "Caddyfile");
  const text = `{\n admin off\n auto_https off\n storage file_system ${folder}\n}\n:${port} {\n bind 127.0.0.1\n${config}${parts.join("")}}\n`;
  return { file: { path, text }, args: ["run", "--adapter", "caddyfile", "--config", path] };
}

/** The page's three parts, in a whole configuration. */
function envoyConfig({ config, listener, clusters, port, origin }) {
  const indented = (text, by) => text.replaceAll(/^(?=.)/gm, " ".repeat(by));
  return `
static_resources:
  listeners:
${indented(listener, 4)}
    - address: { socket_address: { address: 127.0.0.1, port_value: ${port} } }
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: gateway
                route_config:
                  virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: origin } }] }]
${indented(config, 16)}
  clusters:
${indented(clusters, 4)}
    - name: origin
      type: STATIC
      load_assignment:
        cluster_name: origin
        endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: ${origin.hostname}, port_value: ${origin.port} } } } }] }]
`;
}

/** With a deployment on this machine, by HTTP. */
function envoy({ folder, config, parts: [listener, clusters], port, innerPort, app, origin }) {
  const path = join(folder, "envoy.yaml");
  const text = envoyConfig({
    config,
    listener: listener.replace("10001", innerPort),
    clusters: clusters
      .replace("10001", innerPort)
      .replace("address: counterfoil.example, port_value: 443", `address: ${app.hostname}, port_value: ${app.port}`)
      .replace(/^ {2}transport_socket:\n(?: {4}.*\n)+/m, ""),
    port,
    origin,
  });
  return {
    file: { path, text },
    args: ["-c", path, "--log-level", "warning", "--concurrency", "1", "--use-dynamic-base-id"],
  };
}

function which(name, ...places) {
  for (const place of [name, ...places]) {
    try {
      return execFileSync("sh", ["-c", 'command -v "$0"', place], { encoding: "utf8" }).trim();
    } catch {
      // Not found.
    }
  }
}

/** The binary in the Python package. */
function envoyOfPython() {
  const python = process.env.COUNTERFOIL_PYTHON;
  if (!python) return which("envoy");
  const installed = join(dirname(python), "..");
  const found = readdirSync(installed, { recursive: true }).find((path) => /_bin\/envoy$/.test(path));
  return found && join(installed, found);
}

async function freePort() {
  const server = listen().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}
