import type { Code, CredentialCode, DemandFault, Freshness, SnapshotFault } from "./codes.js";

export type { Code, CredentialCode, Freshness };

/** What was decided, or `PENDING` where something must be fetched first. A code's place is its number. */
export const CODES: readonly Code[];

/**
 * What a `Verifier` answers: one number, **which is truthy whether the token passes or not**. Read it with `isValid`,
 * `isPending`, `isRenewalDue` and `codeOf`. Its low 7 bits are the number of the code, the next one says that a lease is to be
 * renewed, the others name the check or the decision to `need`, `supply`, `details`, `resolve` and `renew`.
 */
export type Answer = number;

/** A demand, compiled. Numbers are given out by one `Verifier` and mean nothing to another. */
export type CompiledDemand = number;

/** What a request needs. */
export interface Demand {
  /** The keys (6 characters) of the workspaces whose tokens count; at least one. */
  workspaces: string[];
  /** Scopes that must all be granted. `undefined` is refused: it would demand nothing. */
  allOf?: string[];
  /** Scopes of which one must be granted; likewise. */
  anyOf?: string[];
  /** How stale the answer may be; `bounded` where not said. */
  freshness?: Freshness;
  /** Whether an eventual answer will do where the control plane gives none. */
  orEventual?: boolean;
  /**
   * Whether it will do to learn the number of the token, its owner and its scopes. Segments tell no more: its id, name,
   * client and metadata else take one read of the registry, when a token is first seen.
   */
  brief?: boolean;
}

/**
 * What a check waits for. `wait`: others ask already what it waits for; it is to be gone on with after so many milliseconds,
 * with `supply(answer, undefined, now)`, or as soon as anything of this workspace was supplied.
 */
export type Need =
  | { kind: "ledger"; workspace: string; digests: string[] }
  | { kind: "lease"; workspace: string; question: LeaseQuestion }
  | { kind: "registry"; keys: string[] }
  | { kind: "wait"; workspace: string; milliseconds: number };

/** The body of `POST /v1/lease`. */
export interface LeaseQuestion {
  /** As of when memory is; absent where it holds nothing. */
  since?: { epoch: number; generation: number };
  /** In hexadecimal. */
  digests: string[];
  /** How often texts were used since that was last told. */
  uses: { digest: string; last_used_at: string; count: number }[];
  /** Of who loads segments: the name of the manifest that it goes by, in hexadecimal; absent where by none yet. */
  segments?: { manifest?: string };
}

export type Bytes = Uint8Array | ArrayBuffer | ArrayBufferView;

/** Where answers come from. A source that is missing, throws or gives `undefined` counts as not reachable. */
export interface Sources {
  /** The body of `POST /v1/records` for these digests (hexadecimal), with a token of that workspace. */
  ledger?(workspace: string, digests: string[]): Promise<Bytes | undefined>;
  /** The body of the answer to `POST /v1/lease` with this question, with a token of that workspace. */
  lease?(workspace: string, question: LeaseQuestion): Promise<Bytes | undefined>;
  /** The values of these keys of the registry, in their order; `null` for one that is not there. */
  registry?(keys: string[]): Promise<(Bytes | null | undefined)[] | undefined>;
  /** Milliseconds since 1970; `Date.now` where not said. */
  now?(): number;
}

/** A decision in full. What is about a token is there where it was ever issued, whether it passes or not. */
export interface Details {
  valid: boolean;
  code: Code;
  /** How fresh the answer is. */
  freshness: Freshness;
  /** As of when it holds, in milliseconds since 1970. */
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
  /** What the token may do: its own scopes as far as its owner is granted them. */
  scopes?: string[];
  clientId?: string;
  /** Milliseconds since 1970. */
  expiresAt?: number;
  /** JSON text. */
  metadata?: string;
}

/** What a text looks like. Says nothing about whether it was ever issued. */
export type Inspection =
  | { kind: "ours"; prefix: string; workspace: string; digest: string }
  | { kind: "foreign"; digest: string }
  /** `reason` says in words what is wrong. */
  | { kind: "malformed"; reason: string; digest: string };

/** Loads the module: to be awaited once in a browser, and nothing to wait for in Node and in a Worker. */
export function init(source?: URL | string | Request | Response | BufferSource | WebAssembly.Module): Promise<void>;

