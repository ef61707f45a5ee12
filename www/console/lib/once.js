// Requests that are sent again without having their effect twice.

/** A function that gives each body a key: the same for the same body, however often it is sent. */
export function onceEach() {
  let last = { text: null, key: null };
  return (body) => {
    const text = JSON.stringify(body);
    if (text !== last.text) last = { text, key: crypto.randomUUID() };
    return last.key;
  };
}
