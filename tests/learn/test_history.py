"""A channel's history as of publication, against a slow reading of the same words; no count is looked at
before it is old enough."""

from dataclasses import replace

import numpy as np
import pytest

from vvp.dataset.channels import DECAY, RECENT, ChannelHistory, location
from vvp.dataset.features import HISTORY_FEATURES, history_features
from vvp.dataset.scales import DAY_US

LAGS = (0.0, 1.0, 3.0, 7.0)


def rows(seed: int, n: int = 150) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(channel, published, y): 8 channels over 60 days, to the hour; some without channel, date or count."""
    rng = np.random.default_rng(seed)
    channel = np.array(
        [None if rng.random() < 0.1 else f"c{rng.integers(8)}" for _ in range(n)], dtype=object
    )
    when = np.datetime64("2025-01-01", "us") + rng.integers(0, 60 * 24, n).astype("timedelta64[h]")
    when[rng.random(n) < 0.05] = np.datetime64("NaT")
    y = rng.normal(8, 2, n)
    y[rng.random(n) < 0.1] = np.nan
    return channel, when, y


def slow(history: ChannelHistory, channel: np.ndarray, when: np.ndarray, y: np.ndarray, row: int) -> dict:
    """What a row could know of its channel, read off the rows one by one."""
    unknown = dict.fromkeys(("usual", *RECENT), np.nan) | {"n": 0}
    if channel[row] is None or np.isnat(when[row]):
        return unknown
    own = [j for j in range(len(y)) if channel[j] == channel[row] and when[j] < when[row]]
    own.sort(key=lambda j: when[j])
    found = dict(unknown)
    if own:
        found["gap_days"] = (when[row] - when[own[-1]]).astype(np.int64) / DAY_US
    lag = np.timedelta64(round(history.lag_days * DAY_US), "us")
    known = [y[j] for j in own if np.isfinite(y[j]) and when[j] < when[row] - lag]
    if not known:
        return found
    values, n = np.array(known), len(known)
    weights = (1 - DECAY) ** np.arange(n)[::-1]
    found["n"] = n
    found["usual"] = (n * location(values) + history.k * history.centre) / (n + history.k)
    found["recent"] = (weights @ values + history.k * history.centre) / (weights.sum() + history.k)
    found["last"], found["best"] = values[-1], values.max()
    if n >= 2:
        found["spread"] = values.std()
    if n >= 3:
        found["trend"] = weights @ values / weights.sum() - values.mean()
    return found


@pytest.mark.parametrize("lag", LAGS)
@pytest.mark.parametrize("seed", range(3))
def test_it_is_what_the_words_say(seed: int, lag: float) -> None:
    channel, when, y = rows(seed)
    # Rows of one instant in one channel have no order of their own: none here.
    when = when + np.arange(len(when)).astype("timedelta64[s]")
    history = ChannelHistory.fit(channel, when, y, np.ones(len(y), bool), lag_days=lag)
    usual, n = history.at(channel, when)
    recent = history.recent(channel, when)
    for row in range(len(y)):
        expected = slow(history, channel, when, y, row)
        assert n[row] == expected["n"]
        np.testing.assert_allclose(usual[row], expected["usual"], rtol=1e-9)
        np.testing.assert_allclose(recent[row], [expected[name] for name in RECENT], rtol=1e-7, atol=1e-7)
    assert n.max() > 5


@pytest.mark.parametrize("lag", LAGS)
@pytest.mark.parametrize("seed", range(3))
def test_a_count_that_is_not_known_yet_changes_nothing(seed: int, lag: float) -> None:
    """Its own, a later one, or one younger than the lag; a count that is known does change something."""
    channel, when, y = rows(seed)
    everything = np.ones(len(y), bool)
    fitted = ChannelHistory.fit(channel, when, y, everything, lag_days=lag)
    before = history_features(channel, when, fitted)
    late = np.timedelta64(round(lag * DAY_US), "us")
    moved = 0
    for row in np.flatnonzero(~np.isnat(when))[:40]:
        known = when < when[row] - late  # NaT: False
        one = slice(row, row + 1)
        other = np.where(known, y, y + 50)
        again = ChannelHistory.fit(channel, when, other, everything, lag_days=lag).with_constants_of(fitted)
        now = history_features(channel[one], when[one], again)[0]
        np.testing.assert_allclose(now, before[row], rtol=1e-10, atol=1e-10)
        other = np.where(known, y + 50, y)
        again = ChannelHistory.fit(channel, when, other, everything, lag_days=lag).with_constants_of(fitted)
        now = history_features(channel[one], when[one], again)[0]
        moved += not np.allclose(now, before[row], equal_nan=True)
    assert moved > 15


def test_a_longer_lag_knows_no_more() -> None:
    channel, when, y = rows(0)
    counts = [
        ChannelHistory.fit(channel, when, y, np.ones(len(y), bool), lag_days=lag).at(channel, when)[1]
        for lag in LAGS
    ]
    for less, more in zip(counts[1:], counts, strict=False):
        assert (less <= more).all() and less.sum() < more.sum()


def test_only_the_rows_called_known_are_looked_at_and_the_constants_are_of_training() -> None:
    channel, when, y = rows(1)
    train = np.arange(len(y)) < 70
    online = ChannelHistory.fit(channel, when, y, train, known=np.ones(len(y), bool))
    frozen = ChannelHistory.fit(channel, when, y, train)
    assert (online.mean, online.centre, online.k) == (frozen.mean, frozen.centre, frozen.k)
    assert (online.at(channel, when)[1] >= frozen.at(channel, when)[1]).all()
    other = np.where(train, y, y + 50)
    moved = ChannelHistory.fit(channel, when, other, train)
    np.testing.assert_array_equal(moved.recent(channel, when), frozen.recent(channel, when))


def test_a_post_without_a_count_is_a_post_all_the_same() -> None:
    """The gap goes from the channel's last post, whose count nobody has to know."""
    when = np.array(["2025-01-01", "2025-01-11", "2025-01-13"], "datetime64[us]")
    channel, y = np.array(["a"] * 3, object), np.array([5.0, np.nan, 7.0])
    history = ChannelHistory.fit(channel, when, y, np.ones(3, bool), lag_days=3)
    found = history.recent(channel, when)
    assert found[2, RECENT.index("gap_days")] == 2 and found[2, RECENT.index("last")] == 5
    assert np.isnan(found[0, RECENT.index("gap_days")])