export function codeOf(answer: Answer): Code;
export function isPending(answer: Answer): boolean;
export function isValid(answer: Answer): boolean;
/** Whether it is this request's turn to have a lease renewed: `Verifier.renewFrom`. A gate does so by itself. */
export function isRenewalDue(answer: Answer): boolean;

/** Looks at a text, with no key, no memory and no network. */
export function inspect(text: string): Inspection;

/** SHA-256 of a text, in hexadecimal. */
export function digest(text: string): string;

/** What a request needs of its token; the workspaces are the gate's. */
export type GateDemand = Omit<Demand, "workspaces">;

/** A JWK (RFC 7517). Those of Ed25519 (RFC 8037) count, by their `x`. */
export interface PublicJwk {
  kty?: string;
  crv?: string;
  x?: string;
  [member: string]: unknown;
}

/** A workspace's snapshot keys: what `GET /v1/snapshot/keys` answers, kept where you keep your configuration. */
export type SnapshotKeys = { keys: readonly PublicJwk[] } | readonly PublicJwk[];

/** Whose tokens a snapshot tells of, and when it counts, in milliseconds since 1970. */
export interface SnapshotInfo {
  /** The workspace's key. */
  workspace: string;
  /** As of when it is. */
  asOf: number;
  /** It counts before this only. */
  expiresAt: number;
}

/** A snapshot that is not gone by. `code` says why, and the message tells nothing of what is in it. */
export class InvalidSnapshotError extends Error {
  // biome-ignore format: each code has its description above it
  readonly code:
    /**
     * `UNKNOWN_FORMAT`: it takes a later version of this package. `MALFORMED`: its beginning is signed, and what follows is not
     * what that answers for.
     */
    | SnapshotFault
    /** Something else, or too short. */
    | "NOT_A_SNAPSHOT"
    /** Of none whose tokens pass at the gate. */
    | "OTHER_WORKSPACE"
    /** None of the keys has signed it. */
    | "UNTRUSTED"
    /** WebCrypto has no Ed25519 here. */
    | "UNSUPPORTED"
    /** There is not memory enough for it. */
    | "TOO_LARGE";
}

/** Who presents a token, and what it may do. */
export interface Bearer {
  /** Absent, as are name, client and metadata, where a snapshot told; likewise a segment, where the demand was brief. */
  id?: string;
  /** 1, 2, 3 … in its workspace. */
  number: number;
  name?: string;
  /** The workspace's slug. */
  workspace: string;
  /** The owner's id. */
  owner: string;
  /** The token's own scopes as far as its owner is granted them. */
  scopes: string[];
  clientId?: string;
  /** Milliseconds since 1970. */
  expiresAt?: number;
  /** As `JSON.parse` reads it, which keeps numbers beyond 2^53 and long fractions to about 16 digits only. */
  metadata?: unknown;
  /** The JSON text of it as it is kept, to the digit; there where `metadata` is. */
  metadataText?: string;
}

/** The answer about one token. Whether it passes is `valid`: the decision itself is an object, and so always truthy. */
export type Decision =
  | { valid: true; code: "VALID"; freshness: Freshness; asOf: number; token: Bearer }
  | {
      valid: false;
      code: Exclude<Code, "VALID" | "PENDING"> | CredentialCode;
      /** How fresh the answer is; absent where there was nothing to decide. */
      freshness?: Freshness;
      /** As of when it holds, in milliseconds since 1970; likewise. */
      asOf?: number;
      /** Whose token does not pass, where it was ever issued. */
      token?: Bearer;
      /** What is wrong with the text, in words, where the code is `MALFORMED`: nothing that the text itself does not tell. */
      reason?: string;
    };

/** What a request presents its token in. */
export interface Presenting {
  headers: { get(name: string): string | null } | Record<string, string | string[] | undefined>;
}

/** A service binding to a Counterfoil deployment, or whatever else fetches from one. */
export interface Service {
  fetch(input: string | URL, init?: RequestInit): Promise<Response>;
}

/** A KV binding, of which only this is used. */
export interface Registry {
  get(key: string, type: "arrayBuffer"): Promise<ArrayBuffer | null>;
}

