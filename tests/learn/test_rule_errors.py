"""A rule's errors: each row from others alone, scaled so that few known videos mean a wider interval."""

import numpy as np
import pytest

from vvp.dataset.channels import ChannelHistory
from vvp.learn.intervals.distribution import distribution
from vvp.learn.rule_errors import as_of, by_folds, left_out, scale


def days(n: int) -> np.ndarray:
    return np.arange(n).astype("datetime64[D]").astype("datetime64[us]")


def one(n: int) -> np.ndarray:
    return np.array(["c"] * n, dtype=object)


def test_one_channel_gives_the_recursive_residuals() -> None:
    y = np.array([5.0, 7.0, 6.0, 9.0])
    found = as_of(one(4), days(4), y)
    assert found.rows.tolist() == [1, 2, 3]
    assert found.raw == pytest.approx([2.0, 0.0, 3.0])
    assert found.scaled == pytest.approx([2 / np.sqrt(2), 0.0, 3 / np.sqrt(4 / 3)])
    # Their sum of squares is that of the deviations from the mean (Brown, Durbin & Evans 1975).
    assert (found.scaled**2).sum() == pytest.approx(((y - y.mean()) ** 2).sum())


def test_no_error_knows_its_own_or_a_later_count() -> None:
    y = np.random.default_rng(0).normal(size=12)
    channel = np.array(["a", "b"] * 6, dtype=object)
    before = as_of(channel, days(12), y)
    y[8] += 100
    after = as_of(channel, days(12), y)
    earlier = before.rows < 8
    assert np.array_equal(before.raw[earlier], after.raw[earlier])
    assert after.raw[after.rows == 8] == pytest.approx(before.raw[before.rows == 8] + 100, abs=1e-6)


def test_order_of_the_rows_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    y, channel = rng.normal(size=30), np.array([f"c{i}" for i in rng.integers(4, size=30)], object)
    order = rng.permutation(30)
    found, other = as_of(channel, days(30), y), as_of(channel[order], days(30)[order], y[order])
    assert dict(zip(order[other.rows], other.raw, strict=True)) == pytest.approx(
        dict(zip(found.rows, found.raw, strict=True))
    )


def test_without_dates_each_row_is_left_out() -> None:
    y = np.array([1.0, 2.0, 6.0])
    found = left_out(one(3), y)
    assert found.raw == pytest.approx(y - [4.0, 3.5, 1.5])
    assert left_out(one(1), y[:1]).raw.tolist() == []


def test_by_folds_a_held_channel_is_forecast_by_the_mean_of_the_others() -> None:
    y = np.array([1.0, 3.0, 10.0, 12.0])
    channel = np.array(["a", "a", "b", "b"], object)
    folds = [(np.array([0, 1]), np.array([2, 3]))]
    found = by_folds(channel, days(4), y, folds)
    # One channel was fitted on: nothing says how far another lies off, so there is no scaled error.
    assert found.rows.tolist() == []
    found = by_folds(np.array(["a", "d", "b", "b"], object), days(4), y, folds)
    assert found.raw == pytest.approx([8.0, 10.0])


@pytest.mark.parametrize(("channels", "n"), [(1, 10), (1, 25), (5, 10), (5, 25), (5, 50)])
def test_a_rules_interval_holds_what_it_says(channels: int, n: int) -> None:
    """Counts as of a random-effects world: 400 collections, 5 later videos each; coverage 0.8."""
    rng = np.random.default_rng(channels * 100 + n)
    held = []
    for _ in range(400):
        base = rng.normal(0, 0.7, channels)
        at = rng.integers(channels, size=n + 5)
        channel = np.array([f"c{i}" for i in at], object)
        y = 8 + base[at] + rng.normal(0, 1.1, n + 5)
        errors = as_of(channel[:n], days(n), y[:n]).scaled
        history = ChannelHistory.fit(channel[:n], days(n), y[:n], np.ones(n, bool))
        mean, count = history.at(channel[n:], days(n + 5)[n:])
        centre = np.where(count > 0, mean, history.mean)
        for truth, middle, size in zip(y[n:], centre, scale(history.error_k, count), strict=True):
            around = distribution(middle, errors, size)
            assert around is not None
            held.append(abs(truth - middle) <= around.half_width(0.8))
    assert 0.77 <= np.mean(held) <= 0.86


def test_an_unknown_channel_among_several_gets_a_wider_interval_and_beside_one_none() -> None:
    assert scale(2.0, 0) > scale(2.0, 1) > scale(2.0, 10) > 1
    assert np.isnan(scale(0.0, 0))
