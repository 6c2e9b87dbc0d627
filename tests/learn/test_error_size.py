"""What errors share: against textbook formulas and planted correlations."""

import numpy as np
import pytest

from vvp.learn.intervals import error_size


def shared_errors(channels: int, each: int, correlation: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    common = np.repeat(rng.normal(size=channels), each)
    errors = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * rng.normal(size=channels * each)
    return errors, np.repeat(np.arange(channels), each)


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.7])
def test_a_planted_correlation_is_found(correlation: float) -> None:
    errors, clusters = shared_errors(400, 5, correlation, 0)
    assert error_size.shared(errors, clusters) == pytest.approx(correlation, abs=0.07)
    assert error_size.pair_correlation(errors, clusters) == pytest.approx(correlation, abs=0.07)
    design = 1 + 4 * correlation
    assert error_size.effective(errors, clusters) == pytest.approx(2000 / design, rel=0.2)


def test_one_busy_channel_does_not_decide_what_channels_share() -> None:
    errors, clusters = shared_errors(200, 2, 0.0, 1)
    busy = np.full(300, 4.0) + 0.1 * np.random.default_rng(2).normal(size=300)
    both, codes = np.concatenate([errors, busy]), np.concatenate([clusters, np.full(300, 999)])
    assert error_size.effective(both, codes) < 30
    assert error_size.pair_correlation(both, codes) < 0.95


def test_the_standard_error_is_that_of_the_channels_means() -> None:
    errors, clusters = shared_errors(50, 4, 0.5, 3)
    means = errors.reshape(50, 4).mean(axis=1)
    assert error_size.standard_error(errors, clusters) == pytest.approx(means.std(ddof=1) / np.sqrt(50))
    alone = error_size.standard_error(errors, np.arange(200))
    assert alone == pytest.approx(errors.std(ddof=1) / np.sqrt(200))
    assert error_size.standard_error(errors, np.zeros(200, np.int64)) == np.inf


def test_a_shift_is_shrunk_by_what_is_not_certain_and_capped() -> None:
    errors, clusters = shared_errors(100, 3, 0.3, 4)
    assert error_size.recent_shift(errors + 2, clusters, 5.0) == pytest.approx(2 + errors.mean(), abs=0.1)
    assert error_size.recent_shift(errors + 2, clusters, 0.5) == 0.5
    assert error_size.recent_shift(errors - 2, clusters, 0.5) == -0.5
    assert abs(error_size.recent_shift(errors - errors.mean(), clusters, 5.0)) < 0.05
    assert error_size.recent_shift(errors + 2, np.zeros(300, np.int64), 5.0) == 0, (
        "one channel shows no level"
    )
    wild = np.append(errors, 1000.0)
    assert abs(error_size.recent_shift(wild, np.append(clusters, 999), 5.0)) < 0.2


def test_a_scale_finds_a_planted_slope_and_keeps_its_bounds() -> None:
    rng = np.random.default_rng(5)
    traits = rng.normal(size=(4000, 3))
    sizes = np.abs(rng.normal(size=4000)) * np.exp(0.3 * traits[:, 1])
    traits[:400, 2] = np.nan
    sizes[:400] *= 1.5
    sizes[7] = 1e4
    found = error_size.Scale.fit(sizes, traits)
    at = found.factor(np.array([[0.0, -1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, np.nan], [0.0, 0.0, 0.0]]))
    assert at[1] / at[0] == pytest.approx(np.exp(0.6), rel=0.12)
    assert at[2] / at[3] == pytest.approx(1.5, rel=0.12)
    far = found.factor(np.array([[0.0, -1e12, 0.0], [0.0, 1e12, 0.0], [np.inf, np.nan, -np.inf]]))
    assert np.isfinite(far).all() and far.min() >= error_size.NARROWEST and far.max() <= error_size.WIDEST
