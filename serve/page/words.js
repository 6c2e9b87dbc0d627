// Numbers and the predictor's terse names, as a person would say them.
// Knows no element and no address. Counts are rounded to three figures: a forecast has no more.

const whole = new Intl.NumberFormat("en-GB", { maximumSignificantDigits: 3 });
const exact = new Intl.NumberFormat("en-GB");

/** 1234 → "1,230"; 54520 → "54,500"; 3400000 → "3.4 million". */
export function views(number) {
  for (const [size, name] of [
    [1e9, "billion"],
    [1e6, "million"],
  ]) {
    if (number >= size * 0.9995) return `${whole.format(number / size)} ${name}`;
  }
  return whole.format(number < 100 ? Math.round(number) : number);
}

/** For a chart: 54520 → "54.5K". */
export function short(number) {
  for (const [size, unit] of [
    [1e9, "B"],
    [1e6, "M"],
    [1e3, "K"],
  ]) {
    if (number >= size * 0.9995) return `${whole.format(number / size)}${unit}`;
  }
  return whole.format(Math.round(number));
}

export const count = (number) => exact.format(number);
export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;
/** 0.123 → "12 %", its two parts kept on one line. */
export const percent = (share) => {
  if (share > 0 && share < 0.01) return "under 1\u00a0%";
  if (share < 1 && share > 0.99) return "over 99\u00a0%";
  return `${Math.round(share * 100)}\u00a0%`;
};

/** A part of the log views as a factor: 0.41 → "× 1.51", −0.18 → "÷ 1.2". */
export function factor(logViews) {
  const size = Math.exp(Math.abs(logViews));
  if (size < 1.005) return "no change";
  const figures = size < 1.1 ? size.toFixed(2) : size < 10 ? size.toFixed(1) : whole.format(size);
  return `${logViews > 0 ? "×" : "÷"} ${figures}`;
}

export const days = (number) => plural(Number(number.toFixed(number < 10 ? 1 : 0)), "day");

export function size(bytes) {
  if (bytes >= 1e6) return `${whole.format(bytes / 1e6)} MB`;
  return `${whole.format(Math.max(bytes, 1) / 1e3)} kB`;
}

export function length(seconds) {
  const minutes = Math.floor(seconds / 60);
  const rest = seconds - 60 * minutes;
  return minutes ? `${minutes} min ${Math.round(rest)} s` : `${whole.format(rest)} s`;
}

/** The day of an ISO 8601 moment in UTC: "12 Mar 2025". */
export function day(iso) {
  const date = new Date(`${iso.slice(0, 10)}T00:00Z`);
  if (Number.isNaN(date.getTime())) return iso;
  return date.toLocaleDateString("en-GB", {
    day: "numeric",
    month: "short",
    year: "numeric",
    timeZone: "UTC",
  });
}

const BASELINES = {
  "train mean": "Average training video",
  "log followers": "Its followers, by a straight line",
  "channel's earlier videos": "This channel's earlier videos",
  "channel's recent videos": "This channel's recent videos",
};
export const baseline = (name) => BASELINES[name] ?? name;

const MISSING = {
  picture: "There is no picture to look at: the forecast rests on the rest.",
  sound: "There is no sound to listen to.",
  speech: "No spoken words were found.",
};
export const missing = (name) => MISSING[name] ?? `It has no ${name}.`;

const BLOCKS = { picture: "Picture", sound: "Sound", words: "Words", timing: "Timing", channel: "Channel" };
export const block = (name) => BLOCKS[name] ?? name;

// As in vvp/forecast/outside.py. Features whose values the predictor keeps as log(1 + x): shown as x.
const LOGGED = {
  log_horizon_days: ["the age of the count", "days"],
  log_duration_s: ["the length", "seconds"],
  log_channel_followers: ["followers", ""],
  log_channel_videos: ["videos of the channel", ""],
  log_channel_following: ["accounts the channel follows", ""],
  channel_recent_mean: ["recent views of this channel", ""],
  channel_last: ["views of this channel's last video", ""],
  channel_best: ["views of this channel's best video", ""],
  channel_gap: ["days since this channel's last post", "days"],
  channel_history_log_n: ["earlier videos of this channel", ""],
  channel_history_mean: ["mean views of this channel's earlier videos", ""],
};
const PLAIN = {
  title_chars: "characters in the title",
  title_words: "words in the title",
  title_mentions: "accounts mentioned in the title",
  title_link: "web address in the title (1: yes)",
  title_other_script: "share of letters outside the Latin alphabet",
  description_chars: "characters in the description",
  tags_n: "number of tags",
  transcript_words: "words spoken",
  speech_words_per_s: "words spoken per second",
  cut_rate_per_min: "cuts per minute",
  motion_mean: "amount of motion",
  visual_density: "visual density",
  title_question: "question marks in the title (1: yes)",
  title_exclamation: "exclamation marks in the title (1: yes)",
  title_digits: "digits in the title (1: yes)",
  title_emoji: "emoji in the title (1: yes)",
  title_upper_share: "share of capitals in the title",
  has_transcript: "spoken words (1: yes)",
  log_aspect_ratio: "shape of the frame, log of width ÷ height",
  audio_rms_mean: "loudness",
  audio_rms_std: "change in loudness",
  channel_verified: "verified channel (1: yes)",
  is_ad: "advertisement (1: yes)",
  channel_spread: "spread of this channel's log views",
  channel_trend: "trend of this channel's log views",
  hour_sin: "hour of posting",
  hour_cos: "hour of posting",
  weekday_sin: "weekday of posting",
  weekday_cos: "weekday of posting",
};

/** {feature: "log_horizon_days", value: 3.43, low: 5.39, high: 6.47} → a sentence, in days. */
export function outside({ feature: name, ...range }) {
  const numbers = [range.value, range.low, range.high];
  if (LOGGED[name]) {
    const [what, unit] = LOGGED[name];
    const [is, low, high] = numbers.map((x) => views(Math.max(0, Math.expm1(x))));
    return `${what}: ${is} ${unit}; its training videos had ${low} to ${high} ${unit}`
      .replaceAll(" ;", ";")
      .trim();
  }
  if (/^(hour|weekday)_/.test(name)) return `${PLAIN[name]} (UTC): no training video was posted then`;
  const [is, low, high] = numbers.map((x) => whole.format(x));
  return `${PLAIN[name] ?? name}: ${is}; its training videos had ${low} to ${high}`;
}

/** How often such ranges held: "Measured: …", or null when it was not. quality: the predictor's. */
export function measured(quality) {
  const held = quality.interval?.measured;
  if (!held || held.point === null) return null;
  const known = held.low !== null && held.high !== null;
  const bounds = known
    ? ` (${percent(held.low)} to ${percent(held.high)}, given how few they are)`
    : " (too few to say how sure that is)";
  const unseen = quality.test_rows ? plural(quality.test_rows, "video") : "videos";
  const often = `${percent(held.point)} of the time${bounds}`;
  return `Measured: on ${unseen} it had not seen, ranges like this held ${often}.`;
}

/** With its first letter large. */
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
