import type { Freshness, GateDemand } from "./index.js";

/** A policy as it is written: JSON. */
export interface PolicyJson {
  /** The first that covers a request counts; what none covers is denied. */
  routes: RouteJson[];
  /** Of routes that say nothing; else the gate's. */
  freshness?: Freshness;
  /** Likewise. */
  or_eventual?: boolean;
}

/** One route. It says in one way who may pass: by scopes, `any_token` or `public`. */
export interface RouteJson {
  /** A method in capitals, several, or `*`. `GET` is for `HEAD` too. */
  method: string | string[];
  /** Segments of plain text, `:name` for any one, and at the end `*` for all below. */
  path: string;
  /** Scopes that must all be granted. */
  all_of?: string[];
  /** Scopes of which one must be granted. */
  any_of?: string[];
  /** Whoever has a live token. */
  any_token?: true;
  /** Everybody. */
  public?: true;
  freshness?: Freshness;
  /** Whether an eventual answer will do where the control plane gives none. */
  or_eventual?: boolean;
}

export interface Route {
  readonly methods: readonly string[];
  readonly path: string;
  readonly demand: GateDemand;
  readonly public: boolean;
}

/** Which requests need which scopes. */
export class Policy {
  /**
   * @param json a {@link PolicyJson}: any value may be given, and is read strictly
   * @throws PolicyError that tells every mistake
   */
  constructor(json: unknown);
  readonly routes: readonly Route[];
  /**
   * The first route that covers the request. `undefined` where none does, or where servers could read the path in more
   * than one way (encoded slashes, empty segments, `;`, a case that makes a difference).
   * @param path without the query, percent-encoded as it came
   */
  route(method: string, path: string): Route | undefined;
}

export class PolicyError extends TypeError {
  /** Each with a JSON pointer (RFC 6901) into the policy. */
  readonly mistakes: readonly { readonly pointer: string; readonly detail: string }[];
}
