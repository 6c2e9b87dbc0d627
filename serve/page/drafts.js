// The drafts in the form: add, remove, choose and preview a video, read the values out.
// Knows no server and no forecast. A video is shown from a blob: URL and goes nowhere until sent.

import { numbered } from "./compare.js";
import { byId, el } from "./dom.js";
import { refused } from "./files.js";
import * as words from "./words.js";

const MOST = 10;
const FIELDS = ["title", "description", "tags", "published_at", "duration_s"];
const drafts = [];
const UNSEEN = "this browser cannot show this video; the forecast can still read it";
let mostBytes = null;

/** Now as a datetime-local value, to the minute, in the viewer's own zone. */
function now() {
  const time = new Date();
  time.setMinutes(time.getMinutes() - time.getTimezoneOffset());
  return time.toISOString().slice(0, 16);
}

class Draft {
  constructor(like) {
    this.element = byId("draft").content.cloneNode(true).firstElementChild;
    this.find = (selector) => this.element.querySelector(selector);
    this.file = null;
    this.url = null;
    this.taken = Promise.resolve(); // settles once the file chosen last was taken or refused
    this.find(".zone").textContent = Intl.DateTimeFormat().resolvedOptions().timeZone || "your own time";
    this.field("published_at").value = now();
    if (like) {
      for (const name of FIELDS) this.field(name).value = like.field(name).value;
      this.choose(like.file);
    }
    const input = this.field("video");
    input.addEventListener("change", () => {
      if (input.files.length) this.take(input.files[0]);
      input.value = "";
    });
    this.find(".remove-video").addEventListener("click", () => {
      this.choose(null);
      input.focus();
    });
    this.find(".remove-draft").addEventListener("click", () => remove(this));
    const over = (is) => () => this.element.classList.toggle("over", is);
    for (const [kind, is] of [
      ["dragover", true],
      ["dragleave", false],
      ["drop", false],
    ]) {
      this.element.addEventListener(kind, over(is));
    }
    this.element.addEventListener("drop", (event) => {
      if (event.dataTransfer.files.length) this.take(event.dataTransfer.files[0]);
    });
  }

  field(name) {
    return this.element.querySelector(`[name=${name}]`);
  }

  /** Chooses the file, or says beside the field why it cannot be sent. */
  take(file) {
    this.asked = file;
    this.taken = refused(file, mostBytes).then((sentence) => {
      if (this.asked !== file) return; // another was chosen meanwhile
      this.choose(sentence ? null : file);
      this.find(".refused").textContent = sentence ?? "";
      this.find(".refused").hidden = !sentence;
      if (sentence) this.field("video").focus({ preventScroll: true });
    });
  }

  choose(file) {
    if (this.url) URL.revokeObjectURL(this.url);
    this.asked = this.file = file;
    this.find(".refused").hidden = true;
    this.url = file && URL.createObjectURL(file);
    this.find(".pick").hidden = Boolean(file);
    this.find(".chosen").hidden = !file;
    this.find(".length").hidden = Boolean(file);
    const video = this.find("video");
    video.hidden = false;
    const unseen = (known) => {
      video.hidden = true;
      this.describe(known, UNSEEN);
    };
    video.onloadedmetadata = () => {
      const long = Number.isFinite(video.duration) ? words.length(video.duration) : "";
      // A browser that cannot read the picture may play the sound of it, and shows black.
      if (video.videoWidth) this.describe(long);
      else unseen(long);
    };
    video.onerror = () => unseen("");
    if (file) {
      this.find(".file").textContent = file.name;
      this.describe("");
      video.src = this.url;
    } else {
      video.onerror = null;
      video.removeAttribute("src");
      video.load();
    }
  }

  describe(long, warning = "") {
    this.find(".about-file").textContent = [words.size(this.file.size), long].filter(Boolean).join(", ");
    this.find(".unshown").textContent = warning;
    this.find(".unshown").hidden = !warning;
  }

  /** Field → value, empty ones left out; the posting time in UTC. */
  values() {
    const found = {};
    for (const name of FIELDS) {
      const value = this.field(name).value.trim();
      if (value) found[name] = value;
    }
    if (this.file) delete found.duration_s;
    if (found.published_at) found.published_at = new Date(found.published_at).toISOString();
    return found;
  }
}

function tell() {
  drafts.forEach((draft, index) => {
    draft.find("legend").textContent = drafts.length > 1 ? numbered(index) : "Your draft";
    draft.find(".remove-draft").hidden = drafts.length === 1;
  });
  byId("go").textContent = drafts.length > 1 ? `Compare ${drafts.length} drafts` : "Forecast";
  byId("add").hidden = drafts.length >= MOST;
  byId("order").hidden = drafts.length < 2 || byId("by").options.length < 2;
}

function remove(draft) {
  draft.choose(null);
  drafts.splice(drafts.indexOf(draft), 1);
  draft.element.remove();
  tell();
  byId("add").focus();
}

/** One more draft. It starts as a copy of the last, for most comparisons change one thing. */
export function add() {
  const draft = new Draft(drafts.at(-1));
  drafts.push(draft);
  byId("drafts").append(draft.element);
  tell();
  return draft;
}

export const all = () => drafts;

/** Larger files are refused when they are chosen; null: not known yet. */
export const atMost = (bytes) => {
  mostBytes = bytes ?? null;
};

/** What a comparison can be ordered by, the first unless another is chosen. */
export const orderedBy = (targets) => {
  byId("by").replaceChildren(...targets.map((name) => el("option", { value: name }, name)));
  tell();
};
