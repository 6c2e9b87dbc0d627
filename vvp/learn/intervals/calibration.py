"""What a predictor carries of how wrong it may be, and the distribution of each video that it makes from it.

`Calibration` is plain JSON: at most MOST_ERRORS errors per pool, a few slopes, what was tried. It is read
from files that anyone may have written, so every number has bounds.
Not known here: how it is made (fit.py), what the traits and groups are, files.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated, Literal, get_args

import numpy as np
from pydantic import Field, model_validator

from vvp.learn.intervals.distribution import CONFORMAL_FROM, COVERAGE, MOST_ERRORS, ForecastDistribution
from vvp.learn.intervals.error_size import MOST_CORRELATION, MOST_TRAITS, Scale
from vvp.learn.records import Record

MOST_MARGIN = 1.5
ALL = ""  # the pool of every group without its own

Part = Literal["signed", "recent", "scale", "groups"]
PARTS: tuple[Part, ...] = get_args(Part)
Finite = Annotated[float, Field(gt=-1000, lt=1000)]
Name = Annotated[str, Field(max_length=200)]


class Pool(Record):
    """Errors of one group, once moved and scaled to the usual video."""

    errors: list[Finite] = Field(min_length=1, max_length=MOST_ERRORS)
    """ascending; |errors| where not `signed`"""
    signed: bool
    middle: Finite
    """the median error, which `errors` are around; 0 where not `signed`"""
    count: float = Field(ge=1, le=1e9)
    """how many independent errors these stand for"""

    @model_validator(mode="after")
    def _in_order(self) -> "Pool":
        if any(a > b for a, b in zip(self.errors, self.errors[1:], strict=False)):
            raise ValueError("errors are not in order")
        if not self.signed and (self.errors[0] < 0 or self.middle):
            raise ValueError("sizes of errors are below 0, or have a middle")
        return self

    def around(self, centre: float, factor: float) -> ForecastDistribution:
        """centre: the forecast, moved by what all forecasts are moved by; factor: of this video."""
        return ForecastDistribution(centre + self.middle, self._array * factor, self.signed, self.count)

    def quantiles(self, levels: Sequence[float]) -> np.ndarray:
        """float64 (levels,), of the usual error less `middle`."""
        usual = self.around(-self.middle, 1.0)
        return np.array([usual.quantile(q) for q in levels])

    def cdf(self, errors: np.ndarray) -> np.ndarray:
        """float64 (n,): the probability of at most each of `errors` (n,) less `middle`."""
        if not self.signed and len(self.errors) < CONFORMAL_FROM:
            usual = self.around(-self.middle, 1.0)
            return np.array([usual.cdf(float(error)) for error in errors])
        draws = self._array if self.signed else np.sort(np.concatenate([-self._array, self._array]))
        at = np.searchsorted(draws, errors, "left") + np.searchsorted(draws, errors, "right")
        return (at / (2 * len(draws)) * self.count + 0.5) / (self.count + 1)

    @cached_property
    def _array(self) -> np.ndarray:
        return np.array(self.errors)


class Tried(Record):
    """A set of parts against one width for all, on errors that they were not fitted on."""

    parts: list[Part] = Field(max_length=len(PARTS))
    score: float
    """mean interval score (lower is better), log views"""
    gain: float
    """how much lower that is, as a share"""
    error: float
    """standard error of the gain, by channel"""
    helps: bool
    """whether that is more than chance"""


class Calibration(Record):
    """How wrong forecasts of one predictor may be."""

    traits: list[Name] = Field(max_length=MOST_TRAITS)
    parts: list[Part] = Field(max_length=len(PARTS))
    """what shapes intervals to a video; empty: one width for all"""
    scale: Scale | None
    shift: Finite
    """what is added to every forecast: the mean of the latest errors, capped; 0: nothing"""
    margin: float = Field(ge=1, le=MOST_MARGIN)
    """by how much all intervals are wider than the errors alone make them; the pools have it already"""
    correlation: float = Field(ge=0, le=MOST_CORRELATION)
    """of the errors of two videos of one channel; for ForecastDistribution.beats"""
    pools: dict[Name, Pool] = Field(max_length=20)
    rows: int = Field(ge=1)
    """errors that it was made from"""
    held: float | None = Field(ge=0, le=1)
    """share of errors not fitted on that intervals of this recipe held, before the margin"""
    tried: list[Tried] = Field(max_length=2 ** len(PARTS))
    reason: str | None = Field(max_length=500)
    """why only the plain rule was tried; None: more was"""

    def moved(self, group: str) -> float:
        """By how much the middle of a video's distribution lies off its forecast."""
        return self.shift + self.pools.get(group, self.pools[ALL]).middle

    def distribution(
        self, centre: float, traits: Mapping[str, float | None], group: str
    ) -> ForecastDistribution:
        """Of one video. centre: its forecast; traits: by name, None or absent is unknown; group: one that is
        not known here has the errors of all."""
        values = [np.nan if (value := traits.get(name)) is None else value for name in self.traits]
        factor = self._factor(np.array(values, np.float64)[None])
        return self.pools.get(group, self.pools[ALL]).around(centre + self.shift, float(factor[0]))

    def intervals(
        self, centres: np.ndarray, traits: np.ndarray, groups: np.ndarray, coverage: float = COVERAGE
    ) -> tuple[np.ndarray, np.ndarray]:
        """(low, high), float64 (n,) each. centres: forecasts, float64 (n,); traits: float64 (n, k), NaN
        unknown; groups: object (n,)."""
        ends = self.quantiles(centres, traits, groups, [(1 - coverage) / 2, (1 + coverage) / 2])
        return ends[:, 0], ends[:, 1]

    def quantiles(
        self, centres: np.ndarray, traits: np.ndarray, groups: np.ndarray, levels: Sequence[float]
    ) -> np.ndarray:
        """float64 (n, levels): what `distribution(…).quantile` gives each video. ±inf past the errors."""
        factor = self._factor(traits)
        out = np.empty((len(centres), len(levels)))
        for name, rows in self._rows(groups):
            pool = self.pools[name]
            middles = (centres[rows] + self.shift + pool.middle)[:, None]
            out[rows] = middles + factor[rows, None] * pool.quantiles(levels)
        return out

    def cdf(
        self, truth: np.ndarray, centres: np.ndarray, traits: np.ndarray, groups: np.ndarray
    ) -> np.ndarray:
        """float64 (n,): the probability that each video had of at most its `truth` (n,)."""
        factor = self._factor(traits)
        out = np.empty(len(centres))
        for name, rows in self._rows(groups):
            pool = self.pools[name]
            out[rows] = pool.cdf((truth[rows] - centres[rows] - self.shift - pool.middle) / factor[rows])
        return out

    def _factor(self, traits: np.ndarray) -> np.ndarray:
        return np.ones(len(traits)) if self.scale is None else self.scale.factor(traits)

    def _rows(self, groups: np.ndarray) -> list[tuple[str, np.ndarray]]:
        """(pool, the rows that have it)"""
        named = np.array([group if group in self.pools else ALL for group in groups], dtype=object)
        return [(name, np.flatnonzero(named == name)) for name in self.pools]

    @model_validator(mode="after")
    def _whole(self) -> "Calibration":
        if ALL not in self.pools:
            raise ValueError("there is no pool of all errors")
        if self.scale is not None and len(self.scale.centres) != len(self.traits):
            raise ValueError("the scale has other traits")
        return self
