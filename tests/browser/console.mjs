// The console of a deployment, as people meet it: signed in as an admin or as a member, in every look it has.

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
/** Widths between the two, at which nothing may stick out either. */
const BETWEEN = [1024, 800, 600];

/** What the scopes of the test's workspace permit. */
const CATALOGUE = [
  { name: "orders:read", description: "See orders and their state" },
  { name: "orders:write", description: "Place, change and cancel orders" },
  { name: "invoices:read", description: "See invoices" },
  { name: "payouts:send", description: "Send money", grantable_by: "admin", visible_to: "admin", freshness: "strong" },
];

/**
 * A deployment with the workspace `acme`: its admin, and Ada, a member who may manage tokens of her own. Answers
 * `{ app, admin, ada, browser }`: `admin` and `ada` are clients that present a token each is to sign in with.
 *
 * @param {import("node:test").TestContext} t
 * @param {object} [options] those of `start`
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
 * A page of the console in a browser of its own. The test fails where the page throws, says an error on its console, or
 * breaks the Content Security Policy; what it said is in `page.complaints` until then.
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
    // That an answer was a refusal is for the page to deal with.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) wrong.push(message.text());
  });
  t.after(() => assert.deepEqual(wrong, [], "the page is quiet"));
  page.complaints = wrong;
  page.base = `${new URL(app.url).origin}/console/`;
  await page.goto(page.base);
  return page;
}

/** Signs in with a token, by the form. */
export async function signIn(page, { token }) {
  await page.getByLabel("API token").fill(token);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("navigation", { name: "Pages of the console" }).waitFor();
  return page;
}

/** A page of the console that somebody has signed in to. */
export async function signedIn(t, deployment, who, options) {
  return signIn(await open(t, deployment, options), who);
}

/** Goes to a place of the console and waits until it is there. */
export async function visit(page, hash, title) {
  await page.goto(page.base + hash);
  await page.getByRole("heading", { level: 1, name: title }).waitFor();
  await settled(page);
}

/** Waits until the page waits for nothing more. */
export async function settled(page) {
  await page.waitForFunction(() => !document.querySelector("[aria-busy=true]"));
}

/**
 * Looks at the page, as it stands, in light and dark, wide and narrow: nothing that axe knows to be a barrier is there,
 * nothing sticks out sideways, and what it looks like is in build/screenshots.
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

/** Nothing sticks out sideways. */
export async function fits(page, name) {
  const { over, width } = await page.evaluate(() => ({
    over: document.documentElement.scrollWidth - innerWidth,
    width: innerWidth,
  }));
  assert.ok(over <= 0, `${name} is ${over} px too wide at ${width}`);
}

/** What axe finds wrong with the page. */
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
