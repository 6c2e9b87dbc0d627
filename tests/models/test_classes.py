"""Each family of classes finds a planted effect and none in shuffled labels, and is the same after saving."""

import numpy as np
import pytest
from planted import world

from vvp.errors import UserError
from vvp.models.base import Data, Family, first_point, log_losses
from vvp.models.class_rules import base_rates, one_column
from vvp.models.gbdt import Gbdt
from vvp.models.logistic import Logistic
from vvp.models.mlp import Mlp
from vvp.models.registry import load

FAMILIES = ["logistic", "gbdt", "mlp"]


def family(name: str, classes: int) -> Family:
    made: dict[str, Family] = {
        "logistic": Logistic(classes=classes),
        "gbdt": Gbdt(classes=classes, trees=(10, 40, 120)),
        "mlp": Mlp(classes=classes, hidden=(32, 16), epochs=(5, 15, 30)),
    }
    return made[name]


def table(n: int, classes: int, seed: int, shuffled: bool = False) -> Data:
    plain = world(n, seed=seed)
    edges = np.quantile(world(600, seed=1).y, np.arange(1, classes) / classes)
    y = np.searchsorted(edges, plain.y).astype(np.float64)
    if shuffled:
        y = np.random.default_rng(seed).permutation(y)
    return Data(X=plain.X, y=y, groups=plain.groups)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("name", FAMILIES)
def test_a_planted_effect_is_found_and_shuffled_labels_are_not(name: str, classes: int) -> None:
    one = family(name, classes)
    base = np.log(classes)
    gains = []
    for shuffled in (False, True):
        train, held = (table(n, classes, seed, shuffled) for n, seed in ((400, 3), (200, 4)))
        path = one.path(train, held.X, first_point(one, *train.X.shape))
        losses = [float(log_losses(held.y, said).mean()) for said in path]
        gains.append(1 - min(losses) / base)
    assert gains[0] > 0.25 and gains[1] < 0.06


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("name", FAMILIES)
def test_the_path_the_fit_and_the_saved_model_agree(name: str, classes: int) -> None:
    one, train, held = family(name, classes), table(200, classes, 3), table(50, classes, 4)
    params = first_point(one, *train.X.shape)
    said = one.path(train, held.X, params)[1]
    model = one.fit(train, params, 1)
    again = load(model.files())
    assert said.shape == ((50,) if classes == 2 else (50, 4))
    assert (said > 0).all() and (said < 1).all()
    if classes > 2:
        assert np.allclose(said.sum(axis=1), 1)
    assert np.allclose(model.predict(held.X), said, atol=1e-5)
    assert np.array_equal(again.predict(held.X), model.predict(held.X))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_class_that_training_lacks_is_unlikely_and_not_impossible(name: str) -> None:
    one, held = family(name, 4), table(50, 4, 4)
    whole = table(300, 4, 3)
    rows = whole.y < 3
    train = Data(X=whole.X[rows], y=whole.y[rows], groups=whole.groups)
    said = one.fit(train, first_point(one, *train.X.shape), 1).predict(held.X)
    assert said.shape == (50, 4) and (said[:, 3] > 0).all() and said[:, 3].mean() < 0.1


def test_the_base_rates_and_one_column() -> None:
    train = table(400, 2, 3)
    rates = base_rates(train, 2)
    assert rates.predict(train.X) == pytest.approx((train.y.sum() + 0.5) / 401)
    line = one_column(train, 0, 2)
    said = line.predict(train.X)
    missing = np.isnan(train.X[:, 0])
    assert log_losses(train.y, said).mean() < log_losses(train.y, rates.predict(train.X)).mean()
    assert said[missing] == pytest.approx(rates.predict(train.X)[missing])
    assert np.array_equal(load(line.files()).predict(train.X), said)
    assert np.all(np.diff(said[~missing][np.argsort(train.X[~missing, 0])]) >= 0)


def test_a_damaged_model_of_classes_is_refused() -> None:
    files = dict(base_rates(table(40, 2, 3), 2).files())
    files["model.json"] = files["model.json"].replace(b'"column": 0', b'"column": 99')
    with pytest.raises(UserError, match="names column 99"):
        load(files)
