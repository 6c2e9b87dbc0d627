"""`vvp evaluate --csv`: what the chosen forecasters said of the test videos, and what came, as a sheet."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # pydantic is not needed to print a help text
    from vvp.learn.records import Evaluation
    from vvp.workspace import Workspace

COLUMNS = ("target", "video_id", "channel_id", "model", "forecast", "low", "high", "outcome", "unit")


def rows(space: "Workspace", results: "Sequence[Evaluation]") -> list[dict[str, Any]]:
    """One per target and test video. Of a number: forecast, 80 % interval and outcome in its unit; of a yes
    or no the chance of a yes; of more classes the likeliest."""
    found: list[dict[str, Any]] = []
    for result in results:
        if result.splits:
            found += _numbers(space, result)
        elif result.classes:
            found += _classes(space, result)
    return found


def _numbers(space: "Workspace", result: "Evaluation") -> list[dict[str, Any]]:
    from vvp.dataset.targets import Fitted, find
    from vvp.forecast.judging import read_predictions
    from vvp.learn.tuning import read_run

    run = read_run(space, result.name, result.target)
    assert run is not None
    target = Fitted(find(run.target, run.viral), run.numbers)
    chosen = result.splits[result.split].chosen
    return [
        {
            "target": result.target, "video_id": row["video_id"], "channel_id": row["channel_id"],
            "model": row["model"], "unit": result.unit, "outcome": target.value(row["log_views"]),
            "forecast": target.value(row["predicted"]),
            **{end: None if row[end] is None else target.value(row[end]) for end in ("low", "high")},
        }
        for row in read_predictions(space, result.name, result.target).to_pylist()
        if row["model"] == chosen
    ]  # fmt: skip


def _classes(space: "Workspace", result: "Evaluation") -> list[dict[str, Any]]:
    from vvp.learn.classes import PREDICTIONS
    from vvp.paths import RunPaths

    own = result.classes[result.split]
    at = RunPaths(result.name, result.target).predictions
    found = []
    for row in space.read_file(at, PREDICTIONS, "predictions").to_pylist():
        if row["model"] != own.chosen:
            continue
        chances, two = row["chances"], len(own.labels) == 2
        said = chances[-1] if two else own.labels[max(range(len(chances)), key=lambda i: chances[i])]
        found.append({
            "target": result.target, "video_id": row["video_id"], "channel_id": row["channel_id"],
            "model": row["model"], "unit": result.unit, "forecast": said,
            "outcome": own.labels[int(row["outcome"])],
        })  # fmt: skip
    return found
