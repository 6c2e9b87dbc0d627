// One forecast, laid out: the range as the main thing, and what to hold beside it.
// Knows no server and nothing of the form; makes elements and returns them. The rest of it is details.js's.

import { axis, logScale, markRow, rangeRow } from "./chart.js";
import { details } from "./details.js";
import { drawnRow, el, list } from "./dom.js";
import * as words from "./words.js";

/** What is worth holding beside the range: [name, views to mark, the same in words, kind of dot]. */
function marks(forecast, about) {
  const one = (name, views) => [name, [views], words.short(views), "dot"];
  const found = Object.entries(forecast.baselines)
    .filter(([, views]) => views !== null)
    .map(([name, views]) => one(words.baseline(name), views));
  const median = about?.trained_on.median_views;
  if (median) found.unshift(one("Middle training video", median));
  if (forecast.top_tenth) found.push(one("Top tenth begins", forecast.top_tenth.views_at_least));
  const like = forecast.nearest.map((video) => video.views);
  if (like.length) {
    const said = `${words.short(Math.min(...like))} to ${words.short(Math.max(...like))}`;
    found.push([`${words.plural(like.length, "video")} most like it`, like, said, "dot like"]);
  }
  return found;
}

/** The range and what to hold beside it, on one log axis. */
function chart(forecast, about) {
  const beside = marks(forecast, about);
  const ends = forecast.interval ? [forecast.interval.low, forecast.interval.high] : [];
  const scale = logScale([forecast.views, ...ends, ...beside.flatMap(([, views]) => views)]);
  const range = rangeRow(scale, forecast, rangeInWords(forecast), true);
  return el(
    "table.rows.figure",
    el("caption.unseen", "Views on a logarithmic axis: the forecast, and what to hold beside it"),
    el(
      "tbody",
      drawnRow("This draft", range, words.short(forecast.views), "point"),
      beside.map(([name, at, said, kind]) => drawnRow(name, markRow(scale, forecast, at, kind), said)),
      el("tr.axis", { "aria-hidden": "true" }, el("td"), el("td.drawn", axis(scale)), el("td", "views")),
    ),
  );
}

export function rangeInWords(forecast) {
  if (!forecast.interval) return `About ${words.views(forecast.views)} views`;
  return `Between ${words.views(forecast.interval.low)} and ${words.views(forecast.interval.high)} views`;
}

function rank(forecast) {
  const known = `${words.plural(forecast.training_videos, "video")} it learned from`;
  if (forecast.percentile === 0) return `The middle is below every one of the ${known}.`;
  if (forecast.percentile === 100) return `The middle is above every one of the ${known}.`;
  return `The middle is more than ${words.percent(forecast.percentile / 100)} of the ${known}.`;
}

/** The odds come from how far it was off on videos held back. */
function topTenth({ top_tenth: top }) {
  if (!top) return null;
  const least = words.views(top.views_at_least);
  return `Chance of ${least} or more, where their top tenth begins: ${words.percent(top.probability)}.`;
}

/** What the run forecasts beside views, each in its own sentence. */
const targets = (forecast) =>
  Object.values(forecast.targets ?? {}).map(({ target, text }) => `${words.capital(target)}: ${text}.`);

/** The elements of one forecast; level: the tag of its headline; about: /v1/predictor's answer or null. */
export const result = (forecast, about, level = "h2") => [
  el(
    "div.card.hero",
    el(`${level}.range-words`, { tabindex: "-1" }, forecast.headline),
    el("p.promise", forecast.promise),
    chart(forecast, about),
    el(
      "div.facts",
      list([rank(forecast), topTenth(forecast), ...targets(forecast)].filter(Boolean)),
    ),
  ),
  el("div.card", details(forecast, about)),
];
