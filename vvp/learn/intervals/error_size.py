"""What errors of one channel share, how far recent errors lie off, and what their size depends on.

What `fit.py` works with. Errors are signed (truth − forecast), on the scale of the target.
Not known here: which part is used (fit.py), where errors come from, files.
"""

from typing import Annotated

import numpy as np
from pydantic import Field, model_validator

from vvp.dataset.channels import HUBER, MAD_TO_SD
from vvp.learn.records import Record

NARROWEST, WIDEST = 0.5, 2.0
"""bounds of the factor by which one video's interval differs from the usual one"""
PRIOR_ROWS = 50.0  # independent rows whose weight the ridge penalty of the scale has
ROUNDS, SETTLED = 20, 0.02  # of scoring; change of a log factor below which it ends
ENORMOUS = 0.02  # share of errors, for their video, that count as the largest of the others
FARTHEST = 2.5  # standard deviations from the mean; a trait beyond counts as there
CLIP = 0.05  # share of errors at either end that count as their quantile in correlations
PRIOR_CHANNELS = 10.0  # channels without any shared error that the correlation is averaged with
MOST_TRAITS = 32
MOST_CORRELATION = 0.95


def sums(values: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """Of float64 (m,), by cluster: float64 (number of clusters,). clusters: int (m,), any codes."""
    return np.bincount(np.unique(clusters, return_inverse=True)[1], values)


def standard_error(values: np.ndarray, clusters: np.ndarray) -> float:
    """Of the mean of `values` (m,), robust to what rows of one cluster share (Liang & Zeger 1986); inf for
    fewer than two clusters."""
    totals = sums(values - values.mean(), clusters)
    k = len(totals)
    return float(np.sqrt(k / (k - 1) * (totals**2).sum()) / len(values)) if k > 1 else float("inf")


def shared(values: np.ndarray, clusters: np.ndarray) -> float:
    """Intraclass correlation by analysis of variance (Fisher 1925), between 0 and 1: which share of the
    variance of `values` (m,) rows of one cluster have in common. 0 where no cluster has two rows."""
    m = len(values)
    sizes = sums(np.ones(m), clusters)
    k = len(sizes)
    if k == m or k < 2:
        return 0.0
    values = _clipped(values)
    around = values - values.mean()
    between = float((sums(around, clusters) ** 2 / sizes).sum())
    within = max(float((around**2).sum()) - between, 0.0) / (m - k)
    between /= k - 1
    per = (m - float((sizes**2).sum()) / m) / (k - 1)
    below = between + (per - 1) * within
    return float(np.clip((between - within) / below, 0, 1)) if below > 0 else 0.0


def effective(values: np.ndarray, clusters: np.ndarray) -> float:
    """How many independent rows tell as much as these: m / design effect (Kish 1965)."""
    m = len(values)
    sizes = sums(np.ones(m), clusters)
    return m / (1 + (float((sizes**2).sum()) / m - 1) * shared(values, clusters)) if m else 0.0


def pair_correlation(values: np.ndarray, clusters: np.ndarray) -> float:
    """Correlation of the errors of two videos of one channel, 0 to 0.95. Each channel with two or more counts
    once, so that one busy channel does not decide; averaged with PRIOR_CHANNELS that share nothing."""
    values = _clipped(values)
    around = values - values.mean()
    sizes = sums(np.ones(len(values)), clusters)
    several = sizes > 1
    variance = float((around**2).mean()) if len(values) else 0.0
    if not several.any() or variance == 0:
        return 0.0
    products = (sums(around, clusters) ** 2 - sums(around**2, clusters))[several]
    mean = float((products / (sizes * (sizes - 1))[several]).mean()) / variance
    return float(np.clip(mean * several.sum() / (several.sum() + PRIOR_CHANNELS), 0, MOST_CORRELATION))


def recent_shift(residuals: np.ndarray, clusters: np.ndarray, cap: float) -> float:
    """How far forecasts are to be moved: the robust mean of the latest residuals (m,), shrunk to 0 by its
    standard error by channel (positive-part James & Stein 1961), at most `cap` either way."""
    if len(residuals) < 2:
        return 0.0
    held = _huber(residuals)
    mean, error = float(held.mean()), standard_error(held, clusters)
    if not np.isfinite(error) or mean == 0:
        return 0.0
    return float(np.clip(mean * max(0.0, 1 - (error / mean) ** 2), -cap, cap))


class Scale(Record):
    """By which factor a video's error is larger than usual: log-linear in its traits, between NARROWEST and
    WIDEST. Per trait: a slope, another above the mean, and a step where it is unknown."""

    centres: list[Annotated[float, Field(ge=-1e12, le=1e12)]] = Field(max_length=MOST_TRAITS)
    spreads: list[Annotated[float, Field(ge=0, le=1e12)]] = Field(max_length=MOST_TRAITS)
    """mean and standard deviation of each trait, (k,)"""
    weights: list[Annotated[float, Field(ge=-100, le=100)]] = Field(max_length=3 * MOST_TRAITS)
    """(3k,): slopes, slopes above the mean, steps"""
    level: float = Field(ge=-10_000, le=10_000)
    """mean of the log factor before it, so that the usual factor is 1"""

    @model_validator(mode="after")
    def _whole(self) -> "Scale":
        if not len(self.centres) == len(self.spreads) == len(self.weights) / 3:
            raise ValueError("centres, spreads and weights of one number of traits were expected")
        return self

    @classmethod
    def fit(cls, sizes: np.ndarray, traits: np.ndarray, share: float = 1.0) -> "Scale":
        """Gamma regression with log link and a ridge penalty, by Fisher scoring (McCullagh & Nelder 1989).

        sizes: float64 (m,), |errors|, m at least 2; traits: float64 (m, k), NaN unknown; share: how
        many independent rows one of these is worth, at most 1.
        """
        known = np.isfinite(traits)
        count = np.maximum(known.sum(axis=0), 1)
        centres = np.where(known, traits, 0).sum(axis=0) / count
        spreads = np.sqrt((np.where(known, traits - centres, 0.0) ** 2).sum(axis=0) / count)
        empty = cls(
            centres=centres.tolist(), spreads=spreads.tolist(), weights=[0.0] * (3 * traits.shape[1]), level=0
        )
        X = empty._columns(traits)
        middle = X.mean(axis=0)
        X = X - middle
        if not sizes.any():
            return empty
        penalty = PRIOR_ROWS / share
        solve = np.linalg.inv(X.T @ X + penalty * np.eye(X.shape[1])) if X.shape[1] else np.zeros((0, 0))
        weights = np.zeros(X.shape[1])
        for _ in range(ROUNDS):
            ratios = sizes / np.exp(X @ weights)
            # One enormous error is no reason to call all its like uncertain.
            ratios = np.minimum(ratios, np.quantile(ratios, 1 - ENORMOUS))
            step = solve @ (X.T @ (ratios / ratios.mean() - 1) - penalty * weights)
            change = float(np.abs(X @ step).max(initial=0))
            weights = weights + step * min(1.0, 1 / max(change, 1e-12))
            if change < SETTLED:
                break
        return empty.model_copy(update={"weights": weights.tolist(), "level": float(middle @ weights)})

    def factor(self, traits: np.ndarray) -> np.ndarray:
        """float64 (n,) of traits (n, k)."""
        log = self._columns(traits) @ np.array(self.weights) - self.level
        return np.exp(np.clip(log, np.log(NARROWEST), np.log(WIDEST)))

    def _columns(self, traits: np.ndarray) -> np.ndarray:
        known = np.isfinite(traits)
        spreads = np.array(self.spreads)
        z = np.where(known, traits - np.array(self.centres), 0.0) / np.where(spreads > 1e-9, spreads, np.inf)
        z = np.clip(z, -FARTHEST, FARTHEST)
        return np.concatenate([z, np.maximum(z, 0), (~known).astype(np.float64)], axis=1)


def _clipped(values: np.ndarray) -> np.ndarray:
    return np.clip(values, *np.quantile(values, [CLIP, 1 - CLIP])) if len(values) else values


def _huber(values: np.ndarray) -> np.ndarray:
    """The values, those farther than HUBER robust standard deviations from the median moved there."""
    middle = float(np.median(values))
    reach = HUBER * MAD_TO_SD * float(np.median(np.abs(values - middle)))
    return np.clip(values, middle - reach, middle + reach) if reach > 0 else values
