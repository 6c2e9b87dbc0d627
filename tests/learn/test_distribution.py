"""What is read off one distribution agrees with itself, and it holds what it says on rows like its own."""

import numpy as np
import pytest
from scipy.stats import norm

from vvp.learn.intervals.distribution import ForecastDistribution, clearly_under, distribution, kept, unusual


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


def signed(centre: float, errors: np.ndarray, count: float | None = None) -> ForecastDistribution:
    return ForecastDistribution(centre, np.sort(errors), signed=True, count=count)


def test_signed_errors_hold_either_end_on_its_own() -> None:
    rng = np.random.default_rng(0)
    below = above = 0
    for _ in range(2000):
        *known, new = rng.gamma(1, size=40)
        low, high = signed(0.0, np.array(known)).interval(0.8)
        below, above = below + (new < low), above + (new > high)
    assert 0.07 <= below / 2000 <= 0.12 and 0.07 <= above / 2000 <= 0.12


def test_everything_signed_is_read_off_one_distribution() -> None:
    around = signed(5.0, np.random.default_rng(1).gamma(1, size=99) - 0.7)
    low, high = around.interval(0.8)
    assert (low, high) == (around.quantile(0.1), around.quantile(0.9)) and around.half_width() == (
        high - low
    ) / 2
    assert around.cdf(around.quantile(0.5)) == pytest.approx(0.5, abs=0.01)
    assert around.cdf(low) == pytest.approx(0.1, abs=0.01) and around.cdf(high) == pytest.approx(
        0.9, abs=0.01
    )
    assert around.quantile(0.5) - low < high - around.quantile(0.5)
    assert around.quantile(0.999) == np.inf and around.quantile(0.001) == -np.inf


def test_errors_that_stand_for_fewer_promise_less() -> None:
    errors = np.random.default_rng(2).normal(size=400)
    (many, few), tail = (signed(0.0, errors, count) for count in (None, 30.0)), 4.0
    assert few.half_width() > many.half_width()
    assert few.probability_above(tail) > 5 * many.probability_above(tail)
    assert signed(0.0, errors, 8.0).interval(0.8) == (-np.inf, np.inf)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_what_two_drafts_share_sharpens_the_odds(correlation: float) -> None:
    errors = norm.ppf((np.arange(400) + 0.5) / 400)
    a, b = signed(5.5, errors), signed(5.0, errors)
    exact = norm.cdf(0.5 / np.sqrt(2 * (1 - correlation)))
    assert a.beats(b, correlation) == pytest.approx(exact, abs=0.01)
    assert a.beats(b, correlation) + b.beats(a, correlation) == pytest.approx(1)
    assert a.beats(a, correlation) == pytest.approx(0.5)
    plain = (
        ForecastDistribution(5.5, np.sort(np.abs(errors))),
        ForecastDistribution(5.0, np.sort(np.abs(errors))),
    )
    assert plain[0].beats(plain[1], correlation) == pytest.approx(exact, abs=0.01)


def test_a_correlation_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match="correlation"):
        signed(0.0, np.zeros(3)).beats(signed(0.0, np.zeros(3)), 1.0)


def test_a_forecast_that_says_little_says_so() -> None:
    usual = (6.0, 12.0)
    assert (
        unusual([], (7.0, 11.0), usual) is None
        and unusual(["followers", "length"], (7.0, 11.0), usual) is None
    )
    far = unusual(["followers", "length", "earlier videos", "hour"], (7.0, 11.0), usual)
    assert far is not None and "followers, length, earlier videos and more" in far
    wide = unusual([], (5.0, 12.0), usual)
    assert wide is not None and "as wide as" in wide and "unlike" not in wide


def test_quantiles_are_those_of_an_independent_library() -> None:
    """crepes on exchangeable errors: the same ranks, symmetric and signed."""
    crepes = pytest.importorskip("crepes")
    for m in (30, 100, 137, 512):
        errors = np.random.default_rng(m).gamma(2, size=m) - 2
        symmetric, system = crepes.ConformalRegressor(), crepes.ConformalPredictiveSystem()
        symmetric.fit(np.abs(errors))
        system.fit(errors)
        plain = distribution(3.0, errors)
        assert plain is not None
        for coverage in (0.5, 0.8):
            (theirs,) = symmetric.predict_int(np.full(1, 3.0), confidence=coverage)
            assert plain.interval(coverage) == pytest.approx(tuple(theirs))
            (theirs,) = system.predict_int(np.full(1, 3.0), confidence=coverage)
            assert signed(3.0, errors).interval(coverage) == pytest.approx(tuple(theirs))
