"""The numbers that figures and sentences show: slices with intervals, quartiles, factors. Arrays in, plain
out.

Not known here: figures, HTML, where anything was read.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vvp import words
from vvp.dataset.targets import VIEWS
from vvp.learn.intervals.distribution import COVERAGE
from vvp.learn.metrics import Draws
from vvp.report.gather import Facts, Tested, Videos

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class Slice:
    """Some of the test videos, and how many of them the 80 % interval held."""

    group: str  # all, channel, missing, month
    name: str
    n: int
    held: int
    share: dict[str, Any]
    """of them that it held: point, and low and high by channel, None where there is one channel"""

    @property
    def clearly_under(self) -> bool:
        high = self.share["high"]
        return high is not None and high < COVERAGE


def slices(
    videos: Videos, tested: Tested, inside: np.ndarray, whole: dict[str, Any] | None = None
) -> list[Slice]:
    """inside: bool (m,), the interval held test video i. whole: what evaluation measured of all of them, so
    that one number stands everywhere. Slices that hold none of the videos, or all, are left out."""
    row = tested.row
    trained = Counter(c for c in videos.channel_id[videos.part == "train"] if c is not None)
    in_training = np.array([trained[c] for c in videos.channel_id[row]])
    seen, heard, spoken = videos.picture[row], videos.sound[row], videos.speech[row]
    month = videos.published_at[row].astype("datetime64[M]")
    followers = videos.followers[row]
    groups: list[tuple[str, str, np.ndarray]] = [
        ("all", "all test videos", np.ones(len(row), bool)),
        ("channel", "channel: no video in training", in_training == 0),
        ("channel", "channel: 1 to 4 in training", (in_training > 0) & (in_training < 5)),
        ("channel", "channel: 5 or more in training", in_training >= 5),
        ("channel", "under 10K followers", followers < 1e4),
        ("channel", "10K to 100K followers", (followers >= 1e4) & (followers < 1e5)),
        ("channel", "100K followers or more", followers >= 1e5),
        ("missing", "nothing missing", seen & heard & spoken),
        ("missing", "no picture", ~seen),
        ("missing", "no sound", ~heard),
        ("missing", "no speech", ~spoken),
        *(("month", f"posted {m}", month == m) for m in np.unique(month[~np.isnat(month)])[-12:]),
    ]
    channels, held = videos.channel_id[row], inside.astype(np.float64)
    return [
        Slice(
            group, name, int(of.sum()), int(inside[of].sum()),
            whole if whole is not None and group == "all" else mean_by_channel(held[of], channels[of]),
        )
        for group, name, of in groups
        if of.any() and (group == "all" or not of.all())
    ]  # fmt: skip


def inside(facts: Facts) -> np.ndarray | None:
    """bool (m,): the 80 % interval of the chosen model held the test video; None where there is no
    interval."""
    if facts.tested is None or facts.deciding is None or facts.half_width is None:
        return None
    return (facts.tested.low <= facts.tested.truth) & (facts.tested.truth <= facts.tested.high)


def confusion(training: np.ndarray, truth: np.ndarray, predicted: np.ndarray) -> np.ndarray | None:
    """int64 (4, 4): test videos by real (rows) and predicted quarter, both cut at the quartiles of the
    training log views. None when those are not three different numbers."""
    if not len(training):
        return None
    cuts = np.quantile(training, [0.25, 0.5, 0.75])
    if len(np.unique(cuts)) < 3:
        return None
    table = np.zeros((4, 4), np.int64)
    np.add.at(table, (np.searchsorted(cuts, truth), np.searchsorted(cuts, predicted)), 1)
    return table


def extremes(tested: Tested, model: str, n: int = 3) -> tuple[list[int], list[int]]:
    """(best, worst): places in `tested` of the least and the greatest error, at most n each, none in both."""
    order = np.argsort(np.abs(tested.truth - tested.by_model[model]), kind="stable")
    half = min(n, len(order) // 2)
    return order[:half].tolist(), order[::-1][:half].tolist()


def mean_by_channel(values: np.ndarray, channels: np.ndarray, n: int = 1000, seed: int = 0) -> dict[str, Any]:
    """Mean of `values` (m,) with its 95 % interval from a bootstrap over channels, as in metrics.py."""
    draws = Draws.make(channels, n, seed)
    weights = draws.times[:, draws.codes]
    with np.errstate(invalid="ignore"):
        copies = (weights @ values) / weights.sum(axis=1)
    return draws.interval(float(values.mean()), copies).as_dict()


def running_best(trials: Sequence[dict[str, Any]]) -> dict[str, list[float]]:
    """Family → the least validation error after each of its trials."""
    curves: dict[str, list[float]] = {}
    for trial in trials:
        errors = curves.setdefault(trial["family"], [])
        errors.append(min([trial["validation"], *errors[-1:]]))
    return curves


def factor(log_difference: float) -> str:
    """A difference of log views as a factor: 0.69 → "2.0"; from 10 on without decimals.

    The typical error is this of the mean absolute error of log views, wherever the report says those words.
    """
    value = float(np.exp(min(abs(log_difference), 60.0)))
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}" if value < 1e5 else f"{value:.0e}"


def count(log_views: float) -> float:
    """Views of a log(1 + views)."""
    return VIEWS.value(log_views)


def share(part: float, digits: int = 0) -> str:
    """0.753 → "75 %", which no line break parts; halves go up, as words.percent says."""
    if digits:
        return f"{100 * part:.{digits}f}\N{NO-BREAK SPACE}%"
    return words.percent(part).replace("%", "\N{NO-BREAK SPACE}%")


def plural(n: int, thing: str) -> str:
    return f"{n:,} {thing}" + ("" if n == 1 else "s")


def span(measured: dict[str, Any], digits: int = 2, sign: str = "") -> str:
    """0.61 [0.42, 0.75]; without an interval the point alone, undefined a dash."""
    if measured["point"] is None:
        return "–"
    text = f"{measured['point']:{sign}.{digits}f}"
    if measured.get("low") is None:
        return text
    return f"{text} [{measured['low']:{sign}.{digits}f}, {measured['high']:{sign}.{digits}f}]"
