"""Labels are missing where counts are; a channel's history looks neither ahead nor outside train."""

import numpy as np
import pytest
from learn_tables import START, table

from vvp.dataset.channels import ChannelHistory, channel_codes, location, shrinkage
from vvp.dataset.labels import read_labels


def videos(**columns):
    n = len(next(iter(columns.values())))
    return table("videos", [{"video_id": str(i), **{c: v[i] for c, v in columns.items()}} for i in range(n)])


def test_only_a_usable_count_is_a_label():
    found = read_labels(
        videos(
            views=[99, None, 0, -5, 10],
            label_issue=[None, "views_missing", "views_zero", "views_negative", "likes_above_views"],
        )
    )
    assert found.log_views[0] == pytest.approx(np.log(100))
    assert np.isnan(found.log_views[1:]).all() and found.known.sum() == 1


def test_a_zero_that_no_collector_marked_is_still_no_label():
    assert not read_labels(videos(views=[0, None])).known.any()


def test_horizon_is_the_age_of_the_count_in_days_or_unknown():
    later = START.replace(day=11, hour=12)
    found = read_labels(
        videos(published_at=[START, START, None, later], observed_at=[later, None, later, START])
    ).horizon_days
    assert found[0] == 10.5 and np.isnan(found[1:]).all()  # a null, a null, read before it was posted


def random_rows(seed, n=200):
    rng = np.random.default_rng(seed)
    channel = np.array(
        [None if rng.random() < 0.1 else f"c{rng.integers(12)}" for _ in range(n)], dtype=object
    )
    when = np.datetime64("2025-01-01", "us") + rng.integers(0, 60, n).astype("timedelta64[D]")
    when[rng.random(n) < 0.05] = np.datetime64("NaT")
    y = rng.normal(8, 2, n)
    y[rng.random(n) < 0.1] = np.nan
    return channel, when, y, rng.random(n) < 0.6


@pytest.mark.parametrize("seed", range(5))
def test_history_is_the_stated_formula(seed):
    channel, when, y, train = random_rows(seed)
    mean, count = ChannelHistory.fit(channel, when, y, train).at(channel, when)
    use = train & np.isfinite(y)
    named = use & np.array([c is not None for c in channel])
    k, overall = shrinkage(channel_codes(channel[named]), y[named]), location(y[use])
    for i in range(len(y)):
        earlier = [
            j
            for j in range(len(y))
            if use[j] and channel[i] and channel[j] == channel[i] and when[j] < when[i]
        ]
        assert count[i] == len(earlier)
        if earlier:
            assert mean[i] == pytest.approx(
                (len(earlier) * location(y[earlier]) + k * overall) / (len(earlier) + k)
            )
        else:
            assert np.isnan(mean[i])


@pytest.mark.parametrize("seed", range(5))
def test_history_never_uses_own_later_or_other_rows(seed):
    """With the two training constants held, changing such labels changes nothing."""
    channel, when, y, train = random_rows(seed)
    fitted = ChannelHistory.fit(channel, when, y, train)
    before = fitted.at(channel, when)[0]
    for i in np.flatnonzero(np.isfinite(before))[:20]:
        other = y.copy()
        other[~(when < when[i]) | ~train] += 100  # own row, same instant, later, undated, not train
        moved = ChannelHistory.fit(channel, when, other, train)
        held = moved.with_constants_of(fitted)
        assert held.at(channel[i : i + 1], when[i : i + 1])[0][0] == pytest.approx(before[i])


def test_history_survives_json_and_serves_an_unknown_channel():
    import json

    channel, when, y, train = random_rows(1)
    fitted = ChannelHistory.fit(channel, when, y, train)
    again = ChannelHistory.from_dict(json.loads(json.dumps(fitted.as_dict())))
    np.testing.assert_array_equal(again.at(channel, when)[0], fitted.at(channel, when)[0])
    mean, count = again.at(np.array(["never seen", None], dtype=object), when[:2])
    assert np.isnan(mean).all() and not count.any()


def test_shrinkage_follows_the_variances():
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(400), 6)
    y = rng.normal(0, 1, 400)[codes] + rng.normal(0, 2, 2400)
    assert shrinkage(codes, y) == pytest.approx(4, rel=0.25)  # 2² / 1²
    assert shrinkage(codes, rng.normal(size=2400)) > 15
    assert shrinkage(np.arange(5), y[:5]) == 2 and shrinkage(np.zeros(5, int), y[:5]) == 2


def test_the_location_is_the_mean_and_hardly_moves_for_one_that_went_viral():
    rng = np.random.default_rng(0)
    for _ in range(50):
        y = rng.normal(10, 1, 30)
        assert location(y) == pytest.approx(y.mean(), abs=0.25)
        viral = np.concatenate([y, [25.0, 26.0]])
        assert abs(location(viral) - location(y)) < 0.2 < viral.mean() - y.mean()
    assert location(np.array([3.0])) == 3.0 and location(np.array([2.0, 5.0])) == 3.5
    assert location(np.array([4.0, 4.0, 4.0, 9.0])) == 4.0
