"""Counts become targets here and nowhere else: log views, and the age of the count.

Everything that happens after publication (schema.AFTER) is read by this module alone; what it gives out
are labels, the horizon, and a channel's history, which uses labels of training rows posted earlier.
Not known here: features, splits, models. Nor, for lack of data, how a count grew: each video has one
count, read at one age.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vvp.dataset.channels import ChannelHistory
from vvp.dataset.scales import count_of_log, log_count

DAY_US = 86_400_000_000


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is forecast: its columns, its unit, and the scale on which models see it."""

    name: str
    kind: str
    """count"""
    unit: str
    columns: tuple[str, ...]
    to_scale: Callable[[np.ndarray | float], np.ndarray]
    from_scale: Callable[[np.ndarray | float], np.ndarray]
    """inverse of to_scale; what lies beyond anything possible comes back as the edge of it"""

    def value(self, scaled: float) -> float:
        """One number in the target's unit."""
        return float(self.from_scale(scaled))


VIEWS = Target(
    name="views", kind="count", unit="views", columns=("views",), to_scale=log_count, from_scale=count_of_log
)
TARGETS = {target.name: target for target in (VIEWS,)}


@dataclass(frozen=True)
class Labels:
    """Row i is row i of the videos table that was read."""

    video_id: np.ndarray  # object (n,)
    log_views: np.ndarray  # float64 (n,), natural log of (1 + views); NaN: no usable count
    horizon_days: np.ndarray  # float64 (n,), observed_at − published_at; NaN: unknown, or below 0

    @property
    def known(self) -> np.ndarray:
        """bool (n,): the row has a label."""
        return np.isfinite(self.log_views)


def read_labels(videos: pa.Table) -> Labels:
    """Labels of a videos table. A row with a label_issue, no count, or a count of 0 or less has none.

    A count read before its video was published has a wrong date somewhere: its horizon is NaN.
    """
    views = pc.cast(videos["views"], pa.float64()).to_numpy(zero_copy_only=False)
    clean = pc.is_null(videos["label_issue"]).to_numpy(zero_copy_only=False) & (views > 0)  # NaN > 0: False
    log_views = np.full(len(views), np.nan)
    log_views[clean] = VIEWS.to_scale(views[clean])
    age = moments(videos["observed_at"]) - moments(videos["published_at"])
    horizon = np.where(np.isnat(age), np.nan, age.astype(np.int64) / DAY_US)
    horizon[horizon < 0] = np.nan
    return Labels(np.array(videos["video_id"].to_pylist(), dtype=object), log_views, horizon)


def issues(videos: pa.Table) -> dict[str, int]:
    """schema.LABEL_ISSUES → how many videos have it; those that none has are left out."""
    found = pc.value_counts(videos["label_issue"].drop_null())
    return {one["values"]: one["counts"] for one in found.to_pylist()}


def moments(column: pa.ChunkedArray) -> np.ndarray:
    """A timestamp column as datetime64[us] (n,), UTC; NaT where null."""
    return pc.cast(column, pa.timestamp("us")).to_numpy(zero_copy_only=False).astype("datetime64[us]")


def channel_history(
    channel_id: np.ndarray, published_at: np.ndarray, log_views: np.ndarray, in_train: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(mean float64 (n,), n int64 (n,)) over the same channel's training videos posted strictly earlier.

    mean = (n · m + k · M) / (n + k), m the mean log views of those n videos, M that of all training rows,
    k estimated on training rows (channels.shrinkage); NaN where n is 0. A row's own label enters through
    M and k alone, two constants shared by every row. Both a baseline and a feature.

    What remains imperfect: the earlier videos' counts were read at collection time, often after this video
    was posted, so they hold views that nobody could know then, some perhaps brought by this very video.
    """
    return ChannelHistory.fit(channel_id, published_at, log_views, in_train).at(channel_id, published_at)
