// Counterfoil as it is deployed, and the Workers that it is held against.

import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BUNDLE, workerOptions } from "../../xtask/js/runtime.mjs";
import { run } from "./drive.mjs";

const ROOT_TOKEN = "root_ofTheDeploymentThatIsMeasured";
const SECRETS = {
  ROOT_TOKEN_DIGESTS: JSON.stringify([createHash("sha256").update(ROOT_TOKEN).digest("hex")]),
  SEAL_SECRETS: JSON.stringify(["5ea1".repeat(16)]),
  SESSION_SECRETS: JSON.stringify(["5e55".repeat(16)]),
};

/** A registry that keeps nothing: publishing 100,000 records on this machine would be all that is measured. */
const NO_REGISTRY = {
  name: "no-registry",
  modules: true,
  script: "export default () => ({ get: async () => null, put: async () => {}, delete: async () => {} })",
};

/** The built bundle, with a registry or without. */
export const counterfoil = ({ registry = true } = {}) =>
  stored(async (storage) => {
    // Miniflare serves pages by Workers of its own before the bundle, which would be measured too.
    const { assets, ...worker } = await workerOptions(BUNDLE, storage, SECRETS);
    if (registry) return [worker];
    return [{ ...worker, kvNamespaces: {}, wrappedBindings: { REGISTRY: { scriptName: NO_REGISTRY.name } } }, NO_REGISTRY];
  });

/** `minimal.mjs`. */
export const minimal = () =>
  stored((storage) => [{
    name: "minimal",
    compatibilityDate: "2026-04-26",
    modules: true,
    scriptPath: fileURLToPath(new URL("minimal.mjs", import.meta.url)),
    kvNamespaces: ["TOKENS"],
    durableObjects: { OBJECTS: { className: "Minimal", useSQLite: true } },
    kvPersist: join(storage, "kv"),
    durableObjectsPersist: join(storage, "objects"),
  }]);

/** Runs a Worker with storage on disk, which goes with it. */
async function stored(options) {
  const storage = await mkdtemp(join(tmpdir(), "counterfoil-bench-"));
  const { url, stop } = await run(...(await options(storage)));
  return { url, stop: () => stop().then(() => rm(storage, { recursive: true, force: true })) };
}

/** Whoever presents this token to a deployment. */
export class Client {
  constructor(asker, token = ROOT_TOKEN) {
    this.asker = asker;
    this.headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    this.token = token;
  }

  as(token) {
    return new Client(this.asker, token);
  }

  /** The arguments of a question. */
  question(path, body) {
    return [path, { headers: this.headers, body: JSON.stringify(body) }];
  }

  async send(method, path, body) {
    return JSON.parse(await this.asker.ask(path, { method, headers: this.headers, body: JSON.stringify(body) }));
  }
}
