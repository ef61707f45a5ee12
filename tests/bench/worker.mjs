// Runs inside workerd, where clocks stand still: repeats the work that Node requests, as often as it requests.

import * as verify from "../../build/verify/workerd.js";
import { subjects } from "./subjects.mjs";

let work;

export default {
  async fetch(request, { CONTROL_PLANE }) {
    const { pathname } = new URL(request.url);
    if (pathname === "/texts") {
      const ask = async (question) => {
        const answer = await CONTROL_PLANE.fetch("http://control-plane/", {
          method: "POST",
          body: JSON.stringify(question),
        });
        return answer.arrayBuffer();
      };
      work = await subjects(verify, await request.json(), ask);
      return new Response("known");
    }
    const [, name, times] = pathname.split("/");
    return new Response(String(work[name](Number(times))));
  },
};
