// Serves the built docs site on this machine until it is stopped: docs.mjs <folder> <port>

import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize, sep } from "node:path";

const TYPES = {
  ".css": "text/css",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".json": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

const [folder, port] = process.argv.slice(2);

/** The file that a path names, or `undefined`. No path leads out of the folder. */
function fileOf(path) {
  let file;
  try {
    file = normalize(join(folder, decodeURIComponent(path)));
  } catch {
    return undefined;
  }
  if (file.includes("\0") || !(file + sep).startsWith(normalize(folder) + sep)) return undefined;
  const found = statSync(file, { throwIfNoEntry: false });
  if (found?.isFile()) return file;
  // A folder's own page is at its path with a slash: else the links on it would lead elsewhere.
  const index = join(file, "index.html");
  return path.endsWith("/") && statSync(index, { throwIfNoEntry: false })?.isFile() ? index : undefined;
}

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://127.0.0.1");
  const file = fileOf(pathname);
  response.statusCode = file ? 200 : 404;
  const shown = file ?? join(folder, "404.html");
  response.setHeader("content-type", TYPES[extname(shown)] ?? "text/plain; charset=utf-8");
  response.setHeader("cache-control", "no-cache");
  createReadStream(shown)
    .on("error", () => response.destroy())
    .pipe(response);
});
server.on("error", (error) => {
  console.error(`error: cannot serve on port ${port}: ${error.message}`);
  process.exitCode = 1;
});
server.listen(Number(port), "127.0.0.1", () => {
  console.log(`The documentation is served on http://127.0.0.1:${server.address().port}/\nPress Ctrl-C to stop.`);
});
