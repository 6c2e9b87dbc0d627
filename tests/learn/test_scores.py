"""Scores by hand and by closed forms; slices that are planted are found."""

import numpy as np
import pytest
from scipy.stats import norm

from vvp.learn.intervals import scores


def test_the_interval_score_is_width_and_ten_times_the_miss() -> None:
    found = scores.interval_score(np.array([0.0, 3.0, -1.5]), np.full(3, -1.0), np.full(3, 2.0))
    assert found.tolist() == pytest.approx([3.0, 3.0 + 10 * 1.0, 3.0 + 10 * 0.5])


def test_only_the_truths_own_interval_scores_best() -> None:
    truth = np.random.default_rng(0).normal(size=20_000)
    at = {
        h: scores.interval_score(truth, np.full(20_000, -h), np.full(20_000, h)).mean()
        for h in (1, 1.28, 1.6)
    }
    assert min(at, key=lambda h: at[h]) == 1.28


def test_crps_is_that_of_the_normal_in_closed_form() -> None:
    levels = (np.arange(999) + 1) / 1000
    truth = np.array([-1.0, 0.0, 2.5])
    quantiles = np.tile(norm.ppf(levels), (3, 1))
    closed = truth * (2 * norm.cdf(truth) - 1) + 2 * norm.pdf(truth) - 1 / np.sqrt(np.pi)
    assert scores.crps(truth, quantiles, levels) == pytest.approx(closed, abs=0.01)
    coarse = scores.crps(truth, np.tile(norm.ppf(scores.LEVELS), (3, 1)))
    assert coarse == pytest.approx(closed, rel=0.15)


def test_pit_is_even_where_right_and_high_at_the_ends_where_too_narrow() -> None:
    truth = np.random.default_rng(1).normal(size=5000)
    even, narrow = (scores.pit_histogram(norm.cdf(truth, scale=s)) for s in (1.0, 0.5))
    assert even.sum() == 5000 and abs(even - 500).max() < 100
    assert narrow[0] > 800 and narrow[-1] > 800 and narrow[4] < 400


def test_coverage_of_slices_finds_the_one_that_does_not_hold() -> None:
    rng = np.random.default_rng(2)
    bad = np.arange(600) % 3 == 0
    held = rng.random(600) < np.where(bad, 0.55, 0.8)
    by = {"channel": np.where(bad, "new", "known").astype(object)}
    everything, known, new = scores.coverage(held, np.arange(600) // 2, by)
    assert (everything.by, everything.rows, everything.channels) == ("all", 600, 300)
    assert (known.value, new.value) == ("known", "new") and not known.fails and new.fails
    assert new.coverage.point == pytest.approx(held[bad].mean())
    assert new.coverage.low is not None and new.coverage.low < 0.55 < 0.8 > (new.coverage.high or 1)


def test_rows_of_one_channel_are_not_independent_evidence() -> None:
    held = np.repeat(np.random.default_rng(3).random(30) < 0.7, 20)
    apart, together = (
        scores.coverage(held, c, {})[0].coverage for c in (np.arange(600), np.arange(600) // 20)
    )
    assert apart.low is not None and together.low is not None and together.low < apart.low - 0.05
    one = scores.coverage(held, np.zeros(600, np.int64), {})[0]
    assert one.coverage.low is None and not one.fails


def test_no_gain_over_a_rule_that_is_never_off() -> None:
    none = scores.gain(np.zeros(40), np.zeros(40), np.arange(40) // 4)
    assert (none.point, none.low, none.high) == (None, None, None)


def test_the_gain_over_the_plain_rule_has_an_interval() -> None:
    rng = np.random.default_rng(4)
    plain = rng.gamma(4, size=400)
    better = scores.gain(0.9 * plain, plain, np.arange(400) // 4)
    assert better.point == pytest.approx(0.1) and better.low == pytest.approx(0.1)
    same = scores.gain(rng.permutation(plain), plain, np.arange(400) // 4)
    assert same.low is not None and same.high is not None and same.low < 0 < same.high


def test_quarters_and_months_have_a_name_for_what_is_unknown() -> None:
    values = np.array([1.0, 2, 3, 4, 5, 6, 7, 8, np.nan])
    names = scores.quarters(values)
    assert names.tolist() == ["1 lowest"] * 2 + ["2"] * 2 + ["3"] * 2 + ["4 highest"] * 2 + ["unknown"]
    assert set(scores.quarters(np.full(3, np.nan))) == {"unknown"}
    when = np.array(["2025-03-31T23:59", "NaT", "2024-12-01"], dtype="datetime64[us]")
    assert scores.months(when).tolist() == ["2025-03", "unknown", "2024-12"]


def test_a_summary_is_plain_numbers() -> None:
    truth = np.random.default_rng(5).normal(size=300)
    found = scores.summary(truth, np.tile(norm.ppf(scores.LEVELS), (300, 1)), norm.cdf(truth))
    assert found["crps"] == pytest.approx(1 / np.sqrt(np.pi), abs=0.1) and sum(found["pit"]) == 300
