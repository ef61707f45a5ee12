// What Rust asks of the platform, in one call each. Every call from the module to JavaScript, and every value that it reads
// there, costs about as much as reading a small value itself, and a row or a request has dozens.

/** The kinds of values in encoded rows; `rows.rs` reads them. */
const [END_OF_ROW, NULL, NUMBER, TEXT, BLOB] = [0, 1, 2, 3, 4];

/** A buffer that grew beyond this is not kept. */
const KEPT = 1 << 20;

const encoder = new TextEncoder();
let bytes = new Uint8Array(1 << 14);
let view = new DataView(bytes.buffer);

/**
 * Executes a statement. Returns its rows: each value as its kind and, little-endian, 8 bytes of a number, or 4 bytes of a length
 * and the bytes. The caller copies them before the next call.
 *
 * @param {SqlStorage} sql
 * @param {string} text
 * @param {any[]} parameters
 */
globalThis.rowsOf = (sql, text, parameters) => {
  if (bytes.length > KEPT) hold(new Uint8Array(1 << 14));
  let end = 0;
  for (const row of sql.exec(text, ...parameters).raw()) {
    for (const value of row) {
      // The longest UTF-8 form of a UTF-16 code unit has three bytes.
      if (typeof value === "string") end = sized(end, TEXT, 3 * value.length, (at) => encode(value, at));
      else if (typeof value === "number") end = number(end, value);
      else if (value === null) end = marked(end, NULL);
      else if (value instanceof ArrayBuffer) end = blob(end, new Uint8Array(value));
      else throw new TypeError(`SQLite returned a ${typeof value}`);
    }
    end = marked(end, END_OF_ROW);
  }
  return bytes.subarray(0, end);
};

function hold(buffer) {
  bytes = buffer;
  view = new DataView(buffer.buffer);
}

/** Makes room for this many bytes after `end`. */
function reserve(end, more) {
  if (end + more <= bytes.length) return;
  const larger = new Uint8Array(Math.max(end + more, 2 * bytes.length));
  larger.set(bytes.subarray(0, end));
  hold(larger);
}

function marked(end, kind) {
  reserve(end, 1);
  bytes[end] = kind;
  return end + 1;
}

function number(end, value) {
  reserve(end, 9);
  bytes[end] = NUMBER;
  view.setFloat64(end + 1, value, true);
  return end + 9;
}

function blob(end, content) {
  return sized(end, BLOB, content.length, (at) => {
    bytes.set(content, at);
    return content.length;
  });
}

const encode = (value, at) => encoder.encodeInto(value, bytes.subarray(at)).written;

/** A value of at most `most` bytes, which `write` writes. */
function sized(end, kind, most, write) {
  reserve(end, 5 + most);
  bytes[end] = kind;
  const length = write(end + 5);
  view.setUint32(end + 1, length, true);
  return end + 5 + length;
}

/**
 * The method, the URL, and the name and value of each header, each followed by a line feed: none of them can contain one.
 *
 * @param {Request} request
 */
globalThis.headOf = ({ method, url, headers }) => {
  let head = `${method}\n${url}\n`;
  for (const [name, value] of headers) head += `${name}\n${value}\n`;
  return head;
};

/**
 * A response. Its headers are given as [`headOf`] returns them.
 *
 * @param {number} status
 * @param {string} head
 * @param {Uint8Array | undefined} body
 * @param {WebSocket | undefined} webSocket
 */
globalThis.respond = (status, head, body, webSocket) => {
  const lines = head.split("\n");
  const headers = [];
  for (let at = 0; at + 1 < lines.length; at += 2) headers.push([lines[at], lines[at + 1]]);
  return new Response(body, { status, headers, webSocket });
};
