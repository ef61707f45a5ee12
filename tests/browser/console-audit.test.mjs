// The audit in the console: told in words, found, and taken along as a file.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { csv } from "../../www/console/lib/csv.js";
import { inWords } from "../../www/console/lib/audit.js";
import { Trail } from "../../www/console/lib/trail.js";
import { ROOT_TOKEN } from "../worker/harness.mjs";
import { deployment, look, signedIn, visit } from "./console.mjs";

const told = (page) => page.locator(".told > p").allTextContents();
const button = (page, name) => page.getByRole("button", { name, exact: true });

/** Does everything once that the audit tells of. */
async function history({ admin }) {
  const root = (method, path, body) =>
    admin.as(ROOT_TOKEN).send(method, path, body, { "x-counterfoil-workspace": "acme" });
  const token = await admin.issue({
    name: "nightly",
    owner: "ada",
    scopes: ["orders:read"],
    expires_in: 86_400,
    allowed_addresses: ["192.0.2.0/24"],
  });
  const change = (body) => admin.expect(200, "PATCH", `/v1/tokens/${token.id}`, body);
  await change({ name: "hourly" });
  await change({ enabled: false, scopes: ["orders:write"], note: "moved" });
  await change({ enabled: true });
  await admin.expect(200, "POST", `/v1/tokens/${token.id}/rotate`, { grace_seconds: 3600 });
  await admin.expect(200, "POST", "/v1/tokens/revoke", { filter: { digest: token.digest } });
  await admin.expect(200, "POST", `/v1/tokens/${token.id}/rotate`, {});
  await admin.expect(200, "DELETE", `/v1/tokens/${token.id}?reason=left+in+a+log`);
  await admin.expect(200, "POST", "/v1/tokens/import", {
    tokens: [{ digest: "ab".repeat(32), name: "imported", scopes: [] }],
  });
  await admin.expect(201, "POST", "/v1/clients", { id: "board", name: "Board", permissions: ["orders:read"] });
  await admin.expect(200, "DELETE", "/v1/clients/board");
  await admin.expect(201, "POST", "/v1/members", {
    id: "tmp",
    name: "Temp",
    role: "admin",
    grants: ["orders:*"],
    quota: 5,
  });
  await admin.expect(200, "PATCH", "/v1/members/tmp", { role: "member", grants: ["orders:read"], name: "Temporary" });
  await admin.expect(200, "PATCH", "/v1/members/tmp", { state: "suspended" });
  await admin.expect(200, "PATCH", "/v1/members/tmp", { state: "active", revoke_all: true });
  await admin.expect(200, "DELETE", "/v1/members/tmp");
  await admin.expect(200, "PATCH", "/v1/workspace", {
    max_lifetime: 90 * 86_400,
    default_quota: 50,
    lease_max: 60,
    snapshot_max: 7 * 86_400,
    allowed_origins: ["https://a.example"],
  });
  await root("PATCH", "/v1/workspace", { state: "suspended" });
  await root("PATCH", "/v1/workspace", { state: "active" });
  const session = await admin.open();
  await session.expect(200, "DELETE", "/v1/session");
  return token;
}

test("every entry is a sentence", async (t) => {
  const acme = await deployment(t);
  await history(acme);
  const page = await signedIn(t, acme, acme.admin);
  await visit(page, "#/audit", "Audit");
  const by = "Admin (by token “First admin token”)";
  assert.deepEqual(await told(page), [
    "Admin (by token “First admin token”) signed in",
    "Admin signed out",
    "Admin (by token “First admin token”) signed in",
    "The root token resumed the workspace",
    "The root token suspended the workspace, and with it all its tokens",
    `${by} changed the settings`,
    `${by} removed the member tmp, and revoked 0 tokens`,
    `${by} reactivated and revoked 0 tokens of tmp`,
    `${by} suspended tmp`,
    `${by} demoted and changed the grants and name of tmp`,
    `${by} added tmp as an admin`,
    `${by} removed the client board`,
    `${by} added the client board`,
    `${by} imported “imported” for Admin`,
    `${by} revoked “hourly”`,
    `${by} gave “hourly” a new text`,
    `${by} revoked a previous value of “hourly”`,
    `${by} gave “hourly” a new text`,
    `${by} switched on “hourly”`,
    `${by} switched off and changed the scopes and note of “hourly”`,
    `${by} renamed “hourly”`,
    `${by} issued “hourly” for Ada Lovelace`,
    `${by} issued “Ada's sign-in” for Ada Lovelace`,
    `${by} added Ada Lovelace as a member`,
    `${by} changed the settings`,
    `${by} changed the scope catalogue`,
    `${by} changed the scope catalogue`,
    "The root token issued “First admin token” for Admin",
    "The root token made the workspace acme",
  ]);
  for (const text of [
    "longest life of a token: any → 90 days",
    "default quota: 600 → 50",
    "lease of gateways: 10 seconds → 1 minute",
    "life of a snapshot: 1 day → 7 days",
    "allowed origins: added https://a.example",
    "reason: left in a log",
    "the old text ended at once",
    "the old text went on until",
    "scopes: added orders:write, took away orders:read",
    "with orders:read · until",
    "from 192.0.2.0/24",
    "grants: added orders:read, took away orders:*",
    "role: admin → member",
    "granted orders:* · quota 5",
    "added invoices:read and payouts:send · changed",
  ])
    await page.getByText(text).first().waitFor();
  await look(page, "audit");
  await page.getByRole("link", { name: "Ada Lovelace" }).first().click();
  await page.getByRole("heading", { level: 1, name: "Ada Lovelace" }).waitFor();
});