export interface GateOptions {
  /** Your Counterfoil deployment: a service binding, or where it is (https; http on this machine only). */
  controlPlane: Service | string | URL;
  /** The gate's own token. It holds `tokens:verify` and says which workspace's tokens pass here. */
  token?: string;
  /** In place of `token`: one for each workspace whose tokens pass here, by the workspace's key. */
  tokens?: Record<string, string>;
  /**
   * The deployment's KV namespace, which answers `eventual` demands without asking the deployment, and has segments. A read that takes
   * longer than a second counts as failed, and the check reads no more there. Mind that such a binding could write, too.
   */
  registry?: Registry;
  /**
   * Whether to load the segments that the deployment publishes there: then bounded demands, too, seldom ask it about a token
   * that was not seen before. Yes by itself, where there is a registry.
   */
  segments?: boolean;
  /** Where a demand says nothing; `bounded` by itself. */
  freshness?: Freshness;
  /** Likewise; `false` by itself. */
  orEventual?: boolean;
  /** How long to wait for the control plane, in milliseconds; 2000 by itself. */
  timeout?: number;
  /** About how many bytes of records and segments to hold; 16 MiB by itself. */
  memory?: number;
  /** Where a request's client calls from. On Cloudflare `CF-Connecting-IP`; elsewhere nothing, unless an adapter knows. */
  address?(request: Presenting): string | undefined;
  /** Milliseconds since 1970; `Date.now` by itself. */
  now?(): number;
  /**
   * Told why there are no answers, and what a guard could not go on with; the same at most once a minute. Its message holds no
   * token. `console.error` of the message by itself.
   */
  onFailure?(error: Error): unknown;
}

/** What a gate needs that goes by a snapshot alone. */
export interface OfflineOptions extends Pick<GateOptions, "address" | "now" | "onFailure"> {
  /** The workspace's snapshot keys. Who chooses them says which tokens pass: have them before, and not from where the file is. */
  keys: SnapshotKeys;
}

/** Verifies what requests present, and fetches what it needs to know. Make one per process or isolate and keep it. */
export class Gate {
  /** @throws TypeError where an option is wrong */
  constructor(options: GateOptions);

  /**
   * A gate that asks nobody: tokens of the snapshot's workspace pass here, as it has them and until it expires. Demands are
   * of `snapshot` freshness, unless they say otherwise; then the code is `UNAVAILABLE`.
   * @throws InvalidSnapshotError
   */
  static offline(file: Bytes, options: OfflineOptions): Promise<Gate>;

  /**
   * Takes a snapshot of a workspace whose tokens pass here, for demands of `snapshot` freshness, in place of an earlier one.
   * A later one stays, and so does the one before where this one is refused.
   * @param options.keys the snapshot keys of that workspace, which did not come with the file
   * @throws InvalidSnapshotError
   */
  load(file: Bytes, options: { keys: SnapshotKeys }): Promise<SnapshotInfo>;

  /**
   * Compiles a demand, once: at most 4,096 different ones.
   * @throws InvalidDemandError
   */
  compile(demand: GateDemand): CompiledDemand;

  /**
   * The token of a request, or a token, against a demand. Never rejects on account of what is presented, nor where
   * nothing can be fetched: then the code is `UNAVAILABLE`.
   * @param options.address where the client calls from, in place of what the gate knows
   * @throws InvalidDemandError
   */
  verify(
    from: Presenting | string,
    demand: GateDemand | CompiledDemand,
    options?: { address?: string },
  ): Promise<Decision>;

  /**
   * Several tokens against one demand, in their order; what they need is fetched a hundred at a time. Each decision is as of
   * when it was made: one from memory may be as much older as the others had to be waited for.
   */
  verifyAll(
    tokens: readonly string[],
    demand: GateDemand | CompiledDemand,
    options?: { address?: string },
  ): Promise<Decision[]>;

  /**
   * Whether a token passes, from memory alone, at once and with nothing allocated: `true` where it does, `false` where it does
   * not, `undefined` where memory does not say; then `verify` it. Nothing but a yes is truthy. Never throws on account of the
   * token.
   */
  check(token: string, demand: CompiledDemand, address?: string): boolean | undefined;

  /** The same for several in one call; with `into` nothing is allocated. */
  checkAll(
    tokens: readonly string[],
    demand: CompiledDemand,
    options?: { address?: string; into?: (boolean | undefined)[] },
  ): (boolean | undefined)[];

  /**
   * The code of what `check` says, from memory alone and as quick: `PENDING` where memory does not say. It is a check of its
   * own: a use is counted where the token passes.
   */
  code(token: string, demand: CompiledDemand, address?: string): Code;
}

