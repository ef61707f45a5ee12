// Compiled, never run: code that the types must accept, and code that they must reject.

import {
  Gate,
  InvalidSnapshotError,
  Verifier,
  codeOf,
  init,
  inspect,
  isPending,
  isRenewalDue,
  isValid,
  refusal,
} from "@counterfoil/verify";
import type {
  Answer,
  Bearer,
  CompiledDemand,
  Decision,
  GateDemand,
  LeaseQuestion,
  Need,
  Registry,
  Service,
  SnapshotInfo,
  SnapshotKeys,
  Sources,
} from "@counterfoil/verify";
import * as express from "@counterfoil/verify/express";
import { guard, originHeaders } from "@counterfoil/verify/fetch";
import * as hono from "@counterfoil/verify/hono";
import { Policy, PolicyError } from "@counterfoil/verify/policy";
import type { PolicyJson } from "@counterfoil/verify/policy";
import Express from "express";
import { Hono } from "hono";

interface Env {
  COUNTERFOIL: Service;
  REGISTRY: Registry;
  COUNTERFOIL_TOKEN: string;
}
declare const env: Env;

const gate = new Gate({ controlPlane: env.COUNTERFOIL, token: env.COUNTERFOIL_TOKEN, registry: env.REGISTRY });
const demand: GateDemand = { allOf: ["orders:read"], freshness: "eventual" };

// A service binding, a URL, a string.
new Gate({ controlPlane: { fetch }, tokens: { "0Ab3dE": "cft_…" }, timeout: 500 });
new Gate({ controlPlane: new URL("https://counterfoil.example"), token: "cft_…", onFailure: (error) => error.message });

new Gate({ controlPlane: env.COUNTERFOIL, token: "cft_…", freshness: "bounded", orEventual: true });
gate.compile({ allOf: ["orders:read"], orEventual: false });

// @ts-expect-error must be a boolean
new Gate({ controlPlane: env.COUNTERFOIL, token: "cft_…", orEventual: "yes" });
// @ts-expect-error requirements use camelCase
gate.compile({ or_eventual: true });
// @ts-expect-error a gate needs a control plane
new Gate({ token: "cft_…" });
// @ts-expect-error requirements use camelCase
gate.compile({ all_of: ["orders:read"] });
// @ts-expect-error the workspaces are set by the gate
gate.compile({ workspaces: ["0Ab3dE"] });
// @ts-expect-error unknown freshness level
gate.compile({ freshness: "fresh" });

export async function decide(request: Request): Promise<Bearer | Response> {
  const decision: Decision = await gate.verify(request, demand);
  if (decision.valid) {
    const code: "VALID" = decision.code;
    return code && decision.token;
  }
  // @ts-expect-error a rejected token may be unknown
  decision.token.id;
  const { status, headers, body } = refusal(decision, demand);
  return new Response(body, { status, headers });
}

export async function batch(tokens: readonly string[]): Promise<string[]> {
  return (await gate.verifyAll(tokens, demand)).map(({ code }) => code);
}

export async function quick(token: string, compiled: CompiledDemand, into: (boolean | undefined)[]): Promise<boolean> {
  const [first] = gate.checkAll([token], compiled, { into });
  if (first !== true) return false;
  // @ts-expect-error the result is a boolean, not a number
  isValid(gate.check(token, compiled));
  // @ts-expect-error as above
  codeOf(gate.check(token, compiled));
  // @ts-expect-error as above
  const number: number = gate.check(token, compiled);
  // @ts-expect-error as above
  gate.checkAll([token], compiled, { into: new Uint32Array(1) });
  // @ts-expect-error undefined if the cache cannot decide
  const passes: boolean = gate.check(token, compiled);
  // @ts-expect-error unknown code
  if (gate.code(token, compiled) === "DENIED") return passes;
  if (gate.code(token, compiled, "192.0.2.1") !== "VALID") return number > 0;
  return gate.check(token, compiled, "192.0.2.1") ?? (await gate.verify(token, compiled)).valid;
}

/** The metadata of a token, parsed and as exact text. */
export function metadataOf({ metadata, metadataText }: Bearer): unknown {
  // @ts-expect-error a token may have no metadata
  metadataText.length;
  return metadata ?? metadataText?.length;
}

export default {
  fetch: guard(
    gate,
    demand,
    async (request: Request, decision, _env: Env, context: { waitUntil(p: Promise<unknown>): void }) => {
      context.waitUntil(Promise.resolve(decision.token.owner));
      return fetch(request, { headers: originHeaders(request, decision, { passToken: false }) });
    },
  ),
};

try {
  const json: PolicyJson = {
    or_eventual: true,
    routes: [{ method: "GET", path: "/orders/:id", all_of: ["orders:read"], or_eventual: false }],
  };
  // @ts-expect-error policies use snake_case
  json.orEventual = true;
  const policy = new Policy(json);
  guard(gate, policy, (_request, decision) => {
    // @ts-expect-error no token on a public route
    decision.token;
    return new Response(decision?.token.owner ?? "anonymous");
  });
  policy.route("GET", "/orders/1")?.demand.allOf;
} catch (error) {
  if (error instanceof PolicyError) error.mistakes.map(({ pointer, detail }) => pointer + detail);
}

