// A guard written by hand: the token's digest is a key of Workers KV.

import { digestOf } from "../digest.mjs";
import { forward, tokenOf } from "./forward.mjs";

export default {
  async fetch(request, env) {
    const token = tokenOf(request);
    const record = token && (await env.TOKENS.get(await digestOf(token), "json"));
    return record?.scopes.includes("orders:read") ? forward(request, env) : new Response(null, { status: 401 });
  },
};
