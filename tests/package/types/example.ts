// Compiled, never run: what a user may write, and what the types must refuse.

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

// A service binding, a URL, a text.
new Gate({ controlPlane: { fetch }, tokens: { "0Ab3dE": "cft_…" }, timeout: 500 });
new Gate({ controlPlane: new URL("https://counterfoil.example"), token: "cft_…", onFailure: (error) => error.message });

new Gate({ controlPlane: env.COUNTERFOIL, token: "cft_…", freshness: "bounded", orEventual: true });
gate.compile({ allOf: ["orders:read"], orEventual: false });

// @ts-expect-error yes or no
new Gate({ controlPlane: env.COUNTERFOIL, token: "cft_…", orEventual: "yes" });
// @ts-expect-error demands are written as JavaScript has it
gate.compile({ or_eventual: true });
// @ts-expect-error a gate needs to know whom to ask
new Gate({ token: "cft_…" });
// @ts-expect-error demands are written as JavaScript has it
gate.compile({ all_of: ["orders:read"] });
// @ts-expect-error the workspaces are the gate's
gate.compile({ workspaces: ["0Ab3dE"] });
// @ts-expect-error no such freshness
gate.compile({ freshness: "fresh" });

export async function decide(request: Request): Promise<Bearer | Response> {
  const decision: Decision = await gate.verify(request, demand);
  if (decision.valid) {
    const code: "VALID" = decision.code;
    return code && decision.token;
  }
  // @ts-expect-error who does not pass may be unknown
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
  // @ts-expect-error it says yes or no, and is no number
  isValid(gate.check(token, compiled));
  // @ts-expect-error likewise
  codeOf(gate.check(token, compiled));
  // @ts-expect-error likewise
  const number: number = gate.check(token, compiled);
  // @ts-expect-error likewise
  gate.checkAll([token], compiled, { into: new Uint32Array(1) });
  // @ts-expect-error memory may not say
  const passes: boolean = gate.check(token, compiled);
  // @ts-expect-error no such code
  if (gate.code(token, compiled) === "DENIED") return passes;
  if (gate.code(token, compiled, "192.0.2.1") !== "VALID") return number > 0;
  return gate.check(token, compiled, "192.0.2.1") ?? (await gate.verify(token, compiled)).valid;
}

/** What a token carries, as it was read and to the digit. */
export function carried({ metadata, metadataText }: Bearer): unknown {
  // @ts-expect-error it may carry nothing
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
  // @ts-expect-error policies are JSON
  json.orEventual = true;
  const policy = new Policy(json);
  guard(gate, policy, (_request, decision) => {
    // @ts-expect-error a public route has none
    decision.token;
    return new Response(decision?.token.owner ?? "anybody");
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

/** What a check waits for, told apart by its kind. */
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
      // @ts-expect-error nothing where memory holds nothing
      since.epoch;
      // @ts-expect-error they are in the question
      need.digests;
      return `${need.workspace} ${since?.epoch} ${since?.generation} ${digests.join()} ${uses.map(({ count }) => count)}`;
    }
  }
}

/** A host of one's own. */
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
  // @ts-expect-error what is begun is no check yet: its answer is truthy whatever it says
  verifier.check(token, demand, Date.now());
  const answers: Uint32Array = verifier.beginAll([token], demand, Date.now(), undefined, new Uint32Array(1));
  if (codeOf(answers[0] ?? 0) === "REVOKED") return false;
  // @ts-expect-error it is told when
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
  // @ts-expect-error a question is no list of digests
  ledger: async (_workspace, question: LeaseQuestion) => undefined,
};

export async function page(text: string): Promise<string> {
  await init();
  const seen = inspect(text);
  const verifier = new Verifier({ memory: 1 << 20 });
  verifier.demand({ workspaces: ["0Ab3dE"] });
  verifier.free();
  // @ts-expect-error only of ours
  seen.workspace;
  return seen.kind === "ours" ? seen.workspace : seen.digest;
}

/** By a snapshot alone, and by one besides. */
export async function offline(file: ArrayBuffer, keys: SnapshotKeys): Promise<string> {
  try {
    const alone = await Gate.offline(file, { keys, address: () => undefined, now: Date.now });
    hono.guard(alone, { allOf: ["orders:read"], freshness: "snapshot" });
    const { workspace, asOf, expiresAt }: SnapshotInfo = await gate.load(new Uint8Array(file), { keys });
    await new Verifier().load(file, { keys: [{ kty: "OKP", crv: "Ed25519", x: "…" }], now: Date.now() });
    new Policy({ freshness: "snapshot", routes: [] });
    // @ts-expect-error it is not believed without keys
    await Gate.offline(file);
    // @ts-expect-error likewise
    await gate.load(file, {});
    // @ts-expect-error it asks nobody
    await Gate.offline(file, { keys, controlPlane: env.COUNTERFOIL });
    // @ts-expect-error a JWK, or a set of them
    await gate.load(file, { keys: "…" });
    return `${workspace} ${asOf} ${expiresAt}`;
  } catch (error) {
    if (!(error instanceof InvalidSnapshotError)) throw error;
    // @ts-expect-error no such code
    if (error.code === "STALE") return "";
    return error.code === "UNTRUSTED" ? "nobody we know" : error.message;
  }
}
