import type { Code, CredentialCode, DemandFault, Freshness, SnapshotFault } from "./codes.js";

export type { Code, CredentialCode, Freshness };

/** The code of an `Answer`, or `PENDING` if something must be fetched first. The index of a code is its number. */
export const CODES: readonly Code[];

/**
 * The result of a `Verifier` call: one number, **which is truthy whether the token is valid or not**. Read it with
 * `isValid`, `isPending`, `isRenewalDue` and `codeOf`. The low 7 bits are the number of the code, the next bit says that
 * a lease is to be renewed, and the others identify the check or the decision for `need`, `supply`, `details`, `resolve`
 * and `renew`.
 */
export type Answer = number;

/** A compiled requirement. The number is only valid for the `Verifier` or `Gate` that returned it. */
export type CompiledDemand = number;

/** The requirement of a check. */
export interface Demand {
  /** The keys (6 characters) of the accepted workspaces; at least one. */
  workspaces: string[];
  /** Scopes that are all required. An explicit `undefined` is an error, since it would require nothing. */
  allOf?: string[];
  /** Scopes of which one is required. An explicit `undefined` is an error, likewise. */
  anyOf?: string[];
  /** The freshness level. Default: `bounded`. */
  freshness?: Freshness;
  /** Whether to accept an eventual decision if the control plane is unreachable. Default: `false`. */
  orEventual?: boolean;
  /**
   * Whether the token's number, owner and scopes suffice, which segments contain. Default: `false`. Without it, the
   * token's id, name, client and metadata take one read of the registry, when a token is first seen.
   */
  brief?: boolean;
}

/**
 * What a check needs. `wait`: another check's request will serve this one. Continue with `supply(answer, undefined,
 * now)` after so many milliseconds, or as soon as anything was supplied for this workspace.
 */
export type Need =
  | { kind: "ledger"; workspace: string; digests: string[] }
  | { kind: "lease"; workspace: string; question: LeaseQuestion }
  | { kind: "registry"; keys: string[] }
  | { kind: "wait"; workspace: string; milliseconds: number };

/** The body of `POST /v1/lease`. */
export interface LeaseQuestion {
  /** The position up to which the cache is complete; absent if it is empty. */
  since?: { epoch: number; generation: number };
  /** Digests of token values, in hexadecimal. */
  digests: string[];
  /** How often token values were used since the last report. */
  uses: { digest: string; last_used_at: string; count: number }[];
  /** Present if segments are loaded. The hash of the manifest in use, in hexadecimal; absent if none is used yet. */
  segments?: { manifest?: string };
}

export type Bytes = Uint8Array | ArrayBuffer | ArrayBufferView;

/** Where data is fetched from. A source that is missing, throws or returns `undefined` counts as unreachable. */
export interface Sources {
  /**
   * Returns the response body of `POST /v1/records` for these digests (hexadecimal), sent with a token of that
   * workspace.
   */
  ledger?(workspace: string, digests: string[]): Promise<Bytes | undefined>;
  /** Returns the response body of `POST /v1/lease` for this question, sent with a token of that workspace. */
  lease?(workspace: string, question: LeaseQuestion): Promise<Bytes | undefined>;
  /** Returns the values of these registry keys, in their order; `null` for a key without a value. */
  registry?(keys: string[]): Promise<(Bytes | null | undefined)[] | undefined>;
  /** Returns the time in milliseconds since 1970. Default: `Date.now`. */
  now?(): number;
}

/** A full decision. The fields about the token are present if it was ever issued, whether it is valid or not. */
export interface Details {
  valid: boolean;
  code: Code;
  /** The freshness level of the decision. */
  freshness: Freshness;
  /** The time as of which it holds, in milliseconds since 1970. */
  asOf: number;
  id?: string;
  number?: number;
  name?: string;
  /** The workspace's slug. */
  workspace?: string;
  workspaceKey?: string;
  /** The owner's id. */
  ownerId?: string;
  /** The owner's number. */
  owner?: number;
  /** The effective scopes: the token's own, as far as its owner's granted scopes cover them. */
  scopes?: string[];
  clientId?: string;
  /** Milliseconds since 1970. */
  expiresAt?: number;
  /** JSON text. */
  metadata?: string;
}

/** The format of a token value. It does not show whether the token was ever issued. */
export type Inspection =
  | { kind: "ours"; prefix: string; workspace: string; digest: string }
  | { kind: "foreign"; digest: string }
  /** `reason` describes what is wrong. */
  | { kind: "malformed"; reason: string; digest: string };

/** A WebAssembly module: its URL, a request for it, a response with it, its bytes, or the compiled module. */
export type ModuleSource = URL | string | Request | Response | BufferSource | WebAssembly.Module;

