// The registry of the deployment under load. It is kept in Node, so that workerd's memory is the worker's alone.

import { Response } from "../bench/drive.mjs";

/** Runs inside workerd, in place of the KV binding. */
const SCRIPT = `export default ({ NODE }) => {
  const send = async (method, key, body) => {
    const answer = await NODE.fetch("http://node/" + key, { method, body });
    const bytes = await answer.arrayBuffer();
    return answer.ok && method === "GET" ? bytes : null;
  };
  return {
    get: (key) => send("GET", key),
    put: async (key, value) => { await send("PUT", key, value); },
    delete: async (key) => { await send("DELETE", key); },
  };
}`;

/** A registry: the Worker that represents it, its content by key, and the number of operations. */
export function registry() {
  const held = new Map();
  const counts = { get: 0, put: 0, delete: 0 };
  const node = async (request) => {
    const key = new URL(request.url).pathname.slice(1);
    if (request.method === "PUT") {
      counts.put += 1;
      held.set(key, Buffer.from(await request.arrayBuffer()));
    } else if (request.method === "DELETE") {
      counts.delete += 1;
      held.delete(key);
    } else {
      counts.get += 1;
      const found = held.get(key);
      return new Response(found, { status: found ? 200 : 404 });
    }
    return new Response(null, { status: 204 });
  };
  return { held, counts, worker: { name: "registry", modules: true, script: SCRIPT, serviceBindings: { NODE: node } } };
}
