"""Makes a `Calibration` from out-of-fold errors: a conformal predictive system that keeps to what holds.

The plain rule is one width for all: the symmetric conformal interval of `distribution.py`. Up to four parts
shape it to a video:
  signed  errors keep their sign, so either end holds on its own and the middle is the median error's
  recent  forecasts are moved by the mean of the latest errors, at most to the end of the plain interval
  scale   the width follows what the size of errors depends on (`spread.Scale`; Papadopoulos et al. 2002)
  groups  videos of one group (a new channel, no picture) have errors of their own (Mondrian, Vovk 2003)
Which of them are used is chosen by interval score on errors that they were not fitted on, as the split asks:
in time, later ones after earlier ones; under any other, those of channels left out. Each set of parts is
tried, for two may help where neither does alone. The same errors show whether intervals hold; where they
clearly do not, all are widened. They are never narrowed: to be too sure is the worse mistake.
Not known here: where errors come from (evidence.py, rule_errors.py), what the traits are, files.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from threadpoolctl import threadpool_limits

from vvp.learn.intervals import error_size
from vvp.learn.intervals.calibration import ALL, MOST_MARGIN, PARTS, Calibration, Part, Pool, Tried
from vvp.learn.intervals.distribution import COVERAGE, ranked, thinned
from vvp.learn.intervals.scores import interval_score

ENOUGH = 100.0  # independent errors from which more than the plain rule is tried
GROUP_ROWS = 200.0  # independent errors from which a group has its own
FIRST, BLOCKS = 0.4, 6  # share of the errors that the first fit has; blocks that are scored after it
FEWEST_BLOCKS, FEWEST_ROWS = 3, 30
LEAST_GAIN = 0.005  # of the interval score, as a share
SURE = 0.5  # standard errors, by channel, that a gain must reach as well
PRICE = 0.002  # of the interval score, that each further part must bring
CLEARLY = 1.645  # standard errors below the wanted coverage from which intervals are widened
LATEST, LATEST_ROWS = 0.2, (50, 400)  # errors that the shift is taken from: a share of all, within bounds
SHIFTS = 10  # stretches of the errors, each moved by what could be known before it
MIN_CHANNELS, RUNS = 8, 10  # fewer channels say nothing of chance: then runs in time do
FOLDS = 5  # of channels, so that no error is scaled by a model that had seen it


@dataclass(frozen=True)
class Errors:
    """m errors in order of publication, those without a date first."""

    residuals: np.ndarray  # float64 (m,)
    when: np.ndarray  # datetime64[us] (m,)
    clusters: np.ndarray  # int (m,)
    traits: np.ndarray  # float64 (m, k)
    groups: np.ndarray  # object (m,)

    def at(self, rows: np.ndarray | slice) -> "Errors":
        return Errors(
            self.residuals[rows], self.when[rows], self.clusters[rows], self.traits[rows], self.groups[rows]
        )


@dataclass(frozen=True)
class Rehearsal:
    """Errors that play what comes later: each block is scored by what was fitted on its others."""

    data: Errors
    blocks: list[tuple[np.ndarray, np.ndarray]]
    """(rows that are fitted on, rows that are scored), int64"""
    names: list[str]

    @property
    def scored(self) -> Errors:
        return self.data.at(np.concatenate([rows for _, rows in self.blocks]))

    @property
    def units(self) -> np.ndarray:
        """int (scored rows,), see `independent`."""
        return independent(self.scored.clusters)

    def intervals(self, parts: Sequence[Part]) -> tuple[np.ndarray, np.ndarray]:
        """(low, high) around the errors of the scored rows, in their order."""
        found = []
        for fitted, rows in self.blocks:
            rule, later = fit(self.data.at(fitted), self.names, parts), self.data.at(rows)
            found.append(rule.intervals(np.zeros(len(rows)), later.traits, later.groups))
        return np.concatenate([low for low, _ in found]), np.concatenate([high for _, high in found])

    def scores(self, parts: Sequence[Part]) -> np.ndarray:
        """Interval score of each scored row; lower is better."""
        return interval_score(self.scored.residuals, *self.intervals(parts))


def calibrate(
    residuals: np.ndarray,
    when: np.ndarray,
    clusters: np.ndarray,
    traits: np.ndarray,
    trait_names: Sequence[str],
    groups: np.ndarray,
    in_time: bool = True,
) -> Calibration | None:
    """From m out-of-fold errors; None without one. The order of the rows changes nothing.

    residuals: float64 (m,), truth − forecast, finite; when: datetime64[us] (m,), publication, NaT unknown;
    clusters: int (m,), channel codes; traits: float64 (m, k), NaN unknown: what may predict the size of an
    error; groups: object (m,) of str; in_time: later videos are to be forecast; False: those of channels
    that were not there, at any time. ValueError for other shapes.
    """
    m, names = len(residuals), list(trait_names)
    if traits.shape != (m, len(names)) or not len(when) == len(clusters) == len(groups) == m:
        raise ValueError("residuals, dates, clusters, traits and groups of one length were expected")
    if not np.isfinite(residuals).all():
        raise ValueError("a residual is not finite")
    if not m:
        return None
    undated = np.isnat(when)
    order = np.lexsort((residuals, np.where(undated, np.datetime64(0, "us"), when), ~undated))
    data = Errors(residuals, when, clusters, traits, groups).at(order)
    worth, dated = error_size.effective(data.residuals, data.clusters), int((~undated).sum())
    blocks = _in_time(data.when[m - dated :], m - dated) if in_time else _by_unit(data.clusters)
    if worth < ENOUGH:
        reason = f"{m} errors, worth {worth:.0f} independent ones, are too few to shape intervals to a video"
        return fit(data, names, (), reason)
    if len(blocks) < FEWEST_BLOCKS:
        return fit(data, names, (), "too few dates to see which intervals hold later on")
    rehearsal = Rehearsal(data, blocks, names)
    with threadpool_limits(1):  # a thousand small products: threads would wait for one another
        parts, tried = choose(rehearsal, PARTS if in_time else tuple(p for p in PARTS if p != "recent"))
        margin, held = widening(rehearsal, parts)
        found = fit(data, names, parts, margin=margin)
    return found.model_copy(update={"held": held, "tried": tried})


def fit(
    data: Errors, names: list[str], parts: Sequence[Part], reason: str | None = None, margin: float = 1.0
) -> Calibration:
    """With these parts, whether they help or not."""
    residuals, clusters, m = data.residuals, data.clusters, len(data.residuals)
    signed = "signed" in parts
    shift, moved = _recentred(residuals, clusters) if "recent" in parts else (0.0, residuals)
    members = {ALL: np.ones(m, bool)}
    if "groups" in parts:
        own = {group: data.groups == group for group in sorted(set(data.groups))}
        members |= {
            group: at
            for group, at in own.items()
            if error_size.effective(moved[at], clusters[at]) >= GROUP_ROWS
        }
    middles = {group: float(np.median(moved[at])) if signed else 0.0 for group, at in members.items()}
    centred = moved.copy()
    for group, at in members.items():  # ALL comes first
        centred[at] = moved[at] - middles[group]
    scale, factor = None, np.ones(m)
    if "scale" in parts:
        scale, factor = _scaled(np.abs(centred), data.traits, clusters)
    pools = {}
    for group, at in members.items():
        errors = margin * (moved[at] - middles[group]) / factor[at]
        pools[group] = Pool(
            errors=thinned(np.sort(errors if signed else np.abs(errors))),
            signed=signed,
            middle=middles[group],
            # The plain rule stays what it is for few errors: each counts.
            count=max(1.0, error_size.effective(moved[at], clusters[at])) if parts else float(m),
        )
    return Calibration(
        traits=names, parts=list(parts), scale=scale, shift=shift, margin=margin,
        correlation=error_size.pair_correlation(centred / factor, clusters),
        pools=pools, rows=m, held=None, tried=[], reason=reason,
    )  # fmt: skip


def choose(rehearsal: Rehearsal, among: Sequence[Part]) -> tuple[tuple[Part, ...], list[Tried]]:
    """The set of parts with the lowest interval score, each part being worth its price; none, where no set is
    better than the plain rule by more than chance. (parts, everything that was tried)"""
    clusters = rehearsal.units
    plain = rehearsal.scores(())
    if not plain.any():  # all errors are 0
        return (), []
    able = [part for part in among if part != "scale" or rehearsal.names]
    able = [part for part in able if part != "groups" or len(set(rehearsal.scored.groups)) > 1]
    tried: list[Tried] = []
    for size in range(1, len(able) + 1):
        for parts in combinations(able, size):
            scores = rehearsal.scores(parts)
            if not np.isfinite(scores).all():  # so few independent errors cannot promise it
                continue
            gains = (plain - scores) / plain.mean()
            gain, error = float(gains.mean()), error_size.standard_error(gains, clusters)
            helps = gain > max(LEAST_GAIN, SURE * error)
            tried.append(
                Tried(parts=list(parts), score=float(scores.mean()), gain=gain, error=error, helps=helps)
            )
    able_sets = [one for one in tried if one.helps]
    best = max(able_sets, key=lambda one: one.gain - PRICE * len(one.parts), default=None)
    return () if best is None else tuple(best.parts), tried


def widening(rehearsal: Rehearsal, parts: Sequence[Part]) -> tuple[float, float]:
    """(factor, share held): by how much later errors want wider intervals; 1 where they clearly do not."""
    truth, clusters = rehearsal.scored.residuals, rehearsal.units
    low, high = rehearsal.intervals(parts)
    held = ((low <= truth) & (truth <= high)).astype(np.float64)
    share = float(held.mean())
    if share >= COVERAGE - CLEARLY * error_size.standard_error(held, clusters):
        return 1.0, share
    needed = np.abs(truth - (low + high) / 2) / np.maximum((high - low) / 2, 1e-12)
    return float(np.clip(np.quantile(needed, COVERAGE), 1, MOST_MARGIN)), share


def _recentred(residuals: np.ndarray, clusters: np.ndarray) -> tuple[float, np.ndarray]:
    """(shift for what comes next, residuals (m,) each less the shift that could be known before it)"""
    m = len(residuals)
    cap = min(ranked(np.sort(np.abs(residuals)), COVERAGE), float(np.abs(residuals).max()))
    last = int(np.clip(LATEST * m, *LATEST_ROWS))

    def shift(end: int) -> float:
        rows = slice(max(0, end - last), end)
        return error_size.recent_shift(residuals[rows], clusters[rows], cap)

    edges = np.unique(np.linspace(0, m, SHIFTS + 1).astype(np.int64))
    moved = residuals.copy()
    for start, end in zip(edges, edges[1:], strict=False):
        moved[start:end] -= shift(int(start or end))  # nothing lies before the first stretch but itself
    return shift(m), moved


def _scaled(
    sizes: np.ndarray, traits: np.ndarray, clusters: np.ndarray
) -> tuple[error_size.Scale, np.ndarray]:
    """(the scale, factor (m,) of each row by a scale that had not seen its channel)"""
    share = error_size.effective(sizes, clusters) / len(sizes)
    fold = np.unique(clusters, return_inverse=True)[1] * 7 % FOLDS
    factor = np.ones(len(sizes))
    for own in range(FOLDS):
        out = fold == own
        if out.any() and not out.all():
            rest = error_size.Scale.fit(sizes[~out], traits[~out], share)
            factor[out] = rest.factor(traits[out])
    return error_size.Scale.fit(sizes, traits, share), factor


def independent(clusters: np.ndarray) -> np.ndarray:
    """int (m,): what counts as independent. Channels, or runs of rows where they are few."""
    if len(np.unique(clusters)) >= MIN_CHANNELS:
        return clusters
    return np.arange(len(clusters)) * RUNS // max(1, len(clusters))


def _by_unit(clusters: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Each fold of channels after all the others."""
    fold = np.unique(independent(clusters), return_inverse=True)[1] * 7 % FOLDS
    return [(np.flatnonzero(fold != own), np.flatnonzero(fold == own)) for own in range(FOLDS)]


def _in_time(when: np.ndarray, undated: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Blocks in time of the dated rows, `when` in order, each after all before it, once a first share was
    fitted on. Videos of one moment are not parted; rows without a date are only ever fitted on."""
    m = undated + len(when)
    edges = np.linspace(max(FIRST * m, undated), m, BLOCKS + 1).astype(np.int64)
    first = [int(np.searchsorted(when, when[edge - undated])) + undated for edge in edges[:-1] if edge < m]
    edges = np.unique([edge for edge in (*first, m) if edge >= FEWEST_ROWS])
    return [(np.arange(a), np.arange(a, b)) for a, b in zip(edges, edges[1:], strict=False)]
