// What the predictor is and what it cannot know: there before any forecast, and after it.
// Knows no server and nothing of the form.

import { el, list } from "./dom.js";
import * as words from "./words.js";

function learned({ videos, channels, published }) {
  const [from, to] = published.map(words.day);
  const span = from ? `, posted ${from === to ? `on ${from}` : `${from} to ${to}`}` : "";
  const whose = channels ? ` of ${words.plural(channels, "channel")}` : "";
  return `It learned from ${words.plural(videos, "video")}${whose}${span}.`;
}

export const about = (predictor) => [
  el("h2", "What this predictor is"),
  el("p", learned(predictor.trained_on)),
  el("p", predictor.quality.verdict),
  el("p", `The simple rule beside it: ${predictor.rule}.`),
  el("p", words.measured(predictor.quality)),
  predictor.warnings.length ? [el("h3", "Warnings"), list(predictor.warnings)] : [],
  el("h3", "What it cannot know"),
  list(predictor.cannot_know),
  el("p.hint", `Predictor ${predictor.id}, made ${words.day(predictor.created_at)}.`),
];
