// The audit log in the console: sentences, search, CSV export.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { csv } from "../../www/console/lib/csv.js";
import { entryText } from "../../www/console/lib/audit.js";
import { AuditSearch } from "../../www/console/lib/audit-search.js";
import { ROOT_TOKEN } from "../worker/harness.mjs";
import { deployment, look, signedIn, visit } from "./console.mjs";

const sentences = (page) => page.locator(".entry > p").allTextContents();
const button = (page, name) => page.getByRole("button", { name, exact: true });

/** Does everything once that the audit log records. */
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

test("every audit log entry is shown as a sentence", async (t) => {
  const acme = await deployment(t);
  await history(acme);
  const page = await signedIn(t, acme, acme.admin);
  await visit(page, "#/audit", "Audit log");
  const by = "Admin (by token “First admin token”)";
  assert.deepEqual(await sentences(page), [
    "Admin (by token “First admin token”) signed in",
    "Admin signed out",
    "Admin (by token “First admin token”) signed in",
    "The root token resumed the workspace",
    "The root token suspended the workspace and all its tokens",
    `${by} changed the settings`,
    `${by} erased the member tmp and revoked 0 tokens`,
    `${by} reactivated and revoked 0 tokens of tmp`,
    `${by} suspended tmp`,
    `${by} demoted and changed the granted scopes and name of tmp`,
    `${by} added tmp as an admin`,
    `${by} deleted the client board`,
    `${by} created the client board`,
    `${by} imported “imported” for Admin`,
    `${by} revoked “hourly”`,
    `${by} rotated “hourly”`,
    `${by} revoked a previous value of “hourly”`,
    `${by} rotated “hourly”`,
    `${by} enabled “hourly”`,
    `${by} disabled and changed the scopes and note of “hourly”`,
    `${by} renamed “hourly”`,
    `${by} created “hourly” for Ada Lovelace`,
    `${by} created “Ada's sign-in” for Ada Lovelace`,
    `${by} added Ada Lovelace as a member`,
    `${by} changed the settings`,
    `${by} changed the scope catalogue`,
    `${by} changed the scope catalogue`,
    "The root token created “First admin token” for Admin",
    "The root token created the workspace acme",
  ]);
  for (const text of [
    "maximum token lifetime: no limit → 90 days",
    "default token quota: 600 → 50",
    "verifier lease duration: 10 seconds → 1 minute",
    "snapshot validity: 1 day → 7 days",
    "allowed origins: added https://a.example",
    "reason: left in a log",
    "previous value rejected immediately",
    "previous value valid until",
    "scopes: added orders:write, removed orders:read",
    "scopes: orders:read · expires",
    "allowed IP addresses: 192.0.2.0/24",
    "granted scopes: added orders:read, removed orders:*",
    "role: admin → member",
    "granted scopes: orders:* · quota: 5",
    "added invoices:read and payouts:send · changed",
  ])
    await page.getByText(text).first().waitFor();
  await look(page, "audit");
  await page.getByRole("link", { name: "Ada Lovelace" }).first().click();
  await page.getByRole("heading", { level: 1, name: "Ada Lovelace" }).waitFor();
});

test("entries with unknown actions and fields are shown too", () => {
  const entry = { seq: 1, at: "2026-11-22T10:00:00Z", actor: "sign_in", subject: "x", before: null, after: null };
  const name = ({ kind, id }) => `${kind} ${id}`;
  assert.equal(entryText({ ...entry, action: "toString" }, name), "actor sign_in performed toString on x");
  assert.equal(
    entryText({ ...entry, action: "token.update", after: { unheard_of: 1 } }, name),
    "actor sign_in changed token x",
  );
  const signedIn = { ...entry, action: "session.create", after: { issuer: "https://login.example", member: 2 } };
  assert.equal(entryText(signedIn, name), "number 2 signed in through https://login.example");
  const refused = (reason) =>
    entryText({ ...entry, action: "session.refuse", after: { issuer: "https://login.example", reason } }, name);
  assert.equal(refused("member_suspended"), "Sign-in through https://login.example failed; the member is suspended");
  assert.equal(refused("toString"), "Sign-in through https://login.example failed; toString");
});

