// For Express 4 and 5, Connect and whatever takes their middleware. The decision is then `request.counterfoil`.
import { tell } from "./failure.js";
import { judge, rules } from "./rules.js";

export function guard(gate, asked, { address = clientAddress } = {}) {
  const ruleOf = rules(gate, asked);
  return async (request, response, next) => {
    const find = () => {
      // Routers cut off of `url` what they are mounted at.
      const [path] = (request.originalUrl ?? request.url).split(/[?#]/, 1);
      return { rule: ruleOf(request.method, path), address: address(request) };
    };
    const admit = (decision) => {
      request.counterfoil = decision;
    };
    const { passes, refused } = await judge(gate, request, find, admit);
    if (passes) next();
    else answer(gate, response, refused);
  };
}

/** Express 4 does not look at what an asynchronous guard throws: the request would hang, and the process may end. */
function answer(gate, response, { status, headers, body }) {
  try {
    // Somebody answered while the token was looked up, as for a timeout.
    if (!response.headersSent) response.writeHead(status, headers).end(body);
  } catch (error) {
    tell(gate, error);
    response.destroy?.();
  }
}

/** By Express's settings, which know whether a proxy is to be believed; else who is at the other end of the line. */
function clientAddress(request) {
  return request.ip ?? request.socket.remoteAddress;
}
