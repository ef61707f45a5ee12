// What went wrong on the way to a decision, told without anything of the request: an error's message may quote a token.

/** By this name a guard tells its gate. */
export const FAILED = Symbol("failed");

/** Where a frame of a stack says that it was thrown, as V8 and JavaScriptCore have it. */
const FRAME = /^ *(?:at )?(?! )[^\n]{1,300}:\d+:\d+\)?$/m;

/** Tells the gate's `onFailure`. Never throws: whoever tells is about to refuse a request. */
export function tell(gate, error) {
  try {
    gate[FAILED](new Error(`A request could not be checked, and was refused: ${nameOf(error)}${placeOf(error)}`));
  } catch {
    // The gate is none, or says nothing: the request is refused all the same.
  }
}

/** What kind of error it is; a name that is no identifier may hold anything. */
function nameOf(error) {
  try {
    return /^[A-Za-z]{1,60}$/.test(error.name) ? error.name : "an error";
  } catch {
    return "something that is no error";
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
