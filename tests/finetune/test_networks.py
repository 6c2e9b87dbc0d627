"""Shapes, parameter counts of the papers, gradients, and files that must be refused."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from vvp.errors import UserError, WeightsError
from vvp.finetune.networks.base import Batch, parameters
from vvp.finetune.networks.c3d import C3D
from vvp.finetune.networks.r2plus1d import R2Plus1D
from vvp.finetune.networks.registry import FILES, SPARE, fill_trunk, make
from vvp.finetune.networks.swin3d import Swin3D

SMALL = {
    "r2plus1d": {"width": 0.0625},
    "c3d": {"width": 0.0625},
    "swin3d": {"width": 0.34, "depths": (2, 2), "drop_path": 0.0},
    "dual": {"width": 0.0625, "layers": 1, "drop": 0.0},
}


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("shape", [(4, 64, 64), (9, 70, 50)])
def test_one_step_forward_and_back(name: str, shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    network = make(name, **SMALL[name])
    batch = Batch(pixels=torch.randn(3, 3, *shape))
    assert network.features(batch).shape == (3, network.dim)
    out = network(batch)
    assert out.shape == (3,)
    out.pow(2).sum().backward()
    for parameter_name, parameter in network.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), parameter_name
    network.eval()
    assert network(batch).std() > 0, "it says the same of every clip"


@pytest.mark.parametrize("name", SMALL)
def test_several_classes_have_an_output_each(name: str) -> None:
    network = make(name, **SMALL[name], outputs=4)
    assert network(Batch(pixels=torch.randn(2, 3, 4, 64, 64))).shape == (2, 4)


@pytest.mark.parametrize("name", SMALL)
def test_depths_name_every_parameter_once_and_end_with_the_head(name: str) -> None:
    network = make(name, **SMALL[name])
    depths = network.depths()
    named = [one for group in depths for one in group]
    assert sorted(named) == sorted(n for n, _ in network.named_parameters())
    assert all(one.startswith("head.") for one in depths[-1])


def test_full_sizes_are_those_of_the_papers() -> None:
    with torch.device("meta"):
        r2plus1d, swin, c3d = R2Plus1D(), Swin3D(), C3D(norm=False)
        kinetics = nn.Linear(512, 400), nn.Linear(768, 400)
        ucf = nn.Linear(4096, 101)
    trunk = parameters(r2plus1d) - parameters(r2plus1d.head)
    assert parameters(r2plus1d) == 31_365_918
    assert trunk + parameters(kinetics[0]) == 31_505_325
    assert parameters(swin) - parameters(swin.head) + parameters(kinetics[1]) == 28_158_070
    assert parameters(c3d) - parameters(c3d.head) + parameters(ucf) == 78_409_573


def test_the_order_of_frames_and_a_still_picture_matter_to_the_window() -> None:
    """A shifted window must not let opposite edges see each other: with one window per axis shifted, a change
    at one edge leaves a far window's attention as it was in the first block."""
    network = make("swin3d", **SMALL["swin3d"]).eval()
    a = torch.randn(1, 3, 4, 128, 64)
    b = a.clone()
    b[:, :, :, :4] += 1.0
    attention = network.features_[0][1].attn  # type: ignore[index,union-attr]
    x, y = network.patch_embed(a), network.patch_embed(b)  # type: ignore[operator]
    far = (attention(x) - attention(y)).abs().amax(dim=(0, 1, 3, 4))
    assert far[0] > 1e-6 and far[-1] < 1e-6


def published(name: str, folder: Path, **options: object) -> Path:
    """A state dict with the publisher's keys and random numbers."""
    network = make(name, **options)
    tensors = {
        k.replace("features_.", "features."): v.clone()
        for k, v in network.state_dict().items()
        if not k.startswith(network.fresh)
    }
    tensors |= {f"{SPARE[name][0]}weight": torch.zeros(400, network.dim)}
    path = folder / FILES[name]
    save_file(tensors, path)
    return path


@pytest.mark.parametrize("name", [name for name in FILES if name != "dual"])
def test_published_weights_are_taken_key_for_key(name: str, tmp_path: Path) -> None:
    published(name, tmp_path, **SMALL[name])
    torch.manual_seed(1)
    one, two = make(name, **SMALL[name]), make(name, **SMALL[name])
    fill_trunk(name, one, tmp_path)
    fill_trunk(name, two, tmp_path / FILES[name])
    batch = Batch(pixels=torch.randn(2, 3, 4, 64, 64))
    assert torch.equal(one.eval().features(batch), two.eval().features(batch))


@pytest.mark.parametrize("name", FILES)
def test_a_missing_key_a_wrong_shape_a_strange_key_and_a_pickle_are_refused(
    name: str, tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    path = published(name, tmp_path, **SMALL[name])
    whole = load_file(path)
    some = next(k for k, v in whole.items() if v.ndim > 1 and not k.startswith(SPARE[name]))
    network = make(name, **SMALL[name])
    damaged = {
        "lacks": {k: v for k, v in whole.items() if k != some},
        "shape": {**whole, some: whole[some][:1].clone()},
        "has not": {**whole, "stranger": torch.zeros(1)},
        "finite": {**whole, some: torch.full_like(whole[some], float("nan"))},
    }
    for words, tensors in damaged.items():
        save_file(tensors, path)
        with pytest.raises(WeightsError, match=words):
            fill_trunk(name, network, path)
    torch.save(whole, tmp_path / "weights.pth")
    with pytest.raises(WeightsError, match="pickle"):
        fill_trunk(name, network, tmp_path / "weights.pth")
    (tmp_path / "renamed.safetensors").write_bytes((tmp_path / "weights.pth").read_bytes())
    with pytest.raises(WeightsError, match="safetensors"):
        fill_trunk(name, network, tmp_path / "renamed.safetensors")


def test_an_unknown_network_is_told_which_there_are() -> None:
    with pytest.raises(UserError, match="r2plus1d"):
        make("resnet")
