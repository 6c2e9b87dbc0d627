// Whether a chosen file can be a video at all, from its type and its first bytes, before any of it is sent.
// What it does not know it lets through: the server's decoder reads more kinds than a page can list.
// Knows no element and no server; the server's list of types is in uploads.py.

import { size } from "./words.js";

const TYPES = ["video/", "audio/", "application/mp4", "application/ogg", "application/octet-stream", "binary/"];
const LOOK = 512;

const isText = (bytes) => {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return !/[\0-\x08\x0e-\x1a\x1c-\x1f]/.test(text);
  } catch {
    return false;
  }
};

/** What the first bytes are known to be instead of a video, or null. */
function instead(bytes) {
  const start = String.fromCharCode(...bytes.slice(0, 16));
  const begins = (...signs) => signs.some((sign) => start.startsWith(sign));
  if (begins("\xff\xd8\xff", "\x89PNG", "GIF8", "II*\0", "MM\0*")) return "a picture";
  if (/^RIFF....WEBP/s.test(start) || /^....ftyp(avi[fs]|hei[cx]|mif1)/s.test(start)) return "a picture";
  if (begins("%PDF", "{\\rtf", "\xd0\xcf\x11\xe0")) return "a document";
  if (begins("PK\x03\x04", "\x1f\x8b", "7z\xbc\xaf", "Rar!")) return "an archive or a document";
  if (begins("MZ", "\x7fELF")) return "a program";
  if (!begins("YUV4MPEG2") && isText(bytes)) return "text";
  return null;
}

/** A sentence when the server would refuse the file, else null. most: bytes that can be sent, or null. */
export async function refused(file, most) {
  if (tooLarge(file, most)) return tooLarge(file, most);
  let bytes;
  try {
    bytes = new Uint8Array(await file.slice(0, LOOK).arrayBuffer());
  } catch {
    return `${file.name} cannot be read; if it is a folder, choose a file in it.`;
  }
  if (!bytes.length) return `${file.name} is empty.`;
  const known = instead(bytes);
  if (known) return `${file.name} is no video: it is ${known}.`;
  if (file.type && !TYPES.some((type) => file.type.startsWith(type))) {
    return `${file.name} is no video: its type is ${file.type}.`;
  }
  return null;
}

/** A sentence when the file is larger than what can be sent, else null. */
export const tooLarge = (file, most) =>
  most && file.size > most
    ? `this file has ${size(file.size)}; at most ${size(most)} can be sent.`
    : null;
