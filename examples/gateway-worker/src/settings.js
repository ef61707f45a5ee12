// The gateway's settings, from wrangler.toml, its secret and the policy.
import { Gate } from "@counterfoil/verify";
import { Policy } from "@counterfoil/verify/policy";

/** Hosts for which http is allowed, because the connection does not leave the machine. */
const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** @throws TypeError that lists every invalid setting and how to correct it, without secrets */
export function settings(env, policyJson) {
  const mistakes = [];
  const read = (name, make) => {
    try {
      return make(env[name]);
    } catch (error) {
      mistakes.push(`${name}: ${error.message}`);
      return undefined;
    }
  };
  const known = {
    origin: read("ORIGIN", originOf),
    passToken: read("PASS_TOKEN", yesOrNo),
    gate: read("COUNTERFOIL", () => gateOf(env)),
    policy: read("src/policy.json", () => new Policy(policyJson)),
  };
  if (mistakes.length > 0) throw new TypeError(["the gateway does not start:", ...mistakes].join("\n"));
  return known;
}

function originOf(text) {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && LOOPBACK.has(url.hostname));
  if (!isSafe)
    throw new TypeError(
      "must say where your API is, by https (http on this machine), as in https://origin.example.com/v2",
    );
  if (url.href !== url.origin + url.pathname)
    throw new TypeError("must be scheme, host and path alone: no user, query or fragment");
  return url;
}

function yesOrNo(text = "false") {
  if (text !== "true" && text !== "false") throw new TypeError('must be "true" or "false", in quotes');
  return text === "true";
}

function gateOf({ COUNTERFOIL: controlPlane, COUNTERFOIL_TOKEN: token, REGISTRY: registry }) {
  if (!controlPlane) throw new TypeError("is missing: bind your deployment as a service, or set its URL under [vars]");
  if (!token) {
    throw new TypeError(
      "COUNTERFOIL_TOKEN is missing: issue a token that holds tokens:verify, then `npx wrangler secret put COUNTERFOIL_TOKEN`",
    );
  }
  if (registry !== undefined && typeof registry.get !== "function")
    throw new TypeError("REGISTRY must be bound as a KV namespace");
  return new Gate({ controlPlane, token, registry });
}