test("the audit log is searched by text, type, date and id, page by page", async (t) => {
  const acme = await deployment(t);
  const token = await history(acme);
  for (let count = 0; count < 60; count++)
    await acme.admin.expect(200, "PATCH", "/v1/members/ada", { quota: 100 + count });
  const page = await signedIn(t, acme, acme.admin);
  await visit(page, "#/audit", "Audit log");
  const total = (await acme.admin.expect(200, "GET", "/v1/audit?limit=1")).total;
  await page.getByText(`1–50 of ${total}`).waitFor();
  await button(page, "Next").click();
  await page.getByText(`51–${total} of ${total}`).waitFor();
  await button(page, "Previous").click();
  await page.getByText(`1–50 of ${total}`).waitFor();

  await page.getByLabel("Type").selectOption("token");
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length < 50);
  assert.ok(
    (await sentences(page)).every((text) => /“/.test(text)),
    "only entries about tokens",
  );
  await page.getByRole("searchbox").fill("REVOKED “hourly");
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 1);
  assert.match(page.url(), /q=REVOKED.*&kind=token$/);
  await page.getByLabel("From").fill("2040-01-01");
  await page.getByText("No matching audit log entries").waitFor();
  await look(page, "audit-none-found");
  await page.getByRole("link", { name: "Show all entries" }).click();
  await page.getByText(`1–50 of ${total}`).waitFor();
  await page.getByLabel("To", { exact: true }).fill("2020-01-01");
  await page.getByText("No matching audit log entries").waitFor();

  await visit(page, `#/audit?subject=${token.id}`, "Audit log");
  assert.equal((await sentences(page)).length, 8);
  await visit(page, "#/audit?actor=root", "Audit log");
  assert.equal((await sentences(page)).length, 4);
  await page.getByText("Actor: root").waitFor();
});

test("the audit log search runs one request at a time and stops as early as possible", async (t) => {
  /** Three hundred entries, one per day, in pages of a hundred. */
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
  const follow = (wanted) => new AuditSearch(wanted, names);
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
    [none.found.length, none.scanned, none.ended],
    [0, 100, false],
    "stops at the limit until it is continued",
  );
  await none.find(1, Infinity);
  assert.deepEqual([none.scanned, none.ended], [300, true]);

  const recent = follow({ from: "2026-10-01", to: "2026-10-02" });
  await recent.find(50, Infinity);
  assert.deepEqual(
    [recent.found.length, recent.scanned, recent.ended],
    [2, 100, true],
    "older entries are not requested",
  );
});

test("members see their own actions and actions on their tokens", async (t) => {
  const acme = await deployment(t);
  await history(acme);
  const page = await signedIn(t, acme, acme.ada);
  await visit(page, "#/audit", "Audit log");
  const texts = await sentences(page);
  assert.equal(texts[0], "Ada Lovelace (by token “Ada's sign-in”) signed in");
  assert.ok(texts.includes("Someone revoked “hourly”"), texts.join("\n"));
  assert.ok(!texts.some((text) => text.includes("settings")));
  assert.equal(await page.getByRole("link", { name: "Ada Lovelace" }).count(), 0, "members have no page for her");
});

test("the exported CSV file contains no spreadsheet formulas", async (t) => {
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
  await visit(page, "#/audit?kind=member", "Audit log");
  const sent = [];
  page.on("request", (request) => sent.push(request));
  const [saved] = await Promise.all([page.waitForEvent("download"), button(page, "Export as CSV").click()]);
  assert.match(saved.suggestedFilename(), /^audit-acme-\d{4}-\d{2}-\d{2}\.csv$/);
  const rows = parsed((await readFile(await saved.path(), "utf8")).slice(1));
  assert.deepEqual(rows[0], [
    "number",
    "time",
    "description",
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
      "Admin added =cmd|' /C calc'!A0 as a member; granted scopes: none",
      'Admin changed the name of +Ada, "Countess"',
      'Admin added +Ada, "Countess" as a member; granted scopes: audit:read, orders:*, sessions:create, tokens:grant, tokens:read and tokens:write; quota: 10',
    ],
  );
  assert.equal(rows[1][5], "'=1+1");
  for (const cell of rows.flat()) assert.doesNotMatch(cell, /^\s*[=+\-@]/);
  assert.ok(
    sent.every((request) => request.method() === "GET"),
    "the file is made in the page",
  );
});

test("CSV cells that look like formulas become text, others are unchanged", () => {
  for (const text of ["=1", "+1", "-1", "@a", "\t=1", "\n=1", " =1", "\uFEFF=1"]) {
    const [[cell]] = parsed(csv([[text]]).slice(1));
    assert.equal(cell, `'${text}`);
  }
  const plain = [["a", "b,c", 'say "so"', "two\r\nlines", "", "1=1", "it's"]];
  assert.deepEqual(parsed(csv(plain).slice(1)), plain);
  assert.deepEqual(parsed(csv([[1, null, undefined]]).slice(1)), [["1", "", ""]]);
  assert.equal(csv([["ü"]]), "\uFEFFü\r\n");
});

/** Parses CSV (RFC 4180). */
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
