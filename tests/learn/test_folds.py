"""Folds of the rows before the test: none learns from what it forecasts, nor from what was not known yet."""

from pathlib import Path

import numpy as np
import pytest
from learn_tables import fill, world

from vvp.dataset.matrix import Matrix, assemble, population
from vvp.dataset.splits import SplitSettings
from vvp.learn.folds import COUNT, FOLDS, TrialData, before_test, final_data, folds, trial_data

EVERYTHING = ("full", "metadata", "words", "picture")


def matrix_of(root: Path, split: str = "time", lag: float | None = None, **changes: int | float) -> Matrix:
    made = world(**{"n": 200, "channels": 12, **changes})
    return assemble(fill(root, *made), split, SplitSettings(lag_days=lag))


def data_of(matrix: Matrix, seed: int = 0) -> TrialData:
    rows = population(matrix)
    return trial_data(matrix, rows, folds(matrix, rows.rows, seed), EVERYTHING, seed)


def days(matrix: Matrix) -> np.ndarray:
    return (matrix.published_at - matrix.published_at.min()).astype(float) / 86_400e6


@pytest.mark.parametrize("lag", [0.0, 3.0, 7.0])
def test_in_time_the_rows_held_are_later_than_those_fitted_by_the_lag(tmp_path: Path, lag: float) -> None:
    matrix = matrix_of(tmp_path, lag=lag)
    when, rows = days(matrix), before_test(matrix)
    made = folds(matrix, np.ones(len(matrix.y), bool))
    assert len(made) == FOLDS
    for fitted, held in made:
        assert when[held].min() - when[fitted].max() >= lag
        left_out = (when[rows] < when[held].min()).sum() - len(fitted)
        assert left_out <= lag + 2, "one post a day: no more is lost than the lag asks for"
    held = [held for _, held in made]
    assert len(np.unique(np.concatenate(held))) == sum(map(len, held)), "each row is held once"
    assert all(len(a) < len(b) for (a, _), (b, _) in zip(made, made[1:], strict=False)), "the windows grow"


def test_a_lag_longer_than_the_table_costs_a_tenth_of_the_rows_and_no_more(tmp_path: Path) -> None:
    matrix = matrix_of(tmp_path, lag=300.0)
    when, rows = days(matrix), before_test(matrix)
    made = folds(matrix, np.ones(len(matrix.y), bool))
    assert len(made) == FOLDS
    for fitted, held in made:
        assert (when[rows] < when[held].min()).sum() - len(fitted) == len(rows) // 10
        assert when[fitted].max() < when[held].min()


@pytest.mark.parametrize("split", ["time", "random"])
def test_copies_do_not_stand_on_both_sides(tmp_path: Path, split: str) -> None:
    videos, embeddings = world(n=200, channels=12)
    for a, b in ((3, 70), (10, 90), (11, 120), (12, 121), (60, 100)):
        for name in ("media_sha256", "title"):
            videos[b][name] = videos[a][name]  # posted once more, unchanged
    matrix = assemble(fill(tmp_path, videos, embeddings), split)
    sizes = np.bincount(matrix.copies[before_test(matrix)])
    assert (sizes > 1).any() or split == "time"
    for fitted, held in folds(matrix, np.ones(len(matrix.y), bool)):
        assert not set(matrix.copies[fitted]) & set(matrix.copies[held])


def test_too_few_rows_make_no_folds(tmp_path: Path) -> None:
    matrix = matrix_of(tmp_path / "a", n=30)
    assert len(before_test(matrix)) < 30 and folds(matrix, np.ones(30, bool)) == []
    matrix = matrix_of(tmp_path / "b", n=100)
    few = np.zeros(100, bool)
    few[before_test(matrix)[:29]] = True
    assert folds(matrix, few) == []
    few[before_test(matrix)[29]] = True
    assert all(few[held].all() for _, held in folds(matrix, few)), "only rows asked about are held"


