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

let items = {};

const say = (sentence) => {
  byId("bar-label").textContent = sentence;
  if (byId("status").textContent !== sentence) byId("status").textContent = sentence;
};

const state = (name, is) => {
  items[name].className = is;
  if (is === "now") items[name].setAttribute("aria-current", "step");
  else items[name].removeAttribute("aria-current");
};

/** names: which of STAGES this request goes through. */
export function begin(names) {
  items = Object.fromEntries(names.map((name) => [name, el("li", STAGES[name][0])]));
  byId("steps").replaceChildren(...Object.values(items));
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
  if (!items[name]) return;
  if (is === "started") {
    state(name, "now");
    say(`${STAGES[name][1]}…`);
    return;
  }
  state(name, "done");
  byId("bar").value = Math.max(byId("bar").value, STAGES[name][2]);
  if (seconds !== undefined && seconds !== null)
    items[name].textContent = `${STAGES[name][0]} ${seconds.toFixed(1)} s`;
}

/** The server tells no steps of a comparison, so the bar does not claim any. */
export function working(sentence) {
  state("upload", "done");
  state("forecast", "now");
  byId("bar").removeAttribute("value");
  say(sentence);
}

export function end(sentence) {
  byId("progress").hidden = true;
  say(sentence);
}