test("what nobody has words for is told all the same", () => {
  const entry = { seq: 1, at: "2026-11-22T10:00:00Z", actor: "sign_in", subject: "x", before: null, after: null };
  const name = ({ kind, id }) => `${kind} ${id}`;
  assert.equal(inWords({ ...entry, action: "toString" }, name), "actor sign_in did toString to x");
  assert.equal(
    inWords({ ...entry, action: "token.update", after: { unheard_of: 1 } }, name),
    "actor sign_in changed token x",
  );
  const signedIn = { ...entry, action: "session.create", after: { issuer: "https://login.example", member: 2 } };
  assert.equal(inWords(signedIn, name), "number 2 signed in by https://login.example");
  const refused = (reason) =>
    inWords({ ...entry, action: "session.refuse", after: { issuer: "https://login.example", reason } }, name);
  assert.equal(refused("member_suspended"), "Nobody was signed in by https://login.example; the member is suspended");
  assert.equal(refused("toString"), "Nobody was signed in by https://login.example; toString");
});

test("entries are found by what is told, by kind, by time and by id, page by page", async (t) => {
  const acme = await deployment(t);
  const token = await history(acme);
  for (let count = 0; count < 60; count++)
    await acme.admin.expect(200, "PATCH", "/v1/members/ada", { quota: 100 + count });
  const page = await signedIn(t, acme, acme.admin);
  await visit(page, "#/audit", "Audit");
  const total = (await acme.admin.expect(200, "GET", "/v1/audit?limit=1")).total;
  await page.getByText(`1–50 of ${total}`).waitFor();
  await button(page, "Next").click();
  await page.getByText(`51–${total} of ${total}`).waitFor();
  await button(page, "Previous").click();
  await page.getByText(`1–50 of ${total}`).waitFor();

  await page.getByLabel("Of what").selectOption("token");
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length < 50);
  assert.ok(
    (await told(page)).every((text) => /“/.test(text)),
    "tokens alone",
  );
  await page.getByRole("searchbox").fill("REVOKED “hourly");
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 1);
  assert.match(page.url(), /q=REVOKED.*&kind=token$/);
  await page.getByLabel("From").fill("2040-01-01");
  await page.getByText("Nothing like that is in the audit").waitFor();
  await look(page, "audit-none-found");
  await page.getByRole("link", { name: "Show all of it" }).click();
  await page.getByText(`1–50 of ${total}`).waitFor();
  await page.getByLabel("To", { exact: true }).fill("2020-01-01");
  await page.getByText("Nothing like that is in the audit").waitFor();

  await visit(page, `#/audit?subject=${token.id}`, "Audit");
  assert.equal((await told(page)).length, 8);
  await visit(page, "#/audit?actor=root", "Audit");
  assert.equal((await told(page)).length, 4);
  await page.getByText("done by root").waitFor();
});

