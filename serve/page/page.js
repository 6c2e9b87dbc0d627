// The page's thread: read the form, ask the server, show what it says. Holds the API key, in memory only.

import { about } from "./about.js";
import * as api from "./api.js";
import { comparison, numbered } from "./compare.js";
import { byId, el } from "./dom.js";
import * as drafts from "./drafts.js";
import { tooLarge } from "./files.js";
import { keep } from "./keep.js";
import * as progress from "./progress.js";
import { result } from "./result.js";

const form = byId("form");
const wrong = byId("error"); // kept here: it may stand in a draft that is removed
const SHARED = ["channel_id", "channel_followers", "horizon_days"];
const TOLD = { onUpload: progress.uploaded, onStage: progress.stage };
const NUMBERS = ["channel_followers", "horizon_days", "duration_s"];
let key = "";
let predictor = null;
let running = null;

class Mistake extends Error {
  constructor(message, field) {
    super(message);
    this.field = field;
  }
}

function complain(message, field) {
  // It stands above the field's label, and all three are brought into sight: focus() alone shows the field.
  const place = field?.closest(".field, .drop") ?? byId("go").closest(".act");
  place.before(wrong);
  wrong.textContent = message;
  wrong.hidden = false;
  if (field) {
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", "error");
    field.focus({ preventScroll: true });
  }
  for (const one of [wrong, place]) one.scrollIntoView({ block: "nearest", behavior: "instant" });
}

function forgive() {
  wrong.hidden = true;
  wrong.textContent = "";
  for (const field of form.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-describedby");
  }
}

function failed(error) {
  if (error.status === 401) {
    byId("key-card").hidden = false;
    complain(error.message, form.elements.key);
    return;
  }
  complain(error.message, error.field);
  if (!error.field) byId("go").focus({ preventScroll: true }); // the button that had it may be gone
}

/** What the server would refuse anyway, said before anything is sent. */
function check(draft) {
  const whose = drafts.all().length > 1 ? `${numbered(drafts.all().indexOf(draft))}: ` : "";
  const large = draft.file && tooLarge(draft.file, predictor?.upload_limits?.bytes); // chosen before it was known
  if (large) throw new Mistake(`${whose}${large}`, draft.find(".remove-video"));
  if (!draft.file && predictor && !predictor.accepts_metadata_only) {
    throw new Mistake(
      `${whose}please choose a video; this predictor cannot judge words alone.`,
      draft.field("video"),
    );
  }
  if (!draft.file && !draft.field("title").value.trim()) {
    throw new Mistake(`${whose}please choose a video, or give at least a title.`, draft.field("title"));
  }
}

function shared() {
  const found = {};
  for (const name of SHARED) {
    const value = form.elements[name].value.trim();
    if (value) found[name] = value;
  }
  return found;
}

function one(draft, how) {
  const body = new FormData();
  for (const [name, value] of Object.entries({ ...draft.values(), ...shared() })) body.append(name, value);
  if (draft.file) body.append("video", draft.file);
  progress.begin({ decode: draft.file ? 1 : 0, encode: 1 });
  return api.post("v1/forecasts", body, { ...how, ...TOLD });
}

function several(list, how) {
  const body = new FormData();
  const files = [...new Set(list.map(({ file }) => file))]; // a copied draft has the very file of the other
  const facts = list.map((draft) => {
    const found = { ...draft.values(), ...shared(), video: draft.file && `video${files.indexOf(draft.file)}` };
    for (const name of NUMBERS) if (name in found) found[name] = Number(found[name]);
    return found;
  });
  body.append("drafts", JSON.stringify(facts));
  body.append("by", form.elements.by.value || "views");
  files.forEach((file, index) => file && body.append(`video${index}`, file));
  progress.begin({ decode: files.filter(Boolean).length, encode: files.length });
  return api.post("v1/rankings", body, { ...how, ...TOLD });
}

async function go() {
  if (running) return;
  forgive();
  const list = [...drafts.all()]; // as they are now: the form can be changed meanwhile
  running = new AbortController();
  try {
    await Promise.all(list.map((draft) => draft.taken));
    list.forEach(check);
    busy(true);
    const how = { key, signal: running.signal };
    const answer = await (list.length > 1 ? several(list, how) : one(list[0], how));
    const [hero, ...rest] = (list.length > 1 ? comparison : result)(answer, predictor);
    show([hero, keep(answer), rest]);
    progress.end(list.length > 1 ? "The comparison is ready." : "The forecast is ready.");
  } catch (error) {
    progress.end(error.kind === "stopped" ? "Stopped." : "");
    if (error.kind === "stopped") byId("go").focus();
    else if (error instanceof api.ApiError || error instanceof Mistake) failed(error);
    else {
      complain("This page could not show the answer; the server's API has it.");
      throw error;
    }
  } finally {
    running = null;
    busy(false);
  }
}

function busy(is) {
  byId("go").setAttribute("aria-disabled", String(is));
  byId("stop").hidden = !is;
  byId("result").setAttribute("aria-busy", String(is));
}

function show(content) {
  const place = byId("result");
  place.replaceChildren(...content.flat(Infinity));
  place.hidden = false;
  const head = place.querySelector(".range-words");
  head.focus({ preventScroll: true });
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  place.scrollIntoView({ behavior: calm ? "instant" : "smooth", block: "start" });
}

async function ask() {
  const place = byId("about");
  try {
    predictor = await api.predictor(key);
    place.replaceChildren(...about(predictor).flat(Infinity).filter(Boolean));
    offer(predictor);
    byId("key-card").hidden = true;
    forgive();
  } catch (error) {
    if (!(error instanceof api.ApiError)) throw error;
    place.replaceChildren(el("h2", "What this predictor is"), el("p.hint", error.message));
    if (error.status === 401) failed(error);
  } finally {
    place.setAttribute("aria-busy", "false");
  }
}

/** The channels it knows, what drafts can be ordered by, and the days only where a forecast depends on them. */
function offer({ channels, targets, horizon_matters: asked, trained_on: { horizon_days: ages }, upload_limits: most }) {
  drafts.orderedBy(targets ?? ["views"]);
  form.elements.channel_id.placeholder = channels.length ? `such as ${channels[0]}` : "";
  byId("channels").replaceChildren(...channels.map((id) => el("option", { value: id })));
  byId("horizon").hidden = !asked;
  drafts.atMost(most?.bytes);
  if (asked && ages) form.elements.horizon_days.placeholder = String(Math.round(ages.default));
}

function unlock() {
  key = form.elements.key.value;
  form.elements.key.value = "";
  ask();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (document.activeElement === form.elements.key) unlock();
  else go();
});
byId("use-key").addEventListener("click", unlock);
byId("stop").addEventListener("click", () => running?.abort());
byId("add").addEventListener("click", () => {
  const draft = drafts.add();
  draft.field("title").focus();
  draft.field("title").select();
  byId("status").textContent =
    `${numbered(drafts.all().length - 1)} starts as a copy of the one before; change what differs.`;
});
// A file dropped beside the field must not make the browser leave the page for it.
for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => event.preventDefault());

drafts.add();
ask();
