// Shared by the tests of a gate.

import { Gate } from "../../build/verify/node.js";
import { workspace } from "../worker/client.mjs";
import { start } from "../worker/harness.mjs";

/** A deployment with a workspace, and a gate that records its requests: `asked` in short, `questions` in full. */
export async function gateOf(t, options = {}) {
  const app = await start(t);
  const { key, admin } = await workspace(app, "acme");
  const own = await admin.issue({ scopes: ["tokens:verify"] });
  const [asked, questions] = [[], []];
  const controlPlane = {
    fetch(url, init) {
      const [{ pathname }, question] = [new URL(url), JSON.parse(init.body)];
      asked.push(`${pathname} ${question.digests.length}`);
      questions.push(question);
      return app.fetch(pathname, init);
    },
  };
  const failures = [];
  const onFailure = ({ message }) => failures.push(message);
  const gate = new Gate({ controlPlane, token: own.token, onFailure, ...options });
  return { app, key, admin, own, asked, questions, failures, gate };
}

export const demand = { allOf: ["orders:read"] };
export const bearer = (token) => ({ headers: new Headers({ authorization: `Bearer ${token}` }) });
