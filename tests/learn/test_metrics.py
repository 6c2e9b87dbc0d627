"""Exact values against scipy and scikit-learn; intervals that cover what they say; None where undefined."""

import time

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from vvp.learn import metrics as m


def sample(n=60, seed=0, ties=True):
    rng = np.random.default_rng(seed)
    y = rng.normal(8, 2, n)
    p = y + rng.normal(0, 2, n)
    return (y.round(0), p.round(0)) if ties else (y, p)


def brute_pairs(y, p):
    right = total = 0.0
    for i in range(len(y)):
        for j in range(i):
            if y[i] != y[j]:
                total += 1
                right += 0.5 if p[i] == p[j] else float((y[i] > y[j]) == (p[i] > p[j]))
    return right / total


@pytest.mark.parametrize("ties", [True, False])
def test_points_are_those_of_the_libraries(ties):
    y, p = sample(ties=ties)
    assert m.spearman(y, p) == pytest.approx(stats.spearmanr(y, p).statistic)
    assert m.r2(y, p) == pytest.approx(sk.r2_score(y, p))
    assert m.mae(y, p) == pytest.approx(sk.mean_absolute_error(y, p))
    assert m.pairwise_accuracy(y, p) == pytest.approx(brute_pairs(y, p))


def test_undefined_is_none_and_not_zero():
    y, p = sample()
    flat = np.full(len(y), 3.0)
    assert m.spearman(y, flat) is None
    assert m.pairwise_accuracy(y, flat) == 0.5
    assert m.r2(y, flat) is not None
    assert m.r2(flat, p) is None and m.spearman(flat, p) is None and m.pairwise_accuracy(flat, p) is None
    assert m.mae(y[:0], p[:0]) is None
    found = m.bootstrap(y, {"flat": flat}, np.arange(len(y)).astype(str), n=50)["flat"]["spearman"]
    assert (found.point, found.low, found.resamples, found.skipped) == (None, None, 0, 50)
    with pytest.raises(ValueError):
        m.spearman(y, np.where(y > 8, np.nan, p))


@pytest.mark.parametrize("ties", [True, False])
def test_a_weighted_resample_equals_the_repeated_rows(ties):
    y, p = sample(80, ties=ties)
    channels = np.random.default_rng(1).integers(0, 12, 80)
    draws = m.Draws.make(channels, 25, seed=3)
    got = draws.replicates(y, p)
    for k, times in enumerate(draws.times.astype(int)):
        rows = np.repeat(np.arange(80), times[draws.codes])
        assert got["spearman"][k] == pytest.approx(stats.spearmanr(y[rows], p[rows]).statistic)
        assert got["r2"][k] == pytest.approx(sk.r2_score(y[rows], p[rows]))
        assert got["mae"][k] == pytest.approx(sk.mean_absolute_error(y[rows], p[rows]))
        assert got["pairwise_accuracy"][k] == pytest.approx(m.pairwise_accuracy(y[rows], p[rows]), rel=1e-5)


def test_the_interval_of_clustered_data_covers_about_what_it_says():
    """30 channels of 8 videos with a strong channel part: a row bootstrap would be far too narrow."""
    truth_rng = np.random.default_rng(0)

    def draw(rng, channels):
        level, skill = np.repeat(rng.normal(0, 1, channels), 8), np.repeat(rng.normal(0, 1, channels), 8)
        y = level + rng.normal(0, 0.5, channels * 8)
        return y, level + 0.8 * skill, np.repeat(np.arange(channels), 8)

    y, p, _ = draw(truth_rng, 20_000)
    truth = {"mae": m.mae(y, p), "r2": m.r2(y, p), "spearman": m.spearman(y, p)}
    by_channel, by_row = dict.fromkeys(truth, 0), dict.fromkeys(truth, 0)
    runs = 150
    for seed in range(runs):
        y, p, channel = draw(np.random.default_rng(seed + 1), 30)
        for ids, hits in ((channel, by_channel), (np.arange(len(y)), by_row)):
            found = m.bootstrap(y, {"m": p}, ids, n=200, seed=seed)["m"]
            for name, value in truth.items():
                hits[name] += found[name].low <= value <= found[name].high
    for name in truth:
        assert 0.86 <= by_channel[name] / runs <= 0.99, (name, by_channel)
        assert by_row[name] < by_channel[name] - 0.1 * runs


