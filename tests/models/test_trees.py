"""LightGBM and ExtraTrees: how they grow, and what of a saved forest is refused."""

import numpy as np
import pytest
from planted import world
from safetensors.numpy import save
from sealed import resealed, tensors_of
from sklearn.ensemble import ExtraTreesRegressor

from vvp.errors import UserError
from vvp.models.extratrees import MOST_LEAVES, ExtraTrees, ExtraTreesModel, Forest
from vvp.models.gbdt import Gbdt, leaf_limit
from vvp.models.registry import load


@pytest.mark.parametrize("objective", ["regression", "regression_l1"])
def test_with_60_rows_the_trees_still_split(objective: str) -> None:
    train, held = world(60, seed=1), world(40, seed=2)
    family = Gbdt(trees=(30, 100))  # its start asks for 20 a leaf
    model = family.fit(train, {**family.start, "objective": objective}, 1)
    assert np.unique(model.predict(held.X)).size > 10
    assert [leaf_limit(n) for n in (10, 60, 400, 10_000)] == [2, 3, 20, 100]


def test_the_forest_has_as_many_trees_as_its_point_says() -> None:
    train, family = world(200, seed=1), Gbdt(trees=(7, 20))
    for point, trees in enumerate(family.trees):
        assert family.fit(train, family.start, point).booster.num_trees() == trees


@pytest.fixture(scope="module")
def extratrees() -> ExtraTreesModel:
    family = ExtraTrees(trees=20)
    return family.fit(world(300, seed=1), family.start, 0)


def test_the_forest_walks_as_scikit_learns_does() -> None:
    train = world(300, seed=1)
    X = np.nan_to_num(train.X)
    sklearns = ExtraTreesRegressor(20, min_samples_leaf=3, random_state=0).fit(X, train.y)
    forest = Forest.of(sklearns)
    np.testing.assert_allclose(forest.predict(X), sklearns.predict(X), rtol=1e-6)
    on_a_threshold = np.repeat(forest.number[forest.right != 0][:50, None], 52, axis=1)
    np.testing.assert_allclose(forest.predict(on_a_threshold), sklearns.predict(on_a_threshold), rtol=1e-6)


def test_a_missing_value_reads_as_the_training_median(extratrees: ExtraTreesModel) -> None:
    empty = np.full((1, 52), np.nan, dtype=np.float32)
    median = np.nanmedian(world(300, seed=1).X[:, :12], axis=0)
    np.testing.assert_allclose(extratrees.median[:12], median, rtol=1e-6)
    whole = np.concatenate([median, np.full(40, np.nan)]).astype(np.float32)[None]
    assert extratrees.predict(empty) == extratrees.predict(whole)


def test_a_forest_that_leads_nowhere_is_refused(extratrees: ExtraTreesModel) -> None:
    files = extratrees.files()
    tensors = tensors_of(files)
    right, feature, roots = (tensors[f"forest.{name}"] for name in ("right", "feature", "roots"))
    inner = int(np.flatnonzero(right)[1])  # the first is a root, at 0

    def at(array: np.ndarray, place: int, value: int) -> np.ndarray:
        return np.concatenate([array[:place], np.array([value], dtype=array.dtype), array[place + 1 :]])

    for name, value in (
        ("right", at(right, inner, inner)),  # a loop
        ("right", at(right, inner, -1)),
        ("right", at(right, inner, len(right))),
        ("right", at(right, inner, int(roots[1]))),  # into another tree
        ("right", at(right, len(right) - 1, len(right) - 1)),  # the last node has no left child
        ("right", right[:-1]),
        ("right", right.astype(np.float32)),
        ("right", right.astype(np.int64)),
        ("feature", at(feature, inner, 52)),
        ("feature", at(feature, inner, -1)),
        ("roots", at(roots, 0, 1)),
        ("roots", at(roots, 1, 0)),
        ("roots", at(roots, len(roots) - 1, len(right))),
        ("roots", roots[:0]),
        ("number", tensors["forest.number"].astype(np.int32)),
        ("number", tensors["forest.number"] * np.float32(np.nan)),
    ):
        content = save({**tensors, f"forest.{name}": value})
        with pytest.raises(UserError):
            load(resealed(files, "model.safetensors", content))


def test_many_rows_do_not_make_a_large_file() -> None:
    model = ExtraTrees(trees=3).fit(world(12_000, seed=1), {"min_samples_leaf": 2, "max_features": 0.1}, 0)
    assert len(model.forest.right) <= 3 * 2 * MOST_LEAVES
