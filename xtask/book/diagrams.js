// Draws the Mermaid diagrams of a page in the colours of its theme, again whenever the reader picks another theme.

const diagrams = [...document.querySelectorAll("pre.mermaid")].map((element) => ({
  element,
  source: element.textContent,
}));

function isDark() {
  return ["coal", "navy", "ayu"].some((theme) => document.documentElement.classList.contains(theme));
}

let drawn;
async function draw() {
  const theme = isDark() ? "dark" : "neutral";
  if (theme === drawn) return;
  drawn = theme;
  for (const { element, source } of diagrams) {
    element.removeAttribute("data-processed");
    element.textContent = source;
  }
  mermaid.initialize({ startOnLoad: false, theme, securityLevel: "strict" });
  await mermaid.run({ nodes: diagrams.map(({ element }) => element) });
}

if (diagrams.length > 0) {
  void draw();
  new MutationObserver(() => void draw()).observe(document.documentElement, { attributeFilter: ["class"] });
}
