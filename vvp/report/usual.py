"""What goes with more views than a channel's usual: middles with intervals, per hashtag, caption and time.

These describe the whole collection, the test part included. No model is fitted and none is judged by them.
A property that all videos of a channel share cannot show here, because the channel's usual has it too.
Not known here: figures, HTML.
"""

from dataclasses import dataclass

import numpy as np

from vvp.dataset.channels import ChannelHistory
from vvp.learn.metrics import Draws
from vvp.report.gather import Videos
from vvp.report.numbers import DAYS

OTHERS = 3  # videos that a channel's usual takes at least
POSTS, CHANNELS = 10, 3  # that a compared group has at least


@dataclass(frozen=True, kw_only=True)
class Group:
    """Some posts: the middle of their differences from the channel's usual, log views; 95 % interval."""

    name: str
    posts: int
    channels: int
    point: float
    low: float | None
    high: float | None

    @property
    def clear(self) -> bool:
        """Its interval leaves 0 out."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    def ratio(self) -> str:
        """×1.40 [1.10, 1.80]: its views over the usual."""
        text = f"×{times(self.point)}"
        if self.low is None or self.high is None:
            return text
        return f"{text} [{times(self.low)}, {times(self.high)}]"


def times(log_difference: float) -> str:
    return f"{np.exp(np.clip(log_difference, -20, 20)):.2f}"


def against_usual(videos: Videos) -> np.ndarray:
    """float64 (n,): log views less the median of the channel's other videos.

    NaN where these are under OTHERS.
    """
    difference = np.full(len(videos.video_id), np.nan)
    rows: dict[str, list[int]] = {}
    for i in np.flatnonzero(videos.labelled):
        if videos.channel_id[i] is not None:
            rows.setdefault(videos.channel_id[i], []).append(int(i))
    for of_channel in rows.values():
        y = videos.log_views[of_channel]
        if len(of_channel) > OTHERS:
            difference[of_channel] = [y[i] - np.median(np.delete(y, i)) for i in range(len(y))]
    return difference


def against_earlier(videos: Videos) -> tuple[np.ndarray, np.ndarray]:
    """(difference float64 (n,), earlier int64 (n,)): log views less the channel's usual before.

    NaN where the earlier videos are under OTHERS.
    """
    if not videos.labelled.any():
        return np.full(len(videos.video_id), np.nan), np.zeros(len(videos.video_id), np.int64)
    history = ChannelHistory.fit(videos.channel_id, videos.published_at, videos.log_views, videos.labelled)
    usual, earlier = history.at(videos.channel_id, videos.published_at)
    return np.where(earlier >= OTHERS, videos.log_views - usual, np.nan), earlier


def group(name: str, rows: np.ndarray, difference: np.ndarray, channel: np.ndarray) -> Group | None:
    """The group of the rows with a difference; None where posts or channels are too few.

    rows: bool (n,). The interval is a bootstrap over channels.
    """
    at = np.flatnonzero(rows & np.isfinite(difference))
    channels = len(set(channel[at]))
    if len(at) < POSTS or channels < CHANNELS:
        return None
    values = difference[at]
    draws = Draws.make(channel[at], 1000, 0)
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(draws.times[:, draws.codes[order]], axis=1)
    copies = values[order][(reached >= reached[:, -1:] / 2).argmax(axis=1)]
    interval = draws.interval(float(np.median(values)), copies).as_dict()
    return Group(name=name, posts=len(at), channels=channels, point=interval["point"], low=interval["low"],
                 high=interval["high"])  # fmt: skip


def hashtags(videos: Videos, difference: np.ndarray) -> list[Group]:
    """The furthest from the usual first."""
    rows: dict[str, list[int]] = {}
    for i, tags in enumerate(videos.tags):
        for tag in {str(t).strip().lower() for t in tags or ()} - {""}:
            rows.setdefault(tag, []).append(i)
    groups = []
    for tag, tagged in sorted(rows.items()):
        of = np.zeros(len(videos.tags), bool)
        of[tagged] = True
        groups.append(group(f"#{tag}", of, difference, videos.channel_id))
    return sorted(
        (tag_group for tag_group in groups if tag_group), key=lambda tag_group: -abs(tag_group.point)
    )


def captions(videos: Videos, difference: np.ndarray) -> list[Group]:
    """By quarter of the caption's length, the shortest first; empty where the quarters are not four."""
    length = videos.caption_length
    has_both = np.isfinite(difference) & np.isfinite(length)
    if not has_both.any():
        return []
    cuts = np.quantile(length[has_both], [0.25, 0.5, 0.75])
    if len(np.unique(cuts)) < 3:
        return []
    quarter = np.searchsorted(cuts, length)
    names = (f"to {cuts[0]:.0f}", f"to {cuts[1]:.0f}", f"to {cuts[2]:.0f}", f"over {cuts[2]:.0f}")
    groups = [
        group(f"{name} characters", has_both & (quarter == q), difference, videos.channel_id)
        for q, name in enumerate(names)
    ]
    return [quarter_group for quarter_group in groups if quarter_group]


def hours(videos: Videos, difference: np.ndarray) -> dict[tuple[int, int], Group]:
    """(weekday from Monday 0, block of three hours UTC) → its group."""
    dated = ~np.isnat(videos.published_at)
    days = videos.published_at.astype("datetime64[D]")
    hour = np.where(dated, (videos.published_at - days).astype("timedelta64[h]").astype(np.int64), -1)
    weekday = np.where(dated, (days.astype(np.int64) + 3) % 7, -1)
    if not (hour > 0).any():
        return {}  # dates without a time of day
    groups = {}
    for day in range(7):
        for block in range(8):
            rows = (weekday == day) & (hour // 3 == block)
            name = f"{DAYS[day]} {3 * block:02d} to {3 * block + 3:02d} UTC"
            if block_group := group(name, rows, difference, videos.channel_id):
                groups[day, block] = block_group
    return groups
