// For Express 4 and 5, Connect and compatible frameworks. Sets the decision as `request.counterfoil`.
import { report } from "./failure.js";
import { authorize, rules } from "./rules.js";

export function guard(gate, asked, { address = clientAddress } = {}) {
  const ruleOf = rules(gate, asked);
  return async (request, response, next) => {
    const find = () => {
      // Routers remove their mount path from `url`.
      const [path] = (request.originalUrl ?? request.url).split(/[?#]/, 1);
      return { rule: ruleOf(request.method, path), address: address(request) };
    };
    const admit = (decision) => {
      request.counterfoil = decision;
    };
    const { passes, refused } = await authorize(gate, request, find, admit);
    if (passes) next();
    else answer(gate, response, refused);
  };
}

/** Express 4 ignores the rejections of asynchronous middleware: the request would hang, and the process might end. */
function answer(gate, response, { status, headers, body }) {
  try {
    // Another handler may have answered meanwhile, for example on a timeout.
    if (!response.headersSent) response.writeHead(status, headers).end(body);
  } catch (error) {
    report(gate, error);
    response.destroy?.();
  }
}

/** By Express's settings, which say whether a proxy is trusted; else the peer of the connection. */
function clientAddress(request) {
  return request.ip ?? request.socket.remoteAddress;
}
