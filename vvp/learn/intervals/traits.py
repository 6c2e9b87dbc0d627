"""From a candidate's errors to how wrong it may be on each video: what calibration.py is told of a video.

A video's traits are what the size of an error may depend on, and its group whose errors it shares; both are
read off the design matrix, so a draft has the same as a row of a table.
Not known here: how a calibration is made of errors (fit.py), the test part, files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from vvp.dataset.channels import channel_codes
from vvp.dataset.matrix import WHOLE, Matrix
from vvp.learn import rule_errors
from vvp.learn.candidates import HISTORY, MEAN, Candidate
from vvp.learn.folds import COUNT
from vvp.learn.intervals.calibration import Calibration
from vvp.learn.intervals.distribution import COVERAGE, ForecastDistribution
from vvp.learn.intervals.fit import calibrate
from vvp.learn.rule_errors import Errors

FORECAST = "forecast"
READ = ("log_channel_followers", COUNT, "channel_spread", "channel_gap")
TRAITS = (FORECAST, *READ)
KNOWN, NEW = "known channel", "new channel"


def traits(X: np.ndarray, names: Sequence[str], forecasts: np.ndarray) -> np.ndarray:
    """float64 (n, len(TRAITS)), NaN unknown. X: float32 (n, d) with the columns `names`; forecasts: (n,)."""
    place = {name: i for i, name in enumerate(names)}
    unknown = np.full(len(X), np.nan)
    columns = [X[:, place[name]].astype(np.float64) if name in place else unknown for name in READ]
    return np.column_stack([forecasts, *columns])


def groups(X: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """object (n,): KNOWN or NEW, by whether a count of the channel was known."""
    place = {name: i for i, name in enumerate(names)}
    known = X[:, place[COUNT]] > 0 if COUNT in place else np.zeros(len(X), bool)
    return np.where(known, KNOWN, NEW).astype(object)


def scales(matrix: Matrix, one: Candidate, rows: np.ndarray) -> np.ndarray:
    """float64: the factor of a rule's errors on each row (rule_errors.scale); 1 for a model."""
    if one.name == HISTORY:
        _, count = matrix.history.at(matrix.channel_id[rows], matrix.published_at[rows])
        size = rule_errors.scale(matrix.history.error_k, count)
        return np.where(np.isfinite(size), size, np.sqrt(2))
    if one.name == MEAN:
        return np.full(len(rows), float(rule_errors.scale(0.0, one.rows)))
    return np.ones(len(rows))


def calibrated(matrix: Matrix, errors: Errors) -> Calibration | None:
    """What the errors say of later videos; None without one."""
    rows = errors.rows
    X, names = matrix.X[rows], matrix.column_names
    return calibrate(
        errors.scaled, matrix.published_at[rows], channel_codes(matrix.channel_id[rows]),
        traits(X, names, matrix.y[rows] - errors.raw), TRAITS, groups(X, names),
        matrix.in_time or matrix.split == WHOLE,  # what is taken home forecasts what comes later
    )  # fmt: skip


def quantiles(
    matrix: Matrix, rows: np.ndarray, one: Candidate, calibration: Calibration, levels: Sequence[float]
) -> np.ndarray:
    """float64 (len(rows), levels): of each row's distribution, log views; ±inf past the errors."""
    centres, X, names = one.predict(matrix, rows), matrix.X[rows], matrix.column_names
    around = calibration.quantiles(np.zeros(len(rows)), traits(X, names, centres), groups(X, names), levels)
    return centres[:, None] + scales(matrix, one, rows)[:, None] * around


def cdf(matrix: Matrix, rows: np.ndarray, one: Candidate, calibration: Calibration) -> np.ndarray:
    """float64 (len(rows),): the probability that each row had of at most its own log views."""
    return _at_most(matrix, rows, one, calibration, matrix.y[rows])


def above(
    matrix: Matrix, rows: np.ndarray, one: Candidate, calibration: Calibration, bound: float
) -> np.ndarray:
    """float64 (len(rows),): the probability that each row has of more than `bound`, log views."""
    return 1 - _at_most(matrix, rows, one, calibration, np.full(len(rows), bound))


def _at_most(
    matrix: Matrix, rows: np.ndarray, one: Candidate, calibration: Calibration, values: np.ndarray
) -> np.ndarray:
    centres, X, names = one.predict(matrix, rows), matrix.X[rows], matrix.column_names
    off = (values - centres) / scales(matrix, one, rows)
    return calibration.cdf(off, np.zeros(len(rows)), traits(X, names, centres), groups(X, names))


def interval(
    matrix: Matrix, rows: np.ndarray, one: Candidate, calibration: Calibration | None
) -> tuple[np.ndarray, np.ndarray]:
    """(low, high) of each row's 80 % interval, log views; NaN where there is no error to make it from."""
    if calibration is None:
        unknown = np.full(len(rows), np.nan)
        return unknown, unknown
    ends = quantiles(matrix, rows, one, calibration, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return ends[:, 0], ends[:, 1]


def shown(matrix: Matrix, rows: np.ndarray, one: Candidate, calibration: Calibration | None) -> np.ndarray:
    """float64 (len(rows),), log views: the forecast that people see, the middle of each distribution."""
    if calibration is None:
        return one.predict(matrix, rows)
    return quantiles(matrix, rows, one, calibration, [0.5])[:, 0]


def of_draft(
    calibration: Calibration, centre: float, scale: float, values: Mapping[str, float]
) -> ForecastDistribution:
    """Of one draft. centre: its forecast; scale: as `scales`; values: its columns by name."""
    names = list(values)
    X = np.array([list(values.values())], np.float64)
    [own], [group] = traits(X, names, np.array([centre])), groups(X, names)
    around = calibration.distribution(0.0, dict(zip(TRAITS, own.tolist(), strict=True)), group)
    return replace(around, centre=centre + scale * around.centre, sizes=around.sizes * scale)
