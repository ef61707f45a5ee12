// A minimal Worker that verifies a token by hand: a digest, a read of KV or of a Durable Object, a response. And a Worker
// that does even less.

import { DurableObject } from "cloudflare:workers";
import { digestOf } from "./digest.mjs";

export default {
  async fetch(request, { TOKENS, OBJECTS }) {
    const { pathname } = new URL(request.url);
    if (pathname === "/nothing") return new Response("{}", { headers: { "content-type": "application/json" } });
    if (pathname === "/object") return OBJECTS.getByName("the one").fetch(request);
    const { token } = await request.json();
    const digest = await digestOf(token);
    if (request.method === "PUT") {
      const record = JSON.stringify({ scopes: ["orders:read"] });
      await TOKENS.put(digest, record);
      const body = JSON.stringify({ digest, record });
      await OBJECTS.getByName("tokens").fetch("https://object/token", { method: "POST", body });
      return new Response("kept");
    }
    if (pathname === "/strong") {
      const answer = await OBJECTS.getByName("tokens").fetch("https://object/token", {
        method: "POST",
        body: JSON.stringify({ digest }),
      });
      return Response.json(await answer.json());
    }
    const record = await TOKENS.get(digest, "json");
    return Response.json({ valid: record !== null, token: record });
  },
};

/** A minimal Durable Object: it reads the request and a row, and answers. */
export class Minimal extends DurableObject {
  constructor(state, env) {
    super(state, env);
    this.sql = state.storage.sql;
    this.sql.exec(
      "CREATE TABLE IF NOT EXISTS one (id INTEGER PRIMARY KEY, value TEXT); INSERT OR IGNORE INTO one VALUES (1, 'value');" +
        "CREATE TABLE IF NOT EXISTS tokens (digest TEXT PRIMARY KEY, record TEXT)",
    );
  }

  async fetch(request) {
    if (request.url.endsWith("/token")) return this.token(await request.json());
    const { since } = await request.json();
    const row = this.sql.exec("SELECT value FROM one WHERE id = ?", 1).one();
    return Response.json({ since, row });
  }

  /** Stores a record, or reads one. */
  token({ digest, record }) {
    if (record !== undefined) this.sql.exec("INSERT OR REPLACE INTO tokens VALUES (?, ?)", digest, record);
    const [found] = this.sql.exec("SELECT record FROM tokens WHERE digest = ?", digest);
    return Response.json({ valid: found !== undefined, token: found && JSON.parse(found.record) });
  }
}
