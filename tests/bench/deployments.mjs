// The built deployment, and the Workers that it is compared with.

import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BUNDLE, FAULTY_BUNDLE, workerOptions } from "../../xtask/js/runtime.mjs";
import { Response, run } from "./drive.mjs";

export const ROOT_TOKEN = "root_ofTheDeploymentThatIsMeasured";
const SECRETS = {
  ROOT_TOKEN_DIGESTS: JSON.stringify([createHash("sha256").update(ROOT_TOKEN).digest("hex")]),
  SEAL_SECRETS: JSON.stringify(["5ea1".repeat(16)]),
  SESSION_SECRETS: JSON.stringify(["5e55".repeat(16)]),
  SNAPSHOT_KEYS: JSON.stringify(["54a9".repeat(16)]),
};

/**
 * A registry that stores nothing: otherwise writing 100,000 records on this machine would dominate the measurement.
 */
const NO_REGISTRY = {
  name: "no-registry",
  modules: true,
  script: "export default () => ({ get: async () => null, put: async () => {}, delete: async () => {} })",
};

/** The built bundle, with or without a registry. */
export const counterfoil = ({ registry = true } = {}) => (registry ? counterfoilOver() : counterfoilOver(NO_REGISTRY));

/** The built bundle with this Worker in place of the registry, if given. */
export const counterfoilOver = (registry) =>
  stored(async (storage) => {
    // Miniflare serves static pages with Workers of its own, placed before the bundle, which would be measured too.
    const { assets, ...worker } = await workerOptions(BUNDLE, storage, SECRETS);
    if (registry === undefined) return [worker];
    return [{ ...worker, kvNamespaces: {}, wrappedBindings: { REGISTRY: { scriptName: registry.name } } }, registry];
  });

/** Stores edition files in Node, where they are counted, and discards records. */
const FILES_ONLY = {
  name: "files-only",
  modules: true,
  script: `export default ({ NODE }) => {
    const send = (method, key, body) => NODE.fetch("http://node/" + key, { method, body });
    const isFile = (key) => key.startsWith("s/");
    return {
      get: async (key) => {
        const found = isFile(key) && (await send("GET", key));
        return found && found.ok ? found.arrayBuffer() : null;
      },
      put: async (key, value) => { if (isFile(key)) await send("PUT", key, value); },
      delete: async (key) => { if (isFile(key)) await send("DELETE", key); },
    };
  }`,
};

/**
 * The bundle that reports its memory, with a registry of edition files only: `files`, by key. `memory` asks the ledger
 * of a workspace for the size of its module's memory, in bytes.
 */
export async function segmented() {
  const files = new Map();
  const node = async (request) => {
    const key = new URL(request.url).pathname.slice(1);
    if (request.method === "PUT") files.set(key, Buffer.from(await request.arrayBuffer()));
    if (request.method === "DELETE") files.delete(key);
    const found = request.method === "GET" ? files.get(key) : undefined;
    return new Response(found, { status: found || request.method !== "GET" ? 200 : 404 });
  };
  const app = await stored(async (storage) => {
    const { assets, ...worker } = await workerOptions(FAULTY_BUNDLE, storage, SECRETS);
    const probe = {
      name: "probe",
      modules: true,
      script: `export default { fetch(request, { LEDGER }) {
        return LEDGER.getByName("ledger" + new URL(request.url).pathname).fetch("https://ledger/memory");
      } }`,
      durableObjects: { LEDGER: { ...worker.durableObjects.LEDGER, scriptName: worker.name } },
      unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
    };
    const registry = { ...FILES_ONLY, serviceBindings: { NODE: node } };
    return [
      { ...worker, kvNamespaces: {}, wrappedBindings: { REGISTRY: { scriptName: registry.name } } },
      registry,
      probe,
    ];
  });
  const memory = async (key) => Number(await (await fetch(new URL(key, await app.urlOf("probe")))).text());
  return { ...app, files, memory };
}

/** `minimal.mjs`. */
export const minimal = () =>
  stored((storage) => [
    {
      name: "minimal",
      compatibilityDate: "2026-04-26",
      modules: true,
      scriptPath: fileURLToPath(new URL("minimal.mjs", import.meta.url)),
      kvNamespaces: ["TOKENS"],
      durableObjects: { OBJECTS: { className: "Minimal", useSQLite: true } },
      kvPersist: join(storage, "kv"),
      durableObjectsPersist: join(storage, "objects"),
    },
  ]);

/** Runs a Worker with storage on disk, which is deleted with it. */
async function stored(options) {
  const storage = await mkdtemp(join(tmpdir(), "counterfoil-bench-"));
  const { stop, ...running } = await run(...(await options(storage)));
  return { ...running, stop: () => stop().then(() => rm(storage, { recursive: true, force: true })) };
}

/** A client that presents this token to a deployment. */
export class Client {
  constructor(asker, token = ROOT_TOKEN) {
    this.asker = asker;
    this.headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    this.token = token;
  }

  as(token) {
    return new Client(this.asker, token);
  }

  /** The arguments of a request. */
  question(path, body) {
    return [path, { headers: this.headers, body: JSON.stringify(body) }];
  }

  async send(method, path, body) {
    return JSON.parse(await this.asker.ask(path, { method, headers: this.headers, body: JSON.stringify(body) }));
  }
}
