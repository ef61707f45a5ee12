// A token's daily uses as a small bar chart.

import { h, svg } from "../lib/dom.js";

const WIDTH = 3;
const HEIGHT = 22;

/** A bar for each day, oldest first, and the sum; the chart's title has the sum in words. */
export function usesChart(days) {
  const total = days.reduce((sum, uses) => sum + uses, 0);
  const words = `${total.toLocaleString("en")} ${total === 1 ? "use" : "uses"} in ${days.length} days`;
  if (total === 0) return h("span", { class: "quiet" }, "none");
  const most = Math.max(...days);
  const bar = (uses, day) => {
    // A single use must be visible next to thousands.
    const height = uses === 0 ? 1 : Math.max(2, Math.round((uses / most) * HEIGHT));
    return svg("rect", {
      x: day * WIDTH,
      y: HEIGHT - height,
      width: WIDTH - 1,
      height,
      class: uses === 0 ? "none" : null,
    });
  };
  const picture = svg(
    "svg",
    {
      class: "uses",
      role: "img",
      viewBox: `0 0 ${days.length * WIDTH} ${HEIGHT}`,
      width: days.length * WIDTH,
      height: HEIGHT,
    },
    svg("title", {}, words),
    days.map(bar),
  );
  return [picture, h("small", {}, total.toLocaleString("en"))];
}
