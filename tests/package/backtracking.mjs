// Counts the steps of a regular expression: a matcher that backtracks as V8's does, and counts. It supports what the shipped
// code uses: sets, groups, alternatives, lookaheads, ^, $ and quantifiers. Anything else throws, so that no expression is
// silently skipped.

/**
 * The steps of a search for `pattern` (a RegExp) in `text`.
 *
 * @returns {{steps: number, found: boolean}}
 */
export function search(pattern, text) {
  if (/[^gimu]/.test(pattern.flags)) throw new TypeError(`no such flag here: ${pattern}`);
  const tree = parsed(pattern);
  const run = { text, steps: 0, multiline: pattern.multiline };
  for (let start = 0; start <= text.length; start += 1) {
    if (tree(run, start, () => true)) return { steps: run.steps, found: true };
    // As in V8: an expression that is anchored at the start is not tried elsewhere.
    if (pattern.source.startsWith("^") && !pattern.multiline && !hasAlternatives(pattern.source)) break;
  }
  return { steps: run.steps, found: false };
}

/** Inputs on which the expression may take long: a prefix for each repetition, what it repeats, and an end that fails. */
export function attacks(pattern, size) {
  const samples = [];
  parsed(pattern, samples);
  const chars = new Set(samples.flatMap(({ sample }) => sample).concat(["a", " "]));
  const texts = [];
  for (const { before } of samples) {
    for (const pump of chars) {
      for (const end of ["", "\u0001", "!", "a", " "]) texts.push(before + pump.repeat(size) + end);
    }
  }
  return texts;
}

/** Whether there are alternatives outside groups and sets. */
function hasAlternatives(source) {
  let depth = 0;
  for (let at = 0; at < source.length; at += 1) {
    if (source[at] === "\\") at += 1;
    else if ("([".includes(source[at])) depth += 1;
    else if (")]".includes(source[at])) depth -= 1;
    else if (source[at] === "|" && depth === 0) return true;
  }
  return false;
}

/**
 * The expression as a function `(run, at, go) => boolean`, where `go(at)` matches the rest.
 *
 * @param samples receives, for each repetition: the shortest text that leads to it, and a character of each set in it
 */
function parsed({ source, ignoreCase }, samples = []) {
  let at = 0;
  const parser = { peek: () => source[at], take: () => source[at++], done: () => at >= source.length };

  function alternatives(before) {
    const ways = [sequence(before)];
    while (parser.peek() === "|") {
      parser.take();
      ways.push(sequence(before));
    }
    if (ways.length === 1) return ways[0];
    const match = (run, from, go) => ways.some((way) => way.match(run, from, go));
    return { match, sample: ways[0].sample, chars: ways.flatMap(({ chars }) => chars) };
  }

  function sequence(before) {
    const parts = [];
    const sample = () => parts.map((part) => part.sample).join("");
    while (!parser.done() && !"|)".includes(parser.peek())) parts.push(repeated(before + sample()));
    const match = parts.reduceRight(
      (rest, part) => (run, from, go) => part.match(run, from, (next) => rest(run, next, go)),
      (run, from, go) => go(from),
    );
    return { match, sample: sample(), chars: parts.flatMap(({ chars }) => chars) };
  }

  function repeated(before) {
    const one = atom(before);
    const [, least, most] = quantifier() ?? [];
    if (least === undefined) return one;
    const lazy = parser.peek() === "?" && parser.take() === "?";
    if (most > 1) samples.push({ before: before + one.sample.repeat(least), sample: one.chars });
    const match = (run, from, go, count = 0) => {
      if (one.single && !lazy) return spans(run, from, go, one, least, most);
      const more = () =>
        count < most &&
        one.match(run, from, (next) => (next > from || count < least) && match(run, next, go, count + 1));
      const enough = () => count >= least && go(from);
      return lazy ? enough() || more() : more() || enough();
    };
    return { match, sample: one.sample.repeat(least), chars: one.chars };
  }

  /** The most repetitions, then fewer: the same as above without recursion. */
  function spans(run, from, go, one, least, most) {
    let end = from;
    while (end - from < most && one.match(run, end, () => true)) end += 1;
    for (; end - from >= least; end -= 1) {
      run.steps += 1;
      if (go(end)) return true;
    }
    return false;
  }

  function quantifier() {
    const simple = { "*": [0, 0, Infinity], "+": [0, 1, Infinity], "?": [0, 0, 1] }[parser.peek()];
    if (simple !== undefined) return void parser.take() ?? simple;
    const [whole, least, comma, most] = /^\{(\d+)(,?)(\d*)\}/.exec(source.slice(at)) ?? [];
    if (whole === undefined) return undefined;
    at += whole.length;
    return [0, Number(least), comma === "" ? Number(least) : most === "" ? Infinity : Number(most)];
  }

  function atom(before) {
    const char = parser.take();
    if (char === "^") return edge((run, from) => from === 0 || (run.multiline && run.text[from - 1] === "\n"));
    if (char === "$")
      return edge((run, from) => from === run.text.length || (run.multiline && run.text[from] === "\n"));
    if (char === "(") return group(before);
    if (char === "[") return set();
    if (char === ".") return one((char) => char !== "\n" && char !== "\r");
    if (char === "\\") return escaped(parser.take());
    if ("*+?{".includes(char)) throw new TypeError(`not understood: ${source}`);
    return one((other) => other === char, char);
  }

  function edge(holds) {
    return { match: (run, from, go) => ((run.steps += 1), holds(run, from) && go(from)), sample: "", chars: [] };
  }

  function group(before) {
    const [kind] = /^\?(:|=|!)/.exec(source.slice(at)) ?? [""];
    if (kind === "" && parser.peek() === "?") throw new TypeError(`not understood: ${source}`);
    at += kind.length;
    const inner = alternatives(before);
    parser.take();
    if (kind !== "?=" && kind !== "?!") return inner;
    const match = (run, from, go) => inner.match(run, from, () => true) === (kind === "?=") && go(from);
    return { match, sample: "", chars: inner.chars };
  }

  /** The engine itself evaluates the set; the sample is its first character. */
  function set() {
    const start = at - 1;
    while (parser.peek() !== "]") if (parser.take() === "\\") parser.take();
    parser.take();
    const holds = new RegExp(`^${source.slice(start, at)}$`, ignoreCase ? "i" : "");
    return one((char) => holds.test(char));
  }

  function escaped(char) {
    if (/[bBkpPc1-9]/.test(char)) throw new TypeError(`not understood: ${source}`);
    const digits = { x: 2, u: 4 }[char] ?? 0;
    const holds = new RegExp(`^\\${char}${source.slice(at, at + digits)}$`, ignoreCase ? "i" : "");
    at += digits;
    return one((other) => holds.test(other));
  }

  function one(holds, known) {
    const fits = ignoreCase && known !== undefined ? (char) => char.toLowerCase() === known.toLowerCase() : holds;
    const printable = Array.from({ length: 127 }, (_, code) => String.fromCharCode(code));
    const sample = known ?? [...printable.slice(33), ...printable.slice(0, 33)].find(holds) ?? "\u{ff}";
    const match = (run, from, go) => ((run.steps += 1), from < run.text.length && fits(run.text[from]) && go(from + 1));
    return { match, sample, chars: [sample], single: true };
  }

  const { match } = alternatives("");
  if (!parser.done()) throw new TypeError(`not understood: ${source}`);
  return match;
}
