"""What a run forecasts beside views: likes, a score, "will it be viral", each in one sentence with its usual.

Each target has a predictor of its own, and all read the same row: a draft is embedded once.
Not known here: how a video becomes vectors, files, Ray, HTTP.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from vvp import words
from vvp.dataset.targets import COUNT, RATE, RATIO, TARGETS
from vvp.errors import UserError
from vvp.forecast import files
from vvp.forecast.predictor import Forecast, Predictor
from vvp.learn.candidates import MEAN
from vvp.paths import RunPaths
from vvp.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class TargetForecast:
    """One target of one draft. Of a number: value, low and high (the 80 % interval; None: none could be made)
    in `unit`. Of classes: `chances`, class in words → probability, which sum to 1. usual: the same of the
    training videos as a whole, a number or the class's share. standing, verdict: what evaluation found."""

    target: str
    kind: str
    unit: str
    text: str
    value: float | None
    low: float | None
    high: float | None
    chances: dict[str, float]
    usual: float | dict[str, float] | None
    model: str
    standing: str
    verdict: str

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def open_run(space: Workspace, name: str) -> Predictor:
    """The run's predictor of views, with those of its other targets beside it.

    UserError: one is absent or damaged, or was trained on other vectors than that of views.
    """
    main = files.load(space, RunPaths(name).predictor)
    for target in list(TARGETS)[1:]:
        at = RunPaths(name, target).predictor
        if not space.exists(f"{at}/predictor.json"):
            continue
        one = files.load(space, at)
        if (one.head.encoders, one.head.dims) != (main.head.encoders, main.head.dims):
            raise UserError(
                f"the target {target} was trained on other vectors than views:"
                f" run `vvp tune --target {target}` and `vvp evaluate` again."
            )
        main.beside[target] = one
    return main


def forecast(
    predictor: Predictor, rows: pa.Table, horizon_days: float | None = None
) -> list[list[TargetForecast]]:
    """By row (schema predictor.ROW): what the predictors beside this one say."""
    said = [_of_rows(one, rows, horizon_days) for one in predictor.beside.values()]
    return [[column[i] for column in said] for i in range(len(rows))]


def _of_rows(one: Predictor, rows: pa.Table, horizon_days: float | None) -> list[TargetForecast]:
    if not one.target.classes:
        return [_number(one, found) for found in one.predict(rows, horizon_days)]
    return [_classes(one, *found) for found in one.chances(rows, horizon_days)]


def _number(one: Predictor, found: Forecast) -> TargetForecast:
    target = one.target.target
    usual = found.baselines.get(MEAN)
    span = ""
    if found.low is not None and found.high is not None:
        span = f" ({amount(target.kind, found.low)} to {amount(target.kind, found.high)})"
    text = f"{amount(target.kind, found.views)}{_unit(target.kind, target.unit)}{span}"
    if usual is not None and target.kind != RATIO:
        text += f"; {amount(target.kind, usual)} is usual"
    return TargetForecast(
        target=target.name, kind=target.kind, unit=target.unit, text=text, value=found.views, low=found.low,
        high=found.high, chances={}, usual=usual, model=found.model, standing=found.quality["standing"],
        verdict=found.quality["verdict"],
    )  # fmt: skip


def _classes(one: Predictor, which: str, said: np.ndarray) -> TargetForecast:
    target, quality = one.target.target, one.head.quality.of(which)
    usual = dict(zip(target.labels, one.head.training.shares, strict=True))
    every = np.array([1 - said[0], said[0]]) if len(said) == 1 else said
    chances = {label: float(p) for label, p in zip(target.labels, every, strict=True)}
    best = target.labels[1] if target.classes == 2 else max(chances, key=lambda label: chances[label])
    lead = "" if best == target.name else f"{best}: "
    text = f"{lead}{_of_100(chances[best])} of 100; {_of_100(usual[best])} of 100 is usual"
    return TargetForecast(
        target=target.name, kind=target.kind, unit=target.unit, text=text, value=None, low=None, high=None,
        chances=chances, usual=usual, model=one.head.models.by_name()[which].name,
        standing=quality.standing, verdict=quality.verdict,
    )  # fmt: skip


def _of_100(share: float) -> str:
    """Never 0 or 100: nothing is that sure."""
    return "less than 1" if share < 0.01 else "more than 99" if share > 0.99 else f"{100 * share:.0f}"


def amount(kind: str, value: float) -> str:
    """A value of a target of this kind as people write it."""
    if kind == COUNT:
        return words.views(value)
    if kind == RATE:
        return f"{100 * value:.2g} %"
    return f"{value:.2g} ×" if kind == RATIO else f"{value:.2f}"


def _unit(kind: str, unit: str) -> str:
    return f" {unit.removeprefix('× ')}" if kind in (COUNT, RATIO) else f" ({unit})"
