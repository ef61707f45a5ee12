// A deployment whose Worker and objects run different versions, on the real workerd.
//
// Miniflare runs two scripts: `front` answers requests, `counterfoil` has the class of the objects. Each is one of two
// bundles: the one of this clone, or that of the commit in `earlier.txt`. Both share one storage.

import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { BUNDLE, workerOptions } from "../../xtask/js/runtime.mjs";
import { ROOT_TOKEN } from "../worker/harness.mjs";

const { Miniflare } = await import("miniflare");

const folder = process.env.COUNTERFOIL_EARLIER;
if (!folder)
  throw new Error("COUNTERFOIL_EARLIER is not set: run `cargo xtask test compatibility`, which builds what it names");

/** The bundles by version. */
const BUNDLES = { earlier: join(folder, "worker"), current: BUNDLE };

const gateOf = async (package_) => (await import(pathToFileURL(join(package_, "node.js")))).Gate;

/** The npm package's verifiers by version. */
export const GATES = {
  earlier: await gateOf(join(folder, "verify")),
  current: await gateOf(fileURLToPath(new URL("../../build/verify", import.meta.url))),
};

/** Part of the objects' ids, so it must not change. */
const OBJECTS = "counterfoil";

const SECRETS = {
  ROOT_TOKEN_DIGESTS: JSON.stringify([createHash("sha256").update(ROOT_TOKEN).digest("hex")]),
  SEAL_SECRETS: JSON.stringify(["5ea1".repeat(16)]),
  SESSION_SECRETS: JSON.stringify(["5e55".repeat(16)]),
  SNAPSHOT_KEYS: JSON.stringify(["5a95".repeat(16)]),
};

/** Runs SQL in an object's database, in place of the objects' bundle. */
const SQL = `import { DurableObject } from "cloudflare:workers";
export class Ledger extends DurableObject {
  async fetch(request) { return Response.json(this.ctx.storage.sql.exec(await request.text()).toArray()); }
  alarm() {}
}
export default {};`;

export class Sides {
  #storage;
  #miniflare;

  /** A deployment with its own storage until the test `t` ends; nothing runs yet. */
  static async of(t) {
    const sides = new Sides();
    sides.#storage = await mkdtemp(join(tmpdir(), "counterfoil-sides-"));
    t.after(async () => {
      await sides.#miniflare?.dispose();
      await rm(sides.#storage, { recursive: true, force: true });
    });
    return sides;
  }

  /** Runs these versions of the Worker and of its objects, `earlier` or `current`, from now on. */
  async run(front, objects) {
    await this.#miniflare?.dispose();
    const [above, below] = await Promise.all(
      [front, objects].map((version) => workerOptions(BUNDLES[version], this.#storage, SECRETS)),
    );
    const { assets, ...ledgers } = below;
    const LEDGER = { ...above.durableObjects.LEDGER, scriptName: OBJECTS };
    this.#miniflare = new Miniflare({
      host: "127.0.0.1",
      port: 0,
      handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()),
      workers: [
        { ...above, name: "front", durableObjects: { LEDGER } },
        { ...ledgers, name: OBJECTS },
      ],
      kvPersist: above.kvPersist,
      durableObjectsPersist: above.durableObjectsPersist,
    });
    this.url = await this.#miniflare.ready;
  }

  /** Like the global `fetch`, with a path of this deployment. */
  fetch(path, init) {
    return fetch(new URL(path, this.url), { redirect: "manual", ...init });
  }

  /** The rows of a query on an object's database, run while neither version runs. */
  async rows(name, query) {
    await this.#miniflare?.dispose();
    const { durableObjects, durableObjectsPersist } = await workerOptions(BUNDLE, this.#storage, SECRETS);
    this.#miniflare = new Miniflare({
      name: OBJECTS,
      modules: true,
      script: SQL,
      durableObjects,
      durableObjectsPersist,
    });
    const { LEDGER } = await this.#miniflare.getBindings();
    return (await LEDGER.getByName(name).fetch("https://sql/", { method: "POST", body: query })).json();
  }
}

/** A verifier elsewhere, whose connection to a deployment can be cut. */
export class Verifier {
  #gate;

  constructor(version, sides, token) {
    this.isCut = false;
    const fetch = (input, init) => {
      if (this.isCut) throw new Error("cut off");
      return sides.fetch(new URL(input).pathname, init);
    };
    this.#gate = new GATES[version]({ controlPlane: { fetch }, token, timeout: 10_000, onFailure() {} });
  }

  /** The code and the freshness level of its decision. */
  async verify(token, demand = {}) {
    const { code, freshness } = await this.#gate.verify(token, demand);
    return `${code} ${freshness}`;
  }
}
