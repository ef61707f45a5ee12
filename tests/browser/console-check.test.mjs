// The check page: inspects and verifies a token value without sending it.

import assert from "node:assert/strict";
import { createHash, generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { writeSnapshot } from "../vectors/write.mjs";
import { withForgedSeal, withTypo } from "../worker/client.mjs";
import { deployment, look, open, settled, signedIn, visit } from "./console.mjs";
import { FIELDS } from "./hostile.mjs";

/** Records everything that the page sends: URLs, headers and bodies. */
function recorded(page) {
  const sent = [];
  page.on("request", async (request) => {
    const headers = await request.allHeaders().catch(() => request.headers());
    sent.push([request.url(), request.postData() ?? "", JSON.stringify(headers)].join("\n"));
  });
  return sent;
}

/** Whether a text contains any twelve consecutive characters of a secret. */
function leaks(text, secret) {
  for (let start = 0; start + 12 <= secret.length; start++) {
    if (text.includes(secret.slice(start, start + 12))) return true;
  }
  return false;
}

const field = (page) => page.getByLabel("Token value");

test("valid, mistyped and other values are told apart, and a token is found by its digest", async (t) => {
  const acme = await deployment(t);
  const { token } = await acme.admin.issue({
    name: "nightly export",
    owner: "ada",
    scopes: ["orders:read"],
    expires_in: 30 * 86_400,
  });
  const page = await signedIn(t, acme, acme.ada);
  await visit(page, "#/check", "Check a token");
  await look(page, "check");

  await field(page).fill(`  ${token}\n`);
  await page.getByText("Well-formed token.").waitFor();
  await page.getByText(createHash("sha256").update(token).digest("hex")).waitFor();
  await page.getByText("Acme, where you are signed in").waitFor();
  await page.getByRole("link", { name: "nightly export" }).waitFor();
  await look(page, "check-known");

  await field(page).fill(withTypo(token));
  await page.getByText("Wrong checksum.").waitFor();
  assert.equal(await page.getByRole("link", { name: "nightly export" }).count(), 0);
  await look(page, "check-mistyped");
  await field(page).fill(`${token.slice(0, 20)} ${token.slice(20)}`);
  await page.getByText("It contains spaces or line breaks").waitFor();
  await field(page).fill("short");
  await page.getByText("Not a token.").waitFor();
  await page.getByRole("button", { name: "Clear" }).click();
  assert.equal(await page.getByText("Not a token.").count(), 0);

  // A token is also found by its previous value. Another member's token is not found.
  const { items } = await acme.admin.expect(200, "GET", "/v1/tokens?q=nightly");
  await acme.admin.expect(200, "POST", `/v1/tokens/${items[0].id}/rotate`, { grace_seconds: 60 });
  await field(page).fill(token);
  await page.getByText("This is a previous value of the token.").waitFor();
  await field(page).fill(acme.admin.token);
  await page.getByText("No token that you can see has this digest.").waitFor();
  await look(page, "check-unknown");
});

test("an imported token is looked up only if the user asks for it", async (t) => {
  const acme = await deployment(t);
  const text = "sk_live_0123456789abcdefghijkl";
  const digest = createHash("sha256").update(text).digest("hex");
  await acme.admin.expect(200, "POST", "/v1/tokens/import", {
    tokens: [{ digest, name: "from elsewhere", scopes: [] }],
  });
  const page = await signedIn(t, acme, acme.admin);
  await visit(page, "#/check", "Check a token");
  const sent = recorded(page);
  await field(page).pressSequentially(text);
  await page.getByText("Not a Counterfoil token.").waitFor();
  assert.deepEqual(sent, [], "digests of a partial secret would reveal it");
  await look(page, "check-foreign");
  await page.getByRole("button", { name: "Find token by digest" }).click();
  await page.getByRole("link", { name: "from elsewhere" }).waitFor();
  assert.equal(sent.length, 1);
  assert.ok(sent[0].includes(digest));
});

test("no request contains the checked token value or a part of it", async (t) => {
  const acme = await deployment(t);
  const issued = await acme.admin.issue({ name: "watched", scopes: ["orders:read"] });
  const page = await signedIn(t, acme, acme.admin);
  const sent = recorded(page);
  await visit(page, "#/check", "Check a token");
  await field(page).fill(issued.token);
  await page.getByRole("link", { name: "watched" }).waitFor();
  await field(page).fill(withTypo(issued.token));
  await page.getByText("Wrong checksum.").waitFor();
  await field(page).fill(`${issued.token}x`);
  await page.getByText("Not a Counterfoil token.").waitFor();
  await page.getByText("It starts with the token prefix of Acme").waitFor();
  await page.getByRole("button", { name: "Find token by digest" }).click();
  await page.getByText("No token that you can see has this digest.").waitFor();
  await visit(page, "#/tokens", "Tokens");
  await settled(page);
  assert.ok(
    sent.some((one) => one.includes(issued.digest)),
    "requests are recorded",
  );
  for (const one of sent) assert.ok(!leaks(one, issued.token), "no request contains a part of the token");
  assert.ok(!leaks(page.url() + (await page.content()), issued.token), "the page does not keep it");
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, history.state]));
  assert.ok(!leaks(kept, issued.token));
});

