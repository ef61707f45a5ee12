// The npm package as users get it: packed, and installed into an empty folder.

import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../..", import.meta.url));
const BUILT = join(root, "build/verify");

export const run = promisify(execFile);

/** A pinned tool of this repository. */
export const tool = (name) => join(root, "node_modules/.bin", name);

/**
 * A new folder in which the package is installed from its packed tarball, until the test `t` ends.
 *
 * @param {import("node:test").TestContext} t
 * @param {string[]} [others] further packages of this repository to install
 * @param {string} [within] the folder in which the new one is created
 * @returns {Promise<{folder: string, tarball: string}>}
 */
export async function install(t, others = [], within = tmpdir()) {
  const folder = await mkdtemp(join(within, "counterfoil-package-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await run("npm", ["pack", BUILT, "--pack-destination", folder, "--ignore-scripts"], { cwd: folder });
  const [name] = (await readdir(folder)).filter((name) => name.endsWith(".tgz"));
  const tarball = join(folder, name);
  await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  const quietly = ["--offline", "--no-audit", "--no-fund", "--ignore-scripts"];
  await run("npm", ["install", tarball, ...quietly], { cwd: folder });
  for (const other of others) await symlink(join(root, "node_modules", other), join(folder, "node_modules", other));
  return { folder, tarball };
}

/** Serves the files of a folder on a local port until the test `t` ends; returns the URL. */
export async function serve(t, folder) {
  const types = { ".html": "text/html", ".wasm": "application/wasm" };
  const server = createServer(async (request, response) => {
    const path = request.url === "/" ? "/index.html" : request.url;
    const body = await readFile(join(folder, path)).catch(() => undefined);
    response.writeHead(body ? 200 : 404, { "content-type": types[extname(path)] ?? "text/javascript" }).end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}/`;
}
