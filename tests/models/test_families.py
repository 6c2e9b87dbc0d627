"""Each family finds a planted effect, finds nothing in shuffled labels, and is the same after saving."""

import numpy as np
import pytest
from planted import world
from safetensors.numpy import save
from sealed import changed_head, resealed, tensors_of

from vvp.errors import UserError
from vvp.models.base import Choice, Data, Family, Float, Int, Model, first_point, mae
from vvp.models.baselines import (
    Unavailable,
    channel_history,
    one_column,
    train_mean,
)
from vvp.models.elasticnet import ElasticNet
from vvp.models.extratrees import ExtraTrees
from vvp.models.gbdt import Gbdt
from vvp.models.mlp import Mlp
from vvp.models.registry import load
from vvp.models.ridge import Ridge

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


@pytest.mark.parametrize(
    "family,name,squared,absolute",
    [
        (Gbdt(trees=(150,)), "objective", "regression", "regression_l1"),
        (Mlp(hidden=(32, 16), members=2, epochs=(15,)), "loss", "squared", "absolute"),
    ],
    ids=["gbdt", "mlp"],
)
def test_the_absolute_loss_forgets_outliers(family: Family, name: str, squared: str, absolute: str) -> None:
    train, held = world(400, seed=1), world(200, seed=2)
    far = Data(X=train.X, y=train.y + 60.0 * (np.arange(400) % 10 == 0), groups=train.groups)
    errors = {}
    for loss in (squared, absolute):
        path = family.path(far, held.X, {**first_point(family, 400, 52), name: loss})
        errors[loss] = mae(held.y, path[0])
    assert errors[absolute] < 0.5 * errors[squared]


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
        changed_head(gbdt, trees=3),
        changed_head(gbdt, n_cols=51),
        resealed(mlp, "model.safetensors", ridge["model.safetensors"]),
        {**ridge, "model.json": mlp["model.json"]},
        {**ridge, "model.json": b'{"family": "os.system", "sha256": {}}'},
        {**ridge, "model.json": b"[]"},
        {},
    ):
        with pytest.raises(UserError):
            load(bad)


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
