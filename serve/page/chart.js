// Drawings of views on a log axis: the forecast's range, marks beside it, and what each part added.
// Places are percentages of the width, so a drawing fits any screen without being drawn again.
// Knows no server and nothing of the form.

import { svg } from "./dom.js";
import { block, factor, short } from "./words.js";

const SIDE = 4; // percent of the width left free on either side

/** A log scale over the given views (at least one decade): at(views) → percent, ticks → views. */
export function logScale(values) {
  const logs = values.filter((v) => Number.isFinite(v)).map((v) => Math.log10(Math.max(v, 1)));
  let [low, high] = [Math.min(...logs), Math.max(...logs)];
  const short = 1 - (high - low);
  if (short > 0) {
    low = Math.max(0, low - short / 2);
    high = Math.max(high + short / 2, low + 1);
  }
  const at = (v) => SIDE + ((100 - 2 * SIDE) * (Math.log10(Math.max(v, 1)) - low)) / (high - low);
  const within = (leads) => {
    const found = [];
    for (let decade = Math.floor(low); decade <= high; decade += 1) {
      for (const lead of leads) {
        const tick = lead * 10 ** decade;
        if (tick >= 1 && at(tick) >= 0 && at(tick) <= 100) found.push(tick);
      }
    }
    return found;
  };
  const few = [[1, 2, 5], [1, 3], [1]].map(within).find((ticks) => ticks.length <= 6);
  return { at, ticks: few ?? within([1]).filter((_, i) => i % 2 === 0) };
}

const pc = (number) => `${number.toFixed(3)}%`;
const line = (x, y1, y2, kind) => svg("line", { x1: pc(x), x2: pc(x), y1, y2, class: kind });

const text = (x, y, words, kind, anchor) =>
  svg("text", { x: pc(x), y, class: kind, "text-anchor": anchor }, words);

const inside = (x) => (x < 2 ? "start" : x > 98 ? "end" : "middle");

const drawing = (height, told, ...drawn) =>
  svg(
    "svg.chart",
    {
      width: "100%",
      height,
      ...(told ? { role: "img", "aria-label": told } : { "aria-hidden": "true" }),
    },
    drawn,
  );

const grid = (scale, height) => scale.ticks.map((tick) => line(scale.at(tick), 0, height, "grid"));

const span = (scale, { low, high }) => ({ x: pc(scale.at(low)), width: pc(scale.at(high) - scale.at(low)) });

function range(scale, forecast, y, tall) {
  const drawn = [
    svg("circle", { cx: pc(scale.at(forecast.views)), cy: y + tall / 2, r: tall / 4, class: "middle" }),
  ];
  if (forecast.interval) {
    drawn.unshift(
      svg("rect", { ...span(scale, forecast.interval), y, height: tall, rx: tall / 2, class: "range" }),
    );
  }
  return drawn;
}

/** One draft's range; ends: write its two ends above it. */
export function rangeRow(scale, forecast, told, ends = false) {
  const labelled = ends && forecast.interval;
  const [top, tall] = [labelled ? 26 : 5, ends ? 26 : 20];
  const labels = labelled ? endLabels(scale, forecast.interval) : [];
  return drawing(
    top + tall + 5,
    told,
    grid(scale, top + tall + 5),
    range(scale, forecast, top, tall),
    labels,
  );
}

/** Above the ends; side by side, away from each other, where the range is too narrow for both. */
function endLabels(scale, { low, high }) {
  const narrow = scale.at(high) - scale.at(low) < 16;
  const label = (v, apart) => text(scale.at(v), 18, short(v), "end", narrow ? apart : inside(scale.at(v)));
  return [label(low, "end"), label(high, "start")];
}

/** Views to hold beside the range, which is shaded. kind: "dot" for a rule, "dot like" for single videos. */
export function markRow(scale, forecast, places, kind) {
  const shade = forecast.interval
    ? svg("rect", { ...span(scale, forecast.interval), y: 0, height: 26, class: "shade" })
    : null;
  const dots = places.map((v) => svg("circle", { cx: pc(scale.at(v)), cy: 13, r: 4.5, class: kind }));
  return drawing(26, null, grid(scale, 26), shade, dots);
}

export const axis = (scale) =>
  drawing(
    20,
    null,
    scale.ticks.map((tick) => text(scale.at(tick), 15, short(tick), "tick", inside(scale.at(tick)))),
  );

/** [{name, svg, said, kind}] from the starting point over each block to the forecast. */
export function steps(forecast) {
  const start = forecast.starting_point.log_views;
  let here = start;
  const moves = forecast.blocks.map((b) => {
    const from = here;
    here += b.log_views;
    return { ...b, from, to: here };
  });
  const every = [start, forecast.log_views, ...moves.map((m) => m.to)];
  const [low, high] = [Math.min(...every), Math.max(...every)];
  const width = Math.max(high - low, 0.2);
  const at = (log) => 3 + (94 * (log - low)) / width;
  const row = (...drawn) =>
    svg(
      "svg",
      { class: "step", width: "100%", height: 22, "aria-hidden": "true" },
      line(at(start), 0, 22, "grid"),
      drawn,
    );
  const point = (log, kind) => row(svg("circle", { cx: pc(at(log)), cy: 11, r: 5, class: kind }));
  const bars = moves.map((m) => ({
    name: block(m.block),
    said: factor(m.log_views),
    kind: Math.abs(m.log_views) < 0.005 ? "same" : m.log_views > 0 ? "more" : "less",
    svg: row(
      svg("rect", {
        x: pc(Math.min(at(m.from), at(m.to))),
        width: pc(Math.max(Math.abs(at(m.to) - at(m.from)), 0.4)),
        y: 4,
        height: 14,
        rx: 2,
        class: m.log_views > 0 ? "more" : "less",
      }),
    ),
  }));
  return { bars, start: point(start, "dot"), end: point(forecast.log_views, "middle") };
}
