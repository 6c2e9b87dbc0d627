"""The posts of a workspace as plain rows: facts, counts, cluster, and forecasts that were honestly made.

A forecast stands only beside videos of the test part, as it was made when the run was evaluated: a model
knows the others' views. Not known here: how a sheet is written (sheets.py).
"""

from typing import Any

import pyarrow as pa

from vvp.dataset.scales import count_of_log
from vvp.forecast.evaluations import read_evaluation, read_predictions
from vvp.paths import MAP_POINTS, RunPaths
from vvp.schema import COUNTS, POINTS, arrow
from vvp.workspace import Workspace

POST_COLUMNS = (
    "video_id", "platform", "channel_id", "title", "description", "tags", "published_at", "observed_at",
    "duration_s", "channel_followers", "channel_videos", *COUNTS, "label_issue",
)  # fmt: skip
CLUSTERS = pa.schema([arrow(POINTS).field(name) for name in ("video_id", "cluster")])
COLUMNS = (*POST_COLUMNS, "forecast", "low", "high", "ratio", "cluster", "media_path")


def posts(space: Workspace, name: str) -> tuple[list[dict[str, Any]], list[str]]:
    """(a row per video with COLUMNS, sentences about what is missing and why).

    forecast, low, high: views by the run's chosen model and its 80 % interval; ratio: views / forecast; null
    for videos outside the test part. cluster: of the map; null without one. UserError: no videos.
    """
    rows: list[dict[str, Any]] = space.read("videos", [*POST_COLUMNS, "media_path"]).to_pylist()
    forecasts, notes = _forecasts(space, name)
    clusters: dict[str, int] = {}
    if space.exists(MAP_POINTS):
        points = space.read_file(MAP_POINTS, CLUSTERS, "the map's points")
        clusters = dict(zip(points["video_id"].to_pylist(), points["cluster"].to_pylist(), strict=True))
    else:
        notes.append("no clusters: there is no map yet, run `vvp explore`")
    for row in rows:
        row |= forecasts.get(row["video_id"], {})
        row["cluster"] = clusters.get(row["video_id"])
        if row.get("forecast") and row["views"] is not None:
            row["ratio"] = round(row["views"] / row["forecast"], 3)
    return rows, notes


def _forecasts(space: Workspace, name: str) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """By video id: forecast, low and high of the chosen model."""
    run = RunPaths(name)
    if not (space.exists(run.evaluation) and space.exists(run.predictions)):
        return {}, [f"no forecasts: run {name!r} has none of test videos, run `vvp tune` and `vvp evaluate`"]
    evaluation = read_evaluation(space, name)
    if evaluation is None:
        return {}, [f"no forecasts: the evaluation of run {name!r} is damaged or of another version"]
    own = evaluation.splits.get(evaluation.split)
    chosen = None if own is None else own.chosen
    table = read_predictions(space, name).to_pylist()
    forecasts = {
        row["video_id"]: {
            "forecast": round(float(count_of_log(row["predicted"]))),
            "low": None if row["low"] is None else round(float(count_of_log(row["low"]))),
            "high": None if row["high"] is None else round(float(count_of_log(row["high"]))),
        }
        for row in table
        if row["model"] == chosen
    }
    return forecasts, [] if forecasts else [f"no forecasts: run {name!r} kept none of its chosen model"]
