"""How wrong may a forecast be: the distribution of the target around a forecast, and what is read off it.

Everything shown of uncertainty (interval, odds of passing a bound, odds of A over B) is read off one
`ForecastDistribution`. It is made from errors on rows that the forecast had not seen (out-of-fold).
Which rows calibrate: all out-of-fold errors of the recipe on the training and validation parts; for the
predictor that is taken home, those of the test part as well, once it has been opened.

Three kinds, by the errors that there are:
  student    fewer than 4: t quantile with m degrees of freedom × root mean square error, the classical
             prediction interval of a mean, where errors are recursive residuals (Brown, Durbin & Evans 1975)
  symmetric  4 or more: the ⌈(m + 1) · coverage⌉-th smallest |error| (split conformal, Vovk et al. 2005; Lei
             et al. 2018), so it holds a new exchangeable video with at least the coverage
  signed     where `fit.py` found it better: the ⌈(m + 1) · q⌉-th smallest error for q above a half,
             mirrored below (a conformal predictive system, Vovk et al. 2019), so either end holds on its own
Errors are on the scale of the target (log views). Without signs they are taken with either one, so the centre
is the median.
Not known here: where errors come from (rule_errors.py, evidence.py), how they are shaped to one video
(calibration.py, fit.py), models, files.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.stats import binom, norm, t

COVERAGE = 0.8
CONFORMAL_FROM = 4  # below it the conformal rank at 80 % lies past the greatest error
MOST_ERRORS = 400  # kept with a predictor, at even ranks
SEVERAL = 3  # features outside training that make a video unlike all that were learned from


@dataclass(frozen=True, eq=False)
class ForecastDistribution:
    """The target of one video: `centre` plus an error."""

    centre: float
    sizes: np.ndarray
    """float64 (m,), m at least 1, ascending, scaled to this video: |errors|, or errors where `signed`"""
    signed: bool = False
    """False: an error has either sign, so all is symmetric around `centre`"""
    count: float | None = None
    """how many independent errors `sizes` stand for; None: as many as they are. Fewer, where some share a
    channel; more, where only some ranks were kept"""

    @property
    def _count(self) -> float:
        return float(len(self.sizes)) if self.count is None else self.count

    @cached_property
    def _student(self) -> float | None:
        """Scale of the t distribution; None where the errors are enough for the conformal rule."""
        if self.signed or len(self.sizes) >= CONFORMAL_FROM:
            return None
        return math.sqrt(float(np.mean(self.sizes**2)))

    def half_width(self, coverage: float = COVERAGE) -> float:
        """Half the central interval. inf where so few errors cannot promise that much."""
        if self.signed:
            low, high = self.interval(coverage)
            return (high - low) / 2
        if self._student is not None:
            return float(t.ppf((1 + coverage) / 2, len(self.sizes)) * self._student)
        return float(ranked(self.sizes, coverage, self._count))

    def interval(self, coverage: float = COVERAGE) -> tuple[float, float]:
        """(low, high) of the central interval: as much of the probability lies below as above."""
        if self.signed:
            return self.quantile((1 - coverage) / 2), self.quantile((1 + coverage) / 2)
        half = self.half_width(coverage)
        return self.centre - half, self.centre + half

    def quantile(self, q: float) -> float:
        """The value below which the target lies with probability `q`, between 0 and 1. ±inf where so few
        errors cannot promise that much."""
        if self.signed:
            return self.centre + signed_quantile(self.sizes, q, self._count)
        half = self.half_width(abs(2 * q - 1)) if q != 0.5 else 0.0
        return self.centre + math.copysign(half, q - 0.5)

    def cdf(self, x: float) -> float:
        """Probability of at most `x`. Add-half smoothing, so that 0 of m does not become probability 0."""
        return 1.0 - self.probability_above(x)

    def probability_above(self, x: float) -> float:
        """Probability that the target exceeds `x`. Add-half smoothing, as in `cdf`."""
        gap = self.centre - x
        if self._student is not None:
            if self._student == 0:
                return 0.5 if gap == 0 else float(gap > 0)
            return float(t.cdf(gap / self._student, len(self.sizes)))
        draws = gap + self._draws
        share = float(np.mean((draws > 0) + 0.5 * (draws == 0)))
        return float((share * self._count + 0.5) / (self._count + 1))

    def beats(self, other: "ForecastDistribution", correlation: float = 0.0) -> float:
        """Probability that this video gets more than the other.

        correlation: of their errors, 0 to below 1. Two drafts of one channel share a part of their error
        (`Calibration.correlation`); the more, the further from a half. Normal scores of the errors are
        correlated by that much (a Gaussian copula), whatever the errors' own shape.
        """
        if not 0 <= correlation < 1:
            raise ValueError(f"a correlation from 0 to below 1 was expected, not {correlation}")
        one, two = self._above(other, correlation), other._above(self, correlation)
        m = min(self._count, other._count)
        return float((m * (one + 1 - two) / 2 + 0.5) / (m + 1))

    def _above(self, other: "ForecastDistribution", correlation: float) -> float:
        """Probability that this exceeds the other, over the draws of this."""
        mine = np.sort(self._draws)
        theirs = np.sort(other._draws)
        at = self.centre + mine - other.centre
        # Where the other error has atoms, half of one counts as below.
        below = (np.searchsorted(theirs, at, "left") + np.searchsorted(theirs, at, "right")) / (
            2 * len(theirs)
        )
        if correlation == 0:
            return float(below.mean())
        z = norm.ppf((np.arange(len(mine)) + 0.5) / len(mine))
        return float(norm.cdf((norm.ppf(below) - correlation * z) / math.sqrt(1 - correlation**2)).mean())

    @cached_property
    def _draws(self) -> np.ndarray:
        """Errors with their signs."""
        if self.signed:
            return self.sizes
        if self._student is None:
            return np.concatenate([self.sizes, -self.sizes])
        return np.asarray(t.ppf((np.arange(200) + 0.5) / 200, len(self.sizes))) * self._student


def ranked(ascending: np.ndarray, share: float, count: float | None = None) -> float:
    """The conformal quantile of `ascending` (m,): its ⌈(n + 1) · share · m / n⌉-th, n = `count` (None: m).
    inf past the last."""
    m = len(ascending)
    n = m if count is None else count
    rank = max(
        1, math.ceil((n + 1) * share * m / n - 1e-9)
    )  # 1e-9: (m + 1) · 0.8 may land above a whole number
    return float(ascending[rank - 1]) if rank <= m else math.inf


def signed_quantile(ascending: np.ndarray, q: float, count: float | None = None) -> float:
    """Quantile `q` of signed errors, ascending (m,), held at its own side; ±inf past the ends."""
    if q == 0.5:
        return float(np.median(ascending))
    return ranked(ascending, q, count) if q > 0.5 else -ranked(-ascending[::-1], 1 - q, count)


def distribution(
    centre: float, errors: Sequence[float] | np.ndarray, scale: float = 1.0
) -> ForecastDistribution | None:
    """The symmetric distribution around `centre`, or None without an error to make it from.

    errors: signed or not, (m,); scale: what they are multiplied by for this video.
    """
    if not len(errors):
        return None
    return ForecastDistribution(centre, np.sort(np.abs(np.asarray(errors, np.float64))) * scale)


def kept(errors: np.ndarray) -> list[float]:
    """|errors| in order, at most MOST_ERRORS of them, at even ranks: what a predictor carries."""
    return thinned(np.sort(np.abs(errors)))


def thinned(ascending: np.ndarray) -> list[float]:
    """At most MOST_ERRORS of `ascending` (n,), at even ranks."""
    n, k = len(ascending), min(len(ascending), MOST_ERRORS)
    at = ((np.arange(k) + 0.5) * n / k).astype(np.int64) if k else np.zeros(0, np.int64)
    return [float(value) for value in ascending[at]]


def clearly_under(held: int, of: int, coverage: float = COVERAGE) -> bool:
    """Whether `held` of `of` videos is too few for an interval of this coverage (exact binomial, 5 %)."""
    return of > 0 and bool(binom.cdf(held, of, coverage) < 0.05)


def unusual(outside: Sequence[str], interval: tuple[float, float], spread: tuple[float, float]) -> str | None:
    """Why a forecast says little, as one sentence for the first line of the answer; None: it says something.

    outside: names of features that lie outside what training shows; interval: (low, high) of the 80 %
    interval; spread: the 10 % and the 90 % quantile of the training videos' target, on the same scale.
    """
    if len(outside) >= SEVERAL:
        named = ", ".join(outside[:SEVERAL]) + (" and more" if len(outside) > SEVERAL else "")
        return f"This video is unlike those learned from ({named}): take the forecast as a guess."
    if interval[1] - interval[0] >= spread[1] - spread[0]:
        return "The range is as wide as that of all videos learned from: this forecast says little."
    return None
