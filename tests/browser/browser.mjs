// This machine's Chromium, and pages of other origins in it.

import { createServer } from "node:http";
import { once } from "node:events";
import { chromium } from "playwright-core";

/**
 * A browser that ends with the test `t`.
 *
 * @param {import("node:test").TestContext} t
 */
export async function launch(t) {
  const args = ["--disable-background-networking", "--disable-dev-shm-usage", "--disable-gpu"];
  // Chromium has no sandbox for root, which is who runs in most containers.
  const chromiumSandbox = process.getuid?.() !== 0;
  const executablePath = process.env.CHROMIUM || "/usr/bin/chromium";
  const browser = await chromium.launch({ executablePath, args, chromiumSandbox });
  t.after(() => browser.close());
  return browser;
}

/** A server of empty pages on a port of its own, by any name of this machine's, until the test `t` ends: the port. */
export async function stranger(t) {
  const server = createServer((_, response) => response.setHeader("content-type", "text/html").end("<!doctype html>"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return server.address().port;
}
