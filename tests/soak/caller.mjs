// A client of the deployment, with persistent connections.

import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** How often a request that was answered 429 or 503 is repeated while the deployment is set up or checked. */
const TRIES = 100;

export class Caller {
  #agent = new Agent({ keepAlive: true });
  #url;

  constructor(url) {
    this.#url = url;
  }

  /** The response: status, headers, and the body, parsed if it is JSON. Throws if there is none. */
  async send(token, method, path, body) {
    for (;;) {
      try {
        return await this.#once(token, method, path, body);
      } catch (error) {
        // An old connection may be closed just when it is reused. No response was read from it in that case.
        if (!error.isOfOldConnection) throw new Error(`${method} ${path}: ${error.message}`, { cause: error });
      }
    }
  }

  #once(token, method, path, body) {
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}`, ...(body && { "content-type": "application/json" }) };
      const sent = request(new URL(path, this.#url), { agent: this.#agent, method, headers });
      sent.on("error", (error) => {
        reject(
          Object.assign(error, {
            isOfOldConnection: sent.reusedSocket && ["ECONNRESET", "EPIPE"].includes(error.code),
          }),
        );
      });
      sent.on("response", (response) => {
        const chunks = [];
        response
          .on("data", (chunk) => chunks.push(chunk))
          .on("error", reject)
          .on("end", () => {
            const bytes = Buffer.concat(chunks);
            const isJson = /[/+]json/.test(response.headers["content-type"]);
            resolve({
              status: response.statusCode,
              headers: response.headers,
              body: isJson ? JSON.parse(bytes) : bytes,
            });
          });
      });
      sent.end(body && JSON.stringify(body));
    });
  }

  /** The body of a successful response. After 429 or 503 the request is repeated according to `Retry-After`. */
  async expect(token, method, path, body) {
    for (let turn = 0; ; turn += 1) {
      const answer = await this.send(token, method, path, body);
      if (answer.status < 300) return answer.body;
      const isForNow = [429, 503].includes(answer.status) && turn < TRIES;
      if (!isForNow) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      await sleep(1_000 * Number(answer.headers["retry-after"] ?? 1));
    }
  }

  close() {
    this.#agent.destroy();
  }
}

/** How many workspaces are used per second: an object stays in memory for ten seconds after its last request. */
const PACE = 15;

/** Calls `work` with each item, several at a time, but no more than that per second. */
export async function paced(items, work) {
  const left = items[Symbol.iterator]();
  const began = Date.now();
  let taken = 0;
  const one = async () => {
    for (let next = left.next(); !next.done; next = left.next()) {
      await sleep(began + (1_000 * taken++) / PACE - Date.now());
      await work(next.value);
    }
  };
  await Promise.all(Array.from({ length: 4 }, one));
}
