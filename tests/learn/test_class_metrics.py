"""Metrics of classes equal scikit-learn's, with weights as repeated rows; mappings to probabilities hold."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from vvp.learn import classes
from vvp.learn.class_metrics import Judge, best_threshold, confusion, curve
from vvp.learn.probabilities import Probabilities, choose
from vvp.models.base import log_losses


def forecasts(n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 4, n).round(2)
    return p, (rng.random(n) < p).astype(np.float64), np.array([f"c{i % 40}" for i in range(n)], dtype=object)


def test_two_classes_as_scikit_learn_has_them() -> None:
    p, y, channels = forecasts()
    judge = Judge(y, 2, channels, n=50)
    values = judge.values(p, 0.3)
    for draw in (0, 1, 17):
        w = judge.weights[draw]
        assert values["auc"][draw] == pytest.approx(roc_auc_score(y, p, sample_weight=w))
        assert values["average_precision"][draw] == pytest.approx(
            average_precision_score(y, p, sample_weight=w)
        )
        assert values["f1"][draw] == pytest.approx(f1_score(y, p >= 0.3, sample_weight=w))
        assert values["log_loss"][draw] == pytest.approx(np.average(log_losses(y, p), weights=w))
    assert values["calibration_error"][0] < 0.06


def test_more_classes_as_scikit_learn_has_them() -> None:
    rng = np.random.default_rng(1)
    said = rng.dirichlet(np.ones(4), 300)
    y = np.array([rng.choice(4, p=row) for row in said], dtype=np.float64)
    judge = Judge(y, 4, np.arange(300).astype(object), n=50)
    values, guess = judge.values(said, 0.5), said.argmax(axis=1)
    assert values["macro_f1"][0] == pytest.approx(f1_score(y, guess, average="macro"))
    assert values["accuracy"][0] == pytest.approx((guess == y).mean())
    assert values["steps"][0] == pytest.approx(np.abs(guess - y).mean())


def test_no_order_has_an_auc_about_a_half_and_a_constant_exactly() -> None:
    p, y, channels = forecasts(1000)
    shuffled = np.random.default_rng(3).permutation(p)
    judge = Judge(y, 2, channels, n=200)
    [low, high] = [
        getattr(judge.measured(judge.values(shuffled, 0.5))["auc"], end) for end in ("low", "high")
    ]
    assert low < 0.5 < high
    assert judge.values(np.full(1000, 0.2), 0.5)["auc"][0] == 0.5


def test_one_class_alone_has_no_auc() -> None:
    judge = Judge(np.zeros(30), 2, np.arange(30).astype(object), n=50)
    assert judge.measured(judge.values(np.linspace(0, 1, 30), 0.5))["auc"].point is None


def test_sure_forecasts_are_mended_and_right_ones_are_left() -> None:
    p, y, channels = forecasts(3000)
    clusters = np.arange(3000) % 60
    assert choose(p, y, clusters).losses["as they are"] <= min(choose(p, y, clusters).losses.values()) + 0.002
    sure = p**2 / (p**2 + (1 - p) ** 2)
    found = choose(sure, y, clusters)
    assert found.method != "as they are"
    assert log_losses(y, found.apply(sure)).mean() < log_losses(y, sure).mean() - 0.01
    again = Probabilities.read(found.as_dict(), "", "")
    assert np.array_equal(again.apply(sure), found.apply(sure))


def test_the_threshold_the_table_and_the_curve() -> None:
    p, y, _ = forecasts()
    threshold = best_threshold(p, y)
    best = f1_score(y, p >= threshold)
    assert all(f1_score(y, p >= other, zero_division=0) <= best + 1e-9 for other in np.unique(p))
    table = confusion(p, y, 2, threshold)
    assert np.sum(table) == 400 and table[1][1] == int(((p >= threshold) & (y == 1)).sum())
    assert sum(rows for _, _, rows in curve(p, y)) == 400


def test_forecasts_that_say_the_same_are_flagged() -> None:
    p, _, _ = forecasts()
    found = classes._flags({"one": p, "two": p.copy(), "flat": np.full(len(p), 0.3)}, np.array([0.5, 0.5]))
    assert [(one.kind, one.text) for one in found] == [
        ("constant", "flat says the same of every video"), ("same", "one and two say the same"),
    ]  # fmt: skip
