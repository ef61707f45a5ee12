// A minimal Worker that verifies a token by hand: a digest, a read of KV, a response. And a Worker that does even less.

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
      await TOKENS.put(digest, JSON.stringify({ scopes: ["orders:read"] }));
      return new Response("kept");
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
      "CREATE TABLE IF NOT EXISTS one (id INTEGER PRIMARY KEY, value TEXT); INSERT OR IGNORE INTO one VALUES (1, 'value')",
    );
  }

  async fetch(request) {
    const { since } = await request.json();
    const row = this.sql.exec("SELECT value FROM one WHERE id = ?", 1).one();
    return Response.json({ since, row });
  }
}
