// Hono with a JSON Web Token, verified by jose.

import { Hono } from "hono";
import { errors, jwtVerify } from "jose";
import { forward, tokenOf } from "./forward.mjs";

let key;

const app = new Hono();
app.use("/orders/*", async (context, next) => {
  const { SECRET, ISSUER, AUDIENCE } = context.env;
  key ??= await crypto.subtle.importKey(
    "raw",
    new TextEncoder().encode(SECRET),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["verify"],
  );
  try {
    const expected = { issuer: ISSUER, audience: AUDIENCE, algorithms: ["HS256"] };
    const { payload } = await jwtVerify(tokenOf(context.req.raw) ?? "", key, expected);
    if (payload.scope !== "orders:read") return context.body(null, 403);
  } catch (error) {
    if (!(error instanceof errors.JOSEError)) throw error;
    return context.body(null, 401);
  }
  return next();
});
app.get("/orders/*", ({ req, env }) => forward(req.raw, env));

export default app;
