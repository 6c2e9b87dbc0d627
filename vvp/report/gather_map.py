"""map/ as `vvp explore` left it, checked before it is shown, and what of it does not fit this run any more.

A map that is damaged or of another format counts as none. Forecast errors in it are kept only when they are
of the evaluation that the report shows.
Not known here: figures, how a map is made.
"""

from datetime import datetime, timezone
from typing import Any

import numpy as np
import pyarrow as pa

from vvp.dataset.fuse import present
from vvp.errors import UserError
from vvp.explore.facts import checked
from vvp.paths import MAP_FACTS, MAP_POINTS
from vvp.schema import BLOCKS, POINTS, arrow
from vvp.words import visible
from vvp.workspace import Workspace


def read(
    space: Workspace,
    name: str,
    split: str,
    run_id: str | None,
    latest: pa.Table,
    why: dict[str, str],
    notes: list[str],
) -> tuple[dict[str, Any] | None, pa.Table | None]:
    """(map.json, points of the videos that are still here), or (None, None) with why["map"].

    split: the deciding one; run_id: of the evaluation that is shown, None: there is none.
    latest: embeddings of the videos that are here, one row each. What is out of date goes into `notes`.
    """
    if not (space.exists(MAP_FACTS) and space.exists(MAP_POINTS)):
        why["map"] = "There is no map of the collection yet: run `vvp explore`."
        return None, None
    try:
        shape = checked(_visible(space.read_json(MAP_FACTS)))
        there = pa.schema([f for f in arrow(POINTS) if f.name != "pca"])
        points = space.read_file(MAP_POINTS, there, "points")
    except (pa.ArrowException, KeyError, ValueError, UserError) as error:
        said = str(error).splitlines()[0].strip("'\"").rstrip(".")
        why["map"] = f"The map is damaged or of another version ({said}): run `vvp explore` again."
        notes.append(why["map"])
        return None, None
    has = np.any([present(latest, block) for block in BLOCKS], axis=0)
    at = dict(zip(latest["video_id"].to_pylist(), has.tolist(), strict=True))
    kept = points.filter(pa.array([v in at for v in points["video_id"].to_pylist()], pa.bool_()))
    drawn = set(kept["video_id"].to_pylist())
    new = sum(wanted and video not in drawn for video, wanted in at.items())
    again = _since(shape, latest, drawn)
    if len(kept) < len(points) or new or again:
        counts = ((len(points) - len(kept), "of its videos are gone"), (new, "are new"),
                  (again, "were embedded again since"))  # fmt: skip
        said = ", ".join(f"{n} {what}" for n, what in counts if n)
        notes.append(
            f"The map was made of another state of the collection ({said}): run `vvp explore` again."
        )
    fitted = shape.get("split")  # null: on all videos, as map.json's own notes say
    if fitted is not None and fitted != split:
        notes.append(
            f"The map was fitted on the training part of the {fitted} split, the forecasts are of the {split}"
            f" split: run `vvp explore --name {name}` for a map that has seen none of their test videos."
        )
    if shape.get("forecasts_of") != run_id or run_id is None:
        shape = _without_errors(shape, name, run_id)
    return shape, kept


def _visible(value: Any) -> Any:
    """The same without characters that nobody sees, in all its texts: they stand in figures too."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, list):
        return [_visible(each) for each in value]
    return {visible(k): _visible(one) for k, one in value.items()} if isinstance(value, dict) else value


def _since(shape: dict[str, Any], latest: pa.Table, drawn: set[str]) -> int:
    """Videos of the map whose vectors are younger than it."""
    if "created_at" not in shape:
        return 0
    made = (
        datetime.fromisoformat(shape["created_at"]).astimezone(timezone.utc).timestamp() + 1
    )  # whole seconds
    return sum(
        when is not None and video in drawn and when.timestamp() > made
        for video, when in zip(latest["video_id"].to_pylist(), latest["embedded_at"].to_pylist(), strict=True)
    )


def _without_errors(shape: dict[str, Any], name: str, run_id: str | None) -> dict[str, Any]:
    if run_id is None:
        said = f"There is no evaluation of the run {name} to measure it by."
    else:
        said = f"The map knows no forecasts of this evaluation: run `vvp explore --name {name}` again."
    bare = [cluster | {"error": None, "error_unavailable": said} for cluster in shape.get("clusters", [])]
    return shape | {"clusters": bare}
