// Horizontal bar charts as SVG: readable in light and dark, and by screen readers.

const ROW = 26;
const [TOP, BOTTOM, WIDTH] = [64, 48, 860];
/** The width of a letter of a label, and the space for a value beside its bar. */
const [LETTER, VALUE] = [6.8, 64];

const STYLE = `
  .back { fill: #fff } text { fill: #1f2328; font: 13px system-ui, sans-serif } .title { font-weight: 600; font-size: 15px }
  .value { paint-order: stroke; stroke: #fff; stroke-width: 4px } .axis { fill: #59636e; font-size: 12px } .grid { stroke: #d1d9e0 } .one { stroke: #59636e } .bar { fill: #8c959f } .ours { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    .back { fill: #0d1117 } text { fill: #e6edf3 } .value { stroke: #0d1117 } .axis { fill: #9198a1 } .grid { stroke: #30363d } .one { stroke: #9198a1 }
    .bar { fill: #6e7681 } .ours { fill: #4493f8 }
  }`;

/**
 * A chart.
 *
 * @param {object} chart
 * @param {string} chart.title
 * @param {string} chart.axis what the values are, with their unit
 * @param {{ name: string, value: number, shown: string, isOurs: boolean }[]} chart.bars
 * @param {boolean} [chart.isRatio] whether the value 1 is the counterpart's
 * @param {boolean} [chart.isLog] whether bars start at 1 on a logarithmic scale, which values of several magnitudes need
 */
export function chart({ title, axis, bars, isRatio = false, isLog = false }) {
  const left = 34 + LETTER * Math.max(...bars.map(({ name }) => name.length));
  const height = TOP + ROW * bars.length + BOTTOM;
  const values = bars.map(({ value }) => value);
  const ticks = isLog ? magnitudes(values) : steps(Math.max(...values, isRatio ? 1 : 0));
  const on = isLog ? Math.log10 : (value) => value;
  const [low, high] = [on(ticks[0]), on(ticks.at(-1))];
  const x = (value) => round(left + ((on(value) - low) / (high - low)) * (WIDTH - left - VALUE));
  const bottom = TOP + ROW * bars.length;
  const grid = ticks.map((tick) => {
    const line = `<line class="${tick === 1 && isRatio ? "one" : "grid"}" x1="${x(tick)}" x2="${x(tick)}" y1="${TOP - 6}" y2="${bottom}"/>`;
    return `${line}<text class="axis" x="${x(tick)}" y="${bottom + 16}" text-anchor="middle">${tick.toLocaleString("en")}</text>`;
  });
  const start = x(isLog ? 1 : 0);
  const drawn = bars.map(({ name, value, shown, isOurs }, at) => {
    // A difference that is lost in the noise may be negative.
    const [y, end] = [TOP + ROW * at, x(isLog ? value : Math.max(value, 0))];
    const [from, to] = [Math.min(start, end), Math.max(start, end)];
    const bar = `<rect class="${isOurs ? "ours" : "bar"}" x="${from}" y="${y + 3}" width="${round(Math.max(to - from, 1))}" height="${ROW - 8}" rx="2"/>`;
    const label = `<text x="${left - 10}" y="${y + 17}" text-anchor="end">${escaped(name)}</text>`;
    return `${label}${bar}<text class="value" x="${to + 6}" y="${y + 17}">${shown}</text>`;
  });
  const told = bars.map(({ name, shown }) => `${name}: ${shown}`).join("; ");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title told">
<title id="title">${escaped(title)}</title>
<desc id="told">${escaped(`${axis}. ${told}`)}</desc>
<style>${STYLE}
</style>
<rect class="back" width="${WIDTH}" height="${height}" rx="8"/>
<text class="title" x="16" y="30">${escaped(title)}</text>
${grid.join("\n")}
${drawn.join("\n")}
<text class="axis" x="${WIDTH - 16}" y="${bottom + 36}" text-anchor="end">${escaped(axis)}</text>
</svg>
`;
}

/** Round numbers from 0 to at least this value. */
function steps(most) {
  const rough = most / 5;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = magnitude * [1, 2, 5, 10].find((one) => one * magnitude >= rough);
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, at) => Number((at * step).toPrecision(6)));
}

/** Powers of ten around these values and 1. */
function magnitudes(values) {
  const low = Math.floor(Math.log10(Math.min(...values, 1)));
  const high = Math.ceil(Math.log10(Math.max(...values, 1)));
  return Array.from({ length: high - low + 1 }, (_, at) => Number(`1e${low + at}`));
}

const round = (value) => Math.round(10 * value) / 10;
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