/**
 * Loads the WebAssembly module. Await it once in a browser. In Node, Deno, Bun, Workers and edge functions the module is
 * loaded when the package is imported: `init` then does nothing.
 * @param source another module than the package's own: see the entry point `@counterfoil/verify/bare`
 */
export function init(source?: ModuleSource | Promise<ModuleSource>): Promise<void>;

export function codeOf(answer: Answer): Code;
export function isPending(answer: Answer): boolean;
export function isValid(answer: Answer): boolean;
/** Whether this request is to have a lease renewed, with `Verifier.renewFrom`. A `Gate` does this itself. */
export function isRenewalDue(answer: Answer): boolean;

/** Parses a token value, without a key, a cache or a network request. */
export function inspect(text: string): Inspection;

/** The SHA-256 of a token value, in hexadecimal. */
export function digest(text: string): string;

/** The requirement of a check by a `Gate`. The accepted workspaces are the gate's. */
export type GateDemand = Omit<Demand, "workspaces">;

/** A JWK (RFC 7517). Only Ed25519 keys (RFC 8037) are used, by their `x`; others are ignored. */
export interface PublicJwk {
  kty?: string;
  crv?: string;
  x?: string;
  [member: string]: unknown;
}

/** A workspace's snapshot keys: the response of `GET /v1/snapshot/keys`, stored with your configuration. */
export type SnapshotKeys = { keys: readonly PublicJwk[] } | readonly PublicJwk[];

/** The workspace and the validity of a snapshot. Times are in milliseconds since 1970. */
export interface SnapshotInfo {
  /** The workspace's key. */
  workspace: string;
  /** The time of the state that it contains. */
  asOf: number;
  /** It is valid before this time. */
  expiresAt: number;
}

/** The snapshot was rejected. `code` says why; the message contains nothing of the file's content. */
export class InvalidSnapshotError extends Error {
  // biome-ignore format: each code has its description above it
  readonly code:
    /**
     * `UNKNOWN_FORMAT`: it needs a later version of this package. `MALFORMED`: its head is signed, but the content does
     * not match that head.
     */
    | SnapshotFault
    /** The file is not a snapshot, or is too short. */
    | "NOT_A_SNAPSHOT"
    /** It is of a workspace that the gate does not accept. */
    | "OTHER_WORKSPACE"
    /** No key that was given has signed it. */
    | "UNTRUSTED"
    /** The runtime's WebCrypto does not support Ed25519. */
    | "UNSUPPORTED"
    /** There is not enough memory for it. */
    | "TOO_LARGE";
}

/** The token of a decision: its owner and what it may do. */
export interface Bearer {
  /** Absent, as are name, client and metadata, if the decision is from a snapshot, or from a segment with `brief` set. */
  id?: string;
  /** The token's number in its workspace: 1, 2, 3 … */
  number: number;
  name?: string;
  /** The workspace's slug. */
  workspace: string;
  /** The owner's id. */
  owner: string;
  /** The effective scopes: the token's own, as far as its owner's granted scopes cover them. */
  scopes: string[];
  clientId?: string;
  /** Milliseconds since 1970. */
  expiresAt?: number;
  /** The metadata, parsed by `JSON.parse`, which rounds numbers beyond 2^53 and long fractions to about 16 digits. */
  metadata?: unknown;
  /** The metadata as its stored JSON text, with every digit; present if `metadata` is. */
  metadataText?: string;
}

/** The decision on one token. Test `valid`: the decision itself is an object, so it is always truthy. */
export type Decision =
  | { valid: true; code: "VALID"; freshness: Freshness; asOf: number; token: Bearer }
  | {
      valid: false;
      code: Exclude<Code, "VALID" | "PENDING"> | CredentialCode;
      /** The freshness level of the decision; absent if no token was presented that could be decided on. */
      freshness?: Freshness;
      /** The time as of which it holds, in milliseconds since 1970; absent likewise. */
      asOf?: number;
      /** The token that is not valid, if it was ever issued. */
      token?: Bearer;
      /**
       * Describes what is wrong with the presented value if the code is `MALFORMED`. Reveals nothing that the value does
       * not.
       */
      reason?: string;
    };

/** A request that presents a token: any object with `headers`. */
export interface Presenting {
  headers: { get(name: string): string | null } | Record<string, string | string[] | undefined>;
}

/** A service binding to a Counterfoil deployment, or any object whose `fetch` reaches one. */
export interface Service {
  fetch(input: string | URL, init?: RequestInit): Promise<Response>;
}

/** A KV binding. Only `get` is used. */
export interface Registry {
  get(key: string, type: "arrayBuffer"): Promise<ArrayBuffer | null>;
}

