// Buttons to take a result along: save it as JSON, print it, copy it as text.
// Knows no server and nothing of the form.

import { numbered } from "./compare.js";
import { byId, el } from "./dom.js";
import * as words from "./words.js";

function one(forecast) {
  const rules = Object.entries(forecast.baselines)
    .filter(([, views]) => views !== null)
    .map(([name, views]) => `${words.baseline(name)}: ${words.views(views)} views`);
  return [
    forecast.headline,
    forecast.promise,
    ...Object.entries(forecast.targets ?? {}).map(([name, { text }]) => `${words.capital(name)}: ${text}.`),
    ...rules,
    ...forecast.missing.map(words.missing),
    ...new Set(forecast.outside.map((range) => `Outside what it has seen: ${words.outside(range)}.`)),
    ...forecast.notes,
    `Predictor ${forecast.predictor}.`,
  ];
}

/** The answer of /v1/forecasts or /v1/rankings as lines that can be pasted anywhere. */
export function asText(answer) {
  if (!answer.order) return `${one(answer).join("\n")}\n`;
  const drafts = answer.order.map(({ draft, title, forecast }) =>
    [`${numbered(draft)}${title ? `: ${title}` : ""}`, ...one(forecast)].join("\n"),
  );
  return `${[answer.sentence, ...drafts].join("\n\n")}\n`;
}

function save(answer) {
  const url = URL.createObjectURL(new Blob([`${JSON.stringify(answer, null, 1)}\n`], { type: "application/json" }));
  el("a", { href: url, download: answer.order ? "ranking.json" : "forecast.json" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000); // the browser still reads it
}

/** Whether the text lies in the clipboard. Browsers offer the new way on https and localhost alone. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const box = el("textarea.unseen", { "aria-hidden": "true" }, text);
    document.body.append(box);
    box.select();
    const done = document.execCommand("copy");
    box.remove();
    return done;
  }
}

// Paper cannot be unfolded.
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("#result details:not([open])")];
  for (const one of folded) one.open = true;
});
addEventListener("afterprint", () => {
  for (const one of folded) one.open = false;
});

const button = (name, act) => {
  const made = el("button.quiet", { type: "button" }, name);
  made.addEventListener("click", () => act(made));
  return made;
};

/** The row of buttons for this answer. */
export const keep = (answer) =>
  el(
    "p.keep",
    button("Save (JSON)", () => save(answer)),
    button("Print", () => print()),
    button("Copy as text", async (pressed) => {
      const done = await copy(asText(answer));
      byId("status").textContent = done ? "Copied." : "This browser does not let a page copy.";
      pressed.textContent = done ? "Copied" : "Cannot copy here";
      pressed.focus();
    }),
  );
