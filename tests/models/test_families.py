"""Each family finds a planted effect, finds nothing in shuffled labels, and is the same after saving."""

import hashlib
import json

import numpy as np
import pytest
import torch
from planted import world
from safetensors.numpy import load as tensors_from
from safetensors.numpy import save
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import ElasticNet as SklearnElasticNet
from sklearn.linear_model import Ridge as SklearnRidge

from vvp.errors import UserError
from vvp.models.base import Choice, Data, Family, Float, Int, Model, first_point, mae
from vvp.models.baselines import (
    HistoryModel,
    MeanModel,
    Unavailable,
    channel_history,
    one_column,
    train_mean,
)
from vvp.models.elasticnet import ElasticNet
from vvp.models.extratrees import MOST_LEAVES, ExtraTrees, ExtraTreesModel, Forest
from vvp.models.gbdt import Gbdt, leaf_limit
from vvp.models.mlp import Mlp, MlpModel, Network, batch_size
from vvp.models.projection import Projection
from vvp.models.registry import load
from vvp.models.ridge import ALPHAS, Ridge, solve
from vvp.models.scaling import Inputs, Standardizer

FAMILIES: list[Family] = [
    Ridge(),
    ElasticNet(),
    Gbdt(trees=(10, 40, 120, 250)),
    ExtraTrees(trees=60),
    Mlp(hidden=(32, 16), epochs=(5, 15, 30)),
]
IDS = [family.name for family in FAMILIES]


def r2(model: Model, data: Data) -> float:
    return float(1 - np.mean((model.predict(data.X) - data.y) ** 2) / data.y.var())


def best_point(family: Family, train: Data, held: Data, **settings: int) -> int:
    """The point of the path with the least error on a part that no model is fitted on."""
    path = family.path(train, held.X, first_point(family, *train.X.shape), **settings)
    return int(np.argmin([mae(held.y, forecasts) for forecasts in path]))


def fitted(family: Family, *, shuffled: bool = False, seed: int = 0) -> Model:
    train, held = world(300, seed=1, shuffled=shuffled), world(100, seed=2, shuffled=shuffled)
    params = first_point(family, *train.X.shape)
    return family.fit(train, params, best_point(family, train, held, seed=seed), seed=seed)


@pytest.fixture(scope="module")
def models() -> dict[str, Model]:
    return {family.name: fitted(family) for family in FAMILIES}


@pytest.mark.parametrize(
    "name,bound", [("ridge", 0.7), ("elasticnet", 0.7), ("gbdt", 0.6), ("extratrees", 0.5), ("mlp", 0.6)]
)
def test_a_planted_effect_is_found_with_a_tenth_missing(
    models: dict[str, Model], name: str, bound: float
) -> None:
    assert r2(models[name], world(400, seed=3)) > bound


