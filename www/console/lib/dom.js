// Elements, made without any text being read as HTML: what comes from outside can only ever become text or the value
// of an attribute.

const SVG = "http://www.w3.org/2000/svg";

/** Where a link may lead: within the console, within this host, or to what the page itself holds. */
const SAFE_LINK = /^(#|\/(?!\/)|blob:)/;

/**
 * An element. An attribute that is false, null or undefined is left out, one that is true is empty; `on…` takes a
 * function and listens. Children are nodes, texts, numbers, or arrays of such; null, undefined and booleans are left out.
 */
export function h(tag, attributes, ...children) {
  return build(document.createElement(tag), attributes, children);
}

/** The same of a drawing. */
export function svg(tag, attributes, ...children) {
  return build(document.createElementNS(SVG, tag), attributes, children);
}

function build(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) {
      if (typeof value !== "function") throw new TypeError(`${name} takes a function`);
      element.addEventListener(name.slice(2), value);
    } else {
      if (name === "href" && !SAFE_LINK.test(value)) throw new TypeError("a link leads out of here");
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...nodes(children));
  return element;
}

/** What there is to append of these children. */
function nodes(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && typeof child !== "boolean");
}

/** Puts these children in the place of all that an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
}

let last = 0;

/** An id that no other element has. */
export function uniqueId(word) {
  last += 1;
  return `${word}-${last}`;
}

/** As `run`, once nobody has called for so many milliseconds. */
export function settled(run, milliseconds) {
  let timer;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => run(...given), milliseconds);
  };
}
