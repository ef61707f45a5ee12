// Idempotency keys: a repeated request takes effect once.

/** A function that returns the key for a body: the same key while the body is the same. */
export function idempotencyKeys() {
  let last = { text: null, key: null };
  return (body) => {
    const text = JSON.stringify(body);
    if (text !== last.text) last = { text, key: crypto.randomUUID() };
    return last.key;
  };
}
