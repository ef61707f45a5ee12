// Verification requests per second, of Counterfoil and of a minimal hand-written Worker.

import { Client, counterfoil, minimal } from "./deployments.mjs";
import { Asker } from "./drive.mjs";
import { compare } from "./measure.mjs";

const WIDTH = 32;
const MILLISECONDS = 1_000;

const [app, other] = [await counterfoil(), await minimal()];
const [asker, otherAsker] = [new Asker(app.url), new Asker(other.url)];

const {
  token: { token },
} = await new Client(asker).send("POST", "/v1/workspaces", { slug: "acme", name: "Acme" });
const admin = new Client(asker, token);
await admin.send("PUT", "/v1/scopes", { scopes: [{ name: "orders:read", description: "reads orders" }] });
const subject = await admin.send("POST", "/v1/tokens", { name: "", scopes: ["orders:read"] });
const caller = admin.as((await admin.send("POST", "/v1/tokens", { name: "", scopes: ["tokens:verify"] })).token);
await otherAsker.ask("/", { method: "PUT", body: JSON.stringify({ token: subject.token }) });

const asked = (freshness) =>
  caller.question("/v1/verify", { token: subject.token, demand: { all_of: ["orders:read"], freshness } });
const byHand = ["/", { body: JSON.stringify({ token: subject.token }) }];
const strongByHand = ["/strong", { body: JSON.stringify({ token: subject.token }) }];
for (const [who, question] of [
  [asker, asked("bounded")],
  [asker, asked("strong")],
  [otherAsker, byHand],
  [otherAsker, strongByHand],
]) {
  if (JSON.parse(await who.ask(...question)).valid !== true) throw new Error("the token is not valid");
}

const loaded = (who, question) => async () =>
  (await who.load(() => question, { width: WIDTH, milliseconds: MILLISECONDS })).perSecond;

await compare({
  id: "verify",
  title: `POST /v1/verify on workerd, one token, ${WIDTH} at a time`,
  unit: "requests per second",
  rounds: 15,
  subjects: [
    { name: "a Worker by hand: subtle.digest and KV get", run: loaded(otherAsker, byHand) },
    { name: "Counterfoil, bounded", run: loaded(asker, asked("bounded")), least: 1.1 },
    { name: "Counterfoil, eventual", run: loaded(asker, asked("eventual")) },
    { name: "Counterfoil, strong", run: loaded(asker, asked("strong")), least: 0.6 },
    { name: "a Worker by hand: subtle.digest and a Durable Object", run: loaded(otherAsker, strongByHand) },
    { name: "a Worker that only responds", run: loaded(otherAsker, ["/nothing", {}]) },
  ],
});

for (const one of [asker, otherAsker]) one.close();
for (const one of [app, other]) await one.stop();
