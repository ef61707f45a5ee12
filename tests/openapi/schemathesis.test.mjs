// The service against its own OpenAPI document: schemathesis generates valid and invalid requests from it, and checks each
// response. No response may be a 5xx, or have a status or a shape that is not documented.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ROOT_TOKEN, eventually, start } from "../worker/harness.mjs";
import { workspace } from "../worker/client.mjs";

/** Determines the generated requests. */
const SEED = process.env.COUNTERFOIL_SEED ?? "20270115";

const WHO = [
  { who: "an admin", member: "admin", grants: ["*"] },
  {
    who: "a member",
    member: "ada",
    grants: ["tokens:read", "tokens:write", "tokens:verify", "snapshots:read", "audit:read", "orders:*"],
  },
  { who: "a client without a token" },
];

const PYTHON = process.env.COUNTERFOIL_PYTHON ?? "python3";

test("every OpenAPI example matches its schema", async () => {
  const [script, document] = ["examples.py", "../../openapi.json"].map((name) =>
    fileURLToPath(new URL(name, import.meta.url)),
  );
  const { stdout } = await promisify(execFile)(PYTHON, [script, document]);
  assert.ok(Number(stdout) > 30, `only ${stdout} examples`);
});

for (const { who, member, grants } of WHO) {
  test(`every response to ${who} matches the OpenAPI document`, async (t) => {
    const app = await start(t);
    const { admin } = await workspace(app, "acme");
    await admin.expect(201, "POST", "/v1/members", { id: "ada", name: "Ada", role: "member", grants: [] });
    // The first request for a snapshot gets a 503 until it is built.
    await eventually(async () => (await admin.send("GET", "/v1/snapshot")).status === 200);
    const url = app.url.origin;
    const env = {
      ...process.env,
      COUNTERFOIL_URL: url,
      COUNTERFOIL_ROOT: ROOT_TOKEN,
      COUNTERFOIL_WORKSPACE: "acme",
      ...(member && { COUNTERFOIL_MEMBER: member, COUNTERFOIL_GRANTS: grants.join(" ") }),
    };
    const cwd = fileURLToPath(new URL(".", import.meta.url));
    const command = ["-m", "schemathesis.cli", "run", `${url}/openapi.json`, "--seed", SEED, "--no-color"];
    t.diagnostic(`python ${command.join(" ")}, as ${who}`);
    const run = spawn(PYTHON, command, { cwd, env, stdio: "pipe" });
    let said = "";
    for (const stream of [run.stdout, run.stderr]) stream.setEncoding("utf8").on("data", (chunk) => (said += chunk));
    const [status] = await once(run, "close");
    assert.equal(status, 0, said);
    for (const line of said.match(/(?:Examples|Coverage|Fuzzing|Stateful) \(in .*|\d+ generated.*|API Links:.*/g))
      t.diagnostic(line);
  });
}
