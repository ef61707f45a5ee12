// better-auth with its plugin for API keys. It queries its store for every check.

import { apiKey } from "@better-auth/api-key";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { named } from "./installed.mjs";

const PERMISSIONS = { orders: ["read"] };
const DAY = 86_400;

/** Both stores that need no other process; a database adds its own time. Rate limits, which it has by default, are off. */
export async function betterAuths({ malformed }) {
  const name = `${await named("better-auth")} with ${await named("@better-auth/api-key")}`;
  const lacks = "its rate limits, which are off (asynchronous)";
  const kept = new Map();
  const secondaryStorage = {
    get: (key) => kept.get(key),
    set: (key, value) => void kept.set(key, value),
    delete: (key) => void kept.delete(key),
  };
  return [
    {
      name: `${name}, a Map`,
      lacks,
      ...(await subject(malformed, { secondaryStorage }, { storage: "secondary-storage" })),
    },
    {
      name: `${name}, its memory adapter`,
      lacks: `${lacks}; an index: it reads all ${malformed.length} keys`,
      ...(await subject(malformed, {}, {})),
    },
  ];
}

async function subject(malformed, options, keyOptions) {
  const tables = { user: [], session: [], account: [], verification: [], apikey: [] };
  const { api } = betterAuth({
    baseURL: "http://127.0.0.1",
    secret: "only for this measurement, on this machine",
    database: memoryAdapter(tables),
    emailAndPassword: { enabled: true },
    logger: { disabled: true },
    telemetry: { enabled: false },
    plugins: [apiKey({ rateLimit: { enabled: false }, ...keyOptions })],
    ...options,
  });
  const { user } = await api.signUpEmail({
    body: { name: "Ada", email: "ada@example.com", password: "only for this measurement" },
  });
  const valid = [];
  for (let number = 0; number < malformed.length; number += 1) {
    const body = { userId: user.id, permissions: PERMISSIONS, expiresIn: DAY };
    valid.push((await api.createApiKey({ body })).key);
  }
  // A key of the same length: the first letters of two keys are exchanged with each other's.
  const unknown = valid.map((key, at) => valid.at(at - 1).slice(0, 32) + key.slice(32));
  const check = async (key) => (await api.verifyApiKey({ body: { key, permissions: PERMISSIONS } })).valid;
  return { tokens: { valid, unknown, malformed }, check };
}