@pytest.mark.parametrize("family", FAMILIES, ids=IDS)
def test_a_point_of_the_path_is_the_model_fitted_at_it(family: Family) -> None:
    train, held = world(200, seed=1), world(50, seed=2).X
    params = first_point(family, *train.X.shape)
    path = family.path(train, held, params, seed=3)
    assert path.dtype == np.float64 and path.shape[1:] == (50,)
    for point in {0, len(path) // 2, len(path) - 1}:
        predicted = family.fit(train, params, point, seed=3).predict(held)
        np.testing.assert_allclose(predicted, path[point], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES, ids=IDS)
def test_a_path_has_as_many_points_for_any_data(family: Family) -> None:
    large, small = world(120, seed=1), world(20, seed=2)
    narrow = Data(X=small.X[:, :1] * 0 + 1, y=small.y, groups=small.groups[:1])
    lengths = {len(family.path(part, part.X, first_point(family, *part.X.shape))) for part in (large, small)}
    assert lengths == {len(family.path(narrow, narrow.X, first_point(family, 20, 1)))}


def odd_parts() -> dict[str, tuple[Data, np.ndarray]]:
    """What collections bring: few rows, columns that never vary or are never there, held rows far away."""
    small, y = world(20, seed=1), np.arange(20.0)
    embedding = np.array(["a:embedding"] * 40)
    constant, missing = (np.full((20, 40), value, dtype=np.float32) for value in (3, np.nan))
    return {
        "far away": (small, np.full((3, 52), 1e6, dtype=np.float32)),
        "constant columns": (Data(X=constant, y=y, groups=embedding), constant * 2),
        "missing columns": (Data(X=missing, y=y, groups=embedding), constant),
        "one label": (Data(X=small.X, y=np.full(20, 7.0), groups=small.groups), small.X),
    }


@pytest.mark.parametrize("case", odd_parts())
@pytest.mark.parametrize("family", FAMILIES, ids=IDS)
def test_odd_parts_give_finite_forecasts_near_what_was_seen(family: Family, case: str) -> None:
    train, held = odd_parts()[case]
    params = first_point(family, *train.X.shape)
    path = family.path(train, held, params)
    reach = 12 * train.y.std() + 1e-6
    assert (np.abs(path - train.y.mean()) < reach).all()
    model = family.fit(train, params, len(path) - 1)
    assert np.array_equal(load(model.files()).predict(held), model.predict(held))


@pytest.mark.parametrize("family", FAMILIES, ids=IDS)
def test_in_shuffled_labels_nothing_is_found(family: Family) -> None:
    assert r2(fitted(family, shuffled=True), world(400, seed=3)) < 0.05


@pytest.mark.parametrize("family", FAMILIES, ids=IDS)
def test_the_same_seed_gives_the_same_model(models: dict[str, Model], family: Family) -> None:
    X = world(50, seed=4).X
    assert np.array_equal(fitted(family).predict(X), models[family.name].predict(X))


@pytest.mark.parametrize("name", IDS)
def test_a_row_with_everything_missing_gets_a_number(models: dict[str, Model], name: str) -> None:
    predicted = models[name].predict(np.full((2, 52), np.nan, dtype=np.float32))
    assert predicted.dtype == np.float64 and predicted.shape == (2,) and np.isfinite(predicted).all()


@pytest.mark.parametrize("name", IDS)
def test_another_number_of_columns_is_a_programmers_mistake(models: dict[str, Model], name: str) -> None:
    with pytest.raises(ValueError, match="52 columns"):
        models[name].predict(np.zeros((2, 51), dtype=np.float32))


def baselines() -> dict[str, Model]:
    train = world(100, seed=1)
    found = [train_mean(train), one_column(train, 0), channel_history(train, 1)]
    return {model.family: model for model in found if not isinstance(model, Unavailable)}


@pytest.mark.parametrize("name", [*IDS, "train_mean", "one_column", "channel_history"])
def test_saved_and_loaded_it_predicts_the_same_to_the_last_bit(models: dict[str, Model], name: str) -> None:
    model = {**models, **baselines()}[name]
    files = model.files()
    back = load(files)
    X = world(80, seed=5).X
    assert type(back) is type(model)
    assert np.array_equal(back.predict(X), model.predict(X))
    assert back.files() == files
    assert not any(b"pickle" in content for content in files.values())


@pytest.mark.parametrize("name", [*IDS, "one_column"])
def test_a_damaged_file_is_refused(models: dict[str, Model], name: str) -> None:
    model = {**models, **baselines()}[name]
    files = model.files()
    for damaged in files:
        middle = len(files[damaged]) // 2
        cut = {**files, damaged: files[damaged][:middle]}
        flipped = {**files, damaged: files[damaged][:middle] + b"\xff\x00" + files[damaged][middle + 2 :]}
        absent = {key: value for key, value in files.items() if key != damaged}
        for bad in (cut, flipped, absent):
            with pytest.raises(UserError):
                load(bad)


def resealed(files: dict[str, bytes], name: str, content: bytes) -> dict[str, bytes]:
    """Foreign content under a head that vouches for it."""
    head = json.loads(files["model.json"])
    head["sha256"][name] = hashlib.sha256(content).hexdigest()
    return {**files, name: content, "model.json": json.dumps(head).encode()}


def tensors_of(files: dict[str, bytes]) -> dict[str, np.ndarray]:
    return tensors_from(files["model.safetensors"])


def changed_head(files: dict[str, bytes], **values: object) -> dict[str, bytes]:
    return {**files, "model.json": json.dumps({**json.loads(files["model.json"]), **values}).encode()}


def test_foreign_content_is_refused_even_when_its_hash_is_right(models: dict[str, Model]) -> None:
    ridge, gbdt, mlp = (models[name].files() for name in ("ridge", "gbdt", "mlp"))
    tensors = tensors_of(ridge)
    coef = tensors["coef"]
    for bad in (
        resealed(ridge, "model.safetensors", save({**tensors, "coef": coef * np.nan})),
        resealed(ridge, "model.safetensors", save({**tensors, "coef": coef[:-1]})),
        resealed(ridge, "model.safetensors", save({**tensors, "coef": coef.astype(np.int32)})),
        resealed(ridge, "model.safetensors", save({k: v for k, v in tensors.items() if k != "coef"})),
        resealed(ridge, "model.safetensors", b"\x80\x04K\x01."),  # a pickle
        resealed(gbdt, "model.txt", b"tree\nversion=v4\n"),
        resealed(mlp, "model.safetensors", ridge["model.safetensors"]),
        {**ridge, "model.json": mlp["model.json"]},
        {**ridge, "model.json": b'{"family": "os.system", "sha256": {}}'},
        {**ridge, "model.json": b"[]"},
        {},
    ):
        with pytest.raises(UserError):
            load(bad)


# --- ridge and scaling ------------------------------------------------------------------------------
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
    params = {**family.start, "components": None}
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


# --- gbdt -------------------------------------------------------------------------------------------
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


def test_the_median_objective_forgets_outliers() -> None:
    train, held = world(400, seed=1), world(200, seed=2)
    y = train.y + np.where(np.arange(400) % 10 == 0, 60.0, 0.0)
    family = Gbdt(trees=(150,))
    errors = {}
    for objective in ("regression", "regression_l1"):
        params = {**family.start, "objective": objective}
        path = family.path(Data(X=train.X, y=y, groups=train.groups), held.X, params)
        errors[objective] = mae(held.y, path[0])
    assert errors["regression_l1"] < 0.5 * errors["regression"]


# --- extratrees -------------------------------------------------------------------------------------
def test_the_forest_walks_as_scikit_learns_does() -> None:
    train = world(300, seed=1)
    X = np.nan_to_num(train.X)
    sklearns = ExtraTreesRegressor(20, min_samples_leaf=3, random_state=0).fit(X, train.y)
    forest = Forest.of(sklearns)
    np.testing.assert_allclose(forest.predict(X), sklearns.predict(X), rtol=1e-6)
    on_a_threshold = np.repeat(forest.number[forest.right != 0][:50, None], 52, axis=1)
    np.testing.assert_allclose(forest.predict(on_a_threshold), sklearns.predict(on_a_threshold), rtol=1e-6)


def test_a_missing_value_reads_as_the_training_median(models: dict[str, Model]) -> None:
    model = models["extratrees"]
    assert isinstance(model, ExtraTreesModel)
    empty = np.full((1, 52), np.nan, dtype=np.float32)
    median = np.nanmedian(world(300, seed=1).X[:, :12], axis=0)
    np.testing.assert_allclose(model.median[:12], median, rtol=1e-6)
    whole = np.concatenate([median, np.full(40, np.nan)]).astype(np.float32)[None]
    assert model.predict(empty) == model.predict(whole)


def test_a_forest_that_leads_nowhere_is_refused(models: dict[str, Model]) -> None:
    files = models["extratrees"].files()
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


# --- projection -------------------------------------------------------------------------------------
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


def test_a_projection_from_elsewhere_is_checked(models: dict[str, Model]) -> None:
    files = models["ridge"].files()
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


# --- mlp --------------------------------------------------------------------------------------------
def test_an_mlp_that_diverges_still_forecasts_finite_numbers() -> None:
    train, held = world(60, seed=1), world(30, seed=2)
    family = Mlp(hidden=(16, 8), epochs=(2, 20))
    params = {**family.start, "learning_rate": 1e20}
    path = family.path(train, held.X, params)
    assert (np.abs(path - train.y.mean()) <= 6 * train.y.std() + 1e-9).all()
    model = family.fit(train, params, 1)
    assert np.array_equal(load(model.files()).predict(held.X), model.predict(held.X))


def test_members_differ_and_share_their_weights() -> None:
    torch.manual_seed(0)
    network = Network(10, (16, 8), 4, dropout=0.0).eval()
    x = torch.randn(5, 10)
    outputs = network(x).detach().numpy()
    assert outputs.shape == (5, 4) and len(np.unique(outputs[0])) == 4
    assert [tuple(layer.weight.shape) for layer in network.layers] == [(16, 10), (8, 16)]


def test_an_mlp_of_foreign_sizes_is_refused_before_it_is_built(models: dict[str, Model]) -> None:
    files = models["mlp"].files()
    for values in (
        {"hidden": []},
        {"hidden": [10**9]},
        {"hidden": [32] * 99},
        {"hidden": [16, 16]},
        {"hidden": ["32", 16]},
        {"members": 0},
        {"members": 10**9},
        {"members": 3},
    ):
        with pytest.raises(UserError):
            load(changed_head(files, **values))


def test_torchs_global_state_is_left_as_it_was() -> None:
    torch.manual_seed(7)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    assert isinstance(fitted(Mlp(hidden=(8,), epochs=(2,))), MlpModel)
    assert torch.equal(before, torch.get_rng_state()) and torch.get_num_threads() == threads


def test_small_batches_for_few_rows() -> None:
    assert [batch_size(n) for n in (5, 60, 200, 1000, 100_000)] == [8, 8, 16, 64, 256]


# --- baselines and shared parts ---------------------------------------------------------------------
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


@pytest.mark.parametrize("family", FAMILIES, ids=IDS)
def test_the_first_point_lies_in_the_space(family: Family) -> None:
    for n in (20, 200, 5000):
        point, space = first_point(family, n, 52), family.space(n, 52)
        assert point.keys() == space.keys()
        for name, value in point.items():
            bounds = space[name]
            if isinstance(bounds, Choice):
                assert value in bounds.options
            else:
                assert isinstance(bounds, Float | Int) and bounds.low <= value <= bounds.high


def test_data_refuses_what_cannot_be_fitted() -> None:
    good = world(10)
    for X, y in ((good.X, good.y[:9]), (good.X, good.y * np.nan), (good.X * np.inf, good.y)):
        with pytest.raises(ValueError):
            Data(X=X, y=y, groups=good.groups)
