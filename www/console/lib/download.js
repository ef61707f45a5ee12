// Downloads of files that are made in the page.

import { h } from "./dom.js";

/** Saves a text as a file. Nothing is sent over the network. */
export function download(name, text, type = "text/plain") {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = h("a", { href: url, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  URL.revokeObjectURL(url);
}