def test_a_tenth_of_the_training_rows_hide_their_history_and_no_held_row_does(tmp_path: Path) -> None:
    matrix = matrix_of(tmp_path, n=600)
    data = data_of(matrix)
    names = np.array(matrix.column_names)[data.inputs["full"]]
    own = np.flatnonzero([c.block == "channel" for c in matrix.columns])
    assert set(np.array(matrix.column_names)[own]) >= {"channel_history_mean", COUNT, "channel_last"}
    count, mean = (np.flatnonzero(names == n)[0] for n in (COUNT, "channel_history_mean"))
    for fold in data.folds:
        train, held = data.part(fold, "full")
        before = data.X[fold.fit]
        hidden = (train.X[:, count] == 0) & (before[:, data.inputs["full"][count]] > 0)
        assert 0.05 < hidden.mean() < 0.15
        at = np.isin(data.inputs["full"], own)
        assert np.isnan(train.X[hidden][:, at & (np.arange(len(names)) != count)]).all()
        assert np.isnan(train.X[hidden, mean]).all()
        rest = ~np.isin(data.inputs["full"], data.topic_columns)
        np.testing.assert_array_equal(
            train.X[~hidden][:, rest], before[~hidden][:, data.inputs["full"][rest]]
        )
        np.testing.assert_array_equal(held[:, rest], data.X[fold.held][:, data.inputs["full"][rest]])
    again = data.part(data.folds[0], "full")[0].X
    np.testing.assert_array_equal(again, data.part(data.folds[0], "full")[0].X)
    assert not np.isnan(data.X[:, own[0]]).all(), "what is shared stays as it was"


def test_topics_know_the_words_of_the_folds_training_rows_alone(tmp_path: Path) -> None:
    """A word that only later rows have gives zeros; in a model of all rows before the test it gives more."""
    videos, embeddings = world(n=200, channels=12)
    for i, row in enumerate(videos):
        row["title"] = "knit wool scarf" if i % 2 else "engine brake oil"
        if i >= 100:
            row["title"] = "黒猫の動画" if i % 2 else "白犬と散歩"
    matrix = assemble(fill(tmp_path, videos, embeddings))
    data = data_of(matrix)
    assert len(data.topic_columns) > 0
    late = np.flatnonzero(before_test(matrix) >= 100)
    first, last = data.folds[0], data.folds[-1]
    assert first.fit.max() < late.min() and first.topics[first.fit].any(axis=1).all()
    assert not first.topics[late].any()
    assert last.topics[late].any(axis=1).all()
    assert data.X[np.ix_(late, data.topic_columns)].any(axis=1).all(), "as the matrix has them"
    train, _ = data.part(first, "words")
    at = np.isin(data.inputs["words"], data.topic_columns)
    np.testing.assert_array_equal(train.X[:, at], first.topics[first.fit])


def test_rows_without_media_do_not_train_a_model_of_everything_but_are_all_in_the_data(
    tmp_path: Path,
) -> None:
    matrix = matrix_of(tmp_path, n=400, media=0.7)
    rows = population(matrix)
    assert rows.name == "with_media"
    data = data_of(matrix)
    fold = data.folds[-1]
    has = matrix.has_media[before_test(matrix)]
    for input_, fitted in (("full", has[fold.fit].sum()), ("metadata", len(fold.fit))):
        assert len(data.part(fold, input_)[0].y) == fitted
    assert has[fold.held].all() and not has[fold.fit].all()
    everyone = before_test(matrix)
    at = matrix.select("full")
    assert len(final_data(matrix, rows, everyone, at, "full", 0).y) == has.sum()
    assert len(final_data(matrix, rows, everyone, matrix.select("metadata"), "metadata", 0).y) == len(has)


def test_nothing_of_the_test_goes_into_what_trials_share(tmp_path: Path) -> None:
    matrix = matrix_of(tmp_path)
    data = data_of(matrix)
    assert len(data.y) == len(before_test(matrix)) < len(matrix.y)
    np.testing.assert_array_equal(data.y, matrix.y[before_test(matrix)])
    assert list(data.only(["metadata", "nothing such"]).inputs) == ["metadata"]
