"""The network: its members, its bounds, and what it leaves behind."""

import numpy as np
import pytest
import torch
from planted import world
from sealed import changed_head

from vvp.errors import UserError
from vvp.forecast.contributions import attribute
from vvp.models.base import Data
from vvp.models.mlp import Mlp, Network, batch_size
from vvp.models.registry import load


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
    outputs = network(x).detach().numpy()[..., 0]
    assert outputs.shape == (5, 4) and len(np.unique(outputs[0])) == 4
    first = network.layers[0]
    np.testing.assert_allclose(  # the input that all share, and a copy of it for each
        first(x).detach(), first(x[:, None].expand(-1, 4, -1)).detach(), rtol=1e-5, atol=1e-6
    )
    assert [tuple(layer.weight.shape) for layer in network.layers] == [(16, 10), (8, 16)]


def test_an_mlp_of_foreign_sizes_is_refused_before_it_is_built() -> None:
    family = Mlp(hidden=(32, 16), epochs=(1,))
    files = family.fit(world(30, seed=1), family.start, 0).files()
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
    family = Mlp(hidden=(8,), epochs=(2,))
    family.fit(world(30, seed=1), family.start, 0, threads=threads + 1)
    assert torch.equal(before, torch.get_rng_state()) and torch.get_num_threads() == threads


def test_small_batches_for_few_rows() -> None:
    assert [batch_size(n) for n in (5, 60, 200, 1000, 100_000)] == [8, 8, 32, 128, 512]


def test_rows_mixed_of_two_are_forecast_as_if_they_were_whole() -> None:
    rng = np.random.default_rng(0)
    blocks = np.repeat(["picture", "sound", "timing"], [90, 50, 5])
    kinds = np.where(blocks == "timing", "feature", "embedding")
    X = rng.normal(size=(60, len(blocks))).astype(np.float32)
    X[3, blocks == "sound"] = np.nan
    X[7, -2:] = np.nan
    groups = np.array([f"{b}:{k}" for b, k in zip(blocks, kinds, strict=True)])
    model = Mlp(epochs=(3,)).fit(Data(X=X, y=X[:, 0] + X[:, 5], groups=groups), Mlp().start, 0)
    given = ("picture", "sound", "timing")
    of_x = np.array([[b in given[:i] or b == given[-i] for b in blocks] for i in range(1, 4)])
    for i in (0, 3, 7):
        rows = np.where(of_x[:, None], X[i], X[:9])
        whole = np.stack([model.predict(some) for some in rows])
        assert np.abs(model.mixed(X[i], X[:9], of_x) - whole).max() < 1e-5
        start, added = attribute(model.predict, X[i], X[:9], list(blocks))
        cheaper, too = attribute(model.predict, X[i], X[:9], list(blocks), model.mixed)
        assert cheaper == pytest.approx(start, rel=0.01)
        assert all(too[b] == pytest.approx(added[b], rel=0.01, abs=1e-5) for b in added)
    in_part = rng.random(of_x.shape) < 0.5
    rows = np.where(in_part[:, None], X[0], X[:9])
    assert np.allclose(model.mixed(X[0], X[:9], in_part), np.stack([model.predict(r) for r in rows]))
