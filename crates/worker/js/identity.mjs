// Requests to identity providers (OpenID Connect) on behalf of Rust, which decides what follows from the results.
//
// This module caches nothing; Rust decides how often a provider is queried. No function throws: a result is `{ok}`,
// `{refused: why}`, `{unfit: {reason, why}}` if the provider did sign the token, or `{unreachable: why}`. `why` never
// contains any part of a token, a code or a secret.

import { createLocalJWKSet, errors, jwtVerify } from "jose";

/** The accepted signature algorithms of ID tokens; all use public keys. */
const ALGORITHMS = ["RS256", "ES256", "EdDSA"];

/** The allowed clock skew of a provider, in seconds. */
const TOLERANCE_S = 60;

/** The timeout of a provider, in milliseconds. */
const TIMEOUT_MS = 5000;

/** The maximum size of a provider's document, in bytes. */
const MAX_BYTES = 128 * 1024;

class Unreachable extends Error {}
class Refused extends Error {}

/** A claim of a correctly signed token is unacceptable. */
class Unfit extends Error {
  reason = "token_unfit";
}

/** Answers one request from Rust; both are JSON. */
globalThis.askProvider = async (question) => JSON.stringify(await answer(JSON.parse(question)));

async function answer({ describe: issuer, keys: address, redeem: code, identify: token }) {
  try {
    if (issuer) return { ok: await describe(issuer) };
    if (address) return { ok: await keys(address) };
    if (code) return { ok: await redeem(code) };
    return { ok: await identify(token) };
  } catch (error) {
    if (error instanceof Unreachable) return { unreachable: error.message };
    if (error instanceof Refused) return { refused: error.message };
    if (error instanceof Unfit) return { unfit: { reason: error.reason, why: error.message } };
    // The library's messages may quote the token; its codes do not.
    const why = `the token: ${error?.code} ${error?.claim ?? ""}`.trimEnd();
    // The library checks claims only after the signature is verified.
    if (error instanceof errors.JWTExpired) return { unfit: { reason: "token_expired", why } };
    if (error instanceof errors.JWTClaimValidationFailed) return { unfit: { reason: "token_unfit", why } };
    if (error instanceof errors.JOSEError) return { refused: why };
    return { refused: "the token could not be read" };
  }
}

async function describe(issuer) {
  const { document, max_age } = await get(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`);
  const { authorization_endpoint, token_endpoint, jwks_uri, ...rest } = document;
  const { authorization_response_iss_parameter_supported, token_endpoint_auth_methods_supported } = rest;
  const what = {
    issuer: rest.issuer,
    authorization_endpoint,
    token_endpoint,
    jwks_uri,
    authorization_response_iss_parameter_supported: isTrue(authorization_response_iss_parameter_supported),
    token_endpoint_auth_methods_supported,
  };
  return { what, max_age };
}

/** The public keys at this URL, reduced to the fields that signature verification needs: certificates are long. */
async function keys(address) {
  const { document, max_age } = await get(address);
  if (!Array.isArray(document.keys)) throw new Unreachable("the key set has no keys");
  const what = document.keys.filter(isObject).map((key) => {
    const { kty, use, key_ops, alg, kid, n, e, crv, x, y } = key;
    return { kty, use, key_ops, alg, kid, n, e, crv, x, y };
  });
  return { what, max_age };
}

async function redeem({ token_endpoint, client_id, client_secret, secret_in_body, code, code_verifier, redirect_uri }) {
  const form = new URLSearchParams({ grant_type: "authorization_code", code, code_verifier, redirect_uri });
  const headers = {};
  if (client_secret && !secret_in_body) {
    // Form-encoded before they are joined (RFC 6749, section 2.3.1).
    const [id, secret] = [client_id, client_secret].map((text) => new URLSearchParams({ _: text }).toString().slice(2));
    headers.authorization = `Basic ${btoa(`${id}:${secret}`)}`;
  } else {
    form.set("client_id", client_id);
    if (client_secret) form.set("client_secret", client_secret);
  }
  const { status, document } = await request(token_endpoint, { method: "POST", headers, body: form });
  if (status >= 400 && status < 500) throw new Refused(`the token endpoint answers ${status}`);
  if (status !== 200) throw new Unreachable(`the token endpoint answers ${status}`);
  if (typeof document?.id_token !== "string") throw new Refused("the token endpoint returned no identity token");
  return document.id_token;
}

async function identify({ issuer, audience, keys, token, now }) {
  const options = {
    algorithms: ALGORITHMS,
    issuer,
    audience,
    requiredClaims: ["exp", "sub"],
    clockTolerance: TOLERANCE_S,
    currentDate: new Date(now),
  };
  const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet({ keys }), options);
  const { aud, azp, email, email_verified, exp, iat, nonce, sub } = payload;
  // Tokens of other kinds name their type (RFC 8725, section 3.11): an access token is not an ID token.
  if (!/^(jwt)?$/i.test(protectedHeader.typ ?? "")) throw new Unfit("the token has another `typ`");
  // A token with several audiences names the party that it was issued to (OpenID Connect Core 1.0, section 3.1.3.7).
  if (Array.isArray(aud) && aud.length > 1 && azp !== audience)
    throw new Unfit("the token's `azp` names another client");
  if (iat !== undefined && !(iat <= now / 1000 + TOLERANCE_S)) throw new Unfit("the token's `iat` is in the future");
  if (typeof sub !== "string" || sub.length > 255) throw new Unfit("the token's `sub` is missing or too long");
  return {
    subject: sub,
    email: typeof email === "string" ? email : undefined,
    email_verified: email_verified === undefined ? undefined : isTrue(email_verified),
    nonce: typeof nonce === "string" ? nonce : undefined,
    expires_at: Math.min(Math.floor(exp * 1000), Number.MAX_SAFE_INTEGER),
  };
}

/**
 * Whether a boolean claim is true. Some providers write it as a string (Amazon Cognito, Microsoft Entra ID,
 * JumpCloud).
 */
function isTrue(value) {
  return value === true || value === "true";
}

function isObject(value) {
  return value !== null && typeof value === "object";
}

/** The document at this URL, and for how many seconds it may be cached. */
async function get(address) {
  const { status, document, max_age } = await request(address, {});
  if (status !== 200) throw new Unreachable(`${new URL(address).pathname} answers ${status}`);
  if (!isObject(document)) throw new Unreachable("the document is not a JSON object");
  return { document, max_age };
}

/** The `max-age` of `Cache-Control` (RFC 9111, section 5.2.2). */
function maxAge(control) {
  if (/no-store|no-cache/i.test(control)) return 0;
  const age = control?.match(/max-age=(\d{1,9})/i);
  return age ? Number(age[1]) : undefined;
}

/** Sends a request to a provider. Redirects are not followed. */
async function request(address, init) {
  try {
    const response = await fetch(address, {
      ...init,
      headers: { accept: "application/json", ...init.headers },
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await read(response);
    const document = response.status === 200 ? JSON.parse(text) : undefined;
    return { status: response.status, document, max_age: maxAge(response.headers.get("cache-control")) };
  } catch (error) {
    if (error instanceof Unreachable) throw error;
    throw new Unreachable(error instanceof SyntaxError ? "the document is not JSON" : `no answer: ${error?.name}`);
  }
}

async function read(response) {
  const decoder = new TextDecoder();
  let [text, bytes] = ["", 0];
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BYTES) throw new Unreachable("the document is too large");
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
