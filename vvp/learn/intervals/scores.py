"""How good distributions are, on rows that they had not seen: pure functions on arrays, whole tables at once.

A coverage alone is easily had with wide intervals; the interval score and the CRPS are proper, so only the
truth's own distribution is best (Gneiting & Raftery 2007). Both are in units of the target (log views), lower
is better. Intervals of figures are by channel, from the resamples of `metrics.Draws`.
Not known here: how a distribution is made (calibration.py), models, files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vvp.learn.intervals.distribution import COVERAGE
from vvp.learn.metrics import Draws, Interval, ratio

LEVELS = tuple((np.arange(19) + 1) / 20)
"""0.05 … 0.95: at which `crps` wants quantiles, where nothing else is said"""
BINS = 10
FEW_ROWS = 150  # below it a slice's coverage says little
UNKNOWN = "unknown"
RESAMPLES = 1000


def interval_score(
    truth: np.ndarray, low: np.ndarray, high: np.ndarray, coverage: float = COVERAGE
) -> np.ndarray:
    """float64 (n,): width + 2 / (1 − coverage) × how far the truth lies outside (Winkler 1972)."""
    missed = np.maximum(low - truth, 0) + np.maximum(truth - high, 0)
    return (high - low) + 2 / (1 - coverage) * missed


def crps(truth: np.ndarray, quantiles: np.ndarray, levels: Sequence[float] = LEVELS) -> np.ndarray:
    """float64 (n,): the continuous ranked probability score, as twice the mean pinball loss over evenly
    spread `levels` (Laio & Tamea 2007). truth: float64 (n,); quantiles: float64 (n, levels), finite."""
    q = np.asarray(levels)
    off = truth[:, None] - quantiles
    return 2 * np.maximum(q * off, (q - 1) * off).mean(axis=1)


def pit_histogram(pit: np.ndarray) -> np.ndarray:
    """int64 (BINS,): how many of the probabilities `pit` (n,) of at most the truth fall into each tenth.
    Even, where the distributions are right; high at both ends, where they are too narrow."""
    return np.histogram(pit, bins=BINS, range=(0.0, 1.0))[0]


@dataclass(frozen=True)
class Slice:
    """Coverage of some rows."""

    by: str
    """what the rows were told apart by"""
    value: str
    rows: int
    channels: int
    coverage: Interval

    @property
    def fails(self) -> bool:
        """Whether enough rows show that the interval does not hold what it says."""
        c = self.coverage
        return (
            self.rows >= FEW_ROWS
            and c.low is not None
            and c.high is not None
            and not c.low <= COVERAGE <= c.high
        )


def coverage(
    held: np.ndarray, clusters: np.ndarray, by: Mapping[str, np.ndarray], seed: int = 0, n: int = RESAMPLES
) -> list[Slice]:
    """Of all rows, then of each value of each array in `by`.

    held: bool (m,), m at least 1, whether the interval held the truth; clusters: (m,), channel, None is its
    own; by: name → object (m,) of str (`quarters`, `months`, groups).
    """
    whole = {"all": np.full(len(held), "all", dtype=object)}
    found = []
    for name, values in {**whole, **by}.items():
        for value in sorted(set(values)):
            own = np.flatnonzero(values == value)
            draws = Draws.make(clusters[own], n, seed)
            found.append(Slice(name, value, len(own), draws.times.shape[1], mean(held[own], draws)))
    return found


def mean(values: np.ndarray, draws: Draws) -> Interval:
    """Of `values` (m,), the rows that `draws` was made from."""
    k = draws.times.shape[1]
    totals, rows = np.bincount(draws.codes, values, k), np.bincount(draws.codes, minlength=k)
    return draws.interval(float(np.mean(values)), (draws.times @ totals) / (draws.times @ rows))


def gain(
    scores: np.ndarray, plain: np.ndarray, clusters: np.ndarray, seed: int = 0, n: int = RESAMPLES
) -> Interval:
    """By which share `scores` (m,) are lower on average than those of the plain rule on the same rows, with
    its paired interval. Above 0: better than plain. Undefined where the plain rule's are all 0."""
    draws = Draws.make(clusters, n, seed)
    k = draws.times.shape[1]
    ours, theirs = (draws.times @ np.bincount(draws.codes, values, k) for values in (scores, plain))
    [share] = ratio(np.array([scores.mean()]), np.array([plain.mean()]))
    return draws.interval(1 - float(share) if np.isfinite(share) else None, 1 - ratio(ours, theirs))


def quarters(values: np.ndarray) -> np.ndarray:
    """object (m,): in which quarter of its own known values each of `values` (m,) lies; NaN unknown."""
    out = np.full(len(values), UNKNOWN, dtype=object)
    known = np.isfinite(values)
    if known.any():
        edges = np.quantile(values[known], [0.25, 0.5, 0.75])
        names = np.array(["1 lowest", "2", "3", "4 highest"], dtype=object)
        out[known] = names[np.searchsorted(edges, values[known], "left")]
    return out


def months(when: np.ndarray) -> np.ndarray:
    """object (m,): year and month of datetime64 (m,), NaT unknown."""
    names = np.datetime_as_string(when.astype("datetime64[M]"))
    return np.array([UNKNOWN if name == "NaT" else str(name) for name in names], dtype=object)


def summary(
    truth: np.ndarray, quantiles: np.ndarray, pit: np.ndarray, levels: Sequence[float] = LEVELS
) -> dict[str, Any]:
    """JSON-ready: mean CRPS and the PIT histogram of n rows; see `crps`, `pit_histogram`."""
    return {
        "crps": float(crps(truth, quantiles, levels).mean()),
        "pit": [int(count) for count in pit_histogram(pit)],
    }
