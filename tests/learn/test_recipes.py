"""A recipe is judged on rows that it did not see, averaged with others, and fitted anew for each purpose."""

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from learn_tables import fill, world

from vvp.dataset.matrix import Matrix, assemble, assemble_whole, population
from vvp.learn import recipes
from vvp.learn.candidates import MODELS, fit, refit, within
from vvp.learn.first_points import at_first_points
from vvp.learn.folds import TrialData, before_test, folds, trial_data
from vvp.learn.recipes import Recipe, Tried, average, held_forecasts
from vvp.models.base import MAE, first_point, mae
from vvp.models.gbdt import Gbdt
from vvp.models.ridge import Ridge
from vvp.workspace import Workspace


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, Matrix, TrialData]]:
    space = fill(tmp_path_factory.mktemp("recipes"), *world(n=240, channels=12))
    matrix = assemble(space)
    rows = population(matrix)
    yield space, matrix, trial_data(matrix, rows, folds(matrix, rows.rows), ("full", "metadata"))


def tries(errors: np.ndarray, y: np.ndarray) -> list[Tried]:
    """One try for each row of errors (k, m)."""
    return [
        Tried(Recipe(family="ridge", input="full", point=i), mae(y, y + e), y + e)
        for i, e in enumerate(errors)
    ]


@pytest.mark.parametrize("seed", range(4))
def test_an_average_is_no_worse_than_its_best_member(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = rng.normal(8, 2, 200)
    shared = rng.normal(size=200)
    found = tries(0.5 * shared + rng.normal(0, rng.uniform(0.5, 1.5, (20, 1)), (20, 200)), y)
    made = average(found, y, MAE)
    assert made is not None and 2 <= len(made.recipe.members) <= recipes.MOST_MEMBERS
    by_point = {one.recipe.point: one for one in found}
    weights = [weight for weight, _ in made.recipe.members]
    assert sum(weights) == pytest.approx(1) and min(weights) > 0
    mixed = sum(weight * by_point[one.point].oof for weight, one in made.recipe.members)
    np.testing.assert_allclose(made.oof, mixed)
    assert made.validation == pytest.approx(mae(y, made.oof))
    assert made.validation < min(one.validation for one in found)


def test_a_single_model_that_nothing_helps_is_no_average() -> None:
    y = np.random.default_rng(0).normal(size=50)
    assert average(tries(np.array([np.zeros(50), np.ones(50)]), y), y, MAE) is None
    assert average(tries(np.ones((1, 50)), y), y, MAE) is None and average([], y, MAE) is None
    assert average(tries(np.ones((3, 50)), y), y, MAE) is None, "all alike"


def test_opposite_errors_cancel() -> None:
    y = np.zeros(40)
    made = average(tries(np.array([np.full(40, 1.0), np.full(40, -1.01), np.full(40, 3.0)]), y), y, MAE)
    assert made is not None and made.validation == pytest.approx(0.005, abs=1e-6)
    assert [one.point for _, one in made.recipe.members] == [0, 1]


def test_a_recipe_comes_back_from_json() -> None:
    one = Recipe(family="gbdt", input="metadata", params={"leaves": 7, "rate": 0.1}, point=4)
    two = Recipe(family="ridge", input="full", params={"components": 32}, point=11)
    for recipe in (one, Recipe(family="average", input="full", members=((0.25, one), (0.75, two)))):
        assert Recipe.from_dict(json.loads(json.dumps(recipe.as_dict()))) == recipe


@pytest.mark.parametrize("family", [Ridge(), Gbdt(trees=(5, 20))], ids=["ridge", "gbdt"])
def test_what_is_said_of_held_rows_does_not_depend_on_their_labels(
    planted: tuple[Workspace, Matrix, TrialData], family: Ridge | Gbdt
) -> None:
    """With one fold only: what one fold holds, the next may learn from. The point may move; the path not."""
    data = replace(planted[2], folds=planted[2].folds[-1:])
    params = first_point(family, *data.X.shape)
    held = data.folds[0].held
    other = data.y.copy()
    other[held] = np.random.default_rng(0).permutation(other[held]) + 5
    before, after = (
        [family.path(*part.part(part.folds[0], "full"), params, seed=0)]
        for part in (data, replace(data, y=other))
    )
    np.testing.assert_array_equal(before, after)
    point, value, oof = held_forecasts(data, family, params, "full")
    np.testing.assert_array_equal(oof, before[0][point])
    assert value == mae(data.y[held], oof)
    values = [mae(data.y[held], path) for path in before[0]]
    assert point == int(np.argmin(values))


def test_refitting_changes_the_model_but_not_what_it_reads(
    planted: tuple[Workspace, Matrix, TrialData],
) -> None:
    space, matrix, _ = planted
    rows = population(matrix)
    found = fit(matrix, rows, at_first_points(["ridge"])("time"))
    whole = assemble_whole(space).only(matrix.column_names)
    test = matrix.rows("test")
    for one in (c for c in found if c.role in MODELS and c.model is not None):
        again = refit(whole, population(whole), one, whole.rows("train"))
        assert again.columns == one.columns and again.recipe == one.recipe
        assert again.rows == len(whole.y) > one.rows == len(before_test(matrix))
        moved = np.abs(again.predict(whole, test) - one.predict(matrix, test))
        assert np.isfinite(moved).all() and moved.max() > 1e-3
        same = refit(matrix, rows, one, before_test(matrix))
        np.testing.assert_array_equal(same.predict(matrix, test), one.predict(matrix, test))


def test_an_average_reads_its_members_columns_each_its_own(
    planted: tuple[Workspace, Matrix, TrialData],
) -> None:
    _, matrix, _ = planted
    rows, before = population(matrix), before_test(matrix)
    parts = [
        Recipe(family="ridge", input=name, params=Ridge().start, point=9) for name in ("metadata", "full")
    ]
    recipe = Recipe(family="average", input="full", members=((0.25, parts[0]), (0.75, parts[1])))
    at = recipes.columns(matrix, recipe)
    np.testing.assert_array_equal(at, np.union1d(matrix.select("metadata"), matrix.select("full")))
    test = matrix.rows("test")
    whole = recipes.fit(matrix, rows, recipe, before).predict(matrix.X[np.ix_(test, at)])
    alone = [
        recipes.fit(matrix, rows, one, before).predict(matrix.X[np.ix_(test, recipes.columns(matrix, one))])
        for one in parts
    ]
    np.testing.assert_allclose(whole, 0.25 * alone[0] + 0.75 * alone[1])


def test_no_forecast_lies_far_outside_the_training_range_whatever_the_scale() -> None:
    said = np.array([-50.0, 5.0, 50.0])
    np.testing.assert_allclose(within(said, (2.0, 14.0)), [2 - np.log(3), 5, 14 + np.log(3)])  # log counts
    np.testing.assert_allclose(within(said / 50, (0.0, 0.4)), [-0.1, 0.1, 0.5])  # a score from 0 to 1
    assert within(said, None) is said
