// Runs inside workerd and wraps the worker's bindings: asks the test before each operation which fault to inject.

/** The URL at which an object of the faulty bundle panics. */
const PANIC = "https://ledger/panic";

/** KV, behind the gate. */
export function registry({ KV, GATE }) {
  const gated =
    (operation) =>
    (key, ...rest) =>
      pass(GATE, { binding: "REGISTRY", operation, argument: [key].flat().join(" ") }, () =>
        KV[operation](key, ...rest),
      );
  return {
    get: gated("get"),
    getWithMetadata: gated("getWithMetadata"),
    put: gated("put"),
    delete: gated("delete"),
    list: (options) =>
      pass(GATE, { binding: "REGISTRY", operation: "list", argument: options?.prefix ?? "" }, () => KV.list(options)),
  };
}

/** The namespace of the ledger objects; the `fetch` of its stubs is behind the gate. */
export function ledger({ OBJECTS, GATE }) {
  const gatedFetch =
    (stub) =>
    (request, ...rest) =>
      pass(GATE, { binding: "LEDGER", operation: "fetch", argument: String(request.url ?? request) }, (fault) =>
        fault === "panicked" ? stub.fetch(PANIC, { method: "POST" }) : stub.fetch(request, ...rest),
      );
  const gatedStub = (stub) => over(stub, { fetch: gatedFetch(stub) });
  return over(OBJECTS, {
    get: (...id) => gatedStub(OBJECTS.get(...id)),
    getByName: (...name) => gatedStub(OBJECTS.getByName(...name)),
  });
}

async function pass(gate, operation, run) {
  const answer = await gate.fetch("http://gate/", { method: "POST", body: JSON.stringify(operation) });
  const fault = await answer.text();
  if (fault === "refused") throw new Error(`injected: ${operation.operation} refused`);
  if (fault === "broken") throw untouchable();
  const result = await run(fault);
  if (fault === "lost") throw new Error(`injected: the answer to ${operation.operation} is lost`);
  return result;
}

/**
 * The generated glue reads the thrown value outside of any `catch`: an exception there unwinds through Rust's frames.
 */
function untouchable() {
  const refuse = () => {
    throw new Error("injected: do not touch");
  };
  return new Proxy({}, { get: refuse, has: refuse, getPrototypeOf: refuse, ownKeys: refuse });
}

/** `target` with some methods replaced; the others keep their `this`. */
function over(target, replacements) {
  return new Proxy(target, {
    get(_, name) {
      if (Object.hasOwn(replacements, name)) return replacements[name];
      const value = target[name];
      return typeof value === "function" && name !== "constructor" ? value.bind(target) : value;
    },
  });
}

export default {};