export interface GateOptions {
  /** Your Counterfoil deployment: a service binding, or its URL (https; http for the local machine only). */
  controlPlane: Service | string | URL;
  /** The gate's own token. It must hold `tokens:verify`. The gate accepts the tokens of its workspace. */
  token?: string;
  /** Instead of `token`: one such token for each workspace that the gate accepts, by the workspace's key. */
  tokens?: Record<string, string>;
  /**
   * The deployment's KV namespace. It serves `eventual` checks without a request to the deployment, and contains the
   * segments. A read that takes longer than a second counts as failed; the check then makes no further read. Note that
   * such a binding also permits writes.
   */
  registry?: Registry;
  /**
   * Whether to load the segments that the deployment publishes in `registry`. With segments, `bounded` checks rarely
   * need a request for a token that is seen for the first time. Default: `true` if there is a `registry`.
   */
  segments?: boolean;
  /** The freshness level of requirements that do not set one. Default: `bounded`. */
  freshness?: Freshness;
  /** `orEventual` for requirements that do not set it. Default: `false`. */
  orEventual?: boolean;
  /** How long to wait for the control plane, in milliseconds. Default: 2000. */
  timeout?: number;
  /** Approximate size of the cache of records and segments, in bytes. Default: 16 MiB. */
  memory?: number;
  /**
   * Returns the client's address of a request. Default: `CF-Connecting-IP` on Cloudflare, else none unless an adapter
   * sets it.
   */
  address?(request: Presenting): string | undefined;
  /** Returns the time in milliseconds since 1970. Default: `Date.now`. */
  now?(): number;
  /**
   * Called if data cannot be fetched, or if a guard fails; for the same error at most once a minute. The message never
   * contains a token. Default: `console.error` with the message.
   */
  onFailure?(error: Error): unknown;
}

/** Options of a gate that uses only a snapshot. */
export interface OfflineOptions extends Pick<GateOptions, "address" | "now" | "onFailure"> {
  /**
   * The workspace's snapshot keys. They determine which tokens are accepted: obtain them beforehand, and not from the
   * source of the file.
   */
  keys: SnapshotKeys;
}

/** Verifies tokens, and fetches and caches the data that this needs. Create one per process or isolate and reuse it. */
export class Gate {
  /** @throws TypeError if an option is invalid */
  constructor(options: GateOptions);

  /**
   * Creates an offline gate, which uses only the given snapshot. It accepts the tokens of the snapshot's workspace,
   * until the snapshot expires. Requirements default to `snapshot` freshness; for any other level the code is
   * `UNAVAILABLE`.
   * @throws InvalidSnapshotError
   */
  static offline(file: Bytes, options: OfflineOptions): Promise<Gate>;

  /**
   * Loads a snapshot of a workspace that the gate accepts, for requirements with `snapshot` freshness. It replaces an
   * earlier snapshot of that workspace. A later one is kept, and so is the current one if the new one is rejected.
   * @param options.keys the snapshot keys of that workspace, from another source than the file
   * @throws InvalidSnapshotError
   */
  load(file: Bytes, options: { keys: SnapshotKeys }): Promise<SnapshotInfo>;

  /**
   * Compiles a requirement. Compile each one once: a gate holds at most 4,096 different ones.
   * @throws InvalidDemandError
   */
  compile(demand: GateDemand): CompiledDemand;

  /**
   * Verifies the token of a request, or a token value, against a requirement. Never rejects because of the presented
   * credential. If required data cannot be fetched, the code is `UNAVAILABLE`.
   * @param options.address the client's address, which overrides the gate's `address`
   * @throws InvalidDemandError
   */
  verify(
    from: Presenting | string,
    demand: GateDemand | CompiledDemand,
    options?: { address?: string },
  ): Promise<Decision>;

  /**
   * Verifies several tokens against one requirement; the decisions are in their order. Data is fetched for up to a
   * hundred tokens per request. Each decision holds as of when it was made: one from the cache may be older by the time
   * that fetching for the others took.
   */
  verifyAll(
    tokens: readonly string[],
    demand: GateDemand | CompiledDemand,
    options?: { address?: string },
  ): Promise<Decision[]>;

  /**
   * Verifies a token from the cache alone, synchronously and without allocation: `true` if it is valid, `false` if it is
   * not, `undefined` if the cache does not suffice; then use `verify`. Only `true` is truthy. Never throws because of
   * the token.
   */
  check(token: string, demand: CompiledDemand, address?: string): boolean | undefined;

  /** The same for several tokens in one call. With `into`, nothing is allocated. */
  checkAll(
    tokens: readonly string[],
    demand: CompiledDemand,
    options?: { address?: string; into?: (boolean | undefined)[] },
  ): (boolean | undefined)[];

