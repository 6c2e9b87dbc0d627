"""Makes forecast distributions from out-of-fold errors: a conformal predictive system, saved with a predictor.

The plain rule is one width for all: the symmetric conformal interval of `intervals.py`. Up to four parts shape
it to a video, each used only where it makes later errors better held than without it:
  signed  errors keep their sign, so either end holds on its own and the middle is the median error's
  recent  forecasts are moved by the mean of the latest errors (`spread.recent_shift`)
  scale   the width follows what the size of errors depends on (`spread.Scale`)
  groups  videos of another group (a new channel, no picture) have errors of their own (Mondrian, Vovk 2003)
What is used is chosen by interval score on forward blocks: fitted on earlier errors, scored on later ones. The
same blocks show whether intervals hold later on; where they clearly do not, all are widened.
Not known here: where errors come from (evidence.py, rule_errors.py), what the traits are, files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator
from typing_extensions import Self

from vvp.learn import spread
from vvp.learn.intervals import COVERAGE, MOST_ERRORS, ForecastDistribution, ranked, signed_quantile, thinned
from vvp.learn.records import Record
from vvp.learn.scores import interval_score

ENOUGH = 100.0  # independent errors from which more than the plain rule is tried
GROUP_ROWS = 200.0  # independent errors from which a group has its own
FIRST, BLOCKS = 0.4, 6  # share of the errors that the first fit has; blocks that are scored after it
LEAST_GAIN = 0.005  # of the interval score, as a share; and more than one standard error by channel
CLEARLY = 1.645  # standard errors below the wanted coverage from which intervals are widened
MOST_MARGIN = 1.5
ALL = ""  # the pool of every group without its own

Part = Literal["signed", "recent", "scale", "groups"]
PARTS: tuple[Part, ...] = ("signed", "recent", "scale", "groups")
Finite = Annotated[float, Field(gt=-100, lt=100)]


class Pool(Record):
    """Errors of one group, once moved and scaled to the usual video."""

    errors: list[Finite] = Field(min_length=1, max_length=MOST_ERRORS)
    """ascending; |errors| where not `signed`"""
    signed: bool
    middle: Finite
    """the median error, which `errors` are around; 0 where not `signed`"""
    count: float = Field(gt=0, le=1e9)
    """how many independent errors these stand for"""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if any(a > b for a, b in zip(self.errors, self.errors[1:], strict=False)):
            raise ValueError("errors are not in order")
        if not self.signed and (self.errors[0] < 0 or self.middle):
            raise ValueError("sizes of errors are below 0, or have a middle")
        return self

    @cached_property
    def array(self) -> np.ndarray:
        return np.array(self.errors)

    def quantile(self, q: float) -> float:
        """Of the errors around `middle`; see ForecastDistribution.quantile."""
        if self.signed:
            return signed_quantile(self.array, q, self.count)
        return 0.0 if q == 0.5 else float(np.sign(q - 0.5)) * ranked(self.array, abs(2 * q - 1), self.count)


class Tried(Record):
    """A part against the rule without it, on the forward blocks."""

    part: Part
    score: float
    """mean interval score with it (lower is better), log views"""
    gain: float
    """how much lower, as a share"""
    error: float
    """standard error of the gain, by channel"""
    used: bool


class Calibration(Record):
    """How wrong forecasts of one predictor may be."""

    traits: list[Annotated[str, Field(max_length=200)]] = Field(max_length=spread.MOST_TRAITS)
    scale: spread.Scale | None
    shift: Finite
    """what is added to every forecast: the mean of the latest errors, capped; 0: nothing"""
    margin: float = Field(ge=1, le=MOST_MARGIN)
    """by how much all intervals are wider than the errors alone make them; it is in the pools already"""
    correlation: float = Field(ge=0, le=0.95)
    """of the errors of two videos of one channel; for ForecastDistribution.beats"""
    pools: dict[Annotated[str, Field(max_length=200)], Pool] = Field(max_length=20)
    rows: int = Field(ge=1)
    """errors it was made from"""
    held: float | None = Field(ge=0, le=1)
    """share of later errors that intervals of this recipe held, on the forward blocks, without the margin"""
    tried: list[Tried] = Field(max_length=20)
    reason: str | None = Field(max_length=500)
    """why only the plain rule was tried; None: more was"""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if ALL not in self.pools:
            raise ValueError("there is no pool of all errors")
        if self.scale is not None and not (
            len(self.traits) == len(self.scale.centres) == len(self.scale.spreads) == len(self.scale.weights) / 3
        ):
            raise ValueError("the scale has other traits")
        return self

    def distribution(
        self, centre: float, traits: Mapping[str, float | None], group: str
    ) -> ForecastDistribution:
        """Of one video. centre: its forecast; traits: by name, None or absent is unknown; group: one that is
        not known here has the errors of all."""
        values = [np.nan if traits.get(name) is None else float(traits[name] or 0) for name in self.traits]
        factor = float(self._factor(np.array([values]).reshape(1, len(self.traits)))[0])
        pool = self.pools.get(group, self.pools[ALL])
        return ForecastDistribution(
            centre + self.shift + pool.middle, pool.array * factor, pool.signed, pool.count
        )

    def intervals(
        self, centres: np.ndarray, traits: np.ndarray, groups: np.ndarray, coverage: float = COVERAGE
    ) -> tuple[np.ndarray, np.ndarray]:
        """(low, high), float64 (n,) each, of n videos: forecasts (n,), traits (n, k) NaN unknown, groups (n,)."""
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
            errors = np.array([pool.quantile(q) for q in levels])
            out[rows] = (centres[rows] + self.shift + pool.middle)[:, None] + factor[rows, None] * errors
        return out

    def cdf(self, truth: np.ndarray, centres: np.ndarray, traits: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """float64 (n,): the probability each video had of at most its `truth` (n,)."""
        factor = self._factor(traits)
        out = np.empty(len(centres))
        for name, rows in self._rows(groups):
            pool = self.pools[name]
            draws = pool.array if pool.signed else np.sort(np.concatenate([-pool.array, pool.array]))
            at = (truth[rows] - centres[rows] - self.shift - pool.middle) / factor[rows]
            share = (np.searchsorted(draws, at, "left") + np.searchsorted(draws, at, "right")) / (2 * len(draws))
            out[rows] = (share * pool.count + 0.5) / (pool.count + 1)
        return out

    def _factor(self, traits: np.ndarray) -> np.ndarray:
        return np.ones(len(traits)) if self.scale is None else self.scale.factor(traits)

    def _rows(self, groups: np.ndarray) -> list[tuple[str, np.ndarray]]:
        """(pool, rows that have it)"""
        named = np.array([group if group in self.pools else ALL for group in groups], dtype=object)
        return [(name, np.flatnonzero(named == name)) for name in self.pools]


@dataclass(frozen=True)
class _Errors:
    """m errors in order of publication, those without a date first."""

    residuals: np.ndarray  # float64 (m,)
    when: np.ndarray  # datetime64[us] (m,)
    clusters: np.ndarray  # int (m,)
    traits: np.ndarray  # float64 (m, k)
    groups: np.ndarray  # object (m,)

    def at(self, rows: np.ndarray) -> "_Errors":
        return _Errors(
            self.residuals[rows], self.when[rows], self.clusters[rows], self.traits[rows], self.groups[rows]
        )


def calibrate(
    residuals: np.ndarray,
    when: np.ndarray,
    clusters: np.ndarray,
    traits: np.ndarray,
    trait_names: Sequence[str],
    groups: np.ndarray,
) -> Calibration | None:
    """From m out-of-fold errors; None without one.

    residuals: float64 (m,), truth − forecast, finite; when: datetime64[us] (m,), publication, NaT unknown;
    clusters: int (m,), channel codes; traits: float64 (m, k), NaN unknown: what may predict the size of an
    error; groups: object (m,) of str. ValueError for other shapes.
    """
    m = len(residuals)
    if traits.shape != (m, len(trait_names)) or not len(when) == len(clusters) == len(groups) == m:
        raise ValueError("residuals, dates, clusters, traits and groups of one length were expected")
    if not np.isfinite(residuals).all():
        raise ValueError("a residual is not finite")
    if not m:
        return None
    # NaT sorts last; it is to come first, so that a row without a date is never what is later.
    undated = np.isnat(when)
    order = np.lexsort((np.where(undated, np.datetime64(0, "us"), when), ~undated))
    data = _Errors(residuals, when, clusters, traits, groups).at(order)
    names = list(trait_names)
    worth = spread.effective(residuals, clusters)
    if worth < ENOUGH:
        return _fit(data, names, (), f"{m} errors are worth {worth:.0f} independent ones, below {ENOUGH:.0f}")
    if undated.mean() > FIRST:
        return _fit(data, names, (), "too few dates to see whether intervals hold later on")
    forward = _blocks(data, int(undated.sum()))
    used, tried = _choose(data, forward, names)
    found = _fit(data, names, used, None)
    margin, held = _margin(data, forward, names, used)
    pools = {
        name: pool.model_copy(update={"errors": [e * margin for e in pool.errors]})
        for name, pool in found.pools.items()
    }
    return found.model_copy(update={"pools": pools, "margin": margin, "held": held, "tried": tried})


def _fit(data: _Errors, names: list[str], parts: Sequence[Part], reason: str | None) -> Calibration:
    residuals, clusters, m = data.residuals, data.clusters, len(data.residuals)
    shift, moved = 0.0, residuals
    if "recent" in parts:
        shift, moved = _recentred(residuals, clusters)
    middle = float(np.median(moved)) if "signed" in parts else 0.0
    scale, factor = None, np.ones(m)
    if "scale" in parts and names:
        scale, factor = _scaled(np.abs(moved - middle), data.traits, clusters)
    rows = {ALL: np.ones(m, bool)}
    if "groups" in parts:
        for group in sorted(set(data.groups)):
            own = data.groups == group
            if spread.effective(moved[own], clusters[own]) >= GROUP_ROWS:
                rows[group] = own
    pools = {}
    for group, own in rows.items():
        middle = float(np.median(moved[own])) if "signed" in parts else 0.0
        errors = (moved[own] - middle) / factor[own]
        pools[group] = Pool(
            errors=thinned(np.sort(errors if "signed" in parts else np.abs(errors))),
            signed="signed" in parts,
            middle=middle,
            count=spread.effective(moved[own], clusters[own]) if parts else float(own.sum()),
        )
    return Calibration(
        traits=names, scale=scale, shift=shift, margin=1.0,
        correlation=spread.pair_correlation(moved / factor, clusters),
        pools=pools, rows=m, held=None, tried=[], reason=reason,
    )  # fmt: skip


def _recentred(residuals: np.ndarray, clusters: np.ndarray) -> tuple[float, np.ndarray]:
    """(shift for what comes next, residuals (m,) each less the shift that could be known before it)."""
    m = len(residuals)
    cap = ranked(np.sort(np.abs(residuals)), COVERAGE) / 2
    last = min(max(m // 5, 50), 400)

    def shift(end: int) -> float:
        rows = slice(max(0, end - last), end)
        return spread.recent_shift(residuals[rows], clusters[rows], cap)

    edges = np.unique(np.linspace(0, m, 11).astype(np.int64))
    moved = residuals.copy()
    for start, end in zip(edges, edges[1:], strict=False):
        moved[start:end] -= shift(start or end)
    return shift(m), moved


def _scaled(sizes: np.ndarray, traits: np.ndarray, clusters: np.ndarray) -> tuple[spread.Scale, np.ndarray]:
    """(the scale, factor (m,) of each row from a scale that had not seen its channel)"""
    worth = spread.effective(sizes, clusters)
    fold = np.unique(clusters, return_inverse=True)[1] * 7 % 5
    factor = np.ones(len(sizes))
    for own in range(5):
        out = fold == own
        if out.any() and (~out).sum() > 1:
            share = float((~out).mean())
            factor[out] = spread.Scale.fit(sizes[~out], traits[~out], worth * share).factor(traits[out])
    return spread.Scale.fit(sizes, traits, worth), factor


def _blocks(data: _Errors, undated: int) -> list[tuple[int, int]]:
    """(start, end) of blocks in time: what lies before `start` fits, start … end is scored. Videos of one
    moment are not parted."""
    m = len(data.residuals)
    edges = np.linspace(max(FIRST * m, undated), m, BLOCKS + 1).astype(np.int64)
    edges = np.unique([m if e >= m else int(np.searchsorted(data.when[undated:], data.when[e])) + undated for e in edges])
    return [(int(a), int(b)) for a, b in zip(edges, edges[1:], strict=False) if a >= 2]


def _forward(
    data: _Errors, forward: list[tuple[int, int]], names: list[str], parts: Sequence[Part]
) -> tuple[np.ndarray, np.ndarray]:
    """(low, high) of the scored rows' errors, in order."""
    found = []
    for start, end in forward:
        rule = _fit(data.at(np.arange(start)), names, parts, None)
        later = data.at(np.arange(start, end))
        found.append(rule.intervals(np.zeros(end - start), later.traits, later.groups))
    return np.concatenate([low for low, _ in found]), np.concatenate([high for _, high in found])


