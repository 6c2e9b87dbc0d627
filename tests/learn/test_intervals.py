"""What is read off one distribution agrees with itself, and it holds what it says on rows like its own."""

import numpy as np
import pytest

from vvp.learn.intervals import ForecastDistribution, clearly_under, distribution, kept


def test_no_error_no_distribution() -> None:
    assert distribution(5.0, []) is None


@pytest.mark.parametrize("errors", [[0.4], [0.4, -1.0], [0.3, 0.2, 0.9], list(np.linspace(-2, 2, 41))])
def test_everything_is_read_off_one_distribution(errors: list[float]) -> None:
    around = distribution(5.0, errors)
    assert around is not None
    low, high = around.interval(0.8)
    assert low < 5.0 < high and low == pytest.approx(10 - high)
    assert around.quantile(0.9) == pytest.approx(high) and around.quantile(0.1) == pytest.approx(low)
    assert around.quantile(0.5) == 5.0
    assert around.probability_above(5.0) == pytest.approx(0.5)
    assert around.cdf(low) == pytest.approx(1 - around.cdf(high))
    assert 0 < around.probability_above(high + 1) < around.probability_above(5.5) < 0.5
    assert around.probability_above(high) == pytest.approx(0.1, abs=0.12)


def test_the_conformal_width_is_the_finite_sample_rank() -> None:
    four, nine = distribution(0.0, [1.0, -2, 3, -4]), distribution(0.0, np.arange(1.0, 10))
    assert four is not None and four.half_width(0.8) == 4
    assert nine is not None and nine.half_width(0.8) == 8  # ⌈10 · 0.8⌉ = 8
    assert four.half_width(0.9) == np.inf, "four errors cannot promise nine in ten"


def test_the_odds_of_one_draft_against_another() -> None:
    errors = [-1.0, -0.2, 0.3, 0.9]

    def at(centre: float) -> ForecastDistribution:
        found = distribution(centre, errors)
        assert found is not None
        return found

    assert at(5).beats(at(5)) == pytest.approx(0.5)
    # Four errors, none of which could turn it: 4.5 of 5.
    assert at(9).beats(at(5)) == pytest.approx(0.9)
    assert at(5.3).beats(at(5)) > 0.5
    assert at(5.3).beats(at(5)) + at(5).beats(at(5.3)) == pytest.approx(1)


@pytest.mark.parametrize("m", [1, 2, 3, 4, 9, 24])
def test_a_new_exchangeable_error_is_held_as_often_as_said(m: int) -> None:
    """2,000 draws of m normal errors and one more: coverage 0.8, up to its finite-sample rank above."""
    rng = np.random.default_rng(m)
    held = 0
    for _ in range(2000):
        *known, new = rng.normal(size=m + 1)
        around = distribution(0.0, known)
        assert around is not None
        held += abs(new) <= around.half_width(0.8)
    ceiling = np.ceil((m + 1) * 0.8) / (m + 1) if m >= 4 else 0.8
    assert 0.8 - 0.03 <= held / 2000 <= ceiling + 0.03


def test_few_held_is_clearly_under_and_a_few_missing_is_not() -> None:
    assert clearly_under(0, 5) and clearly_under(0, 20) and clearly_under(12, 20)
    assert not clearly_under(3, 5) and not clearly_under(15, 20) and not clearly_under(0, 0)


def test_kept_errors_are_sizes_in_order_and_few() -> None:
    errors = np.random.default_rng(0).normal(size=5000)
    few = kept(errors)
    assert len(few) == 400 and few == sorted(few) and few[0] >= 0
    assert np.quantile(few, 0.8) == pytest.approx(np.quantile(np.abs(errors), 0.8), abs=0.01)
    assert kept(np.array([])) == []
