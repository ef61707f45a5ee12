// For Express, Connect and whatever takes their middleware. The decision is then `request.counterfoil`.
import { judge, rules } from "./rules.js";

export function guard(gate, asked, { address = clientAddress } = {}) {
  const ruleOf = rules(gate, asked);
  return async (request, response, next) => {
    // Routers cut off of `url` what they are mounted at.
    const [path] = (request.originalUrl ?? request.url).split(/[?#]/, 1);
    const { decision, refused } = await judge(gate, ruleOf(request.method, path), request, { address: address(request) });
    if (refused) {
      response.writeHead(refused.status, refused.headers).end(refused.body);
      return;
    }
    request.counterfoil = decision;
    next();
  };
}

/** By Express's settings, which know whether a proxy is to be believed; else who is at the other end of the line. */
function clientAddress(request) {
  return request.ip ?? request.socket.remoteAddress;
}
