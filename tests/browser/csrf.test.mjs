// A session in a real browser: pages of the deployment's own origin act in it, those of others do not.

import assert from "node:assert/strict";
import { test } from "node:test";
import { COOKIE, workspace } from "../worker/client.mjs";
import { eventually, start } from "../worker/harness.mjs";
import { launch, stranger } from "./browser.mjs";

/** Signs in on a page of the deployment's own, and answers that page. */
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

/** In a page: the answer to a request that names no credential. */
async function ask([method, path, body]) {
  const headers = body && { "content-type": "application/json" };
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  return { status: answer.status, body: await answer.json() };
}

for (const host of ["127.0.0.1", "localhost"]) {
  test(`on ${host}, Chromium keeps the cookie and gives it to no script`, async (t) => {
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
    assert.ok(Math.abs(expires - Date.now() / 1000 - 43_200) < 60, "for as long as the session lasts");
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

/** In a page of another origin: everything that such a page can send. Answers what it could read. */
async function attack({ target, token }) {
  const read = [];
  const attempt = async (path, init) => {
    const answer = await fetch(target + path, { credentials: "include", ...init }).catch(() => null);
    if (answer && answer.type !== "opaque") read.push(`${init?.method ?? "GET"} ${path}: ${answer.status}`);
  };
  const json = { "content-type": "application/json" };
  const body = JSON.stringify({ name: "stolen", scopes: ["*"] });
  // What needs no leave of the other origin...
  await attempt(`/v1/tokens/${token}/rotate`, { method: "POST", mode: "no-cors" });
  await attempt("/v1/tokens", { method: "POST", mode: "no-cors", body });
  await attempt("/v1/session", { mode: "no-cors" });
  // ... and what does, or reads.
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

/** In a page of another origin: a form that is sent there, as a navigation of the whole page. */
function submit({ target, token, enctype }) {
  const form = document.createElement("form");
  Object.assign(form, { method: "post", action: `${target}/v1/tokens/${token}/rotate`, enctype });
  const input = Object.assign(document.createElement("input"), { name: '{"grace_seconds":0,"x":"', value: '"}' });
  document.body.append(form);
  form.append(input);
  form.submit();
}

for (const [who, host, refused] of [
  // The same site, so the browser sends the cookie along: it is the origin that keeps such a page out.
  ["another port", "127.0.0.1", "CROSS_ORIGIN"],
  // Another site, to which the browser does not even give the cookie.
  ["another host", "localhost", "NO_CREDENTIAL"],
]) {
  test(`a page on ${who} cannot act in the session`, async (t) => {
    const app = await start(t);
    const { admin } = await workspace(app, "acme");
    const { id: token } = await admin.issue({ name: "victim", scopes: ["orders:read"] });
    const context = await (await launch(t)).newContext();
    const target = new URL(app.url).origin;
    const own = await signIn(context, target, admin.token);
    const state = async () => [
      // When a token was last used is no change of it.
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
    const home = `http://${host}:${await stranger(t)}/`;
    await page.goto(home);
    assert.deepEqual(await page.evaluate(attack, { target, token }), [], "nothing of the answers can be read");
    for (const enctype of ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"]) {
      await page.goto(home);
      await Promise.all([page.waitForURL(`${target}/**`), page.evaluate(submit, { target, token, enctype })]);
      assert.equal(JSON.parse(await page.textContent("body")).code, refused, enctype);
    }

    // What was sent has arrived, and was refused for the right reason: two requests by fetch, three forms.
    const posts = await eventually(() => {
      const posts = lines().filter(({ method }) => method === "POST");
      return posts.length === 5 && posts;
    });
    assert.deepEqual(
      posts.map(({ code, ledger_calls }) => [code, ledger_calls]),
      Array(5).fill([refused, 0]),
    );
    assert.deepEqual(await state(), before, "something has changed");
    assert.equal((await own.evaluate(ask, ["GET", "/v1/session"])).status, 200, "the session goes on");
  });
}
