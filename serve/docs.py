"""/docs, and what /openapi.json says beyond the models: form fields, errors, examples.

The page is made here, because FastAPI's own loads its scripts from another address.
Not known here: Ray, how anything is answered.
"""

import json
from html import escape
from pathlib import Path
from typing import Any

from serve.schemas import Draft, ErrorReply
from vvp.dataset.targets import TARGETS, VIEWS

INTRODUCTION = (
    "How many views will this short get? Every forecast has an interval and baselines beside it; "
    "what it cannot know is in /v1/predictor. With the header Accept: application/x-ndjson a POST tells its "
    "steps as they happen, one JSON object a line; the last has the answer under forecast or ranking, or an "
    "error (the HTTP status, 200, was sent before)."
)
EXAMPLES: dict[str, Any] = json.loads((Path(__file__).parent / "examples.json").read_text("utf-8"))
ERRORS = {
    401: "unauthorized: the app has a key and the request has not",
    403: "forbidden: a page of another site, or a host name that the app is not known by",
    408: "slow_upload",
    413: "too_large, too_long",
    415: "unsupported_type: no form, or a file that is no video",
    422: "bad_request: a field is wrong; no_model: a video is needed; or why the video cannot be read: "
    "unreadable, no_streams, picture_undecodable, sound_undecodable, timeout, memory, crash, decoder",
    500: "internal",
    503: "busy, unavailable; the header Retry-After says when to try again",
    504: "time_limit",
}


def _responses(example: str, *statuses: int) -> dict[int | str, dict[str, Any]]:
    found: dict[int | str, dict[str, Any]] = {
        status: {"model": ErrorReply, "description": ERRORS[status]} for status in statuses
    }
    return {200: {"content": {"application/json": {"example": EXAMPLES[example]}}}, **found}


def _fields() -> dict[str, Any]:
    """The form fields of a draft. In a form nothing is null: a field is left out."""
    schema = Draft.model_json_schema()["properties"]
    fields = {}
    for name, spec in schema.items():
        given = next((s for s in spec.get("anyOf", [spec]) if s.get("type") != "null"), spec)
        given = {"type": "string"} if given.get("type") == "array" else given
        fields[name] = {
            **given,
            **{k: spec[k] for k in ("description", "default") if spec.get(k) is not None},
        }
    return fields


def _form(required: list[str], properties: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "required": required, "properties": properties}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


VIDEO = {"type": "string", "format": "binary", "description": "the file; a link is not fetched"}
DRAFTS = {
    "type": "string",
    "description": "JSON: a list of 2 to 10 drafts, each an object of the fields of /v1/forecasts, where "
    "video names the field of this form that holds its file, or is null; drafts may share a file",
    "example": '[{"title": "A", "video": "a"}, {"title": "B", "video": null}]',
}
BY = {
    "type": "string",
    "enum": list(TARGETS),
    "default": VIEWS.name,
    "description": "the target that orders the drafts; targets of /v1/predictor says which this one has",
}
FORECASTS: dict[str, Any] = {
    "openapi_extra": _form([], {"video": VIDEO, **_fields()}),
    "responses": _responses("forecast", *ERRORS),
}
RANKINGS: dict[str, Any] = {
    "openapi_extra": _form(["drafts"], {"drafts": DRAFTS, "by": BY, "a": VIDEO, "b": VIDEO}),
    "responses": _responses("ranking", *ERRORS),
}
PREDICTOR: dict[str, Any] = {"responses": _responses("predictor", 401, 403, 500, 503, 504)}
HEALTH: dict[str, Any] = {"responses": _responses("health", 403, 500, 503, 504)}

CURL = {
    "/v1/forecasts": "curl -F video=@clip.mp4 -F title='A draft' -F channel_followers=900 {at}/v1/forecasts\n"
    "curl -H 'Accept: application/x-ndjson' -F video=@clip.mp4 {at}/v1/forecasts",
    "/v1/rankings": 'curl -F \'drafts=[{{"title": "A", "video": "a"}}, {{"title": "B", "video": "a"}}]\' '
    "-F a=@a.mp4 {at}/v1/rankings\n"
    'curl -F by=likes -F \'drafts=[{{"title": "A"}}, {{"title": "B"}}]\' {at}/v1/rankings',
    "/v1/predictor": "curl {at}/v1/predictor",
    "/healthz": "curl {at}/healthz",
}


def page(openapi: dict[str, Any], at: str) -> str:
    """The documentation as HTML, from the OpenAPI document. at: where the app answers, for the examples."""
    models = openapi["components"]["schemas"]
    parts = [f"<h1>{escape(openapi['info']['title'])}</h1><p>{escape(openapi['info']['description'])}</p>"]
    parts.append('<p>The same for programs: <a href="openapi.json">openapi.json</a>.</p>')
    for path, methods in openapi["paths"].items():
        for method, call in methods.items():
            parts.append(f"<h2>{method.upper()} {escape(path)}</h2><p>{escape(call['description'])}</p>")
            parts.append(f"<pre>{escape(CURL[path].format(at=at))}</pre>")
            form = call.get("requestBody", {}).get("content", {}).get("multipart/form-data", {}).get("schema")
            if form:
                parts.append("<h3>Fields</h3>" + _table(form["properties"]))
            answer = call["responses"]["200"]["content"]["application/json"]
            model = answer["schema"]["$ref"].rsplit("/", 1)[-1]
            parts.append("<h3>Answer</h3>" + _table(models[model]["properties"]))
            example = json.dumps(answer["example"], indent=1, ensure_ascii=False)
            parts.append(f"<details><summary>Example</summary><pre>{escape(example)}</pre></details>")
            errors = {s: r["description"] for s, r in call["responses"].items() if s != "200" and s in SHOWN}
            rows = "".join(f"<tr><td>{s}</td><td>{escape(d)}</td></tr>" for s, d in errors.items())
            parts.append(f"<h3>Errors</h3><table>{rows}</table>")
    body = "".join(parts)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>vvp API</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'  # none, so that no browser asks for one
        '<link rel="stylesheet" href="static/page.css"><link rel="stylesheet" href="static/docs.css">'
        f'</head><body><main class="docs">{body}</main></body></html>'
    )


SHOWN = {str(status) for status in ERRORS}


def _table(properties: dict[str, Any]) -> str:
    rows = (
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(_type(spec))}</td>"
        f"<td>{escape(spec.get('description', ''))}</td></tr>"
        for name, spec in properties.items()
    )
    return f"<table>{''.join(rows)}</table>"


def _type(spec: dict[str, Any]) -> str:
    if "$ref" in spec:
        return str(spec["$ref"].rsplit("/", 1)[-1])
    if "anyOf" in spec:
        return " or ".join(_type(one) for one in spec["anyOf"])
    if spec.get("type") == "array":
        return f"list of {_type(spec['items'])}"
    return str(spec.get("format") or spec.get("type") or "any")