  /**
   * The code instead of the result of `check`, from the cache alone and equally fast: `PENDING` if the cache does not
   * suffice. This is a check of its own: if the token is valid, a use is counted.
   */
  code(token: string, demand: CompiledDemand, address?: string): Code;
}

/**
 * The response to a request whose token is not accepted: 401 or 403 with a challenge (RFC 6750), 400, 429, 500 or 503.
 * If `demand` is given, the challenge names the required scopes, and the body those that the token lacks.
 */
export function refusal(
  decision: {
    code: Decision["code"] | "NO_ROUTE" | "INTERNAL";
    token?: { scopes: readonly string[] };
    reason?: string;
  },
  demand?: GateDemand,
): { status: number; headers: Record<string, string>; body: string };

/** The requirement is invalid. `code` says why. */
export class InvalidDemandError extends TypeError {
  // biome-ignore format: as above
  readonly code:
    /** A function, a promise, an array, or an object with hidden or inherited fields: it would require nothing. */
    | "NOT_AN_OBJECT"
    | DemandFault
    /** `orEventual` and `brief` must be booleans. */
    | "INVALID_FLAG"
    | "UNKNOWN_FIELD";
}

/** The verifier without I/O, which `Gate` drives. It caches records and decides. Create one and reuse it. */
export class Verifier {
  /**
   * @param options.memory approximate size of the cache of records and segments, in bytes; default: 16 MiB. A
   *   token takes some 160
   * @param options.segments whether to load segments from the registry; default: `false`
   */
  constructor(options?: { memory?: number; segments?: boolean });

  /**
   * Compiles a requirement. Compile each one once: a verifier holds at most 4,096 different ones.
   * @throws InvalidDemandError
   */
  demand(demand: Demand): CompiledDemand;

  /**
   * Sets the keys of a workspace's authentication tags, 32 bytes each, the current one first. Optional: responses of the
   * ledger contain them.
   * @throws TypeError if an argument has another form
   */
  trustSealKeys(workspace: string, keys: Uint8Array[], now: number): void;

  /**
   * Loads a snapshot for requirements with `snapshot` freshness. It replaces an earlier one of the same workspace. A
   * later one is kept, and so is the current one if the new one is rejected. The signature is verified before any other
   * part of the file is read.
   * @param options.keys the snapshot keys of the expected workspace, from another source than the file
   * @param options.now milliseconds since 1970; default: the current time
   * @throws InvalidSnapshotError
   */
  load(file: Bytes, options: { keys: SnapshotKeys; now?: number }): Promise<SnapshotInfo>;

  /**
   * Begins to check a token. Decides at once if the cache suffices. **The answer is a truthy number, valid or not**: see
   * `isValid`. Never throws because of the token: anything that is not a token is `MALFORMED`.
   * @param now the current time, in milliseconds since 1970
   * @param address the client's address; if it is missing or invalid, a token that is bound to addresses is not accepted
   */
  begin(token: string | null | undefined, demand: CompiledDemand, now: number, address?: string): Answer;

  /** The same for several tokens against one requirement, in one call. With `into`, nothing is allocated. */
  beginAll<Into extends Uint32Array | Answer[] = Uint32Array>(
    tokens: readonly (string | null | undefined)[],
    demand: CompiledDemand,
    now: number,
    address?: string,
    into?: Into,
  ): Into;

  /**
   * What a pending check needs, to be fetched now. `undefined` if the check is not pending, or no longer held: the last
   * 4,096 are.
   * @param together the number of checks whose questions are combined into one. Digests that other checks wait for are
   *   added until the combined question has 100; none if omitted
   */
  need(answer: Answer, together?: number): Need | undefined;

  /**
   * Continues a pending check with what was fetched: the ledger's response; the registry's values in order, with `null`
   * for a key without a value; or `undefined` if the fetch failed. The check may then need more.
   */
  supply(answer: Answer, values: Bytes | (Bytes | null | undefined)[] | undefined, now: number): Answer;

  /** Fetches what a check needs until it is decided. Never rejects because of a source. */
  resolve(answer: Answer, sources: Sources): Promise<Answer>;

  /**
   * Begins to renew the lease on which the answer relied, if the answer says that a renewal is due. Returns a pending
   * answer for `need` and `supply`, whose result is to be ignored; else `undefined`.
   */
  renew(answer: Answer, now: number): Answer | undefined;

  /** Renews that lease, if a renewal is due. Run it in the background. Never rejects. */
  renewFrom(answer: Answer, sources: Sources): Promise<void>;

  /**
   * The full decision. Call this before anything else is done with the verifier: if the records of the token have changed
   * since, it has their newer data. `undefined` if the decision is not among the last 256, or the records were evicted.
   */
  details(answer: Answer): Details | undefined;

  /** Frees the WebAssembly memory. Do not use the verifier afterwards. */
  free(): void;
}
