"""Channels as groups of rows, and what a channel's earlier videos got: pure arithmetic on arrays.

A null channel is a channel of its own, so it never shares history or a side of a split with another row.
Not known here: tables, where log views come from (targets.py), or which rows are training rows (splits.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

K_MIN, K_MAX, K_UNKNOWN = 0.1, 100.0, 2.0
LARGEST = 100.0  # K_MAX, and more log views than there can be
HUBER = 1.345  # 95 % as efficient as the mean where log views are normal (Huber 1964)
MAD_TO_SD = 1.4826  # a normal distribution's standard deviation / its median absolute deviation


def channel_codes(channel_id: Sequence[Any] | np.ndarray) -> np.ndarray:
    """int64 (n,) from 0: equal for rows of one channel; each null (None) gets a code of its own."""
    codes: dict[Any, int] = {}
    return np.array(
        [codes.setdefault(("row", i) if c is None else c, len(codes)) for i, c in enumerate(channel_id)],
        dtype=np.int64,
    )


@dataclass(frozen=True)
class ChannelHistory:
    """Log views of each channel's training videos in order of publication; saved with the predictor.

    `mean` is the mean log views of all training rows and `centre` their `location`, which a channel's own
    location is shrunk to; `k` is how many videos the centre is worth (`shrinkage`).
    """

    mean: float
    centre: float
    k: float
    times_us: dict[str, np.ndarray]
    log_views: dict[str, np.ndarray]
    _usual: dict[tuple[str, int], float] = field(default_factory=dict, repr=False, compare=False)
    """(channel, n) → location of its first n videos, as far as they were asked for"""

    @classmethod
    def fit(
        cls, channel_id: np.ndarray, published_at: np.ndarray, log_views: np.ndarray, in_train: np.ndarray
    ) -> "ChannelHistory":
        """From n rows, of which only those `in_train` with a label are looked at.

        channel_id: object (n,), None unknown; published_at: datetime64[us] (n,), NaT unknown (such a row
        counts in `mean` and `k` only); log_views: float64 (n,), NaN unknown. ValueError without one label.
        """
        use = np.asarray(in_train, bool) & np.isfinite(log_views)
        if not use.any():
            raise ValueError("channel history needs at least one labelled training row")
        named = use & np.array([c is not None for c in channel_id], bool)
        k = shrinkage(channel_codes(channel_id[named]), log_views[named])
        dated = np.flatnonzero(named & ~np.isnat(published_at))
        times, values = {}, {}
        for channel, rows in _rows_by_channel(channel_id, dated).items():
            rows = rows[np.argsort(published_at[rows], kind="stable")]
            times[channel] = published_at[rows].astype("datetime64[us]").astype(np.int64)
            values[channel] = log_views[rows].astype(np.float64)
        return cls(float(log_views[use].mean()), location(log_views[use]), k, times, values)

    @property
    def error_k(self) -> float:
        """k for the size of this history's errors: 0 for one channel, whose mean is shrunk to itself."""
        return self.k if len(self.log_views) > 1 else 0.0

    def with_constants_of(self, other: "ChannelHistory") -> "ChannelHistory":
        """The same channels, shrunk to the centre of `other` by its k."""
        return replace(self, mean=other.mean, centre=other.centre, k=other.k)

    def knows(self, channel: str | None) -> bool:
        """Whether a dated training video is of this channel."""
        return channel is not None and channel in self.log_views

    def at(self, channel_id: np.ndarray, published_at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(usual float64 (n,), n int64 (n,)): of the channel's training videos posted strictly before.

        usual = (n · the channel's location + k · centre) / (n + k); NaN where n is 0 (also: null channel or
        date).
        """
        mean, count = np.full(len(channel_id), np.nan), np.zeros(len(channel_id), np.int64)
        for channel, rows in _rows_by_channel(channel_id, np.flatnonzero(~np.isnat(published_at))).items():
            if channel not in self.times_us:
                continue
            # side="left": a video of the same instant, so the row itself, is not earlier.
            moments = published_at[rows].astype("datetime64[us]").astype(np.int64)
            n = np.searchsorted(self.times_us[channel], moments, side="left")
            own = {first: self._location(channel, first) for first in np.unique(n).tolist() if first}
            count[rows] = n
            mean[rows] = [
                (first * own[first] + self.k * self.centre) / (first + self.k) if first else np.nan
                for first in n.tolist()
            ]
        return mean, count

    def _location(self, channel: str, first: int) -> float:
        key = (channel, first)
        if key not in self._usual:
            self._usual[key] = location(self.log_views[channel][:first])
        return self._usual[key]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; `from_dict` gives the same history back."""
        channels = {
            c: {"published_at_us": t.tolist(), "log_views": self.log_views[c].tolist()}
            for c, t in self.times_us.items()
        }
        return {"mean": self.mean, "centre": self.centre, "k": self.k, "channels": channels}

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> "ChannelHistory":
        """ValueError, and what Python raises, for what `as_dict` does not write."""
        channels = saved["channels"]
        times = {c: np.array(v["published_at_us"], np.int64) for c, v in channels.items()}
        values = {c: np.array(v["log_views"], np.float64) for c, v in channels.items()}
        mean, centre, k = (float(saved[name]) for name in ("mean", "centre", "k"))
        for channel, log_views in values.items():
            if times[channel].shape != log_views.shape or log_views.ndim != 1 or not len(log_views):
                raise ValueError("a channel whose dates and views do not match")
        for numbers in (np.array([mean, centre, k]), *values.values()):
            if not (np.abs(numbers) <= LARGEST).all():
                raise ValueError("a number of views that cannot be")
        return cls(mean, centre, k, times, values)


def location(values: np.ndarray) -> float:
    """The middle of (n,) log views, n at least 1.

    Huber's M-estimate with the scale fixed at the normalised median absolute deviation: one video in ten that
    goes viral hardly moves it, and without such it is nearly the mean.
    """
    middle = float(np.median(values))
    spread = MAD_TO_SD * float(np.median(np.abs(values - middle)))
    if len(values) < 3 or spread < 1e-9:
        return float(values.mean()) if len(values) < 3 else middle
    for _ in range(50):
        weights = np.minimum(1.0, HUBER * spread / np.maximum(np.abs(values - middle), 1e-12))
        new = float((weights * values).sum() / weights.sum())
        if abs(new - middle) < 1e-6:
            return new
        middle = new
    return middle


def shrinkage(codes: np.ndarray, log_views: np.ndarray) -> float:
    """k = variance within channels / variance between them, by one-way analysis of variance, in [0.1, 100].

    The empirical-Bayes weight: with k = 3, three videos of a channel count as much as the train mean.
    2 where it cannot be estimated (a single channel, or no channel with two videos).
    """
    sizes = np.bincount(codes).astype(float) if len(codes) else np.zeros(0)
    rows, channels = len(codes), len(sizes)
    if channels < 2 or rows == channels:
        return K_UNKNOWN
    means = np.bincount(codes, weights=log_views) / sizes
    within = float(((log_views - means[codes]) ** 2).sum() / (rows - channels))
    between_square = float((sizes * (means - log_views.mean()) ** 2).sum() / (channels - 1))
    size = (rows - float((sizes**2).sum()) / rows) / (channels - 1)
    between = (between_square - within) / size
    return K_MAX if between <= 0 else float(np.clip(within / between, K_MIN, K_MAX))


def _rows_by_channel(channel_id: np.ndarray, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Row numbers of each named channel, among `rows`."""
    found: dict[str, list[int]] = {}
    for row in rows:
        if channel_id[row] is not None:
            found.setdefault(channel_id[row], []).append(int(row))
    return {channel: np.array(members) for channel, members in found.items()}