new Hono()
  .use("/orders/*", hono.guard(gate, demand, { address: (context) => context.req.header("x-real-ip") }))
  .get("/orders/:id", hono.guard(gate, demand), (context) => context.text(context.get("counterfoil").token.owner));

Express().use("/orders", express.guard(gate, demand), (request, response) => {
  response.json({ owner: request.counterfoil?.token.owner });
});

/** What a check waits for, by its kind. */
export function asked(need: Need): string {
  switch (need.kind) {
    case "ledger":
      return need.workspace + need.digests.join();
    case "registry":
      return need.keys.join();
    case "wait":
      return need.workspace + need.milliseconds.toFixed();
    case "lease": {
      const { since, digests, uses }: LeaseQuestion = need.question;
      // @ts-expect-error undefined if the cache is empty
      since.epoch;
      // @ts-expect-error the digests are in the question
      need.digests;
      return `${need.workspace} ${since?.epoch} ${since?.generation} ${digests.join()} ${uses.map(({ count }) => count)}`;
    }
  }
}

/** A custom host. */
export async function drive(verifier: Verifier, token: string, sources: Sources): Promise<boolean> {
  const demand = verifier.demand({ workspaces: ["0Ab3dE"], orEventual: true });
  const answer: Answer = await verifier.resolve(verifier.begin(token, demand, Date.now()), sources);
  if (isRenewalDue(answer)) {
    const renewed: Promise<void> = verifier.renewFrom(answer, sources);
    await renewed;
    const pending: Answer | undefined = verifier.renew(answer, Date.now());
    // @ts-expect-error there may be nothing to renew
    verifier.need(pending);
    if (pending !== undefined && isPending(pending)) verifier.supply(pending, undefined, Date.now());
  }
  // @ts-expect-error does not exist: a numeric answer would be truthy whatever its code
  verifier.check(token, demand, Date.now());
  const answers: Uint32Array = verifier.beginAll([token], demand, Date.now(), undefined, new Uint32Array(1));
  if (codeOf(answers[0] ?? 0) === "REVOKED") return false;
  // @ts-expect-error the time is required
  verifier.renew(answer);
  return isValid(answer);
}

export const sources: Sources = {
  lease: async (workspace, question) => {
    const body = JSON.stringify(question);
    const response = await fetch(`https://counterfoil.example/v1/lease`, {
      method: "POST",
      body,
      headers: { workspace },
    });
    return response.ok ? response.arrayBuffer() : undefined;
  },
  // @ts-expect-error a ledger source gets digests, not a lease question
  ledger: async (_workspace, question: LeaseQuestion) => undefined,
};

export async function page(text: string): Promise<string> {
  await init();
  const seen = inspect(text);
  const verifier = new Verifier({ memory: 1 << 20 });
  verifier.demand({ workspaces: ["0Ab3dE"] });
  verifier.free();
  // @ts-expect-error only Counterfoil's own tokens have a workspace
  seen.workspace;
  return seen.kind === "ours" ? seen.workspace : seen.digest;
}

/** An offline gate, and a snapshot in an online gate. */
export async function offline(file: ArrayBuffer, keys: SnapshotKeys): Promise<string> {
  try {
    const alone = await Gate.offline(file, { keys, address: () => undefined, now: Date.now });
    hono.guard(alone, { allOf: ["orders:read"], freshness: "snapshot" });
    const { workspace, asOf, expiresAt }: SnapshotInfo = await gate.load(new Uint8Array(file), { keys });
    await new Verifier().load(file, { keys: [{ kty: "OKP", crv: "Ed25519", x: "…" }], now: Date.now() });
    new Policy({ freshness: "snapshot", routes: [] });
    // @ts-expect-error keys are required
    await Gate.offline(file);
    // @ts-expect-error as above
    await gate.load(file, {});
    // @ts-expect-error an offline gate has no control plane
    await Gate.offline(file, { keys, controlPlane: env.COUNTERFOIL });
    // @ts-expect-error must be a JWK set or a list of JWKs
    await gate.load(file, { keys: "…" });
    return `${workspace} ${asOf} ${expiresAt}`;
  } catch (error) {
    if (!(error instanceof InvalidSnapshotError)) throw error;
    // @ts-expect-error unknown code
    if (error.code === "STALE") return "";
    return error.code === "UNTRUSTED" ? "an unknown signer" : error.message;
  }
}

// The entry point without a module, and the modules.
import * as bare from "@counterfoil/verify/bare";
import fast from "@counterfoil/verify/module.wasm";
import small from "@counterfoil/verify/small.wasm";

await bare.init(small);
await bare.init(fetch("/small.wasm"));
await init(fast);
// @ts-expect-error there is no module
await bare.init();