test("the trail is followed one look at a time, no further back than it must", async (t) => {
  /** Three hundred entries, one a day, in pages of a hundred. */
  const asked = t.mock.method(globalThis, "fetch", async (url) => {
    const start = Number(new URL(url, "http://x").searchParams.get("cursor") ?? 0);
    const items = Array.from({ length: 100 }, (_, index) => {
      const at = new Date(Date.UTC(2026, 10, 22) - (start + index) * 86_400_000).toISOString();
      return {
        seq: 300 - start - index,
        at,
        actor: "root",
        action: "workspace.update",
        subject: "x",
        before: null,
        after: null,
      };
    });
    return Response.json({ items, total: 300, next_cursor: start < 200 ? String(start + 100) : null });
  });
  const names = { learn: async () => {}, of: ({ id }) => ({ text: id }) };
  const follow = (wanted) => new Trail(wanted, names);
  const whole = follow({});
  await Promise.all([whole.find(150, Infinity), whole.find(250, Infinity)]);
  assert.deepEqual(
    whole.found.map(({ seq }) => seq),
    Array.from({ length: 300 }, (_, index) => 300 - index),
  );
  assert.deepEqual([whole.ended, whole.total, asked.mock.callCount()], [true, 300, 3]);

  const none = follow({ kind: "token" });
  await none.find(1, 100);
  assert.deepEqual(
    [none.found.length, none.looked, none.ended],
    [0, 100, false],
    "so far and no further, until somebody asks",
  );
  await none.find(1, Infinity);
  assert.deepEqual([none.looked, none.ended], [300, true]);

  const recent = follow({ from: "2026-10-01", to: "2026-10-02" });
  await recent.find(50, Infinity);
  assert.deepEqual(
    [recent.found.length, recent.looked, recent.ended],
    [2, 100, true],
    "what is older is not even asked for",
  );
});

test("a member sees what they did and what was done to theirs", async (t) => {
  const acme = await deployment(t);
  await history(acme);
  const page = await signedIn(t, acme, acme.ada);
  await visit(page, "#/audit", "Audit");
  const texts = await told(page);
  assert.equal(texts[0], "Ada Lovelace (by token “Ada's sign-in”) signed in");
  assert.ok(texts.includes("Somebody revoked “hourly”"), texts.join("\n"));
  assert.ok(!texts.some((text) => text.includes("settings")));
  assert.equal(await page.getByRole("link", { name: "Ada Lovelace" }).count(), 0, "members have no page for her");
});

test("the audit is saved as a file that no spreadsheet computes", async (t) => {
  const acme = await deployment(t);
  const { id } = await acme.admin.issue({ name: "evil", scopes: [] });
  const formula = '=HYPERLINK("https://evil.example")';
  await acme.admin.expect(200, "PATCH", "/v1/members/ada", { name: '+Ada, "Countess"' });
  await acme.admin.expect(200, "DELETE", `/v1/tokens/${id}?reason=${encodeURIComponent(formula)}`);
  await acme.admin.expect(201, "POST", "/v1/members", {
    id: "=1+1",
    name: "=cmd|' /C calc'!A0",
    role: "member",
    grants: [],
  });
  const page = await signedIn(t, acme, acme.admin);
  await visit(page, "#/audit?kind=member", "Audit");
  const sent = [];
  page.on("request", (request) => sent.push(request));
  const [saved] = await Promise.all([page.waitForEvent("download"), button(page, "Export as CSV").click()]);
  assert.match(saved.suggestedFilename(), /^audit-acme-\d{4}-\d{2}-\d{2}\.csv$/);
  const rows = parsed((await readFile(await saved.path(), "utf8")).slice(1));
  assert.deepEqual(rows[0], [
    "number",
    "time",
    "what was done",
    "action",
    "actor",
    "subject",
    "address",
    "request",
    "before",
    "after",
  ]);
  assert.deepEqual(
    rows.slice(1).map(([, , said]) => said),
    [
      "Admin added =cmd|' /C calc'!A0 as a member; granted no scope",
      'Admin changed the name of +Ada, "Countess"',
      'Admin added +Ada, "Countess" as a member; granted audit:read, orders:*, sessions:create, tokens:grant, tokens:read and tokens:write; quota 10',
    ],
  );
  assert.equal(rows[1][5], "'=1+1");
  for (const cell of rows.flat()) assert.doesNotMatch(cell, /^\s*[=+\-@]/);
  assert.ok(
    sent.every((request) => request.method() === "GET"),
    "the file is made here",
  );
});

test("cells are text, and say what they said", () => {
  for (const text of ["=1", "+1", "-1", "@a", "\t=1", "\n=1", " =1", "\uFEFF=1"]) {
    const [[cell]] = parsed(csv([[text]]).slice(1));
    assert.equal(cell, `'${text}`);
  }
  const plain = [["a", "b,c", 'say "so"', "two\r\nlines", "", "1=1", "it's"]];
  assert.deepEqual(parsed(csv(plain).slice(1)), plain);
  assert.deepEqual(parsed(csv([[1, null, undefined]]).slice(1)), [["1", "", ""]]);
  assert.equal(csv([["ü"]]), "\uFEFFü\r\n");
});

/** Reads CSV as RFC 4180 has it. */
function parsed(text) {
  const rows = [];
  const cells = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r\n)/y;
  let row = [];
  for (let match; cells.lastIndex < text.length && (match = cells.exec(text)); ) {
    const [, cell, end] = match;
    row.push(cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell);
    if (end === ",") continue;
    rows.push(row);
    row = [];
  }
  return rows;
}
