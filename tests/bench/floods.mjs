// The duration of a `strong` check during floods of unauthenticated requests, compared with its duration without load.

import WebSocket from "@softvisio/core/websocket";
import { Client, counterfoil } from "./deployments.mjs";
import { Asker } from "./drive.mjs";
import { compare, median } from "./measure.mjs";

const ROUNDS = 9;
const MILLISECONDS = 1_000;
/** The default rate of a flood, in requests per second. */
const RATE = 100;

const app = await counterfoil();
const asker = new Asker(app.url);
const {
  token: { token },
} = await new Client(asker).send("POST", "/v1/workspaces", { slug: "acme", name: "Acme" });
const admin = new Client(asker, token);
await admin.send("PUT", "/v1/scopes", { scopes: [{ name: "orders:read", description: "reads orders" }] });
const subject = await admin.send("POST", "/v1/tokens", { name: "", scopes: ["orders:read"] });
const former = await admin.send("POST", "/v1/tokens", { name: "", scopes: ["*"] });
const caller = admin.as((await admin.send("POST", "/v1/tokens", { name: "", scopes: ["tokens:verify"] })).token);
await admin.send("DELETE", `/v1/tokens/${former.id}`);
const revoked = new Client(asker, former.token);

const check = caller.question("/v1/verify", {
  token: subject.token,
  demand: { all_of: ["orders:read"], freshness: "strong" },
});
if (JSON.parse(await asker.ask(...check)).valid !== true) throw new Error("the token is not valid");

/** The duration of sequential checks while `flood` is sent at this rate. */
const under =
  (flood, rate = RATE) =>
  async () => {
    const sent = new Set();
    let number = 0;
    const timer =
      flood &&
      setInterval(() => {
        const one = Promise.resolve(flood(number++))
          .catch(() => {})
          .finally(() => sent.delete(one));
        sent.add(one);
      }, 1_000 / rate);
    const { took } = await asker.load(() => check, { width: 1, milliseconds: MILLISECONDS });
    clearInterval(timer);
    await Promise.all(sent);
    return median(took);
  };

const flooders = new Asker(app.url);
const ask = ([path, options]) => flooders.ask(path, options);
const message = (id) => ({ jsonrpc: "2.0", id, method: "/v1/api-tokens/read", params: [] });
const batch = Array.from({ length: 100 }, (_, id) => message(id));
const lines = Array.from({ length: 9_000 }, (_, n) => ({
  digest: n.toString(16).padStart(64, "0"),
  name: "x".repeat(240),
  scopes: [],
}));
const body = JSON.stringify({ tokens: lines });
const invented = (n) => ({
  headers: { authorization: `Bearer an-invented-third-party-token-${n}`, "x-counterfoil-workspace": "acme" },
});

const socket = () =>
  new Promise((resolve) => {
    const url = new URL("/", app.url);
    url.protocol = "ws:";
    const opened = new WebSocket(url, ["jsonrpc_2.0", revoked.token]);
    for (const end of ["open", "error", "close"]) opened.on(end, () => resolve(opened.terminate()));
  });

await compare({
  title: `A strong check on workerd, while unauthenticated clients send ${RATE} requests a second`,
  unit: "ms, the median check of a round",
  rounds: ROUNDS,
  subjects: [
    { name: "without load", run: under() },
    {
      name: `7 imports of ${(body.length / 1e6).toFixed(1)} MB a second by a revoked token`,
      run: under(() => ask(["/v1/tokens/import", { headers: revoked.headers, body }]), 7),
      most: 2,
    },
    {
      name: "batches of 100 messages by a revoked token",
      run: under(() => ask(revoked.question("/v1/api-tokens", batch))),
      most: 2,
    },
    { name: "sockets of a revoked token", run: under(socket, 50), most: 2 },
    {
      name: "requests by a revoked token",
      run: under(() => ask(["/v1/tokens", { headers: revoked.headers }])),
      most: 2,
    },
    { name: "invented third-party tokens", run: under((n) => ask(["/v1/tokens", invented(n)])), most: 2 },
    {
      name: "sign-ins to invented workspaces",
      run: under((n) => ask([`/v1/session/providers?workspace=invented-${n}`, {}])),
      most: 2,
    },
  ],
});

for (const one of [asker, flooders]) one.close();
await app.stop();
