// Helpers for console tests: start a deployment, sign in, navigate, and check a page in light and dark, wide and narrow.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { workspace } from "../worker/client.mjs";
import { start } from "../worker/harness.mjs";
import { launch } from "./browser.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PICTURES = fileURLToPath(new URL("../../build/screenshots/", import.meta.url));

const DESKTOP = { width: 1280, height: 800 };
const NARROW = { width: 360, height: 740 };
/** More widths at which the page must not overflow. */
const BETWEEN = [1024, 800, 600];

/** The scope catalogue of the test's workspace. */
const CATALOGUE = [
  { name: "orders:read", description: "See orders and their state" },
  { name: "orders:write", description: "Place, change and cancel orders" },
  { name: "invoices:read", description: "See invoices" },
  { name: "payouts:send", description: "Send money", grantable_by: "admin", visible_to: "admin", freshness: "strong" },
];

/**
 * A deployment with the workspace `acme`: its admin, and Ada, a member who can manage her own tokens. Returns
 * `{ app, admin, ada, browser }`: `admin` and `ada` are API clients, each with a token to sign in with.
 *
 * @param {import("node:test").TestContext} t
 * @param {object} [options] options of `start`
 */
export async function deployment(t, options) {
  const [app, browser] = await Promise.all([start(t, options), launch(t)]);
  const { admin } = await workspace(app, "acme");
  await admin.expect(200, "PUT", "/v1/scopes", { scopes: CATALOGUE });
  await admin.expect(200, "PATCH", "/v1/workspace", { name: "Acme" });
  const grants = ["tokens:read", "tokens:write", "tokens:grant", "sessions:create", "audit:read", "orders:*"];
  await admin.expect(201, "POST", "/v1/members", {
    id: "ada",
    name: "Ada Lovelace",
    role: "member",
    grants,
    quota: 10,
  });
  const issued = await admin.issue({ name: "Ada's sign-in", owner: "ada", scopes: grants });
  return { app, admin, ada: admin.as(issued.token), browser };
}

/**
 * Opens the console in a new browser context. The test fails if the page throws, logs an error, or violates the Content
 * Security Policy; `page.complaints` collects these until the end of the test.
 */
export async function open(t, { app, browser }, options = {}) {
  const context = await browser.newContext({
    viewport: DESKTOP,
    colorScheme: "light",
    timezoneId: "Europe/Berlin",
    ...options,
  });
  const page = await context.newPage();
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("console", (message) => {
    // Error responses are part of the tests: the page handles them.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) wrong.push(message.text());
  });
  t.after(() => assert.deepEqual(wrong, [], "the page logs no errors"));
  page.complaints = wrong;
  page.base = `${new URL(app.url).origin}/console/`;
  await page.goto(page.base);
  return page;
}

/** Signs in with a token, by the form. */
export async function signIn(page, { token }) {
  await page.getByLabel("API token").fill(token);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("navigation", { name: "Main" }).waitFor();
  return page;
}

/** Opens the console and signs in. */
export async function signedIn(t, deployment, who, options) {
  return signIn(await open(t, deployment, options), who);
}

/** Goes to a hash and waits until the page with this title has loaded. */
export async function visit(page, hash, title) {
  await page.goto(page.base + hash);
  await page.getByRole("heading", { level: 1, name: title }).waitFor();
  await settled(page);
}

/** Waits until nothing on the page is loading. */
export async function settled(page) {
  await page.waitForFunction(() => !document.querySelector("[aria-busy=true]"));
}

/**
 * Checks the page in light and dark, wide and narrow: axe finds no accessibility problem, and nothing overflows sideways.
 * Saves screenshots in build/screenshots.
 */
export async function look(page, name) {
  await mkdir(PICTURES, { recursive: true });
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const [width, viewport] of [
      ["desktop", DESKTOP],
      ["360", NARROW],
    ]) {
      await page.setViewportSize(viewport);
      await page.screenshot({
        path: `${PICTURES}${name}-${colorScheme}-${width}.png`,
        fullPage: true,
        animations: "disabled",
      });
      await fits(page, name);
      assert.deepEqual(await barriers(page), [], `${name}, ${colorScheme}, ${width}`);
    }
  }
  for (const width of BETWEEN) {
    await page.setViewportSize({ ...DESKTOP, width });
    await fits(page, name);
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(DESKTOP);
}

/** Asserts that the page does not overflow sideways. */
export async function fits(page, name) {
  const { over, width } = await page.evaluate(() => ({
    over: document.documentElement.scrollWidth - innerWidth,
    width: innerWidth,
  }));
  assert.ok(over <= 0, `${name} is ${over} px too wide at ${width}`);
}

/** The accessibility problems that axe finds. */
async function barriers(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }),
  );
  return violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`).join("; ")}`,
  );
}
