// Runs a built bundle on the real workerd, and lets tests observe its operations and inject faults.
//
// The worker's bindings to the registry (KV) and to the ledgers (Durable Objects) are wrapped by `faults.mjs`: each
// operation is counted, and fails on command. Behind the wrapper are the real bindings, stored on disk.

import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { BUNDLE, FAULTY_BUNDLE, workerOptions } from "../../xtask/js/runtime.mjs";

const { Miniflare } = await import("miniflare");

/** The root token of every deployment in the tests. */
export const ROOT_TOKEN = "root_ofEveryDeploymentThatTheTestsStart";

/** The worker's name, which is part of its objects' ids. */
const WORKER = "counterfoil";

const SECRETS = {
  ROOT_TOKEN_DIGESTS: JSON.stringify([createHash("sha256").update(ROOT_TOKEN).digest("hex")]),
  SEAL_SECRETS: JSON.stringify(["5ea1".repeat(16)]),
  SESSION_SECRETS: JSON.stringify(["5e55".repeat(16)]),
  SNAPSHOT_KEYS: JSON.stringify(["5a95".repeat(16)]),
  // The tests' identity providers run on this machine.
  PRIVATE_PROVIDERS: "allow",
};

/**
 * A deployment with its own storage and port, running until the test `t` ends.
 *
 * @param {import("node:test").TestContext} t
 * @param {object} [options]
 * @param {Record<string, string>} [options.bindings] additional or overriding secrets and variables
 * @param {boolean} [options.faulty] runs the bundle with built-in faults instead of the deployed one
 * @param {boolean} [options.limited] whether the rate limits of wrangler.toml apply
 */
export async function start(t, { bindings = {}, faulty = false, limited = true } = {}) {
  const storage = await mkdtemp(join(tmpdir(), "counterfoil-test-"));
  const deployment = new Deployment(faulty ? FAULTY_BUNDLE : BUNDLE, storage, { ...SECRETS, ...bindings }, limited);
  t.after(() => deployment.stop());
  await deployment.boot();
  return deployment;
}

class Deployment {
  /** KV operations: `get`, `put`, `delete`, `list`; the argument is the key, or the keys of a bulk read. */
  registry = new Gate();
  /** Calls of objects: `fetch`; the argument is the URL. */
  ledger = new Gate();
  /** The lines that the runtime wrote, including the worker's console output. */
  log = [];

  /** The folder of KV and of the objects' SQLite databases. */
  storage;

  #bundle;
  #bindings;
  #limited;
  #miniflare;

  constructor(bundle, storage, bindings, limited) {
    this.#bundle = bundle;
    this.storage = storage;
    this.#bindings = bindings;
    this.#limited = limited;
  }

