"""Forecasts as rows of a spreadsheet: of the test videos with what came, and of drafts (`--csv` of evaluate
and predict).

Not known here: how a sheet is written, and what of it must be made harmless (vvp/sheets.py).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # pydantic is not needed to print a help text
    from vvp.forecast.forecasts import Forecast
    from vvp.learn.records import Evaluation
    from vvp.workspace import Workspace

TESTED = ("target", "video_id", "channel_id", "model", "forecast", "low", "high", "outcome", "unit")
DRAFT = ("row", "title", "media", "channel_id", "published_at")
FACTS = ("low", "high", "coverage", "percentile", "horizon_days")
LAST = ("missing", "outside", "error")


def draft_columns(targets: "Sequence[str]") -> tuple[str, ...]:
    """Of a sheet of drafts. targets: what the run forecasts, by name; the facts of the first, which is views
    where the run has them, have no prefix."""
    from vvp.dataset.targets import TARGETS

    first, *beside = targets
    found = [*DRAFT, first, *FACTS]
    for name in beside:
        found += [name] if TARGETS[name].classes else [name, f"{name} low", f"{name} high"]
    return (*found, *LAST)


def draft_row(forecast: "Forecast") -> dict[str, Any]:
    """What is said of one draft, in columns of `draft_columns`. Of a yes or no the chance of a yes; of more
    classes the likeliest; those have no low and high."""
    found: dict[str, Any] = {name: getattr(forecast, name) for name in FACTS}
    found[forecast.target] = forecast.views
    for name, target in forecast.targets.items():
        said: float | str | None = target.value
        if target.chances:
            likeliest = max(target.chances, key=lambda label: target.chances[label])
            said = list(target.chances.values())[1] if len(target.chances) == 2 else likeliest
        ends = {} if target.chances else {f"{name} low": target.low, f"{name} high": target.high}
        found |= {name: said, **ends}
    return found | {"missing": forecast.missing, "outside": [each["feature"] for each in forecast.outside]}


def tested_rows(space: "Workspace", results: "Sequence[Evaluation]") -> list[dict[str, Any]]:
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
    from vvp.forecast.evaluations import read_predictions
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
