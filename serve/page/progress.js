// How far a request is: bytes sent, then the steps the server tells of.
// Knows no server. The spoken status says each step once; the bar moves silently.

import { byId, el } from "./dom.js";

// The server's stages as a person would say them, and the share of the bar each ends at.
const STAGES = {
  upload: ["Send", "Sending", 35],
  decode: ["Decode", "Decoding picture and sound", 55],
  encode: ["Encode", "Looking, listening and reading", 90],
  forecast: ["Forecast", "Forecasting", 100],
};

let items = {}; // stage → its element, how often it will be done, how often it was

const say = (sentence) => {
  byId("bar-label").textContent = sentence;
  if (byId("status").textContent !== sentence) byId("status").textContent = sentence;
};

const state = (name, is) => {
  const { element } = items[name];
  element.className = is;
  if (is === "now") element.setAttribute("aria-current", "step");
  else element.removeAttribute("aria-current");
};

/** times: how many videos (and drafts without one) go through decode and through encode. */
export function begin(times) {
  items = {};
  for (const [name, [label]] of Object.entries(STAGES)) {
    const wanted = times[name] ?? 1;
    if (wanted) items[name] = { element: el("li", label), wanted, done: 0 };
  }
  byId("steps").replaceChildren(...Object.values(items).map(({ element }) => element));
  byId("bar").value = 0;
  byId("progress").hidden = false;
  state("upload", "now");
  say(`${STAGES.upload[1]}…`);
}

export function uploaded(share) {
  byId("bar").value = share * STAGES.upload[2];
  byId("bar-label").textContent = `${STAGES.upload[1]}: ${Math.round(share * 100)} %`;
  if (share === 1) {
    state("upload", "done");
    say("Sent; waiting for the predictor");
  }
}

export function stage({ stage: name, state: is, seconds }) {
  const item = items[name];
  if (!item) return;
  const [label, doing, ends] = STAGES[name];
  if (is === "started") {
    state(name, "now");
    say(`${doing}…`);
    return;
  }
  item.done += 1;
  const many = item.wanted > 1;
  item.element.textContent = many ? `${label} ${item.done} of ${item.wanted}` : `${label} ${seconds.toFixed(1)} s`;
  if (item.done === item.wanted) state(name, "done");
  const names = Object.keys(items);
  const from = STAGES[names[names.indexOf(name) - 1]][2];
  const reached = from + ((ends - from) * item.done) / item.wanted;
  byId("bar").value = Math.max(byId("bar").value, reached);
}

export function end(sentence) {
  byId("progress").hidden = true;
  say(sentence);
}
