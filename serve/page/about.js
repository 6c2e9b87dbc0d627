// What the predictor is and what it cannot know: there before any forecast, and after it.
// Knows no server and nothing of the form.

import { el } from "./dom.js";
import { measured } from "./result.js";
import * as words from "./words.js";

const list = (lines) => el("ul", null, lines.map((line) => el("li", null, line)));

export function about(predictor) {
  const from = predictor.trained_on;
  const span = from.published?.length === 2 ? `, posted ${words.day(from.published[0])} to ${words.day(from.published[1])}` : "";
  const learned = `It learned from ${words.plural(from.videos, "video")} of ${words.plural(from.channels, "channel")}${span}.`;
  return [
    el("h2", null, "What this predictor is"),
    el("p", null, learned),
    el("p", null, predictor.quality.verdict),
    el("p", { class: "hint" }, "Spearman says how well it puts videos in order: 1 is perfect, 0 is chance."),
    el("p", null, measured(predictor.quality)),
    predictor.warnings.length ? [el("h3", null, "Warnings"), list(predictor.warnings)] : null,
    el("h3", null, "What it cannot know"),
    list(predictor.cannot_know),
    el("p", { class: "hint" }, `Predictor ${predictor.id}, made ${words.day(predictor.created_at)}.`),
  ];
}
