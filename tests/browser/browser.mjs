// Starts Chromium, and servers for pages of other origins.

import { createServer } from "node:http";
import { once } from "node:events";
import { chromium } from "playwright-core";

/**
 * Starts a browser that is closed when the test `t` ends.
 *
 * @param {import("node:test").TestContext} t
 */
export async function launch(t) {
  const args = ["--disable-background-networking", "--disable-dev-shm-usage", "--disable-gpu"];
  // Chromium's sandbox does not work for root, and tests in containers usually run as root.
  const chromiumSandbox = process.getuid?.() !== 0;
  const executablePath = process.env.CHROMIUM || "/usr/bin/chromium";
  const browser = await chromium.launch({ executablePath, args, chromiumSandbox });
  t.after(() => browser.close());
  return browser;
}

/** Serves empty pages on a free port until the test `t` ends. Returns the port. */
export async function otherOrigin(t) {
  const server = createServer((_, response) => response.setHeader("content-type", "text/html").end("<!doctype html>"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return server.address().port;
}
