"""Each target is made of its counts as defined, and of nothing else."""

from typing import Any

import numpy as np
import pytest

from vvp.dataset.outcomes import Outcomes
from vvp.dataset.targets import TARGETS, find
from vvp.errors import UserError

DAY = np.timedelta64(1, "D")


def facts(n: int = 200, *, lag_days: float = 0.0, **counts: Any) -> Outcomes:
    rng = np.random.default_rng(0)
    base = np.exp(rng.normal(8, 1.5, n)).round()
    made = {
        "views": base, "likes": (base * rng.uniform(0.01, 0.1, n)).round(),
        "comments": (base * rng.uniform(0.001, 0.01, n)).round(),
        "shares": (base * rng.uniform(0.001, 0.02, n)).round(),
    }  # fmt: skip
    made |= {name: np.asarray(values, np.float64) for name, values in counts.items()}
    channel = np.array([f"c{i % 5}" for i in range(n)], dtype=object)
    when = np.datetime64("2025-01-01", "us") + np.arange(n) * DAY
    return Outcomes(made, channel, when, lag_days)


def train(given: Outcomes, share: float = 0.6) -> np.ndarray:
    n = len(given.channel_id)
    return np.arange(n) < share * n


@pytest.mark.parametrize("name", list(TARGETS))
def test_a_missing_count_is_no_zero(name: str) -> None:
    whole = facts()
    holed = {count: values.copy() for count, values in whole.counts.items()}
    for count in TARGETS[name].columns:
        holed[count][-1] = np.nan
    given = Outcomes(holed, whole.channel_id, whole.published_at, 0.0)
    y, strength = TARGETS[name].fit(given, train(given)).make(given)
    assert np.isnan(y[-1]) and np.isnan(strength[-1]) and np.isfinite(y[-2])


@pytest.mark.parametrize("name", list(TARGETS))
def test_the_test_part_moves_no_threshold(name: str) -> None:
    one = facts()
    other = facts(views=np.where(train(one), one.counts["views"], 5 * one.counts["views"]))
    numbers = [TARGETS[name].fit(given, train(given)).numbers for given in (one, other)]
    assert numbers[0] == numbers[1]


@pytest.mark.parametrize("name", ["views", "likes", "comments", "shares"])
def test_a_count_comes_back_as_itself(name: str) -> None:
    given = facts()
    fitted = TARGETS[name].fit(given, train(given))
    y, _ = fitted.make(given)
    assert np.allclose([fitted.value(value) for value in y], given.counts[name])


def test_engagement_is_reactions_per_view() -> None:
    given = facts(views=[999.0] * 200, likes=[89.5] * 199 + [0.0], comments=[5.0] * 200, shares=[5.0] * 200)
    fitted = TARGETS["engagement"].fit(given, train(given, 1.0))
    y, _ = fitted.make(given)
    assert fitted.value(y[0]) == pytest.approx(0.1)
    assert fitted.value(y[-1]) == pytest.approx(10.5 / 1000)


def test_the_virality_score_is_the_weighted_sum_between_its_training_ends() -> None:
    given = facts()
    fitted = TARGETS["virality"].fit(given, train(given))
    y, _ = fitted.make(given)
    own = train(given)
    raw = np.zeros(200)
    for count, weight in {"comments": 0.1, "likes": 0.4, "views": 0.3, "shares": 0.2}.items():
        logs = np.log1p(given.counts[count])
        low, middle, high = np.quantile(logs[own], [0.25, 0.5, 0.75])
        raw += weight * (logs - middle) / (high - low)
    wanted = np.clip((raw - raw[own].min()) / (raw[own].max() - raw[own].min()), 0, 1)
    assert np.allclose(y, wanted) and y[own].min() == 0 and y[own].max() == 1


def test_viral_is_above_all_four_training_medians() -> None:
    given = facts()
    own = train(given)
    y, strength = TARGETS["viral"].fit(given, own).make(given)
    above = [logs > np.median(logs[own]) for logs in given.logs.values()]
    assert np.array_equal(y == 1, np.all(above, axis=0)) and np.array_equal(y == 1, strength > 0)


def test_viral_by_another_rule() -> None:
    given = facts()
    own = train(given)
    top = find("viral", "top:10%").fit(given, own).make(given)[0]
    assert top[own].mean() == pytest.approx(0.1, abs=0.01)
    million = find("viral", "views:3000").fit(given, own).make(given)[0]
    assert np.array_equal(million == 1, given.counts["views"] > 3000)


def test_the_multiple_knows_only_earlier_ripe_videos_of_the_channel() -> None:
    given = facts(lag_days=10.0)
    y, _ = TARGETS["multiple"].fit(given, train(given)).make(given)
    logs = np.log1p(given.counts["views"])
    for row in (0, 14, 60, 123):
        earlier = [
            i for i in range(row)
            if given.channel_id[i] == given.channel_id[row] and row - i > 10
        ]  # fmt: skip
        if len(earlier) < 3:
            assert np.isnan(y[row])
        else:
            assert y[row] == pytest.approx(logs[row] - np.median(logs[earlier]))


def test_the_top_of_a_channel_needs_five_earlier_videos() -> None:
    given = facts()
    y, _ = TARGETS["channel-top"].fit(given, train(given)).make(given)
    assert np.isnan(y[:25]).all() and np.isfinite(y[25:]).all()
    assert 0.1 < y[25:].mean() < 0.35


def test_quartiles_are_even_in_training() -> None:
    given = facts()
    own = train(given)
    y, _ = TARGETS["quartile"].fit(given, own).make(given)
    assert np.bincount(y[own].astype(int)).tolist() == [30, 30, 30, 30]


@pytest.mark.parametrize(
    ("name", "viral", "sentence"),
    [
        ("fame", None, "no target called fame"),
        ("viral", "top:0%", "between 0 and 100"),
        ("viral", "top:100%", "between 0 and 100"),
        ("viral", "top:10", "is no rule"),
        ("viral", "views:10%", "is no rule"),
        ("viral", "views:0", "at least one view"),
        ("viral", "likes:5", "is no rule"),
    ],
)
def test_a_wrong_wish_is_one_sentence(name: str, viral: str | None, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        find(name, viral)


def test_a_table_without_a_count_says_so() -> None:
    for name in ("shares", "virality", "engagement", "viral"):
        given = facts(shares=[np.nan] * 200)
        with pytest.raises(UserError, match="has no shares"):
            TARGETS[name].fit(given, train(given))


def test_too_few_of_a_class_and_equal_labels_are_refused() -> None:
    given = facts()
    with pytest.raises(UserError, match="needs 10 training videos of each class; 1 is viral"):
        find("viral", "top:0.5%").fit(given, train(given))
    given = facts(likes=[7.0] * 200)
    with pytest.raises(UserError, match="same for every training video"):
        TARGETS["likes"].fit(given, train(given))
