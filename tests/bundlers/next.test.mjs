// Next.js with both of its bundlers: a route in Node, a route in its edge runtime, and a page in the browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { EXPECTED, NO_PAGES, build, project, served, shown } from "./harness.mjs";

const IMPORTS = `
  import { Gate, init, inspect } from "@counterfoil/verify";
  import { answer, print } from "../answer.js";`;

const FILES = {
  // The packages of Next.js are in a folder above that of the program.
  "next.config.mjs": `
    import { dirname } from "node:path";
    const root = dirname(import.meta.dirname);
    export default { turbopack: { root }, outputFileTracingRoot: root };`,
  "app/layout.js": 'export default ({ children }) => <html lang="en"><body>{children}</body></html>;',
  "app/page.js": `"use client";
    import { useEffect } from "react"; ${IMPORTS}
    export default function Page() {
      useEffect(() => { print(answer({ Gate, init, inspect })); }, []);
      return null;
    }`,
  "app/node/route.js": `${IMPORTS.replace("../answer.js", "../../answer.js")}
    export const dynamic = "force-dynamic";
    export const GET = async () => new Response(await answer({ Gate, init, inspect }));`,
  // In the older folder: with webpack this version of Next.js cannot build any edge route in the newer one.
  "pages/api/edge.js": `${IMPORTS.replace("../answer.js", "../../answer.js")}
    export const config = { runtime: "edge" };
    export default async () => new Response(await answer({ Gate, init, inspect }));`,
};

for (const bundler of ["webpack", "turbopack"]) {
  test(`Next.js with ${bundler}`, async (t) => {
    const folder = await project(t, FILES);
    await build(folder, "next", "build", `--${bundler}`);
    const url = await served(t, folder, "next", ["start"]);
    for (const path of ["node", "api/edge"]) assert.equal(await (await fetch(url + path)).text(), EXPECTED, path);
    if (!NO_PAGES) assert.equal(await shown(t, url), EXPECTED);
  });
}
