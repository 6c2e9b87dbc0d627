"""Each family finds a planted effect, finds nothing in shuffled labels, and is the same after saving."""

import hashlib
import json

import numpy as np
import pytest
import torch
from safetensors.numpy import save
from sklearn.linear_model import Ridge as SklearnRidge
from sweep_fakes import world

from vvp.errors import UserError
from vvp.models.base import Data, Family, Float, Int, Model, first_point, mae
from vvp.models.baselines import (
    HistoryModel,
    MeanModel,
    Unavailable,
    channel_history,
    one_column,
    train_mean,
)
from vvp.models.gbdt import Gbdt, leaf_limit
from vvp.models.mlp import Mlp, MlpModel, batch_size
from vvp.models.registry import load
from vvp.models.ridge import ALPHAS, Ridge, solve
from vvp.models.scaling import Standardizer

FAMILIES: list[Family] = [Ridge(), Gbdt(trees=200), Mlp(hidden=(64, 32), epochs=40)]
IDS = [family.name for family in FAMILIES]


def r2(model: Model, data: Data) -> float:
    return float(1 - np.mean((model.predict(data.X) - data.y) ** 2) / data.y.var())


def fitted(family: Family, *, shuffled: bool = False, seed: int = 0) -> Model:
    train, validation = world(300, seed=1, shuffled=shuffled), world(100, seed=2, shuffled=shuffled)
    return family.fit(train, validation, first_point(family, *train.X.shape), seed=seed)


@pytest.fixture(scope="module")
def models() -> dict[str, Model]:
    return {family.name: fitted(family) for family in FAMILIES}


@pytest.mark.parametrize("name,bound", [("ridge", 0.7), ("gbdt", 0.6), ("mlp", 0.6)])
def test_a_planted_effect_is_found_with_a_tenth_missing(
    models: dict[str, Model], name: str, bound: float
) -> None:
    assert r2(models[name], world(400, seed=3)) > bound


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


def test_foreign_content_is_refused_even_when_its_hash_is_right(models: dict[str, Model]) -> None:
    ridge, gbdt, mlp = (models[name].files() for name in IDS)
    ones, nans = np.ones(52), np.full(52, np.nan)
    pair = np.ones(2)
    tensors = {"scaling.mean": ones, "scaling.scale": ones, "intercept_alpha": pair}
    for bad in (
        resealed(ridge, "model.safetensors", save({**tensors, "coef": nans})),
        resealed(ridge, "model.safetensors", save({**tensors, "coef": np.ones(51)})),
        resealed(ridge, "model.safetensors", save(tensors)),
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


def test_ridge_takes_the_alpha_with_the_least_validation_error() -> None:
    train, validation = world(80, seed=1, noise=2.0), world(60, seed=2, noise=2.0)
    scaling = Standardizer.weighted(train.X, train.groups, 1.0)
    errors = []
    for alpha in ALPHAS:
        reference = SklearnRidge(alpha=alpha, solver="svd").fit(scaling.apply(train.X), train.y)
        errors.append(mae(validation.y, reference.predict(scaling.apply(validation.X))))
    model = Ridge().fit(train, validation, Ridge().start)
    assert model.alpha == pytest.approx(ALPHAS[int(np.argmin(errors))])
    assert mae(validation.y, model.predict(validation.X)) == pytest.approx(min(errors))


def test_scaling_is_the_training_parts_and_shares_variance_between_groups() -> None:
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(500, 104)) * 7 + 3).astype(np.float32)
    X[:, 0], X[:, 1], X[::3, 2] = 5.0, np.nan, np.nan  # constant, wholly missing, partly missing
    groups = np.array(["timing:feature"] * 4 + ["picture:embedding"] * 100)
    Z = Standardizer.weighted(X, groups, 2.0).apply(X)
    assert np.isfinite(Z).all() and not Z[:, :2].any() and not Z[::3, 2].any()
    assert Z.mean(axis=0) == pytest.approx(np.zeros(104), abs=1e-9)
    known = ~np.isnan(X[:, 2])
    feature, embedding = Z[known, 2].var() + Z[:, 3].var(), Z[:, 4:].var(axis=0).sum()
    assert (feature, embedding) == pytest.approx((1 / 5, 4 / 5), rel=1e-6)
    later = Standardizer.weighted(X[:250], groups, 1.0)
    assert np.array_equal(later.mean[3:], X[:250, 3:].astype(np.float64).mean(axis=0))


# --- gbdt -------------------------------------------------------------------------------------------
def test_with_60_rows_the_trees_still_split() -> None:
    train, validation = world(60, seed=1), world(40, seed=2)
    model = Gbdt(trees=100).fit(train, validation, Gbdt().start)  # start asks for 20 a leaf
    assert np.unique(model.predict(validation.X)).size > 10
    assert [leaf_limit(n) for n in (10, 60, 400, 10_000)] == [2, 3, 20, 100]


def test_the_forest_is_cut_at_its_best_iteration_and_reported_on_the_way() -> None:
    train, validation = world(200, seed=1), world(80, seed=2)
    seen: list[tuple[int, float]] = []

    def report(step: int, error: float, model: Model) -> None:
        seen.append((step, error))
        assert mae(validation.y, model.predict(validation.X)) == pytest.approx(error, rel=1e-5)

    model = Gbdt(trees=300, patience=20, report_every=25).fit(train, validation, Gbdt().start, report=report)
    assert model.booster.num_trees() == model.trees < 300
    assert [step for step, _ in seen] == list(range(25, 25 * len(seen) + 1, 25))
    assert mae(validation.y, model.predict(validation.X)) <= min(error for _, error in seen) + 1e-6


# --- mlp --------------------------------------------------------------------------------------------
def test_the_best_epochs_weights_are_kept_while_training_goes_on() -> None:
    train, validation = world(60, seed=1, noise=1.0), world(60, seed=2, noise=1.0)
    family = Mlp(hidden=(64, 32), epochs=60, patience=8, report_every=1)
    seen: list[tuple[float, np.ndarray]] = []

    def report(step: int, error: float, model: Model) -> None:
        seen.append((error, model.predict(validation.X)))

    params = {**family.start, "learning_rate": 3e-3, "dropout": 0.0}  # overfits, so later epochs are worse
    model = family.fit(train, validation, params, report=report)
    assert (
        len(seen) < 60 and seen[-1][0] == seen[-9][0] < seen[-10][0]
    )  # stopped for want of patience, not of epochs
    predicted = model.predict(validation.X)
    assert mae(validation.y, predicted) == pytest.approx(min(error for error, _ in seen), abs=1e-12)
    assert np.array_equal(predicted, seen[-9][1])  # as that epoch predicted when it was reached


def test_an_mlp_that_diverges_falls_back_on_the_untrained_network() -> None:
    train, validation = world(60, seed=1), world(30, seed=2)
    family = Mlp(hidden=(16, 8), epochs=20)
    model = family.fit(train, validation, {**family.start, "learning_rate": 1e20})
    assert np.isfinite(model.predict(validation.X)).all()


def test_torchs_global_state_is_left_as_it_was() -> None:
    torch.manual_seed(7)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    assert isinstance(fitted(Mlp(hidden=(8,), epochs=2)), MlpModel)
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
            assert isinstance(bounds, Float | Int) and bounds.low <= value <= bounds.high


def test_data_refuses_what_cannot_be_fitted() -> None:
    good = world(10)
    for X, y in ((good.X, good.y[:9]), (good.X, good.y * np.nan), (good.X * np.inf, good.y)):
        with pytest.raises(ValueError):
            Data(X=X, y=y, groups=good.groups)
