// Finds the regular expressions in JavaScript code.

/** The tokens after which a slash begins an expression; after anything else it divides. */
const BEFORE = /(?:^|[(,=:[!&|?{};+>]|\b(?:return|typeof|case|of|in))$/;

/**
 * Every regular expression in a module's code, as a RegExp. Strings, templates and comments are skipped, except for the
 * code in templates.
 *
 * @param {string} code
 * @returns {RegExp[]}
 */
export function literals(code) {
  const found = [];
  /** For each open template, the number of open braces in its code. */
  const templates = [];
  let at = 0;
  let before = "";
  const inTemplate = () => {
    while (at < code.length && code[at] !== "`" && !code.startsWith("${", at)) at += code[at] === "\\" ? 2 : 1;
    if (code[at] === "`") at += 1;
    else {
      at += 2;
      templates.push(0);
    }
    before = code[at - 1] === "{" ? "{" : "`";
  };
  while (at < code.length) {
    const char = code[at];
    if (code.startsWith("//", at)) at = end(code, "\n", at);
    else if (code.startsWith("/*", at)) at = end(code, "*/", at + 2) + 2;
    else if (char === '"' || char === "'") {
      for (at += 1; code[at] !== char; at += 1) if (code[at] === "\\") at += 1;
      at += 1;
      before = char;
    } else if (char === "`") {
      at += 1;
      inTemplate();
    } else if (char === "}" && templates.at(-1) === 0) {
      templates.pop();
      at += 1;
      inTemplate();
    } else if (char === "/" && BEFORE.test(before)) {
      const [whole, source, flags] = /^\/((?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+)\/([a-z]*)/.exec(code.slice(at));
      found.push(new RegExp(source, flags));
      at += whole.length;
      before = "/";
    } else {
      if (templates.length > 0 && "{}".includes(char)) templates.push(templates.pop() + (char === "{" ? 1 : -1));
      if (/\S/.test(char))
        before = /\w$/.test(before) && /\w/.test(char) && /\w/.test(code[at - 1]) ? before + char : char;
      at += 1;
    }
  }
  return found;
}

function end(code, mark, from) {
  const at = code.indexOf(mark, from);
  return at < 0 ? code.length : at;
}
