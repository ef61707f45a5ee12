// The size of the first page of the console, with a thousand tokens in the workspace.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { deployment, look, open, settled, signIn } from "./console.mjs";

/** The maximum transferred for the first page, in bytes; the WebAssembly module is loaded later. */
const BUDGET = 150_000;

test("with a thousand tokens the first page stays within its size budget, and search finds every token", async (t) => {
  const acme = await deployment(t);
  const tokens = Array.from({ length: 1_000 }, (_, number) => ({
    digest: createHash("sha256").update(`imported ${number}`).digest("hex"),
    name: `imported ${number}`,
    owner: "admin",
    scopes: ["orders:read"],
    ...(number % 2 === 0 && { expires_in: (number + 1) * 86_400 }),
  }));
  await acme.admin.expect(200, "PATCH", "/v1/workspace", { default_quota: 2_000 });
  await acme.admin.expect(200, "POST", "/v1/tokens/import", { tokens });

  const page = await signIn(await open(t, acme), acme.admin);
  await settled(page);
  // A new browser context has the session, but nothing of the console in its cache.
  const context = await acme.browser.newContext({ storageState: await page.context().storageState() });
  const fresh = await context.newPage();
  let bytes = 0;
  const counted = [];
  fresh.on("requestfinished", (request) =>
    counted.push(
      request.sizes().then(({ responseBodySize, responseHeadersSize }) => {
        bytes += responseBodySize + responseHeadersSize;
      }),
    ),
  );
  await fresh.goto(page.base);
  await fresh.getByText("1–50 of 1,002").waitFor();
  await fresh.waitForLoadState("networkidle");
  await Promise.all(counted);
  const paint = await fresh.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime);
  t.diagnostic(`first contentful paint after ${Math.round(paint)} ms; ${bytes} bytes in ${counted.length} requests`);
  assert.ok(bytes <= BUDGET, `${bytes} bytes`);
  assert.deepEqual(await late(fresh), [], "index.html preloads every module, so that none is discovered late");
  await look(fresh, "tokens-thousand");

  const next = fresh.getByRole("button", { name: "Next" });
  await next.click();
  await fresh.getByText("51–100 of 1,002").waitFor();
  await fresh.getByRole("button", { name: "Previous" }).click();
  await fresh.getByText("1–50 of 1,002").waitFor();
  await fresh.getByRole("searchbox").fill("imported 777");
  await fresh.getByText("1–1 of 1").waitFor();
  assert.deepEqual(await fresh.locator("tbody th a").allTextContents(), ["imported 777"]);
});

/** The loaded modules that index.html does not preload. */
function late(page) {
  return page.evaluate(() => {
    const early = new Set(
      [...document.querySelectorAll("link[rel=modulepreload], script[src]")].map(({ href, src }) => href ?? src),
    );
    return performance
      .getEntriesByType("resource")
      .map(({ name }) => name)
      .filter((name) => name.endsWith(".js") && !early.has(name));
  });
}
