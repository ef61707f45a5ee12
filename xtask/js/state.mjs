// The state that `cargo xtask dev` keeps between starts: its tokens and the deployment's secrets.

import { randomBytes } from "node:crypto";
import { chmod, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** The files of the state folder. The server's storage is in `data`. */
export class State {
  #ready;
  /** Holds the tokens until the server is ready, so that a script that waits for dev.json never finds an old one. */
  #starting;
  #secrets;

  static async open(folder) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return new State(folder);
  }

  constructor(folder) {
    this.data = join(folder, "data");
    this.#ready = join(folder, "dev.json");
    this.#starting = join(folder, "dev.json.starting");
    this.#secrets = join(folder, "secrets.json");
  }

  /** The values that an earlier start saved. Before the build, `cargo xtask dev` moves an old dev.json to this file. */
  async recall() {
    return (await readJson(this.#starting)) ?? {};
  }

  async remember(known) {
    await writePrivate(this.#starting, known);
  }

  async ready(values) {
    await writePrivate(this.#ready, values);
    await rm(this.#starting, { force: true });
  }

  /** The deployment's secrets. Each is generated at the first start that needs it. */
  async secrets() {
    const secrets = (await readJson(this.#secrets)) ?? {};
    for (const name of ["seal", "session", "snapshot"]) secrets[name] ??= [randomBytes(32).toString("hex")];
    await writePrivate(this.#secrets, secrets);
    return secrets;
  }
}

async function readJson(path) {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw new Error(`cannot read ${path}: ${error.message}`);
  }
}

/** Replaces the file as a whole. Only its owner can read it. */
async function writePrivate(path, value) {
  const partial = `${path}.partial`;
  await writeFile(partial, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  await chmod(partial, 0o600);
  await rename(partial, path);
}
