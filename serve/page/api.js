// The server, as this page uses it. Every failure becomes an ApiError that holds one readable sentence.
// Knows no element. XMLHttpRequest, because fetch cannot tell how much of an upload has gone.

export class ApiError extends Error {
  constructor(message, kind = "failed", status = 0) {
    super(message);
    this.kind = kind;
    this.status = status;
  }
}

const SILENT =
  "The server did not answer. It may have stopped, or have refused the file part-way; please try again.";
const CUT = "The server stopped before the forecast was done; please try again.";
const UNCLEAR = "Something went wrong on the server, and it did not say what; please try again.";

const failure = (status, text) => {
  try {
    const { error } = JSON.parse(text);
    return new ApiError(error.message || UNCLEAR, error.kind, status);
  } catch {
    return new ApiError(UNCLEAR, "failed", status);
  }
};

// A header holds bytes: a key with other letters goes as its UTF-8, which a browser refuses to do by itself.
const bytes = (text) => String.fromCharCode(...new TextEncoder().encode(text));
const headers = (key) => (key ? { "X-API-Key": bytes(key) } : {});

export async function predictor(key) {
  let answer;
  try {
    answer = await fetch("v1/predictor", { headers: headers(key), cache: "no-store" });
  } catch {
    throw new ApiError(SILENT);
  }
  const text = await answer.text();
  if (!answer.ok) throw failure(answer.status, text);
  return JSON.parse(text);
}

/** Post a form; gives the `forecast` or `ranking` of the last line.
 *  onUpload(share 0–1), onStage({stage, state, seconds, drafts}); signal: an AbortSignal. */
export function post(path, form, { key, onUpload, onStage, signal }) {
  return new Promise((done, fail) => {
    const call = new XMLHttpRequest();
    let read = 0;
    let last = null;
    const lines = (ended) => {
      const end = ended ? call.responseText.length : call.responseText.lastIndexOf("\n") + 1;
      for (const line of call.responseText.slice(read, end).split("\n")) {
        if (!line.trim()) continue;
        last = JSON.parse(line);
        if (last.stage) onStage(last);
      }
      read = Math.max(read, end);
    };
    call.open("POST", path);
    call.setRequestHeader("Accept", "application/x-ndjson");
    for (const [name, value] of Object.entries(headers(key))) call.setRequestHeader(name, value);
    call.upload.onprogress = (event) => event.lengthComputable && onUpload(event.loaded / event.total);
    call.upload.onload = () => onUpload(1);
    call.onprogress = () => {
      if (call.status === 200) lines(false);
    };
    call.onerror = () => fail(new ApiError(read ? CUT : SILENT));
    call.onabort = () => fail(new ApiError("Stopped.", "stopped"));
    call.onload = () => {
      try {
        if (call.status !== 200) throw failure(call.status, call.responseText);
        lines(true);
        if (last?.error) throw new ApiError(last.error.message || UNCLEAR, last.error.kind, 200);
        const answer = last?.forecast ?? last?.ranking;
        if (!answer) throw new ApiError(CUT);
        return done(answer);
      } catch (error) {
        return fail(error instanceof ApiError ? error : new ApiError(CUT));
      }
    };
    signal.addEventListener("abort", () => call.abort());
    call.send(form);
  });
}
