// Creates elements without ever parsing HTML: untrusted data can only become text or an attribute value.

const SVG = "http://www.w3.org/2000/svg";

/** The allowed link targets: a hash of the console, a path on this host, or a blob of this page. */
const SAFE_LINK = /^(#|\/(?!\/)|blob:)/;

/**
 * Creates an element. Attributes that are false, null or undefined are omitted, `true` sets an empty attribute, and `on…`
 * adds an event listener. Children are nodes, texts, numbers, or arrays of these; null, undefined and booleans are omitted.
 */
export function h(tag, attributes, ...children) {
  return build(document.createElement(tag), attributes, children);
}

/** Creates an SVG element. */
export function svg(tag, attributes, ...children) {
  return build(document.createElementNS(SVG, tag), attributes, children);
}

function build(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) {
      if (typeof value !== "function") throw new TypeError(`${name} must be a function`);
      element.addEventListener(name.slice(2), value);
    } else {
      if (name === "href" && !SAFE_LINK.test(value)) throw new TypeError("a link must stay on this host");
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...nodes(children));
  return element;
}

/** Flattens children and drops those that are not rendered. */
function nodes(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && typeof child !== "boolean");
}

/** Replaces all children of an element. */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
}

let last = 0;

/** A new element id that is unique in the page. */
export function uniqueId(word) {
  last += 1;
  return `${word}-${last}`;
}

/** A debounced `run`: called once there was no call for this many milliseconds. */
export function debounced(run, milliseconds) {
  let timer;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => run(...given), milliseconds);
  };
}
