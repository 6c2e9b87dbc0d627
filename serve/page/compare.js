// Drafts side by side: one axis, best first, and between neighbours whether the difference can be told.
// Knows no server and nothing of the form.

import { axis, logScale, rangeRow } from "./chart.js";
import { el } from "./dom.js";
import { rangeInWords, result } from "./result.js";
import * as words from "./words.js";

/** The server counts drafts from 0, its sentences and people from 1. */
export const numbered = (index) => `Draft ${index + 1}`;

function between({ better, worse, probability, too_close_to_call: close }, by) {
  const more = by === "views" ? "gets more views than" : `comes above (by ${by})`;
  const pair = `${numbered(better)} ${more} ${numbered(worse)}`;
  const said =
    probability === null
      ? `Whether ${pair} cannot be said: this predictor's errors were not measured.`
      : `${pair} with a probability of ${words.percent(probability)}${close ? ": too close to call" : ""}.`;
  return el(close ? "p.between.close" : "p.between", said);
}

function place({ draft, title, forecast }, scale, pair, by) {
  const range = rangeInWords(forecast);
  return el(
    "li",
    el("p.who", el("strong", numbered(draft)), title ? ` ${title}` : ""),
    by === "views" ? null : el("p.span", `${words.capital(by)}: ${forecast.targets[by].text}.`),
    el("p.span", `${range}, middle ${words.views(forecast.views)}`),
    rangeRow(scale, forecast, `${numbered(draft)}: ${range}`),
    pair ? between(pair, by) : null,
  );
}

/** The elements of an answer of /v1/rankings. */
export function comparison({ order, pairs, sentence, by = "views" }, about) {
  const ends = ({ interval }) => (interval ? [interval.low, interval.high] : []);
  const scale = logScale(order.flatMap(({ forecast }) => [forecast.views, ...ends(forecast)]));
  const [{ forecast: first }] = order;
  return [
    el(
      "div.card.hero",
      el("h2.range-words.sentence", { tabindex: "-1" }, sentence),
      el("p.promise", `Best first${by === "views" ? "" : ` by ${by}`}. For the first: ${first.promise}`),
      el(
        "ol.order",
        order.map((entry, i) => place(entry, scale, pairs[i], by)),
      ),
      axis(scale),
    ),
    order.map(({ draft, forecast }) =>
      el("details.full", el("summary", `${numbered(draft)} in full`), result(forecast, about, "h3")),
    ),
  ];
}
