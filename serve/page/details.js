// Below the range: where the middle comes from, what is like the draft, what to mind, who says so.
// Knows no server and nothing of the form; makes elements and returns them.

import { steps } from "./chart.js";
import { drawnRow, el, list } from "./dom.js";
import * as words from "./words.js";

const section = (title, ...content) => el("section.part", el("h3", title), content);

function contributions(forecast) {
  // A rule looks at nothing in the clip; its headline says so.
  if (forecast.kind === "rule") return null;
  const { bars, start, end } = steps(forecast);
  return section(
    "Where the middle comes from",
    el(
      "table.rows",
      el("caption", "From what it says of training videos on average, each part multiplies or divides."),
      el(
        "thead.unseen",
        el("tr", el("th", { scope: "col" }, "Part"), el("td"), el("th", { scope: "col" }, "Effect")),
      ),
      el(
        "tbody",
        drawnRow("Starting point", start, words.views(forecast.starting_point.views), "point"),
        bars.map((b) => drawnRow(b.name, b.svg, b.said, b.kind)),
        drawnRow("This draft", end, words.views(forecast.views), "point"),
      ),
    ),
    el("p.hint", "It explains the model, not the world: what it leans on need not be why people watch."),
  );
}

function neighbour(video) {
  const posted = video.published_at && words.day(video.published_at);
  const where = el("span.hint", [video.channel_id, posted].filter(Boolean).join(" · "));
  return el(
    "tr",
    el("th", { scope: "row" }, el("span.title", video.title || video.video_id), where),
    el("td", words.views(video.views)),
    el("td", video.similarity.toFixed(2)),
  );
}

function nearest(forecast) {
  if (!forecast.nearest.length) return null;
  const heads = ["Video", "Views", "Likeness"].map((head) => el("th", { scope: "col" }, head));
  return section(
    "The videos most like it",
    el(
      "table.nearest",
      el(
        "caption",
        "By picture, sound and words, among those it learned from; 1 is the same, 0 is unrelated. ",
        "Likeness is not success: see how far apart their views are.",
      ),
      el("thead", el("tr", heads)),
      el("tbody", forecast.nearest.map(neighbour)),
    ),
  );
}

function mind(forecast) {
  const groups = [
    ["Not in this draft", forecast.missing.map(words.missing)],
    ["Outside what it has seen", [...new Set(forecast.outside.map(words.outside))]],
    ["Notes", forecast.notes],
  ].filter(([, lines]) => lines.length);
  if (!groups.length) return null;
  return section(
    "Mind this",
    groups.map(([head, lines]) => [el("h4", head), list(lines)]),
  );
}

/** Only where it is another model's than the one that the page tells of anyway (a draft without a video). */
function quality(forecast, about) {
  if (about?.quality.verdict === forecast.quality.verdict) return null;
  return section("How good this forecast is", el("p", forecast.quality.verdict));
}

function made(forecast) {
  const { decode, encode, forecast: last } = forecast.seconds;
  const took = (decode ?? 0) + (encode ?? 0) + (last ?? 0);
  const work = took ? `, ${took.toFixed(1)} s of work` : "";
  return el("p.hint.made", `Model ${forecast.model}, predictor ${forecast.predictor}${work}.`);
}

/** The elements below the range. about: /v1/predictor's answer or null. */
export const details = (forecast, about) =>
  [
    contributions(forecast),
    nearest(forecast),
    mind(forecast),
    quality(forecast, about),
    made(forecast),
  ].filter(Boolean);