def _choose(
    data: _Errors, forward: list[tuple[int, int]], names: list[str]
) -> tuple[tuple[Part, ...], list[Tried]]:
    """Parts added one by one, the best first, as long as one clearly helps."""
    rows = slice(forward[0][0], forward[-1][1])
    truth, clusters = data.residuals[rows], data.clusters[rows]
    used: tuple[Part, ...] = ()
    tried: list[Tried] = []
    now = interval_score(truth, *_forward(data, forward, names, used))
    while left := [part for part in PARTS if part not in used]:
        scores = {part: interval_score(truth, *_forward(data, forward, names, (*used, part))) for part in left}
        found = []
        for part, then in scores.items():
            gain = (now - then) / now.mean()
            error = spread.standard_error(gain, clusters)
            helps = bool(gain.mean() > max(LEAST_GAIN, error))
            found.append(
                Tried(part=part, score=float(then.mean()), gain=float(gain.mean()), error=error, used=helps)
            )
        best = max(found, key=lambda one: (one.used, one.gain))
        tried += [one.model_copy(update={"used": one is best and one.used}) for one in found]
        if not best.used:
            break
        used, now = (*used, best.part), scores[best.part]
    return used, tried


def _margin(
    data: _Errors, forward: list[tuple[int, int]], names: list[str], parts: Sequence[Part]
) -> tuple[float, float]:
    """(factor, share held): by how much the later errors want wider intervals; 1 where they clearly do not."""
    rows = slice(forward[0][0], forward[-1][1])
    truth, clusters = data.residuals[rows], data.clusters[rows]
    low, high = _forward(data, forward, names, parts)
    held = ((low <= truth) & (truth <= high)).astype(np.float64)
    share = float(held.mean())
    if share >= COVERAGE - CLEARLY * spread.standard_error(held, clusters):
        return 1.0, share
    half = np.maximum((high - low) / 2, 1e-12)
    needed = np.abs(truth - (low + high) / 2) / half
    return float(np.clip(np.quantile(needed, COVERAGE), 1, MOST_MARGIN)), share
