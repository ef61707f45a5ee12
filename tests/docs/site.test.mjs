// The built docs site, served as `cargo xtask docs --serve` serves it, in Chromium.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { launch } from "../browser/browser.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PICTURES = `${ROOT}build/screenshots/docs/`;

/** The pages in the order of the navigation, as paths of the site. */
const PAGES = [...readFileSync(`${ROOT}docs/SUMMARY.md`, "utf8").matchAll(/^ *- \[.*\]\((.*)\)$/gm)].map(([, link]) => {
  const { pathname } = new URL(link, "http://site/docs/");
  return pathname.replace(/README\.md$/, "index.html").replace(/\.md$/, ".html");
});

/** Serves the site until the test ends. */
async function serve(t) {
  const child = spawn(process.execPath, ["xtask/js/docs.mjs", "build/docs", "0"], { cwd: ROOT });
  t.after(async () => {
    const ended = once(child, "exit");
    child.kill();
    await ended;
  });
  child.stderr.pipe(process.stderr);
  const [line] = await once(child.stdout.setEncoding("utf8"), "data");
  return /http:\S+(?=\/)/.exec(line)[0];
}

test("each page loads nothing from other hosts, fits narrow screens and shows its diagrams and images", async (t) => {
  assert.ok(PAGES.length > 15, "the navigation has all pages");
  const [url, browser] = await Promise.all([serve(t), launch(t)]);
  mkdirSync(PICTURES, { recursive: true });
  let [diagrams, images] = [0, 0];
  for (const colorScheme of ["light", "dark"]) {
    const context = await browser.newContext({ colorScheme, viewport: { width: 1280, height: 900 } });
    const page = await context.newPage();
    const problems = [];
    page.on("pageerror", (error) => problems.push(`${page.url()}: ${error.message}`));
    page.on("console", (message) => message.type() === "error" && problems.push(`${page.url()}: ${message.text()}`));
    page.on(
      "request",
      (sent) => new URL(sent.url()).origin !== url && !/^(data|blob):/.test(sent.url()) && problems.push(sent.url()),
    );
    page.on("response", (got) => got.status() >= 400 && problems.push(`${got.status()} ${got.url()}`));
    for (const path of PAGES) {
      await page.setViewportSize({ width: 1280, height: 900 });
      await page.goto(url + path);
      await page.locator("main h1").first().waitFor();
      for (const diagram of await page.locator("pre.mermaid").all()) {
        await diagram.locator("svg[aria-roledescription]").waitFor();
        const drawn = await diagram.locator("svg").getAttribute("aria-roledescription");
        assert.notEqual(drawn, "error", `${path}: the diagram cannot be drawn`);
        diagrams++;
      }
      for (const image of await page.locator("main img").all()) {
        const width = await image.evaluate((image) => image.decode().then(() => image.naturalWidth));
        assert.ok(width > 0, `${path}: the image ${await image.getAttribute("src")} is not shown`);
        images++;
      }
      const name = path.slice(1).replaceAll("/", "-").replace(".html", "");
      await page.screenshot({ path: `${PICTURES}${name}-${colorScheme}.png` });
      // Colours do not change widths.
      if (colorScheme === "dark") continue;
      await page.setViewportSize({ width: 360, height: 740 });
      const [width, shown] = await page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        return [scrollWidth, clientWidth];
      });
      assert.ok(width <= shown, `${path} is ${width} pixels wide on a screen of ${shown}`);
    }
    assert.deepEqual(problems, []);
    await context.close();
  }
  assert.ok(diagrams > 0 && images > 0, "there are diagrams and images");
});

test("a diagram is drawn again in the colours of another theme", async (t) => {
  const [url, browser] = await Promise.all([serve(t), launch(t)]);
  const page = await (await browser.newContext({ colorScheme: "light" })).newPage();
  await page.goto(`${url}/ARCHITECTURE.html`);
  const style = () => page.locator("pre.mermaid svg style").first().textContent();
  await page.locator("pre.mermaid svg").first().waitFor();
  const light = await style();
  await page.evaluate(() => document.documentElement.classList.replace("light", "navy"));
  await page.waitForFunction(
    (light) =>
      document.querySelector("pre.mermaid svg style")?.textContent !== light &&
      document.querySelector("pre.mermaid svg"),
    light,
  );
});

test("the search finds a term of the glossary", async (t) => {
  const [url, browser] = await Promise.all([serve(t), launch(t)]);
  const page = await browser.newPage();
  await page.goto(`${url}/index.html?search=authentication%20tag`);
  await page.locator("#mdbook-searchresults a, #searchresults a").first().waitFor();
});

test("the server answers no path outside of the site", async (t) => {
  const url = await serve(t);
  const status = async (path) => {
    const sent = request(url, { path }).end();
    const [response] = await once(sent, "response");
    response.resume();
    return response.statusCode;
  };
  assert.equal(await status("/"), 200);
  assert.equal(await status("/docs/api.html"), 200);
  for (const path of [
    "/../worker/index.js",
    "/..%2f..%2fpackage.json",
    "/%2e%2e/worker/index.js",
    "/%00",
    "/%",
    "/gone",
  ]) {
    assert.equal(await status(path), 404, path);
  }
});
