"""What a run forecasts beside views: likes, a score, "will it be viral", each in one sentence with its usual.

Each target has a predictor of its own, and all read the same row: a draft is embedded once.
Not known here: how a video becomes vectors, files, Ray, HTTP.
"""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from vvp import words
from vvp.dataset.targets import COUNT, RATE, RATIO, TARGETS, VIEWS
from vvp.errors import UserError
from vvp.forecast import files
from vvp.forecast.forecasts import Forecast, TargetForecast
from vvp.forecast.predictor import Predictor
from vvp.learn.candidates import MEAN
from vvp.paths import RunPaths
from vvp.workspace import Workspace


def open_run(space: Workspace, name: str, views: bool = True) -> Predictor:
    """The run's predictor of views, with those of its other targets beside it.

    views: False takes that of another count in its place, where the run has none of views because its table
    has none. UserError: one is absent or damaged, or was trained on other vectors than that of views.
    """
    counts = [target.name for target in TARGETS.values() if target.kind == COUNT]
    has = [c for c in counts if space.exists(f"{RunPaths(name, c).predictor}/predictor.json")]
    first = VIEWS.name if views or not has else has[0]
    main = files.load(space, RunPaths(name, first).predictor)
    for target in [name for name in TARGETS if name not in (VIEWS.name, first)]:
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


def forecast(predictor: Predictor, rows: pa.Table, horizon_days: float | None = None) -> list[Forecast]:
    """By row (schema predictor.ROW): the forecast of views, with those of the predictors beside this one."""
    main = predictor.predict(rows, horizon_days)
    said = [_of_rows(one, rows, horizon_days, main) for one in predictor.beside.values()]
    return [
        replace(views, targets={column[i].target: column[i] for column in said})
        for i, views in enumerate(main)
    ]


def targets(predictor: Predictor) -> list[str]:
    """What drafts can be ordered by: views, then the targets beside them."""
    return [predictor.target.name, *predictor.beside]


def check(predictor: Predictor, by: str) -> None:
    """UserError unless the run forecasts the target `by`."""
    if by not in targets(predictor):
        raise UserError(f"this run does not forecast {by}; it forecasts {', '.join(targets(predictor))}.")


def strength(one: Forecast, by: str) -> float:
    """What drafts are ordered by, the greatest first; comparable among drafts of one predictor."""
    return one.log_views if by == one.target else one.targets[by].strength


def beats(predictor: Predictor, a: Forecast, b: Forecast, by: str = VIEWS.name) -> float | None:
    """Probability that the draft of `a` gets more of the target than that of `b`; None where nothing says.

    Of classes: that it comes into the higher one, if the two come into different ones.
    """
    if by == predictor.target.name:
        return predictor.beats(a, b)
    one, other = a.targets[by], b.targets[by]
    if one.chances:
        both = np.outer(list(one.chances.values()), list(other.chances.values()))
        above, below = float(np.tril(both, -1).sum()), float(np.triu(both, 1).sum())
        return above / (above + below) if above + below > 0 else None
    first, second = (
        replace(f, distribution=t.distribution, correlation=t.correlation) for f, t in ((a, one), (b, other))
    )
    return predictor.beats(first, second)


def _of_rows(
    one: Predictor, rows: pa.Table, horizon_days: float | None, main: list[Forecast]
) -> list[TargetForecast]:
    if not one.target.classes:
        return [_number(one, found) for found in one.predict(rows, horizon_days)]
    found = zip(one.chances(rows, horizon_days), main, strict=True)
    return [_classes(one, *said, _by_views(one, views)) for said, views in found]


def _by_views(one: Predictor, views: Forecast) -> float | None:
    bound = one.target.views_bound
    if bound is None or views.distribution is None:
        return None
    return views.distribution.probability_above(bound)


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
        verdict=found.quality["verdict"], distribution=found.distribution, correlation=found.correlation,
    )  # fmt: skip


def _classes(one: Predictor, which: str, said: np.ndarray, by_views: float | None) -> TargetForecast:
    target, quality = one.target.target, one.head.quality.of(which)
    usual = dict(zip(target.labels, one.head.training.shares, strict=True))
    every = np.array([1 - said[0], said[0]]) if len(said) == 1 else said
    chances = {label: float(p) for label, p in zip(target.labels, every, strict=True)}
    best = target.labels[1] if target.classes == 2 else max(chances, key=lambda label: chances[label])
    lead = "" if best == target.name else f"{best}: "
    text = f"{lead}{_of_100(chances[best])} of 100; {_of_100(usual[best])} of 100 is usual"
    if by_views is not None:
        text += f"; by the range of its views {_of_100(by_views)} of 100"
    return TargetForecast(
        target=target.name, kind=target.kind, unit=target.unit, text=text, value=None, low=None, high=None,
        chances=chances, usual=usual, by_views=by_views, model=one.head.models.by_name()[which].name,
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