/**
 * What to answer a request whose token does not pass: 401 or 403 with a challenge (RFC 6750), 400, 429, 500 or 503. Given the
 * demand, the challenge names the scopes that it needs, and the body those that this token lacks.
 */
export function refusal(
  decision: {
    code: Decision["code"] | "NO_ROUTE" | "INTERNAL";
    token?: { scopes: readonly string[] };
    reason?: string;
  },
  demand?: GateDemand,
): { status: number; headers: Record<string, string>; body: string };

/** Not a demand. `code` says why. */
export class InvalidDemandError extends TypeError {
  // biome-ignore format: as above
  readonly code:
    /** A function, a promise, a list, an object that hides or inherits its fields: they would demand nothing. */
    | "NOT_AN_OBJECT"
    | DemandFault
    /** `orEventual` and `brief` are true or false. */
    | "INVALID_FLAG"
    | "UNKNOWN_FIELD";
}

/** Checks tokens and remembers what it learned. Make one and keep it. */
export class Verifier {
  /**
   * @param options.memory about how many bytes of records and segments to hold; 16 MiB where not said
   * @param options.segments whether to load segments from the registry
   */
  constructor(options?: { memory?: number; segments?: boolean });

  /**
   * Compiles a demand, once: at most 4,096 different ones.
   * @throws InvalidDemandError
   */
  demand(demand: Demand): CompiledDemand;

  /**
   * Tells the keys that seal a workspace's tokens, 32 bytes each, the current one first. A host that has none need not:
   * answers of the ledger bring them.
   * @throws TypeError where that is not what was given
   */
  trustSealKeys(workspace: string, keys: Uint8Array[], now: number): void;

  /**
   * Takes a snapshot for demands of `snapshot` freshness, in place of an earlier one of the same workspace. A later one stays,
   * and so does the one before where this one is refused. Its signature is verified before anything else of it is looked at.
   * @param options.keys the snapshot keys of the workspace that is meant, which did not come with the file
   * @param options.now milliseconds since 1970; what the clock shows where not said
   * @throws InvalidSnapshotError
   */
  load(file: Bytes, options: { keys: SnapshotKeys; now?: number }): Promise<SnapshotInfo>;

  /**
   * Begins to check a token, and answers at once where memory suffices. **The answer is a truthy number whatever it says**: see
   * `isValid`. Never throws on account of the token: what is no token is `MALFORMED`.
   * @param now milliseconds since 1970, as the clock shows it now
   * @param address the client's; where it is missing or no address, a token that is bound to addresses does not pass
   */
  begin(token: string | null | undefined, demand: CompiledDemand, now: number, address?: string): Answer;

  /** The same for several tokens against one demand, in one call; with `into` nothing is allocated. */
  beginAll<Into extends Uint32Array | Answer[] = Uint32Array>(
    tokens: readonly (string | null | undefined)[],
    demand: CompiledDemand,
    now: number,
    address?: string,
    into?: Into,
  ): Into;

  /**
   * What a pending check waits for, which is to be fetched now; `undefined` where it does not, or no longer: the last 4,096
   * may wait.
   * @param together of how many checks questions are put together into one. The fewer they are, the more texts does it take
   *   along that other checks wait to be told of, 100 in all; none where not said
   */
  need(answer: Answer, together?: number): Need | undefined;

  /**
   * Goes on with a pending check, which may then need more. The ledger's answer; or the registry's values in order,
   * `null` for one that is not there; or `undefined` where it could not be had.
   */
  supply(answer: Answer, values: Bytes | (Bytes | null | undefined)[] | undefined, now: number): Answer;

  /** Fetches whatever a check waits for, until it is decided. Never rejects on account of a source. */
  resolve(answer: Answer, sources: Sources): Promise<Answer>;

  /**
   * Begins to renew the lease that the answer came from, where it is its request's turn: a pending answer, for `need` and
   * `supply`, of which nothing follows; else `undefined`.
   */
  renew(answer: Answer, now: number): Answer | undefined;

  /** Renews it, where it is its request's turn. To be kept going in the background. Never rejects. */
  renewFrom(answer: Answer, sources: Sources): Promise<void>;

  /** A decision in full; `undefined` unless it is among the last 256. */
  details(answer: Answer): Details | undefined;

  /** Gives the memory back. Nothing of the verifier may be called afterwards. */
  free(): void;
}
