// One forecast, laid out: the range first, then where it comes from, what is like it, and what to mind.
// Knows no server and nothing of the form; makes elements and returns them.

import { axis, logScale, markRow, rangeRow, steps } from "./chart.js";
import { el } from "./dom.js";
import * as words from "./words.js";

/** What is worth holding beside the range: [name, views to mark, the same in words, kind of dot]. */
function marks(forecast, about) {
  const one = (name, views) => [name, [views], words.short(views), "dot"];
  const found = Object.entries(forecast.baselines)
    .filter(([, views]) => views !== null)
    .map(([name, views]) => one(words.baseline(name), views));
  const median = about?.trained_on?.median_views;
  if (median) found.unshift(one("Middle training video", median));
  if (forecast.top_tenth) found.push(one("Top tenth begins", forecast.top_tenth.views_at_least));
  const like = forecast.nearest.map((video) => video.views);
  if (like.length) {
    const said = `${words.short(Math.min(...like))} to ${words.short(Math.max(...like))}`;
    found.push([`${like.length} videos most like it`, like, said, "dot like"]);
  }
  return found;
}

const row = (name, drawn, said, kind) =>
  el("tr", { class: kind }, el("th", { scope: "row" }, name), el("td", { class: "drawn" }, drawn), el("td", { class: "said" }, said));

/** The range and what to hold beside it, on one log axis. */
function chart(forecast, about) {
  const beside = marks(forecast, about);
  const ends = forecast.interval ? [forecast.interval.low, forecast.interval.high] : [];
  const scale = logScale([forecast.views, ...ends, ...beside.flatMap(([, views]) => views)]);
  return el("table", { class: "rows figure" },
    el("caption", { class: "unseen" }, "Views on a logarithmic axis: the forecast, and what to hold beside it"),
    el("tbody", null,
      row("This draft", rangeRow(scale, forecast, rangeInWords(forecast), true), words.short(forecast.views), "point"),
      beside.map(([name, views, said, kind]) => row(name, markRow(scale, forecast, views, kind), said)),
      el("tr", { "aria-hidden": "true", class: "axis" }, el("td"), el("td", { class: "drawn" }, axis(scale)), el("td", null, "views"))));
}

export function rangeInWords(forecast) {
  if (!forecast.interval) return `About ${words.views(forecast.views)} views`;
  return `Between ${words.views(forecast.interval.low)} and ${words.views(forecast.interval.high)} views`;
}

function promise(forecast) {
  const after = `after ${words.days(forecast.horizon_days)}`;
  if (!forecast.interval) return `${after}; how far off that may be is not known, so take it as a hint.`;
  return `${after}, ${words.often(forecast.interval.coverage)}. The middle of that range is ${words.views(forecast.views)}.`;
}

/** "Measured: …" or null when it was not. */
export function measured(quality) {
  const held = quality?.interval?.measured;
  if (!held || held.point === null) return null;
  const bounds = held.low === null ? "" : ` (${words.percent(held.low)} to ${words.percent(held.high)}, given how few they are)`;
  const of = quality.test_rows ? `${words.plural(quality.test_rows, "video")} it had not seen` : "videos it had not seen";
  return `Measured: on ${of}, ranges like this held ${words.percent(held.point)} of the time${bounds}.`;
}

function hero(forecast, about, level) {
  const known = words.plural(forecast.training_videos, "video");
  const rank = {
    0: `The middle is below every one of the ${known} it learned from.`,
    100: `The middle is above every one of the ${known} it learned from.`,
  }[forecast.percentile] ?? `The middle is more than ${Math.round(forecast.percentile)} % of the ${known} it learned from.`;
  const top = forecast.top_tenth &&
    `Chance of ${words.views(forecast.top_tenth.views_at_least)} or more, where their top tenth begins: ` +
    `${words.percent(forecast.top_tenth.probability)}.`;
  return [
    el(level, { class: "range-words", tabindex: "-1" }, rangeInWords(forecast)),
    el("p", { class: "promise" }, promise(forecast)),
    chart(forecast, about),
    el("ul", { class: "facts" }, [rank, top, measured(forecast.quality)].filter(Boolean).map((s) => el("li", null, s))),
  ];
}

function contributions(forecast) {
  const { bars, start, end } = steps(forecast);
  return section("Where the middle comes from",
    el("table", { class: "rows" },
      el("caption", null, "From the middle forecast for its training videos, each part of the draft multiplies or divides it."),
      el("thead", { class: "unseen" }, el("tr", null, el("th", { scope: "col" }, "Part"), el("td"), el("th", { scope: "col" }, "Effect"))),
      el("tbody", null,
        row("Starting point", start, words.views(forecast.starting_point.views), "point"),
        bars.map((b) => row(b.name, b.svg, b.said, b.kind)),
        row("This draft", end, words.views(forecast.views), "point"))),
    el("p", { class: "hint" }, "It explains the model, not the world: what it leans on need not be why people watch."));
}

function nearest(forecast) {
  if (!forecast.nearest.length) return null;
  return section("The videos most like it",
    el("div", { class: "scroll" }, el("table", { class: "nearest" },
      el("caption", null, "By picture, sound and words, among those it learned from. Likeness is not success: see how far apart their views are."),
      el("thead", null, el("tr", null, ["Video", "Views", "Likeness"].map((h) => el("th", { scope: "col" }, h)))),
      el("tbody", null, forecast.nearest.map((one) =>
        el("tr", null,
          el("th", { scope: "row" }, one.title || one.video_id,
            el("span", { class: "hint" }, [one.channel_id, one.published_at && words.day(one.published_at)].filter(Boolean).join(" · "))),
          el("td", null, words.views(one.views)),
          el("td", null, one.similarity.toFixed(2))))))));
}

function mind(forecast) {
  const groups = [
    ["Not in this draft", forecast.missing.map(words.missing)],
    ["Outside what it has seen", forecast.outside.map(words.outside)],
    ["Notes", forecast.notes],
  ].filter(([, lines]) => lines.length);
  if (!groups.length) return null;
  return section("Mind this",
    groups.map(([head, lines]) => [el("h4", null, head), el("ul", null, lines.map((s) => el("li", null, s)))]));
}

/** Only where it is another model's than the one that the page tells of anyway (a draft without a video). */
function quality(forecast, about) {
  if (about?.quality.verdict === forecast.quality.verdict) return null;
  return section("How good this forecast is", el("p", null, forecast.quality.verdict));
}

function made(forecast) {
  const { decode, encode, forecast: last } = forecast.seconds;
  const took = (decode ?? 0) + (encode ?? 0) + (last ?? 0);
  const work = took ? `, ${took.toFixed(1)} s of work` : "";
  return el("p", { class: "hint made" }, `Model ${forecast.model}, predictor ${forecast.predictor}${work}.`);
}

const section = (title, ...content) => el("section", { class: "part" }, el("h3", null, title), content);

/** The elements of one forecast; level: the tag of its headline. */
export const result = (forecast, about, level = "h2") => [
  el("div", { class: "card hero" }, hero(forecast, about, level)),
  el("div", { class: "card" }, contributions(forecast), nearest(forecast), mind(forecast), quality(forecast, about), made(forecast)),
];