  async boot() {
    const worker = await workerOptions(this.#bundle, this.storage, this.#bindings);
    const gates = { REGISTRY: this.registry, LEDGER: this.ledger };
    this.#miniflare = new Miniflare({
      host: "127.0.0.1",
      port: 0,
      handleRuntimeStdio: (...streams) => streams.forEach((stream) => this.#collect(stream)),
      workers: [
        {
          ...worker,
          ...(!this.#limited && { ratelimits: {} }),
          kvNamespaces: {},
          wrappedBindings: {
            REGISTRY: { scriptName: "faults", entrypoint: "registry" },
            LEDGER: { scriptName: "faults", entrypoint: "ledger" },
          },
          durableObjects: {},
          additionalUnboundDurableObjects: Object.values(worker.durableObjects),
        },
        {
          name: "faults",
          modules: true,
          scriptPath: fileURLToPath(new URL("faults.mjs", import.meta.url)),
          kvNamespaces: { KV: worker.kvNamespaces.REGISTRY },
          durableObjects: { OBJECTS: { ...worker.durableObjects.LEDGER, scriptName: WORKER } },
          serviceBindings: { GATE: (request) => answer(gates, request) },
        },
        {
          name: "caller",
          compatibilityDate: worker.compatibilityDate,
          modules: true,
          scriptPath: fileURLToPath(new URL("caller.mjs", import.meta.url)),
          serviceBindings: { COUNTERFOIL: WORKER },
        },
      ],
      kvPersist: worker.kvPersist,
      durableObjectsPersist: worker.durableObjectsPersist,
    });
    this.url = await this.#miniflare.ready;
  }

  /** Like the global `fetch`, with a path of this deployment. */
  fetch(path, init) {
    return fetch(new URL(path, this.url), { redirect: "manual", ...init });
  }

  /** Calls the worker through a service binding of another one: see caller.mjs. */
  async bound(call) {
    const caller = await this.#miniflare.getWorker("caller");
    return (await caller.fetch("https://caller/", { method: "POST", body: JSON.stringify(call) })).json();
  }

  /** Calls an object directly, without the worker or faults: `name` as the worker would use it, `url` any. */
  async object(name, url, init) {
    const objects = await this.#miniflare.getDurableObjectNamespace("OBJECTS", "faults");
    return objects.getByName(name).fetch(url, init);
  }

  /** The value of `key` in the registry, read without faults: bytes, or null. */
  async stored(key) {
    const kv = await this.#miniflare.getKVNamespace("KV", "faults");
    return kv.get(key, "arrayBuffer");
  }

  /** Sets the value of `key` in the registry directly. */
  async plant(key, bytes) {
    const kv = await this.#miniflare.getKVNamespace("KV", "faults");
    await kv.put(key, typeof bytes === "string" ? bytes : new Uint8Array(bytes).buffer);
  }

  /** Deletes `key` from the registry directly. */
  async lose(key) {
    const kv = await this.#miniflare.getKVNamespace("KV", "faults");
    await kv.delete(key);
  }

  /** The keys of the registry, read without faults. */
  async keys(prefix = "") {
    const kv = await this.#miniflare.getKVNamespace("KV", "faults");
    const names = [];
    let page = {};
    do {
      page = await kv.list({ prefix, cursor: page.cursor });
      names.push(...page.keys.map(({ name }) => name));
    } while (!page.list_complete);
    return names;
  }

  /** The same without edition files, which are built and deleted at their own times. */
  async records() {
    return (await this.keys()).filter((key) => !key.startsWith("s/"));
  }

  /**
   * Kills the runtime like a power cut (SIGKILL), with calls under way. `boot` starts it again with the same storage.
   */
  halt() {
    return this.#miniflare.dispose();
  }

  /** Kills the runtime and starts it again. */
  async crash() {
    await this.halt();
    await this.boot();
  }

  /** Like `crash`, and returns the rows of a query on an object's database, run while the worker is stopped. */
  async rows(name, query) {
    await this.#miniflare.dispose();
    const { durableObjects, durableObjectsPersist } = await workerOptions(this.#bundle, this.storage, this.#bindings);
    const scriptPath = fileURLToPath(new URL("reader.mjs", import.meta.url));
    this.#miniflare = new Miniflare({ name: WORKER, modules: true, scriptPath, durableObjects, durableObjectsPersist });
    const { LEDGER } = await this.#miniflare.getBindings();
    const answer = await LEDGER.getByName(name).fetch("https://reader/", { method: "POST", body: query });
    const rows = await answer.json();
    await this.crash();
    return rows;
  }

  async stop() {
    this.registry.heal();
    this.ledger.heal();
    await this.#miniflare?.dispose();
    await rm(this.storage, { recursive: true, force: true });
  }

  #collect(stream) {
    let rest = "";
    stream.setEncoding("utf8").on("data", (chunk) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop();
      this.log.push(...lines);
    });
  }
}

/**
 * Injects faults into the operations of one binding.
 *
 * `refused`: not executed, and reported as failed. `lost`: executed, but reported as failed. `held`: neither executed nor
 * answered until `heal`. `broken`: refused with an error that throws on any access, which terminates the calling wasm
 * instance like a panic. `panicked`, for objects of the faulty bundle: the object panics instead.
 */
class Gate {
  /** Operations so far, oldest first: `{ operation, argument }`. */
  passed = [];
  #faults = new Map();
  #held = [];

  /** The number of operations of this kind; `argument` must start with `prefix`. */
  count(operation, prefix = "") {
    return this.passed.filter((one) => one.operation === operation && one.argument.startsWith(prefix)).length;
  }

  /** Every `operation` from now on has one of these faults. */
  fail(operation, fault) {
    this.#faults.set(operation, fault);
  }

  /** Ends all faults; held operations continue. */
  heal() {
    this.#faults.clear();
    for (const release of this.#held.splice(0)) release();
  }

  async enter(operation, argument) {
    this.passed.push({ operation, argument });
    const fault = this.#faults.get(operation) ?? "none";
    if (fault !== "held") return fault;
    await new Promise((release) => this.#held.push(release));
    return "none";
  }
}

async function answer(gates, request) {
  const { binding, operation, argument } = await request.json();
  const { Response } = await import("miniflare");
  return new Response(await gates[binding].enter(operation, argument));
}

/** Calls `probe` until it returns a truthy value, and returns that; gives up after `seconds`. */
export async function eventually(probe, seconds = 10) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > end) throw new Error(`the condition is not met after ${seconds} s: ${probe}`);
    await sleep(20);
  }
}
