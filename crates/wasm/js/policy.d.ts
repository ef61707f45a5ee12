import type { Freshness, GateDemand } from "./index.js";

/** A policy in its JSON form. */
export interface PolicyJson {
  /** The first route that matches a request applies; a request that no route matches is denied. */
  routes: RouteJson[];
  /** For routes that do not set it. Default: the gate's. */
  freshness?: Freshness;
  /** For routes that do not set it. Default: the gate's. */
  or_eventual?: boolean;
}

/** One route. It states in exactly one way who has access: scopes, `any_token` or `public`. */
export interface RouteJson {
  /** A method in capitals, several, or `*`. `GET` also matches `HEAD`. */
  method: string | string[];
  /** Literal segments, `:name` for any one segment, and a final `*` for the path before it and everything below. */
  path: string;
  /** Scopes that are all required. */
  all_of?: string[];
  /** Scopes of which one is required. */
  any_of?: string[];
  /** Any valid token. */
  any_token?: true;
  /** No token is required. */
  public?: true;
  freshness?: Freshness;
  /** Whether to accept an eventual decision if the control plane is unreachable. */
  or_eventual?: boolean;
}

export interface Route {
  readonly methods: readonly string[];
  readonly path: string;
  readonly demand: GateDemand;
  readonly public: boolean;
}

/** Maps requests to the scopes that they require. */
export class Policy {
  /**
   * @param json a {@link PolicyJson}; any value is accepted as argument and strictly validated
   * @throws PolicyError with every mistake
   */
  constructor(json: unknown);
  readonly routes: readonly Route[];
  /**
   * The first route that matches the request. `undefined` if none does, or if servers may interpret the path differently
   * (encoded slashes, empty segments, `;`, a case that would match another route).
   * @param path without the query, percent-encoded as it was received
   */
  route(method: string, path: string): Route | undefined;
}

export class PolicyError extends TypeError {
  /** Each with a JSON pointer (RFC 6901) to its place in the policy. */
  readonly mistakes: readonly { readonly pointer: string; readonly detail: string }[];
}
