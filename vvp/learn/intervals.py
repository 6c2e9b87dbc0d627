"""How wrong may a forecast be: the distribution of the target around a forecast, and what it is made from.

Everything shown of uncertainty (interval, odds of passing a bound, odds of A over B) is read off one
`ForecastDistribution`. It is made from errors on rows that the forecast had not seen (out-of-fold).
Which rows calibrate: all out-of-fold errors of the recipe on the training and validation parts; for the
predictor that is taken home, those of the test part as well, once it has been opened.

Two makers, by the number of errors m:
  conformal  m of 4 or more: the ⌈(m + 1) · coverage⌉-th smallest |error| (split conformal, Vovk et al. 2005;
             Lei et al. 2018), so it holds a new exchangeable video with at least the coverage
  student    fewer: t quantile with m degrees of freedom × root mean square error, the classical prediction
             interval of a mean, where the errors are recursive residuals (Brown, Durbin & Evans 1975)
Errors are on the scale of the target (log views) and are taken with either sign, so the centre is the median.
Not known here: where errors come from (rule_errors.py, evidence.py), models, files.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.stats import binom, t

COVERAGE = 0.8
CONFORMAL_FROM = 4  # below it the conformal rank at 80 % lies past the greatest error
MOST_ERRORS = 400  # kept with a predictor, at even ranks


@dataclass(frozen=True, eq=False)
class ForecastDistribution:
    """The target of one video, symmetric around `centre`. `sizes` are the possible |errors|, ascending."""

    centre: float
    sizes: np.ndarray
    """float64 (m,), m at least 1; out-of-fold |errors|, scaled to this video"""

    @cached_property
    def _student(self) -> float | None:
        """Scale of the t distribution; None where the errors are enough for the conformal rule."""
        if len(self.sizes) >= CONFORMAL_FROM:
            return None
        return math.sqrt(float(np.mean(self.sizes**2)))

    def half_width(self, coverage: float = COVERAGE) -> float:
        """Half the central interval. inf where so few errors cannot promise that much."""
        if self._student is not None:
            return float(t.ppf((1 + coverage) / 2, len(self.sizes)) * self._student)
        rank = conformal_rank(len(self.sizes), coverage)
        return float(self.sizes[rank - 1]) if rank <= len(self.sizes) else math.inf

    def interval(self, coverage: float = COVERAGE) -> tuple[float, float]:
        """(low, high) of the central interval."""
        half = self.half_width(coverage)
        return self.centre - half, self.centre + half

    def quantile(self, q: float) -> float:
        """The value below which the target lies with probability `q`, between 0 and 1."""
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
        m = len(self.sizes)
        draws = gap + np.concatenate([self.sizes, -self.sizes])
        share = float(np.mean((draws > 0) + 0.5 * (draws == 0)))
        return float((share * m + 0.5) / (m + 1))

    def beats(self, other: "ForecastDistribution") -> float:
        """Probability that this video gets more than the other, their errors drawn independently.

        Two drafts of one channel share a part of their error, so the truth for them lies further from a
        half than this says.
        """
        mine, theirs = self._draws(), other._draws()
        gap = (self.centre + mine)[:, None] - (other.centre + theirs)[None]
        m = min(len(self.sizes), len(other.sizes))
        return float((m * ((gap > 0) + 0.5 * (gap == 0)).mean() + 0.5) / (m + 1))

    def _draws(self) -> np.ndarray:
        """Errors of either sign."""
        if self._student is None:
            return np.concatenate([self.sizes, -self.sizes])
        return np.asarray(t.ppf((np.arange(200) + 0.5) / 200, len(self.sizes))) * self._student


def conformal_rank(m: int, coverage: float) -> int:
    """⌈(m + 1) · coverage⌉; above m when so few errors cannot promise it."""
    return max(1, math.ceil((m + 1) * coverage - 1e-9))  # 1e-9: (m + 1) · 0.8 may land above a whole number


def distribution(
    centre: float, errors: Sequence[float] | np.ndarray, scale: float = 1.0
) -> ForecastDistribution | None:
    """The distribution around `centre`, or None without an error to make it from.

    errors: signed or not, (m,); scale: what they are multiplied by for this video.
    """
    if not len(errors):
        return None
    return ForecastDistribution(centre, np.sort(np.abs(np.asarray(errors, np.float64))) * scale)


def kept(errors: np.ndarray) -> list[float]:
    """|errors| in order, at most MOST_ERRORS of them, at even ranks: what a predictor carries."""
    sizes = np.sort(np.abs(errors))
    n, k = len(sizes), min(len(sizes), MOST_ERRORS)
    at = ((np.arange(k) + 0.5) * n / k).astype(np.int64) if k else np.zeros(0, np.int64)
    return [float(size) for size in sizes[at]]


def clearly_under(held: int, of: int, coverage: float = COVERAGE) -> bool:
    """Whether `held` of `of` videos is too few for an interval of this coverage (exact binomial, 5 %)."""
    return of > 0 and bool(binom.cdf(held, of, coverage) < 0.05)
