// Workers on workerd, and clients with a socket each that bypass Miniflare's own Worker.

import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

process.env.WRANGLER_SEND_METRICS = "false";
process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
const { Miniflare, Response } = await import("miniflare");
export { Response };

/** Runs a Worker, possibly with others beside it; `stop` ends it. */
export async function run({ kvPersist, durableObjectsPersist, ...worker }, ...others) {
  const said = [];
  const miniflare = new Miniflare({
    workers: [{ ...worker, unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }] }, ...others],
    kvPersist,
    durableObjectsPersist,
    // Only the end of its log is kept.
    handleRuntimeStdio: (...streams) =>
      streams.forEach((stream) => stream.on("data", (chunk) => said.push(chunk) > 20 && said.shift())),
  });
  try {
    await miniflare.ready;
  } catch (error) {
    throw new Error(`the Worker does not start: ${Buffer.concat(said)}`, { cause: error });
  }
  const urlOf = (name) => miniflare.unsafeGetDirectURL(name);
  const log = () => Buffer.concat(said).toString();
  const registryOf = (binding, name) => miniflare.getKVNamespace(binding, name);
  return { url: await urlOf(worker.name), urlOf, registryOf, log, stop: () => miniflare.dispose() };
}

/** Sends requests to one address over persistent connections, one for each concurrent request. */
export class Asker {
  #agent = new Agent({ keepAlive: true });
  #url;

  constructor(url) {
    this.#url = url;
  }

  /** The body of a response, which must be successful. */
  ask(path, { body, headers, method = body === undefined ? "GET" : "POST" } = {}) {
    return new Promise((resolve, reject) => {
      const sent = request(new URL(path, this.#url), { agent: this.#agent, method, headers });
      sent.on("error", reject).on("response", (response) => {
        const chunks = [];
        response
          .on("data", (chunk) => chunks.push(chunk))
          .on("error", reject)
          .on("end", () => {
            const answer = Buffer.concat(chunks);
            if (response.statusCode < 300) resolve(answer);
            else reject(new Error(`${path}: ${response.statusCode} ${answer}`));
          });
      });
      sent.end(body);
    });
  }

  /**
   * Sends requests repeatedly, this many at a time, for this long.
   *
   * @param next the next request: arguments of `ask` @returns responses per second, and how long each took, in
   * milliseconds
   */
  async load(next, { width, milliseconds }) {
    const took = [];
    const began = performance.now();
    const one = async () => {
      for (let from = performance.now(); from < began + milliseconds; from = performance.now()) {
        await this.ask(...next());
        took.push(performance.now() - from);
      }
    };
    await Promise.all(Array.from({ length: width }, one));
    return { perSecond: (took.length * 1_000) / (performance.now() - began), took };
  }

  /**
   * Sends requests at this rate for this long, whether or not responses arrive.
   *
   * @returns how long each took, in milliseconds, except the first tenth, which opens connections
   */
  async pace(next, { perSecond, milliseconds }) {
    // The server closes connections that were idle, possibly just now.
    this.#agent.destroy();
    const began = performance.now();
    const one = async () => {
      const from = performance.now();
      await this.ask(...next());
      return performance.now() - from;
    };
    const sent = [];
    for (let due = 0; due < milliseconds; due += 1_000 / perSecond) {
      const early = began + due - performance.now();
      if (early > 0) await sleep(early);
      sent.push(one());
    }
    return (await Promise.all(sent)).slice(sent.length / 10);
  }

  close() {
    this.#agent.destroy();
  }
}