def test_it_comes_back_from_json_with_its_lag_and_its_posts() -> None:
    import json

    channel, when, y = rows(2)
    fitted = ChannelHistory.fit(channel, when, y, np.ones(len(y), bool), lag_days=3)
    again = ChannelHistory.from_dict(json.loads(json.dumps(fitted.as_dict())))
    assert again.lag_days == 3
    np.testing.assert_array_equal(
        history_features(channel, when, again), history_features(channel, when, fitted)
    )
    head = fitted.as_dict()
    name = next(iter(fitted.log_views))
    short = {**head["channels"][name], "log_views": [1.0]}
    with pytest.raises(ValueError, match="do not match"):
        ChannelHistory.from_dict({**head, "channels": {name: short}})
    with pytest.raises(KeyError):
        ChannelHistory.from_dict({k: v for k, v in head.items() if k != "lag_days"})


def test_without_channels_nobody_is_known() -> None:
    channel, when, y = rows(3)
    fitted = ChannelHistory.fit(channel, when, y, np.ones(len(y), bool))
    nobody = history_features(channel, when, fitted.without_channels())
    count = [f.name for f in HISTORY_FEATURES].index("channel_history_log_n")
    assert (nobody[:, count] == 0).all() and np.isnan(np.delete(nobody, count, axis=1)).all()
    assert fitted.without_channels() == replace(fitted, times_us={}, log_views={}, posted_us={})
