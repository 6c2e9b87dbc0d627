"""The network: its members, its bounds, and what it leaves behind."""

import numpy as np
import pytest
import torch
from planted import world
from sealed import changed_head

from vvp.errors import UserError
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
