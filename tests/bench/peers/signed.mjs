// Signed tokens, which are verified without a store. A signature by another key stands for an unknown token.

import { randomBytes } from "node:crypto";
import { TokenError, createVerifier } from "fast-jwt";
import { SignJWT, errors, exportSPKI, generateKeyPair, jwtVerify } from "jose";
import macaroons from "macaroon";
import { named } from "./installed.mjs";

// It greets on standard output, which is for the tables.
const { log } = console;
console.log = () => {};
const { Biscuit, KeyPair, authorizer, biscuit } = await import("@biscuit-auth/biscuit-wasm");
console.log = log;

const ISSUER = "https://issuer.example";
const AUDIENCE = "https://api.example";
const SCOPE = "orders:read";
const DAY = 86_400_000;

const NO_REVOCATION = "revocation before the token expires";

/** `false` for what `verify` throws about a token. Any other error is a mistake of the bench. */
const denied = (error, isDenial) => {
  if (isDenial(error)) return false;
  throw error;
};

export async function signed({ malformed }) {
  const count = malformed.length;
  return [...(await webTokens(count, malformed)), await biscuits(count, malformed), await macaroon(count, malformed)];
}

/** Verified as its users do: signature, algorithm, issuer, audience, expiration, and a scope. */
async function webTokens(count, malformed) {
  // jose is fastest with keys of WebCrypto; fast-jwt takes bytes or PEM.
  const keys = {
    HS256: async () => {
      const bytes = randomBytes(32);
      const hmac = { name: "HMAC", hash: "SHA-256" };
      const key = await crypto.subtle.importKey("raw", bytes, hmac, false, ["sign", "verify"]);
      return { signing: key, verifying: key, exported: bytes };
    },
    EdDSA: async () => {
      const { privateKey, publicKey } = await generateKeyPair("EdDSA", { extractable: true });
      return { signing: privateKey, verifying: publicKey, exported: await exportSPKI(publicKey) };
    },
  };
  const tokenOf = (alg, key, number) =>
    new SignJWT({ scope: SCOPE })
      .setProtectedHeader({ alg })
      .setSubject(`user ${number}`)
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setExpirationTime("1 day")
      .sign(key);
  const [jose, fast] = [await named("jose"), await named("fast-jwt")];
  const subjects = [];
  for (const [alg, generate] of Object.entries(keys)) {
    const [ours, others] = [await generate(), await generate()];
    const made = ({ signing }) =>
      Promise.all(Array.from({ length: count }, (_, number) => tokenOf(alg, signing, number)));
    const tokens = { valid: await made(ours), unknown: await made(others), malformed };
    const expected = { issuer: ISSUER, audience: AUDIENCE, algorithms: [alg] };
    const byJose = async (token) => {
      try {
        return (await jwtVerify(token, ours.verifying, expected)).payload.scope === SCOPE;
      } catch (error) {
        return denied(error, (error) => error instanceof errors.JOSEError);
      }
    };
    const byFast = (options) => {
      const allowed = { algorithms: [alg], allowedIss: ISSUER, allowedAud: AUDIENCE };
      const verify = createVerifier({ key: ours.exported, ...allowed, ...options });
      return (token) => {
        try {
          return verify(token).scope === SCOPE;
        } catch (error) {
          return denied(error, (error) => error instanceof TokenError);
        }
      };
    };
    subjects.push(
      { name: `${jose}, ${alg}`, lacks: `${NO_REVOCATION} (asynchronous)`, tokens, check: byJose },
      { name: `${fast}, ${alg}`, lacks: NO_REVOCATION, tokens, check: byFast() },
      {
        name: `${fast}, ${alg}, with its cache`,
        lacks: `${NO_REVOCATION}; the signature of a cached token`,
        tokens,
        check: byFast({ cache: true }),
      },
    );
  }
  return subjects;
}

/** A Datalog policy decides: the token's rights and its expiration. */
async function biscuits(count, malformed) {
  const [ours, others] = [new KeyPair(), new KeyPair()];
  const expires = new Date(Date.now() + DAY);
  const made = (pair) =>
    Array.from({ length: count }, (_, number) =>
      biscuit`user(${number}); right(${SCOPE}); check if time($time), $time < ${expires};`
        .build(pair.getPrivateKey())
        .toBase64(),
    );
  const root = ours.getPublicKey();
  // Its default limit is a millisecond, which a busy machine exceeds.
  const limits = { max_time_micro: 1_000_000 };
  return {
    name: await named("@biscuit-auth/biscuit-wasm"),
    lacks: "revocation, unless you keep a list of revoked tokens",
    tokens: { valid: made(ours), unknown: made(others), malformed },
    check: (token) => {
      let parsed;
      try {
        parsed = Biscuit.fromBase64(token, root);
      } catch (error) {
        return denied(error, ({ Format, Base64 }) => (Format ?? Base64) !== undefined);
      }
      const policy = authorizer`time(${new Date()}); allow if right(${SCOPE});`;
      try {
        policy.addToken(parsed);
        policy.authorizeWithLimits(limits);
        return true;
      } catch (error) {
        return denied(error, ({ FailedLogic }) => FailedLogic !== undefined);
      } finally {
        policy.free();
        parsed.free();
      }
    },
  };
}

/** A chain of HMACs in JavaScript; conditions are checked by code of the user. */
async function macaroon(count, malformed) {
  const { importMacaroon, newMacaroon } = macaroons;
  const [ours, others] = [randomBytes(32), randomBytes(32)].map((key) => new Uint8Array(key));
  const expires = Date.now() + DAY;
  const made = (rootKey) =>
    Array.from({ length: count }, (_, number) => {
      const one = newMacaroon({ identifier: `user ${number}`, location: ISSUER, rootKey, version: 2 });
      one.addFirstPartyCaveat(`scope = ${SCOPE}`);
      one.addFirstPartyCaveat(`time < ${expires}`);
      return macaroons.bytesToBase64(one.exportBinary());
    });
  const condition = (caveat) => {
    if (caveat === `scope = ${SCOPE}`) return null;
    if (caveat.startsWith("time < ") && Date.now() < Number(caveat.slice(7))) return null;
    return "the condition is not met";
  };
  return {
    name: await named("macaroon"),
    lacks: "revocation, unless you keep a key for each token",
    tokens: { valid: made(ours), unknown: made(others), malformed },
    check: (token) => {
      try {
        importMacaroon(token).verify(ours, condition, []);
        return true;
      } catch {
        // It throws plain errors.
        return false;
      }
    },
  };
}
