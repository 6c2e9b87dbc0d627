"""Differences with intervals by channel, and the forecast's error inside a cluster."""

import numpy as np
import pytest

from vvp.explore.collection import Forecasts
from vvp.explore.describe import differences, draw, mean_error
from vvp.learn.metrics import Draws


def groups(n: int, channels: int, seed: int) -> tuple[np.ndarray, np.ndarray, Draws]:
    """(cluster, channel, draws): half the rows in cluster 1, whole channels."""
    rng = np.random.default_rng(seed)
    channel = rng.integers(channels, size=n)
    names = np.array([f"c{c}" for c in channel], dtype=object)
    return (channel % 2).astype(int), channel, draw(names, seed)


def test_cohens_d_is_what_the_formula_says() -> None:
    values = np.array([1.0, 2, 3, 4, 10, 12, 14, np.nan])
    cluster = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    found = differences(values, cluster, 2, draw(np.array(list("abcdefgh"), dtype=object), 0))
    assert found is not None and found[0] is not None and found[1] is not None
    pooled = np.sqrt((3 * np.var(values[:4], ddof=1) + 2 * np.var(values[4:7], ddof=1)) / 5)
    assert found[1]["point"] == pytest.approx((12 - 2.5) / pooled)
    assert found[0]["point"] == pytest.approx(-found[1]["point"])
    assert (found[1]["mean"], found[1]["rest"], found[1]["rows"]) == (12, 2.5, 3)
    assert found[1]["low"] is None  # three rows bear no interval


def test_a_planted_difference_is_seen_and_a_shuffled_one_is_not() -> None:
    rng = np.random.default_rng(0)
    cluster, _, draws = groups(400, 40, 0)
    values = rng.normal(size=400) + 1e6 + cluster
    found = differences(values, cluster, 2, draws)
    assert found is not None and found[1] is not None
    assert 0.7 < found[1]["low"] < found[1]["point"] < found[1]["high"] < 1.3
    mixed = differences(rng.permutation(values), cluster, 2, draws)
    assert mixed is not None and mixed[1] is not None
    assert mixed[1]["low"] < 0 < mixed[1]["high"]


def test_videos_of_one_channel_are_not_independent_evidence() -> None:
    """Each channel has its own level: by channel the interval is wide and holds 0, by video it is narrow."""
    rng = np.random.default_rng(3)
    cluster, channel, by_channel = groups(600, 12, 3)
    values = rng.normal(size=12)[channel] * 2 + rng.normal(size=600) * 0.1
    alone = draw(np.array([None] * 600, dtype=object), 3)
    wide, narrow = (differences(values, cluster, 2, d) for d in (by_channel, alone))
    assert wide is not None and narrow is not None and wide[1] is not None and narrow[1] is not None
    assert wide[1]["high"] - wide[1]["low"] > 3 * (narrow[1]["high"] - narrow[1]["low"])


def test_one_channel_is_resampled_by_video() -> None:
    values = np.random.default_rng(0).normal(size=50)
    cluster = np.arange(50) % 2
    found = differences(values + cluster * 3, cluster, 2, draw(np.array(["me"] * 50, dtype=object), 0))
    assert found is not None and found[1] is not None and found[1]["low"] > 1


def test_what_is_unknown_or_constant_has_no_difference() -> None:
    cluster = np.arange(20) % 2
    draws = draw(np.array([None] * 20, dtype=object), 0)
    assert differences(np.full(20, np.nan), cluster, 2, draws) is None
    assert differences(np.full(20, 0.1), cluster, 2, draws) == [None, None]
    one_sided = np.where(cluster == 0, 1.0, np.nan)
    assert differences(one_sided, cluster, 2, draws) == [None, None]


def test_mean_error_with_its_interval() -> None:
    error = np.array([1.0, 3.0, 2.0, 2.0, 100.0])
    channel = np.array(["a", "a", "b", None, "z"], dtype=object)
    forecasts = Forecasts(
        run_id="r", model="m", video_id=np.arange(5).astype(object), channel_id=channel, error=error
    )
    found = mean_error(forecasts, np.array([True] * 4 + [False]), 0)
    assert found == {"point": 2.0, "low": 2.0, "high": 2.0}
    alone = mean_error(forecasts, np.array([True, True, False, False, False]), 0)
    assert alone == {"point": 2.0, "low": None, "high": None}  # one channel is one piece of evidence
    one = mean_error(forecasts, np.array([False] * 4 + [True]), 0)
    assert one == {"point": 100.0, "low": None, "high": None}