test("without a session the format is checked, and no request is sent", async (t) => {
  const acme = await deployment(t);
  const page = await open(t, acme);
  await page.goto(`${page.base}#/check`);
  await field(page).waitFor();
  const sent = recorded(page);
  await field(page).fill(acme.ada.token);
  await page.getByText("Well-formed token.").waitFor();
  await look(page, "check-signed-out");
  assert.deepEqual(sent, []);
});

// --- with a snapshot

const HOUR = 3_600_000;

/** A token value of a workspace that this deployment does not have. */
const ELSEWHERE = "cft_0k3YabJnq1q7p9X5RIHEAwS3DSyH7ebei4xZ1dRRK0";

const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const KEYS = { keys: [publicKey.export({ format: "jwk" })] };
const OTHERS = { keys: [generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" })] };

/** One live, one revoked, one expired and one IP-restricted token of the workspace. */
async function tokens({ admin }) {
  const words = ["live", "revoked", "expired", "bound"];
  return Object.fromEntries(
    await Promise.all(words.map(async (word) => [word, await admin.issue({ name: word, scopes: ["orders:read"] })])),
  );
}

/**
 * A snapshot of the workspace, valid for an hour, and its keys. Built by the test, not by the ledger.
 *
 * @param {object} issued as returned by `tokens`
 */
async function snapshotOf({ admin }, issued, { asOf = Date.now(), owner = "grace" } = {}) {
  const { key, slug } = await admin.expect(200, "GET", "/v1/workspace");
  const about = {
    revoked: { revoked: true },
    expired: { expires_at: asOf - 1 },
    bound: { addresses: ["192.0.2.0/24"] },
  };
  const found = (word, { number }) => ({
    number,
    owner: 1,
    scopes: ["orders:read"],
    revoked: false,
    enabled: true,
    not_before: null,
    expires_at: null,
    replaced_until: null,
    addresses: [],
    ...about[word],
  });
  const workspace = { version: 1, key, slug, suspended: false, has_imports: true, freshness: [] };
  const file = writeSnapshot({
    header: { epoch: 1, generation: 9, without_addresses: true, without_weak: true, workspace },
    tokens: Object.entries(issued).map(([word, token]) => ({ digest: token.digest, found: found(word, token) })),
    ranges: [{ first: 1, last: 1023 }],
    owners: [{ version: 1, number: 1, id: owner, suspended: false, grants: ["*"], revoked_before: 0 }],
    asOf,
    expiresAt: asOf + HOUR,
    jwk: privateKey.export({ format: "jwk" }),
  });
  return { file, keys: KEYS };
}

/** Responds to the page with a snapshot, after `inVain` responses that it is not ready yet. */
async function serve(page, { file, keys }, { inVain = 0, retryAfter = 1 } = {}) {
  let left = inVain;
  await page.route("**/v1/snapshot", (route) => {
    const notReady = {
      status: 503,
      headers: { "retry-after": `${retryAfter}` },
      json: { code: "SNAPSHOT_NOT_READY", title: "Not ready" },
    };
    left -= 1;
    return route.fulfill(left < 0 ? { body: file } : notReady);
  });
  await page.route("**/v1/snapshot/keys", (route) => route.fulfill({ json: keys }));
}

/** Enters a value and returns the card with its result. */
async function verdictOn(page, text) {
  await field(page).fill(text);
  return page.getByRole("region", { name: "Result" });
}

/** Asserts that the page verifies every kind of token offline, without a request. */
async function verifiesOffline(page, issued) {
  await page.context().setOffline(true);
  const sent = recorded(page);
  const expected = [
    ["valid", issued.live.token, "VALID", /Valid\..*number 1.*orders:read/],
    ["revoked", issued.revoked.token, "REVOKED", /Revoked\..*orders:read/],
    ["expired", issued.expired.token, "EXPIRED", /Expired\./],
    ["bound", issued.bound.token, "UNAVAILABLE", /limited to certain IP addresses, which snapshots do not contain/],
    ["unknown", withForgedSeal(issued.live.token), "UNKNOWN", /The snapshot has no such token/],
    ["foreign", "another-systems-unknown-token", "UNAVAILABLE", /Snapshots do not contain low-entropy imports/],
    ["elsewhere", ELSEWHERE, "UNKNOWN", /Different workspace\./],
  ];
  for (const [name, text, code, says] of expected) {
    const verdict = await verdictOn(page, text);
    await verdict.getByText(code, { exact: true }).waitFor();
    assert.match(await verdict.textContent(), says);
    await look(page, `check-snapshot-${name}`);
  }
  await field(page).fill(withTypo(issued.live.token));
  await page.getByText("Wrong checksum.").waitFor();
  assert.equal(await page.getByRole("region", { name: "Result" }).count(), 0);
  assert.deepEqual(sent, [], "no request is sent");
}

test("with the deployment's snapshot the page verifies tokens offline", async (t) => {
  const acme = await deployment(t);
  const issued = await tokens(acme);
  const page = await signedIn(t, acme, acme.admin);
  const snapshot = await snapshotOf(acme, issued);
  await visit(page, "#/check", "Check a token");

  // Waiting for the snapshot can be cancelled, by keyboard too.
  await serve(page, snapshot, { inVain: Infinity, retryAfter: 3_600 });
  await page.getByRole("button", { name: "Load snapshot" }).focus();
  await page.keyboard.press("Enter");
  await page.getByText(/Next attempt in 3600 seconds/).waitFor();
  await look(page, "check-snapshot-waiting");
  await page.keyboard.press("Enter");
  await page.getByText("No snapshot loaded.").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Snapshot");

  await page.unrouteAll();
  await serve(page, snapshot, { inVain: 2 });
  await field(page).fill(issued.live.token);
  await page.getByRole("link", { name: "live" }).waitFor();
  await page.getByRole("button", { name: "Load snapshot" }).click();
  await page.getByText("The snapshot is being built.").waitFor();
  const verdict = page.getByRole("region", { name: "Result" });
  await verdict.getByText("VALID", { exact: true }).waitFor();
  assert.equal(await page.getByRole("link", { name: "live" }).count(), 0, "no request was sent");
  await verifiesOffline(page, issued);

  // An expired snapshot is reported.
  await page.clock.setFixedTime(Date.now() + 2 * HOUR);
  await (await verdictOn(page, issued.live.token)).getByText("The snapshot has expired.").waitFor();
  await page.getByRole("button", { name: "Unload" }).click();
  await page.getByText("No snapshot loaded.").waitFor();
  assert.equal(await page.getByRole("region", { name: "Result" }).count(), 0);
});

test("with a snapshot that the ledger built and signed the page verifies tokens offline", async (t) => {
  const acme = await deployment(t);
  const { admin } = acme;
  const issued = await tokens(acme);
  await admin.revoke(issued.revoked.id);
  await admin.expect(200, "PATCH", `/v1/tokens/${issued.bound.id}`, { allowed_addresses: ["192.0.2.0/24"] });
  await admin.expect(200, "PATCH", `/v1/tokens/${issued.expired.id}`, {
    expires_at: new Date(Date.now() + 1_000).toISOString(),
  });
  // Snapshots omit low-entropy imports, so an absent third-party value cannot be reported as unknown.
  const digest = createHash("sha256").update("another-systems-weak-token").digest("hex");
  const { imported } = await admin.expect(200, "POST", "/v1/tokens/import", {
    tokens: [{ digest, weak: true, name: "weak", scopes: ["orders:read"] }],
  });
  assert.equal(imported, 1);
  const page = await signedIn(t, acme, admin);
  await visit(page, "#/check", "Check a token");
  await page.getByRole("button", { name: "Load snapshot" }).click();
  await page.getByRole("button", { name: "Unload" }).waitFor({ timeout: 40_000 });
  await verifiesOffline(page, issued);
});

test("without a session the page verifies tokens with a snapshot file and keys", async (t) => {
  const acme = await deployment(t);
  const issued = await tokens(acme);
  const { file, keys } = await snapshotOf(acme, issued);
  const page = await open(t, acme);
  await page.goto(`${page.base}#/check`);
  await field(page).waitFor();
  assert.equal(await page.getByRole("button", { name: "Load snapshot" }).count(), 0);
  const sent = recorded(page);
  await page.getByText("Load from a file").click();
  const load = async (buffer, text) => {
    await page
      .getByLabel("File")
      .setInputFiles({ name: "acme.snapshot", mimeType: "application/octet-stream", buffer });
    await page.getByLabel("Keys").fill(text);
    await page.getByRole("button", { name: "Load file" }).click();
  };
  await page.getByRole("button", { name: "Load file" }).click();
  await page.getByText("Select a file.").waitFor();
  await look(page, "check-snapshot-file");
  const refused = [
    [file, "not JSON", "Keys", "Invalid JWK set."],
    [file, JSON.stringify(OTHERS), "Keys", "The snapshot is not signed by any of the given keys."],
    [file.subarray(0, 100), JSON.stringify(keys), "File", "The file is not a snapshot."],
    [file.subarray(0, -1), JSON.stringify(keys), "File", "the rest is incomplete or was changed"],
    [
      (await snapshotOf(acme, issued, { asOf: Date.now() - 2 * HOUR })).file,
      JSON.stringify(keys),
      "File",
      "The snapshot has expired",
    ],
  ];
  for (const [bytes, text, at, says] of refused) {
    await load(bytes, text);
    await page.getByText(says).waitFor();
    assert.equal(await page.getByLabel(at).getAttribute("aria-invalid"), "true");
    await page.getByText("No snapshot loaded.").waitFor();
  }
  await load(file, JSON.stringify(keys.keys));
  await page.getByText("Valid until").waitFor();
  await verifiesOffline(page, issued);
  assert.deepEqual(sent, [], "neither the file nor the keys are sent");
});

test("the form uses the deployment's keys, and errors of the download are shown", async (t) => {
  const acme = await deployment(t);
  const issued = await tokens(acme);
  const page = await signedIn(t, acme, acme.admin);
  const snapshot = await snapshotOf(acme, issued, { owner: FIELDS.memberId });
  await visit(page, "#/check", "Check a token");
  await serve(page, { ...snapshot, keys: OTHERS });
  await page.getByRole("button", { name: "Load snapshot" }).click();
  await page.getByText("The snapshot is not signed by any of the given keys.").waitFor();
  await look(page, "check-snapshot-untrusted");
  await page.unrouteAll();
  await serve(page, snapshot);
  await page.getByText("Load from a file").click();
  await page.getByRole("button", { name: "Use this deployment's keys" }).click();
  await page.waitForFunction((x) => document.querySelector("textarea.code").value.includes(x), KEYS.keys[0].x);
  // The download is cut off, then refused, then succeeds.
  await page.evaluate(() => {
    const { fetch } = globalThis;
    const cut = () =>
      new Response(new ReadableStream({ pull: (file) => file.error(new TypeError("the network is gone")) }));
    globalThis.fetch = async (url, init) => {
      if (url !== "/v1/snapshot") return fetch(url, init);
      globalThis.fetch = fetch;
      return cut();
    };
  });
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText("Can't reach the server.").waitFor();
  await page.route(
    "**/v1/snapshot",
    (route) =>
      route.fulfill({
        status: 503,
        headers: { "retry-after": "1" },
        json: { code: "SNAPSHOTS_OFF", title: "Off", detail: "This service signs no snapshots." },
      }),
    { times: 1 },
  );
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText("This service signs no snapshots.").waitFor();
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText("Valid until").waitFor();
  // Member ids from a snapshot are shown as text, whatever they contain.
  await (await verdictOn(page, issued.live.token)).getByText(FIELDS.memberId).waitFor();
  await look(page, "check-snapshot-hostile");
  assert.equal(await page.evaluate(() => globalThis.broken), undefined);
  const ada = await signedIn(t, acme, acme.ada);
  await visit(ada, "#/check", "Check a token");
  assert.equal(await ada.getByRole("button", { name: "Load snapshot" }).count(), 0, "she does not have snapshots:read");
});
