// Cross-site request forgery in a real browser: only pages of the deployment's own origin can act in a session.

import assert from "node:assert/strict";
import { test } from "node:test";
import { COOKIE, workspace } from "../worker/client.mjs";
import { eventually, start } from "../worker/harness.mjs";
import { launch, otherOrigin } from "./browser.mjs";

/** Opens a session on a page of the deployment's own origin. Returns the page. */
async function signIn(context, origin, token) {
  const page = await context.newPage();
  await page.goto(`${origin}/healthz`);
  const status = await page.evaluate(async (token) => {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch("/v1/session", { method: "POST", headers })).status;
  }, token);
  assert.equal(status, 201);
  return page;
}

/** Runs in a page: sends a request without an explicit credential and returns the response. */
async function ask([method, path, body]) {
  const headers = body && { "content-type": "application/json" };
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  return { status: answer.status, body: await answer.json() };
}

for (const host of ["127.0.0.1", "localhost"]) {
  test(`on ${host}, Chromium keeps the session cookie and hides it from scripts`, async (t) => {
    const app = await start(t);
    const { admin } = await workspace(app, "acme");
    const context = await (await launch(t)).newContext();
    const page = await signIn(context, `http://${host}:${new URL(app.url).port}`, admin.token);

    const [cookie, ...others] = await context.cookies();
    assert.deepEqual(others, []);
    const { name, domain, path, secure, httpOnly, sameSite, expires } = cookie;
    assert.deepEqual(
      { name, domain, path, secure, httpOnly, sameSite },
      { name: COOKIE, domain: host, path: "/", secure: true, httpOnly: true, sameSite: "Strict" },
    );
    assert.ok(Math.abs(expires - Date.now() / 1000 - 43_200) < 60, "expires with the session");
    assert.equal(await page.evaluate("document.cookie"), "");

    const session = await page.evaluate(ask, ["GET", "/v1/session"]);
    assert.deepEqual([session.status, session.body.member.id], [200, "admin"]);
    const made = await page.evaluate(ask, ["POST", "/v1/tokens", { name: "from the page", scopes: [] }]);
    assert.deepEqual([made.status, made.body.created_by], [201, session.body.id]);
    await page.reload();
    assert.equal((await page.evaluate(ask, ["DELETE", `/v1/tokens/${made.body.id}`])).status, 200);
    assert.equal((await page.evaluate(ask, ["DELETE", "/v1/session"])).status, 200);
    assert.deepEqual(await context.cookies(), []);
    assert.equal((await page.evaluate(ask, ["GET", "/v1/session"])).status, 401);
  });
}

/** Runs in a page of another origin: tries every kind of request. Returns the responses that it could read. */
async function attack({ target, token }) {
  const read = [];
  const attempt = async (path, init) => {
    const answer = await fetch(target + path, { credentials: "include", ...init }).catch(() => null);
    if (answer && answer.type !== "opaque") read.push(`${init?.method ?? "GET"} ${path}: ${answer.status}`);
  };
  const json = { "content-type": "application/json" };
  const body = JSON.stringify({ name: "stolen", scopes: ["*"] });
  // Requests that need no CORS preflight...
  await attempt(`/v1/tokens/${token}/rotate`, { method: "POST", mode: "no-cors" });
  await attempt("/v1/tokens", { method: "POST", mode: "no-cors", body });
  await attempt("/v1/session", { mode: "no-cors" });
  // ... and requests that need one, or that read the response.
  await attempt("/v1/tokens", { method: "POST", headers: json, body });
  await attempt(`/v1/tokens/${token}`, { method: "DELETE" });
  await attempt("/v1/session", { method: "DELETE" });
  await attempt("/v1/session");
  await new Promise((done) => {
    const image = document.body.appendChild(new Image());
    image.onerror = image.onload = done;
    image.src = `${target}/v1/session`;
  });
  return read;
}

/** Runs in a page of another origin: submits a form to the deployment, as a top-level navigation. */
function submit({ target, token, enctype }) {
  const form = document.createElement("form");
  Object.assign(form, { method: "post", action: `${target}/v1/tokens/${token}/rotate`, enctype });
  const input = Object.assign(document.createElement("input"), { name: '{"grace_seconds":0,"x":"', value: '"}' });
  document.body.append(form);
  form.append(input);
  form.submit();
}

for (const [place, host, refused] of [
  // The same site: the browser sends the cookie, and the check of the origin rejects the request.
  ["another port", "127.0.0.1", "CROSS_ORIGIN"],
  // Another site: the browser does not send the cookie.
  ["another host", "localhost", "NO_CREDENTIAL"],
]) {
  test(`a page on ${place} cannot act in the session`, async (t) => {
    const app = await start(t);
    const { admin } = await workspace(app, "acme");
    const { id: token } = await admin.issue({ name: "victim", scopes: ["orders:read"] });
    const context = await (await launch(t)).newContext();
    const target = new URL(app.url).origin;
    const own = await signIn(context, target, admin.token);
    const state = async () => [
      // The time of the last use may change; it is not a change of the token.
      (await admin.expect(200, "GET", "/v1/tokens")).items.map(({ last_used_at, ...token }) => token),
      await admin.expect(200, "GET", "/v1/audit"),
      await admin.expect(200, "GET", "/v1/sessions"),
    ];
    const before = await state();
    const logged = app.log.length;
    const lines = () =>
      app.log
        .slice(logged)
        .filter((line) => line.startsWith("{"))
        .map((line) => JSON.parse(line));

    const page = await context.newPage();
    const home = `http://${host}:${await otherOrigin(t)}/`;
    await page.goto(home);
    assert.deepEqual(await page.evaluate(attack, { target, token }), [], "no response can be read");
    for (const enctype of ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"]) {
      await page.goto(home);
      await Promise.all([page.waitForURL(`${target}/**`), page.evaluate(submit, { target, token, enctype })]);
      assert.equal(JSON.parse(await page.textContent("body")).code, refused, enctype);
    }

    // The five requests that need no preflight arrived (two by fetch, three forms) and were rejected for the right reason.
    const posts = await eventually(() => {
      const posts = lines().filter(({ method }) => method === "POST");
      return posts.length === 5 && posts;
    });
    assert.deepEqual(
      posts.map(({ code, ledger_calls }) => [code, ledger_calls]),
      Array(5).fill([refused, 0]),
    );
    assert.deepEqual(await state(), before, "nothing was changed");
    assert.equal((await own.evaluate(ask, ["GET", "/v1/session"])).status, 200, "the session is still valid");
  });
}
