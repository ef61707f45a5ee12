// Reports errors before a decision without any content of the request: an error's message may quote a token.

/** The property through which a guard reports to its gate. */
export const FAILED = Symbol("failed");

/** A stack frame's location, in the formats of V8 and JavaScriptCore. */
const FRAME = /^ *(?:at )?(?! )[^\n]{1,300}:\d+:\d+\)?$/m;

/** Calls the gate's `onFailure`. Never throws: its caller is about to reject a request. */
export function report(gate, error) {
  try {
    gate[FAILED](new Error(`A request could not be verified and was denied: ${nameOf(error)}${placeOf(error)}`));
  } catch {
    // The gate is invalid or fails: the request is rejected all the same.
  }
}

/** The kind of error. A name that is no identifier may contain anything, so it is not used. */
function nameOf(error) {
  try {
    return /^[A-Za-z]{1,60}$/.test(error.name) ? error.name : "an error";
  } catch {
    return "a value that is not an Error";
  }
}

/** Where it was thrown. The stack begins with the message, which is left out. */
function placeOf(error) {
  try {
    const { message, stack } = error;
    const [frame] = FRAME.exec(stack.slice(stack.indexOf(message) + message.length)) ?? [];
    return frame === undefined ? "" : `, ${frame.trim()}`;
  } catch {
    return "";
  }
}