def test_shuffled_predictions_are_no_better_than_chance():
    y, p = sample(300, ties=False)
    channels = np.random.default_rng(1).integers(0, 60, 300)
    found = m.bootstrap(y, {"m": np.random.default_rng(2).permutation(p)}, channels, n=300)["m"]
    assert found["spearman"].low < 0 < found["spearman"].high
    assert found["r2"].high < 0
    assert found["pairwise_accuracy"].low < 0.5 < found["pairwise_accuracy"].high


def test_paired_uses_the_same_resamples():
    y, p = sample(200, ties=False)
    channels = np.random.default_rng(1).integers(0, 40, 200)
    same = m.paired(y, p, p.copy(), channels, n=100)
    assert all((i.point, i.low, i.high) == (0, 0, 0) for i in same.values())
    worse = p + np.random.default_rng(5).normal(0, 2, 200)
    found = m.paired(y, worse, p, channels, n=300)
    assert found["spearman"].high < 0 and found["mae"].low > 0
    alone = m.bootstrap(y, {"a": worse, "b": p}, channels, n=300)
    assert found["mae"].high - found["mae"].low < alone["a"]["mae"].high - alone["b"]["mae"].low
    assert m.paired(y, np.zeros(200), p, channels, n=50)["spearman"].point is None


def test_few_channels_are_flagged_and_one_has_no_interval():
    y, p = sample()
    four = m.bootstrap(y, {"m": p}, np.arange(60) % 4, n=50)["m"]["mae"]
    assert four.few_channels and four.low is not None
    one = m.bootstrap(y, {"m": p}, ["c"] * 60, n=50)["m"]["mae"]
    assert one.few_channels and one.low is None
    assert not m.bootstrap(y, {"m": p}, [None] * 60, n=50)["m"]["mae"].few_channels


def test_twelve_models_a_thousand_rows_a_thousand_resamples_take_seconds():
    y, p = sample(1000, ties=False)
    rng = np.random.default_rng(0)
    preds = {f"m{i}": p + rng.normal(size=1000) for i in range(12)}
    start = time.process_time()
    m.bootstrap(y, preds, rng.integers(0, 200, 1000), n=1000)
    assert time.process_time() - start < 20


def test_above_the_stated_size_pairs_are_sampled_and_memory_is_not_quadratic():
    y, p = sample(30_000, ties=False)
    found = m.bootstrap(y, {"m": p}, np.arange(30_000) % 500, n=40)["m"]["pairwise_accuracy"]
    assert found.low - 0.02 < found.point < found.high + 0.02


def test_flags_name_constant_and_identical_models():
    p = np.arange(5.0)
    found = m.flags({"a": p, "b": p.copy(), "flat": np.ones(5), "c": p + 1})
    assert [(one.kind, one.text) for one in found] == [
        ("constant", "flat predicts the same for every video"),
        ("same", "a and b predict the same"),
    ]


def test_percentage_errors_leave_out_counts_of_zero() -> None:
    counts = np.array([0.0, 10.0, 100.0, 1000.0])
    said = {"twice": 2 * counts + 5, "nothing": np.zeros(4)}
    found, counted = m.percentage_errors(counts, said, ["a", "b", "c", "d"], n=100)
    assert counted == 3
    assert found["twice"].point == pytest.approx((1.5 + 1.05 + 1.005) / 3)
    assert found["nothing"].point == found["nothing"].high == 1.0  # too low a forecast cannot miss by more
    none, counted = m.percentage_errors(np.zeros(4), {"x": counts}, ["a", "b", "c", "d"], n=100)
    assert none["x"].point is None and counted == 0
