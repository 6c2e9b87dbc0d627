"""How good forecasts of log views are, and how sure one can be of that: pure functions on arrays.

Intervals come from a bootstrap over channels: whole channels are drawn with replacement, because videos of
one channel succeed together and are not independent evidence. A resample is a vector of multiplicities, and
every metric is computed from row weights, so a model costs milliseconds and all models see the same draws.
What has no value is None, never 0.
Not known here: models, splits, files. Nor the uncertainty of fitting: the models are taken as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import kendalltau, spearmanr

from vvp.dataset.channels import channel_codes
from vvp.learn.records import Measured, Metrics, Warning

METRICS = ("spearman", "r2", "mae", "pairwise_accuracy")
FEW_CHANNELS = 5
PAIR_ROWS = 2000  # pairwise accuracy is resampled on a fixed draw of at most so many rows (2 million pairs)
CHUNK = 2_000_000  # row weights held at a time


def spearman(y: np.ndarray, p: np.ndarray) -> float | None:
    """Rank correlation, ties at their mean rank. None when either side is constant, or below 2 rows."""
    _check(y, p)
    return None if _constant(y) or _constant(p) else float(spearmanr(y, p).statistic)


def r2(y: np.ndarray, p: np.ndarray) -> float | None:
    """1 − squared error / variance around the mean of these `y`. None when `y` is constant."""
    _check(y, p)
    return None if _constant(y) else float(1 - ((y - p) ** 2).sum() / ((y - y.mean()) ** 2).sum())


def mae(y: np.ndarray, p: np.ndarray) -> float | None:
    """Mean absolute error, in units of y (natural log views). None without rows."""
    _check(y, p)
    return float(np.abs(y - p).mean()) if len(y) else None


def pairwise_accuracy(y: np.ndarray, p: np.ndarray) -> float | None:
    """Share of pairs that `p` orders as `y` does, in O(n log n). Pairs tied in y are left out, pairs tied in
    p alone count half (a coin), so a constant prediction gets 0.5. None when `y` is constant."""
    _check(y, p)
    if _constant(y):
        return None
    if _constant(p):
        return 0.5
    # Kendall's tau-b gives concordant − discordant pairs: (C − D) = tau · √(pairs untied in y · untied in p).
    untied_y, untied_p = _untied(y), _untied(p)
    surplus = float(kendalltau(y, p).statistic) * np.sqrt(untied_y * untied_p)
    return float(0.5 + surplus / (2 * untied_y))


@dataclass(frozen=True)
class Interval:
    """A metric, or a difference of two, with its 95 % percentile interval."""

    point: float | None  # None: undefined on the data itself
    low: float | None  # None: too few resamples in which it is defined
    high: float | None
    resamples: int  # in which it was defined
    skipped: int  # in which it was not (constant labels or predictions)
    few_channels: bool  # fewer than 5: the interval says little

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def record(self) -> Measured:
        """For a file."""
        return Measured(**asdict(self))


def record(intervals: Mapping[str, "Interval"]) -> Metrics:
    """Of one candidate, for a file."""
    return Metrics(**{metric: intervals[metric].record() for metric in METRICS})


def bootstrap(
    y: np.ndarray,
    preds: Mapping[str, np.ndarray],
    channel_ids: Sequence[Any] | np.ndarray,
    n: int = 1000,
    seed: int = 0,
) -> dict[str, dict[str, Interval]]:
    """Model → metric → Interval. y, each prediction: float64 (rows,), finite; channel_ids: None is its own.

    The same seed, rows and channels give the same resamples, whatever the models.
    """
    draws = Draws.make(channel_ids, n, seed)
    return {
        name: {m: draws.interval(points(y, p)[m], copies[m]) for m in METRICS}
        for name, p in preds.items()
        for copies in [draws.replicates(y, p)]
    }


def paired(
    y: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    channel_ids: Sequence[Any] | np.ndarray,
    n: int = 1000,
    seed: int = 0,
) -> dict[str, Interval]:
    """Metric → Interval of (a's metric − b's) on the resamples of `bootstrap`; for mae, below 0: a is better.

    A metric undefined for either model (a constant prediction has no spearman) gives point None.
    """
    draws = Draws.make(channel_ids, n, seed)
    at_a, at_b = points(y, a), points(y, b)
    of_a, of_b = draws.replicates(y, a), draws.replicates(y, b)
    out = {}
    for m in METRICS:
        one, two = at_a[m], at_b[m]
        out[m] = draws.interval(None if one is None or two is None else one - two, of_a[m] - of_b[m])
    return out


def points(y: np.ndarray, p: np.ndarray) -> dict[str, float | None]:
    """Every metric on the data itself."""
    return {
        "spearman": spearman(y, p),
        "r2": r2(y, p),
        "mae": mae(y, p),
        "pairwise_accuracy": pairwise_accuracy(y, p),
    }


LEAST_COUNT = 0.5  # a count below it is 0, of which no share can be taken
NO_HEADLINE = (
    "MAPE is no headline: too high a forecast can miss by any share and too low a one by 100 % at most,"
    " so the forecast with the least MAPE lies far too low"
)


def percentage_errors(
    counts: np.ndarray,
    said: Mapping[str, np.ndarray],
    channel_ids: Sequence[Any] | np.ndarray,
    n: int = 1000,
    seed: int = 0,
) -> tuple[dict[str, Measured], int]:
    """(model → mean of |said − count| / count, 1 is 100 %; rows that it is of), on the resamples of
    `bootstrap`. counts, said: float64 (rows,), counts and not their logs. Rows whose count is 0 are left out:
    no share of 0 can be taken, and none is made up."""
    counted = counts >= LEAST_COUNT
    draws = Draws.make(channel_ids, n, seed)
    weights = draws.times[:, draws.codes][:, counted]
    found = {}
    for name, forecasts in said.items():
        off = np.abs(forecasts[counted] - counts[counted]) / counts[counted]
        point = float(off.mean()) if counted.any() else None
        found[name] = draws.interval(point, ratio(weights @ off, weights.sum(axis=1))).record()
    return found, int(counted.sum())


def flags(preds: Mapping[str, np.ndarray]) -> list[Warning]:
    """One per constant prediction and per pair of models that predict the same."""
    names = list(preds)
    found = [
        Warning(kind="constant", text=f"{name} predicts the same for every video")
        for name in names
        if _constant(preds[name])
    ]
    return found + [
        Warning(kind="same", text=f"{a} and {b} predict the same")
        for i, a in enumerate(names)
        for b in names[i + 1 :]
        if np.allclose(preds[a], preds[b], rtol=0, atol=1e-9)
    ]


@dataclass(frozen=True)
class Draws:
    """n resamples of K channels, as how often each channel was drawn."""

    codes: np.ndarray  # int64 (rows,), the channel of each row, 0 … K − 1
    times: np.ndarray  # float64 (n, K)
    pairs: np.ndarray  # int64, the rows whose pairs are looked at, ordered by channel

    @classmethod
    def make(cls, channel_ids: Sequence[Any] | np.ndarray, n: int, seed: int) -> "Draws":
        codes = channel_codes(channel_ids)
        channels = int(codes.max()) + 1
        rng = np.random.default_rng(seed)
        times = rng.multinomial(channels, np.full(channels, 1 / channels), size=n).astype(np.float64)
        pairs = np.arange(len(codes))
        if len(codes) > PAIR_ROWS:
            pairs = rng.choice(len(codes), PAIR_ROWS, replace=False)
        return cls(codes, times, pairs[np.argsort(codes[pairs], kind="stable")])

    def replicates(self, y: np.ndarray, p: np.ndarray) -> dict[str, np.ndarray]:
        """Metric → float64 (n,), NaN in a resample where it is undefined."""
        _check(y, p)
        y, p = y - y.mean(), p - y.mean()  # sums of squares lose no digits to a far-off mean
        step = max(1, CHUNK // len(y))
        found = [self._moments(y, p, self.times[i : i + step]) for i in range(0, len(self.times), step)]
        columns = np.concatenate(found, axis=1)
        return dict(zip(METRICS, (*columns, self._pairwise(y, p)), strict=True))

    def _moments(self, y: np.ndarray, p: np.ndarray, times: np.ndarray) -> np.ndarray:
        """float64 (3, draws): spearman, r2, mae."""
        weights = times[:, self.codes]
        total = weights.sum(axis=1)
        spread = weights @ y**2 - (weights @ y) ** 2 / total
        r2s = 1 - ratio(weights @ (y - p) ** 2, spread)
        a, b = _ranks(y, weights), _ranks(p, weights)
        a -= ((weights * a).sum(axis=1) / total)[:, None]
        b -= ((weights * b).sum(axis=1) / total)[:, None]
        norm = np.sqrt((weights * a * a).sum(axis=1) * (weights * b * b).sum(axis=1))
        return np.stack([ratio((weights * a * b).sum(axis=1), norm), r2s, (weights @ np.abs(y - p)) / total])

    def _pairwise(self, y: np.ndarray, p: np.ndarray) -> np.ndarray:
        y, p, codes = y[self.pairs], p[self.pairs], self.codes[self.pairs]
        order = np.sign(y[:, None] - y).astype(np.int8)
        surplus = (order * np.sign(p[:, None] - p).astype(np.int8)).astype(np.float32)
        # Sums over pairs of channels; a resample then weighs channel i with channel j by times_i · times_j.
        present, starts = np.unique(codes, return_index=True)
        times = self.times[:, present].astype(np.float32)

        def weighed(pairs: np.ndarray) -> np.ndarray:
            by_channel = np.add.reduceat(np.add.reduceat(pairs, starts, axis=0), starts, axis=1)
            return ((times @ by_channel) * times).sum(axis=1, dtype=np.float64)

        return 0.5 + ratio(weighed(surplus), weighed(np.abs(order).astype(np.float32))) / 2

    def interval(self, point: float | None, copies: np.ndarray) -> Interval:
        """The 2.5 and 97.5 percentiles; None below two channels, or defined in less than half the draws."""
        kept = copies[np.isfinite(copies)]
        low = high = None
        if point is not None and self.times.shape[1] > 1 and 2 * len(kept) >= len(copies):
            low, high = (float(q) for q in np.percentile(kept, [2.5, 97.5]))
        few = self.times.shape[1] < FEW_CHANNELS
        return Interval(point, low, high, len(kept), len(copies) - len(kept), few)


def _ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """float64 (draws, rows): mean rank of each row (less ½) when row r is there weights[:, r] times."""
    unique, at = np.unique(values, return_inverse=True)
    order = np.argsort(at, kind="stable")
    starts = np.searchsorted(at[order], np.arange(len(unique)))
    tied = np.add.reduceat(weights[:, order], starts, axis=1)
    return (np.cumsum(tied, axis=1) - tied / 2)[:, at]


def ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """above / below, NaN where `below` is 0 but for rounding."""
    there = below > 1e-9
    return np.divide(above, below, out=np.full(len(below), np.nan), where=there)


def _untied(values: np.ndarray) -> float:
    """Number of pairs with different values."""
    sizes = np.unique(values, return_counts=True)[1].astype(float)
    n = float(len(values))
    return (n * (n - 1) - float((sizes * (sizes - 1)).sum())) / 2


def _constant(values: np.ndarray) -> bool:
    return len(values) < 2 or float(np.ptp(values)) <= 1e-9 * (1 + float(np.abs(values).max()))


def _check(*arrays: np.ndarray) -> None:
    if len({np.shape(a) for a in arrays}) != 1 or np.ndim(arrays[0]) != 1:
        raise ValueError(f"arrays of shapes {[np.shape(a) for a in arrays]} where equal (n,) were expected")
    if not all(np.isfinite(a).all() for a in arrays):
        raise ValueError("a value is not finite")
