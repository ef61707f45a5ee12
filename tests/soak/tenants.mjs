// The workspaces under load, and the known state of each.

import { createHash } from "node:crypto";
import { ROOT_TOKEN } from "../bench/deployments.mjs";
import { paced } from "./caller.mjs";

/** The maximum number of lines of an import. */
const MOST = 10_000;

const sha256 = (text) => createHash("sha256").update(text).digest("hex");

/** A workspace and its known state, according to the responses. */
export class Tenant {
  /** Created tokens: `{ id, value, isLive, isBusy, changes }`. */
  tokens = [];
  /** Ended values, and when the response to ending them arrived: `{ value, since }`. */
  ended = [];
  /** The number of imported tokens; `valueAt` has their values. */
  imported = 0;
  /** The number of acknowledged changes, and of those with an unknown outcome. */
  changes = 0;
  unknown = 0;

  constructor(slug, key, admin, verifier) {
    Object.assign(this, { slug, key, admin, verifier });
  }

  valueAt(at) {
    return `soak-of-${this.slug}-number-${at}`;
  }
}

/** This many workspaces, the first of which has this many imported tokens. */
export async function found(caller, { workspaces, tokens }, tell) {
  const tenants = Array.from({ length: workspaces });
  await paced(tenants.keys(), async (at) => {
    const slug = `soak-${at}`;
    const founded = await caller.expect(ROOT_TOKEN, "POST", "/v1/workspaces", { slug, name: slug });
    const admin = founded.token.token;
    const scopes = [{ name: "orders:read", description: "reads orders" }];
    await caller.expect(admin, "PUT", "/v1/scopes", { scopes });
    await caller.expect(admin, "PATCH", "/v1/workspace", { default_quota: 1_000_000 });
    const verifier = await caller.expect(admin, "POST", "/v1/tokens", { name: "verifier", scopes: ["tokens:verify"] });
    tenants[at] = new Tenant(slug, founded.workspace.key, admin, verifier.token);
  });
  tell("the workspaces have been created");
  const [large] = tenants;
  for (let at = 0; at < tokens; at += MOST) {
    const numbers = Array.from({ length: Math.min(MOST, tokens - at) }, (_, nth) => at + nth);
    const lines = numbers.map((nth) => ({
      digest: sha256(large.valueAt(nth)),
      name: `token ${nth}`,
      scopes: ["orders:read"],
    }));
    const { imported } = await caller.expect(large.admin, "POST", "/v1/tokens/import", { tokens: lines });
    if (imported !== lines.length) throw new Error(`${imported} of ${lines.length} lines were imported`);
    large.imported += imported;
  }
  tell("the tokens have been imported");
  await paced(tenants, async (tenant) => {
    tenant.audited = await audited(caller, tenant);
  });
  return tenants;
}

/** The number of rows in a workspace's audit log. */
export const audited = async (caller, { admin }) => (await caller.expect(admin, "GET", "/v1/audit?limit=1")).total;
