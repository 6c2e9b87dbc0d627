// Drafts side by side: one axis, best first, and between neighbours whether the difference can be told.
// Knows no server and nothing of the form.

import { axis, logScale, rangeRow } from "./chart.js";
import { el } from "./dom.js";
import { rangeInWords, result } from "./result.js";
import * as words from "./words.js";

export const letter = (index) => `Draft ${String.fromCharCode(65 + index)}`;

const named = (entry) => [el("strong", null, letter(entry.draft)), entry.title ? ` ${entry.title}` : ""];

function between({ better, worse, probability, too_close_to_call: close }) {
  const pair = `${letter(better)} gets more views than ${letter(worse)}`;
  const said = probability === null
    ? `Whether ${pair} cannot be said: this predictor's errors were not measured.`
    : `${pair} with a probability of ${words.percent(probability)}${close ? ": too close to call" : ""}.`;
  return el("p", { class: close ? "between close" : "between" }, said);
}

/** The elements of an answer of /v1/rankings. */
export function comparison(answer, about) {
  const forecasts = answer.order.map((entry) => entry.forecast);
  const scale = logScale(forecasts.flatMap((f) => [f.views, ...(f.interval ? [f.interval.low, f.interval.high] : [])]));
  const rows = answer.order.map((entry, place) =>
    el("li", null,
      el("p", { class: "who" }, named(entry)),
      el("p", { class: "span" }, `${rangeInWords(entry.forecast)}, middle ${words.views(entry.forecast.views)}`),
      rangeRow(scale, entry.forecast, `${letter(entry.draft)}: ${rangeInWords(entry.forecast)}`),
      place < answer.pairs.length ? between(answer.pairs[place]) : null));
  const [first] = forecasts;
  const held = first.interval && `Each range is made to hold ${words.often(first.interval.coverage)}; `;
  return [
    el("div", { class: "card hero" },
      el("h2", { class: "range-words", tabindex: "-1" }, answer.sentence),
      el("p", { class: "promise" }, `${held || ""}views after ${words.days(first.horizon_days)}, best first.`),
      el("ol", { class: "order" }, rows),
      axis(scale)),
    answer.order.map((entry) =>
      el("details", { class: "more" },
        el("summary", null, `${letter(entry.draft)} in full`),
        result(entry.forecast, about, "h3"))),
  ];
}
