"""Ridge and ElasticNet, and how columns are projected and scaled before them."""

import json

import numpy as np
import pytest
from planted import world
from sealed import changed_head
from sklearn.decomposition import PCA
from sklearn.linear_model import ElasticNet as SklearnElasticNet
from sklearn.linear_model import Ridge as SklearnRidge

from vvp.errors import UserError
from vvp.models.base import Data
from vvp.models.elasticnet import ElasticNet
from vvp.models.projection import Projection
from vvp.models.registry import load
from vvp.models.ridge import ALPHAS, Ridge, solve
from vvp.models.scaling import Inputs, Standardizer


@pytest.mark.parametrize("n,d", [(40, 90), (90, 40)])
def test_one_decomposition_gives_what_sklearn_gives_for_every_alpha(n: int, d: int) -> None:
    rng = np.random.default_rng(0)
    Z, y = rng.normal(size=(n, d)), rng.normal(size=n)
    Z, y = Z - Z.mean(axis=0), y - y.mean()
    for alpha, coef in zip(ALPHAS, solve(Z, y, ALPHAS), strict=True):
        expected = SklearnRidge(alpha=alpha, fit_intercept=False, solver="svd").fit(Z, y).coef_
        np.testing.assert_allclose(coef, expected, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("penalty", ["ridge", "elasticnet"])
def test_a_linear_path_is_sklearns_at_every_penalty(penalty: str) -> None:
    train, held = world(80, seed=1, noise=2.0), world(60, seed=2, noise=2.0)
    family = {"ridge": Ridge(), "elasticnet": ElasticNet(rounds=5000)}[penalty]
    params = {**family.start, "components": None, "embedding_weight": 1.0}
    inputs = Inputs.fit(train, components=None, embedding_weight=1.0)
    Z = inputs.apply(train.X)
    for point, forecasts in enumerate(family.path(train, held.X, params)[:12]):
        alpha = family.fit(train, params, point).alpha
        reference = (
            SklearnRidge(alpha=alpha, solver="svd")
            if penalty == "ridge"
            else SklearnElasticNet(alpha=alpha, l1_ratio=0.5, max_iter=5000)
        )
        expected = reference.fit(Z, train.y).predict(inputs.apply(held.X))
        np.testing.assert_allclose(forecasts, expected, rtol=1e-3)


def test_scaling_is_the_training_parts_and_shares_variance_between_groups() -> None:
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(500, 104)) * 7 + 3).astype(np.float32)
    X[:, 0], X[:, 1], X[::3, 2] = 5.0, np.nan, np.nan  # constant, wholly missing, partly missing
    groups = np.array(["timing:feature"] * 4 + ["picture:embedding"] * 100)
    data = Data(X=X, y=np.zeros(500), groups=groups)
    Z = Inputs.fit(data, components=None, embedding_weight=2.0).apply(X)
    assert np.isfinite(Z).all() and not Z[:, :2].any() and not Z[::3, 2].any()
    assert Z.mean(axis=0) == pytest.approx(np.zeros(104), abs=1e-9)
    known = ~np.isnan(X[:, 2])
    feature, embedding = Z[known, 2].var() + Z[:, 3].var(), Z[:, 4:].var(axis=0).sum()
    assert (feature, embedding) == pytest.approx((1 / 5, 4 / 5), rel=1e-6)
    later = Standardizer.fit(X[:250], groups, {})
    assert np.array_equal(later.mean[3:], X[:250, 3:].astype(np.float64).mean(axis=0))


def test_a_value_far_outside_training_is_cut_to_five_standard_deviations() -> None:
    X = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    scaling = Standardizer.fit(X, np.array(["a", "a", "b"]), {})
    row = (X.mean(axis=0) + 5 * X.std(axis=0))[None]
    np.testing.assert_allclose(scaling.apply(row * 1e9), scaling.apply(row), rtol=1e-5)
    assert (np.abs(scaling.apply(row * 0.9)) < scaling.apply(row)).all()


def test_a_wide_block_is_seen_through_its_first_components() -> None:
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(300, 3)) * [6, 4, 2]
    wide = hidden @ rng.normal(size=(3, 50)) + 0.1 * rng.normal(size=(300, 50))
    X = np.hstack([rng.normal(size=(300, 2)), wide]).astype(np.float32)
    X[5, 2:] = np.nan
    groups = np.array(["a:feature"] * 2 + ["b:embedding"] * 50)
    projection = Projection.fit(X, groups, 3)
    scores = projection.apply(X)
    assert projection.groups(groups).tolist() == ["a:feature"] * 2 + ["b:embedding"] * 3
    assert np.array_equal(scores[:, :2], X[:, :2]) and np.isnan(scores[5, 2:]).all()
    known = np.arange(300) != 5
    expected = PCA(3).fit_transform(wide[known])
    for ours, theirs in zip(scores[known, 2:].T, expected.T, strict=True):
        assert abs(np.corrcoef(ours, theirs)[0, 1]) > 0.9999
        assert ours.std() == pytest.approx(theirs.std(), rel=1e-3)
    assert Projection.fit(X, groups, None).apply(X) is X
    assert Projection.fit(X, groups, 50).width == 52


def test_a_projection_from_elsewhere_is_checked() -> None:
    files = Ridge().fit(world(60, seed=1), Ridge().start, 8).files()
    head = json.loads(files["model.json"])
    blocks = head["blocks"]
    assert len(blocks) == 1 and head["n_cols"] == 52
    for values in (
        {"blocks": [[blocks[0][0], *blocks[0][:-1]]]},  # one twice
        {"blocks": [[52, *blocks[0][1:]]]},
        {"blocks": [[True, *blocks[0][1:]]]},
        {"blocks": [blocks[0], blocks[0]]},
        {"blocks": [blocks[0][1:]]},
        {"blocks": [[]]},
        {"blocks": []},
        {"blocks": 3},
        {"n_cols": 51},
        {"n_cols": 53},
        {"n_cols": 1e9},
    ):
        with pytest.raises(UserError):
            load(changed_head(files, **values))
