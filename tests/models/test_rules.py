"""The rules that a model must beat."""

import numpy as np
import pytest
from planted import world

from vvp.models.baselines import (
    HistoryModel,
    MeanModel,
    Unavailable,
    channel_history,
    one_column,
    train_mean,
)


def test_one_column_is_least_squares_and_the_mean_where_it_is_missing() -> None:
    train = world(200, seed=1)
    model = one_column(train, 0)
    assert not isinstance(model, Unavailable)
    known = ~np.isnan(train.X[:, 0])
    slope, intercept = np.polyfit(train.X[known, 0].astype(float), train.y[known], 1)
    assert (model.slope, model.intercept) == pytest.approx((slope, intercept))
    assert model.predict(np.full((1, 52), np.nan, dtype=np.float32)) == pytest.approx([train.y.mean()])


def test_history_is_taken_as_it_stands_and_the_mean_without_one() -> None:
    train = world(50, seed=1)
    model = channel_history(train, 3)
    assert isinstance(model, HistoryModel)
    X = np.zeros((2, 52), dtype=np.float32)
    X[0, 3], X[1, 3] = 6.5, np.nan
    assert model.predict(X) == pytest.approx([6.5, train.y.mean()])
    assert isinstance(train_mean(train), MeanModel) and train_mean(train).predict(X) == pytest.approx(
        [train.y.mean()] * 2
    )


def test_a_baseline_that_cannot_be_had_says_why() -> None:
    train = world(50, seed=1)
    train.X[:, 0], train.X[:, 1] = 3.0, np.nan
    reasons = [one_column(train, column) for column in (None, 0, 1)] + [channel_history(train, 1)]
    assert [r.reason for r in reasons if isinstance(r, Unavailable)] == [
        "the table has no such column",
        "the column is constant in training",
        "the column is missing in every training row",
        "no channel has an earlier video in training",
    ]
