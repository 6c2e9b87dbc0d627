"""Channels as groups of rows, and what a channel's earlier videos got: pure arithmetic on arrays.

History is as of publication: a row sees the videos of its channel that were posted at least `lag_days` before
it, because a count that is younger was not known yet. Never its own count, never a later one.
A null channel is a channel of its own, so it never shares history or a side of a split with another row.
Not known here: tables, where log views come from (labels.py), or which rows are training rows (splits.py).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from vvp.dataset.scales import DAY_US

K_MIN, K_MAX, K_UNKNOWN = 0.1, 100.0, 2.0
DECAY = 0.3  # weight that a channel's mean of recent videos loses with each newer video
RECENT = ("recent", "last", "best", "spread", "trend", "gap_days")
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
    """Log views of each channel's known videos in order of publication; saved with the predictor.

    `mean` is the mean log views of all training rows and `centre` their `location`, which a channel's own
    location is shrunk to; `k` is how many videos the centre is worth (`shrinkage`).
    """

    mean: float
    centre: float
    k: float
    times_us: dict[str, np.ndarray]
    """of the videos with a count"""
    log_views: dict[str, np.ndarray]
    posted_us: dict[str, np.ndarray] = field(default_factory=dict)
    """of every dated video, with a count or without"""
    counters: dict[str, dict[str, float]] = field(default_factory=dict)
    """channel → counter (schema.COUNTER) → its latest value, for drafts that do not say; used by no row"""
    lag_days: float = 0.0
    """how long before a row's date a video must have been posted for its count to be known by then"""
    _usual: dict[tuple[str, int], float] = field(default_factory=dict, repr=False, compare=False)
    """(channel, n) → location of its first n videos, as far as they were asked for"""

    @classmethod
    def fit(
        cls, channel_id: np.ndarray, published_at: np.ndarray, log_views: np.ndarray, in_train: np.ndarray,
        *, known: np.ndarray | None = None, lag_days: float = 0.0,
    ) -> "ChannelHistory":  # fmt: skip
        """mean, centre and k from the labelled rows `in_train`; a channel's videos from those `known`.

        channel_id: object (n,), None unknown; published_at: datetime64[us] (n,), NaT unknown (such a row
        counts in `mean` and `k` only); log_views: float64 (n,), NaN unknown; in_train, known: bool (n,),
        known None: the same rows. ValueError without one label in training.
        """
        labelled = np.isfinite(log_views)
        use = np.asarray(in_train, bool) & labelled
        if not use.any():
            raise ValueError("channel history needs at least one labelled training row")
        has_channel = np.array([c is not None for c in channel_id], bool)
        named = use & has_channel
        k = shrinkage(channel_codes(channel_id[named]), log_views[named])
        seen = (
            (np.asarray(in_train, bool) if known is None else known) & has_channel & ~np.isnat(published_at)
        )
        times, values, posted = {}, {}, {}
        moments = published_at.astype("datetime64[us]").astype(np.int64)
        for channel, rows in _rows_by_channel(channel_id, np.flatnonzero(seen)).items():
            rows = rows[np.argsort(moments[rows], kind="stable")]
            posted[channel] = moments[rows]
            rows = rows[labelled[rows]]
            if len(rows):
                times[channel], values[channel] = moments[rows], log_views[rows].astype(np.float64)
        mean, centre = float(log_views[use].mean()), location(log_views[use])
        return cls(mean, centre, k, times, values, posted, lag_days=lag_days)

    @property
    def error_k(self) -> float:
        """k for the size of this history's errors: 0 for one channel, whose mean is shrunk to itself."""
        return self.k if len(self.log_views) > 1 else 0.0

    def with_constants_of(self, other: "ChannelHistory") -> "ChannelHistory":
        """The same channels, shrunk to the centre of `other` by its k."""
        return replace(self, mean=other.mean, centre=other.centre, k=other.k)

    def without_channels(self) -> "ChannelHistory":
        """The same constants and no channel: what is known of a channel that was never seen."""
        return replace(self, times_us={}, log_views={}, posted_us={}, counters={})

    def knows(self, channel: str | None) -> bool:
        """Whether a dated known video is of this channel."""
        return channel is not None and channel in self.log_views

    def at(self, channel_id: np.ndarray, published_at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(usual float64 (n,), n int64 (n,)): of the channel's videos posted `lag_days` before or earlier.

        usual = (n · the channel's location + k · centre) / (n + k); NaN where n is 0 (also: null channel or
        date).
        """
        mean, count = np.full(len(channel_id), np.nan), np.zeros(len(channel_id), np.int64)
        for channel, rows, n in self._known(channel_id, published_at):
            own = {first: self._location(channel, first) for first in np.unique(n).tolist() if first}
            count[rows] = n
            mean[rows] = [
                (first * own[first] + self.k * self.centre) / (first + self.k) if first else np.nan
                for first in n.tolist()
            ]
        return mean, count

    def recent(self, channel_id: np.ndarray, published_at: np.ndarray) -> np.ndarray:
        """float64 (n, len(RECENT)), NaN where unknown: what the same videos say in other ways.

        recent: mean with weights (1 − DECAY)^age, age in videos, shrunk to the centre like `usual`; last and
        best: log views; spread: standard deviation; trend: recent mean less plain mean, both unshrunk;
        gap_days: since the channel's last post of any kind.
        """
        found = np.full((len(channel_id), len(RECENT)), np.nan)
        for channel, rows, n in self._known(channel_id, published_at):
            table = self._running(channel)
            found[rows, :-1] = table[n]
        for channel, rows in _rows_by_channel(channel_id, np.flatnonzero(~np.isnat(published_at))).items():
            posted = self.posted_us.get(channel)
            if posted is None:
                continue
            when = published_at[rows].astype("datetime64[us]").astype(np.int64)
            before = np.searchsorted(posted, when, side="left") - 1
            gap = (when - posted[np.maximum(before, 0)]) / DAY_US
            found[rows, -1] = np.where(before >= 0, gap, np.nan)
        return found

    def _known(
        self, channel_id: np.ndarray, published_at: np.ndarray
    ) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """(channel, its rows, how many of its counts each row could know)."""
        lag = round(self.lag_days * DAY_US)
        for channel, rows in _rows_by_channel(channel_id, np.flatnonzero(~np.isnat(published_at))).items():
            if channel in self.times_us:
                # side="left": a video of the same instant, so the row itself, is not earlier.
                moments = published_at[rows].astype("datetime64[us]").astype(np.int64) - lag
                yield channel, rows, np.searchsorted(self.times_us[channel], moments, side="left")

    def _running(self, channel: str) -> np.ndarray:
        """float64 (videos + 1, len(RECENT) − 1): row m from the first m videos."""
        y = self.log_views[channel]
        m = np.arange(1, len(y) + 1)
        table = np.full((len(y) + 1, len(RECENT) - 1), np.nan)
        weights = (1 - DECAY) ** np.arange(len(y))
        weighted, total = np.zeros(len(y)), np.cumsum(weights)
        level = 0.0
        for i, value in enumerate(y.tolist()):
            level = level * (1 - DECAY) + value
            weighted[i] = level
        plain = np.cumsum(y) / m
        table[1:, 0] = (weighted + self.k * self.centre) / (total + self.k)
        table[1:, 1] = y
        table[1:, 2] = np.maximum.accumulate(y)
        off = y - y[0]  # sums of squares lose no digits to a far-off mean
        variance = np.cumsum(off**2) / m - (np.cumsum(off) / m) ** 2
        table[2:, 3] = np.sqrt(np.maximum(variance[1:], 0))
        table[3:, 4] = (weighted / total - plain)[2:]
        return table

    def _location(self, channel: str, first: int) -> float:
        key = (channel, first)
        if key not in self._usual:
            self._usual[key] = location(self.log_views[channel][:first])
        return self._usual[key]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; `from_dict` gives the same history back."""
        channels = {
            c: {
                "posted_us": posted.tolist(),
                "published_at_us": self.times_us.get(c, np.zeros(0, np.int64)).tolist(),
                "log_views": self.log_views.get(c, np.zeros(0)).tolist(),
                "counters": self.counters.get(c, {}),
            }
            for c, posted in self.posted_us.items()
        }
        constants = {"mean": self.mean, "centre": self.centre, "k": self.k, "lag_days": self.lag_days}
        return {**constants, "channels": channels}

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> "ChannelHistory":
        """ValueError, and what Python raises, for what `as_dict` does not write."""
        channels = saved["channels"]
        posted = {c: np.array(v["posted_us"], np.int64) for c, v in channels.items()}
        counted = {c: v for c, v in channels.items() if len(v["log_views"])}
        times = {c: np.array(v["published_at_us"], np.int64) for c, v in counted.items()}
        values = {c: np.array(v["log_views"], np.float64) for c, v in counted.items()}
        mean, centre, k, lag_days = (float(saved[name]) for name in ("mean", "centre", "k", "lag_days"))
        if any(times[c].shape != values[c].shape or values[c].ndim != 1 for c in counted):
            raise ValueError("a channel whose dates and views do not match")
        if any(one.ndim != 1 for one in posted.values()) or not 0 <= lag_days <= 3650:
            raise ValueError("dates or a lag that cannot be")
        counters = {c: {str(n): float(x) for n, x in v["counters"].items()} for c, v in channels.items()}
        if not all(0 <= x < 2**63 for own in counters.values() for x in own.values()):
            raise ValueError("a counter that cannot be")
        for numbers in (np.array([mean, centre, k]), *values.values()):
            if not (np.abs(numbers) <= LARGEST).all():
                raise ValueError("a number of views that cannot be")
        return cls(mean, centre, k, times, values, posted, counters, lag_days)


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
