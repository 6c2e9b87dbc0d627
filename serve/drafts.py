"""A form becomes drafts: fields checked against schemas.py, files matched with the drafts they belong to.

Not known here: how a form travels, what a forecast is.
"""

import json
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from serve.errors import ApiError
from serve.schemas import Draft, RankedDraft
from serve.uploads import File, Form
from vvp.dataset.targets import TARGETS, VIEWS

VIDEO = "video"
FEWEST, MOST = 2, 10  # drafts of a ranking


@dataclass(frozen=True)
class Submitted:
    """One draft as it came: what is known, and its video (null: none)."""

    draft: Draft
    video: File | None


def one(form: Form) -> Submitted:
    """The draft of POST /v1/forecasts. ApiError bad_request when a field is wrong or nothing was sent."""
    if VIDEO in form.texts:
        raise ApiError("bad_request", "The field video must be a file; a link is not fetched.")
    if wrong := set(form.files) - {VIDEO}:
        raise ApiError("bad_request", f"The only file that is taken is video, not {_shown(wrong)}.")
    draft = _checked(Draft, form.texts, "")
    video = form.files.get(VIDEO)
    if video is None and draft.title is None:
        raise ApiError("bad_request", "Nothing to forecast: send a video, or at least a title.")
    return Submitted(draft, _filled(video, ""))


def several(form: Form) -> list[Submitted]:
    """The drafts of POST /v1/rankings, in the order sent. ApiError as `one`."""
    if wrong := set(form.texts) - {"drafts", "by"}:
        raise ApiError("bad_request", f"There is no field {_shown(wrong)}: send drafts, by, and files.")
    try:
        given = json.loads(form.texts.get("drafts", ""))
    except (ValueError, RecursionError) as error:
        raise ApiError("bad_request", "The field drafts must be a JSON list of drafts.") from error
    if not isinstance(given, list) or not FEWEST <= len(given) <= MOST:
        raise ApiError("bad_request", f"The field drafts must be a JSON list of {FEWEST} to {MOST} drafts.")
    drafts = [_checked(RankedDraft, one, f"Draft {i + 1}: ") for i, one in enumerate(given)]
    if {d.video for d in drafts if d.video is not None} != set(form.files):
        raise ApiError("bad_request", "Each file must be the video of a draft, under its field's name.")
    found = []
    for i, draft in enumerate(drafts):
        video = None if draft.video is None else form.files[draft.video]
        if video is None and draft.title is None:
            raise ApiError("bad_request", f"Draft {i + 1}: nothing to forecast; it needs a video or a title.")
        found.append(Submitted(draft, _filled(video, f"Draft {i + 1}: ")))
    return found


def ranked_by(form: Form) -> str:
    """The target that orders the drafts of POST /v1/rankings; an empty field is one that was not filled in.
    ApiError as `one`."""
    by = form.texts.get("by", "").strip() or VIEWS.name
    if by not in TARGETS:
        raise ApiError("bad_request", f"The field by must be one of {', '.join(TARGETS)}.")
    return by


def _checked(kind: type[Draft], given: Any, where: str) -> Any:
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"])[:60] or "the draft"
        if first["type"] == "extra_forbidden":
            raise ApiError("bad_request", f"{where}There is no field {field}.") from None
        reason = first["msg"].removeprefix("Value error, ").rstrip(".")
        raise ApiError("bad_request", f"{where}{field}: {reason[:200]}.") from None


def _filled(video: File | None, where: str) -> File | None:
    if video is not None and not video.size:
        raise ApiError("unreadable", f"{where}The video file is empty.")
    return video


def _shown(names: set[str]) -> str:
    return ", ".join(sorted(name[:40] for name in names))
