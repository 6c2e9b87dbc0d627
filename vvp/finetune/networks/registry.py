"""The networks by name, and how one is made and filled. Not known here: training."""

from pathlib import Path
from typing import Any

from vvp.encoders.weights import sha256
from vvp.errors import UserError
from vvp.finetune.networks.base import Network, read_tensors, take
from vvp.finetune.networks.c3d import C3D
from vvp.finetune.networks.convlstm import ConvLSTM
from vvp.finetune.networks.dual import Dual
from vvp.finetune.networks.pretrained import TRANSFORMERS, Pretrained
from vvp.finetune.networks.r2plus1d import R2Plus1D
from vvp.finetune.networks.swin3d import Swin3D, from_torchvision

NETWORKS: dict[str, type[Network]] = {
    "r2plus1d": R2Plus1D, "c3d": C3D, "swin3d": Swin3D, "convlstm": ConvLSTM, "dual": Dual,
    **TRANSFORMERS,
}  # fmt: skip
FILES = {
    "r2plus1d": "r2plus1d_18.safetensors", "swin3d": "swin3d_t.safetensors", "dual": "network.safetensors"
}  # fmt: skip
# What such a file holds besides: torchvision's classifier, the decoder of a convlstm run.
SPARE = {"r2plus1d": ("fc.",), "swin3d": ("head.",), "dual": ("decoder.",)}


def find(name: str) -> type[Network]:
    """UserError for a name that there is none of."""
    if name not in NETWORKS:
        raise UserError(f"there is no network called {name}; there are {', '.join(NETWORKS)}.")
    return NETWORKS[name]


def make(name: str, **options: Any) -> Network:
    """A network with random weights. UserError: as `find`."""
    return find(name)(**options)


def fill_trunk(name: str, network: Network, path: str | Path) -> str:
    """Takes the trunk's tensors from a file; what is `fresh` in the network stays. The file's sha256.

    path: torchvision's state dict, saved as safetensors, or for `dual` the network of a convlstm run; or a
    folder that holds it under the name in FILES; for those of pretrained.py a folder in Hugging Face layout.
    WeightsError: see base.take."""
    if isinstance(network, Pretrained):
        return network.fill(path)
    if name not in FILES:
        raise UserError(f"no file of weights fits {name}: leave --weights out.")
    file = Path(path).expanduser()
    file = file / FILES[name] if file.is_dir() else file
    tensors = {k: v for k, v in read_tensors(file).items() if not k.startswith(SPARE[name])}
    if name == "swin3d":
        tensors = {from_torchvision(k): v for k, v in tensors.items()}
    own = {k: v for k, v in network.state_dict().items() if k.startswith(network.fresh)}
    take(network, {**tensors, **own}, str(file))
    return sha256(file)
