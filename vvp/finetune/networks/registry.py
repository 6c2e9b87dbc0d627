"""The networks by name, and how one is made and filled. Not known here: training."""

from pathlib import Path
from typing import Any

from vvp.encoders.weights import sha256
from vvp.errors import UserError
from vvp.finetune.networks.base import Network, read_tensors, take
from vvp.finetune.networks.c3d import C3D
from vvp.finetune.networks.r2plus1d import R2Plus1D
from vvp.finetune.networks.swin3d import Swin3D, from_torchvision

NETWORKS: dict[str, type[Network]] = {"r2plus1d": R2Plus1D, "c3d": C3D, "swin3d": Swin3D}
FILES = {"r2plus1d": "r2plus1d_18.safetensors", "swin3d": "swin3d_t.safetensors"}
CLASSIFIER = {"r2plus1d": ("fc.",), "swin3d": ("head.",)}  # of torchvision's weights; ours takes its place


def make(name: str, **options: Any) -> Network:
    """A network with random weights. UserError for a name that there is none of."""
    if name not in NETWORKS:
        raise UserError(f"there is no network called {name}; there are {', '.join(NETWORKS)}.")
    return NETWORKS[name](**options)


def fill_trunk(name: str, network: Network, path: str | Path) -> str:
    """Takes the trunk's tensors from torchvision's state dict, saved as safetensors; the head stays as it is.
    The file's sha256.

    path: the file, or a folder that holds it under the name in FILES. WeightsError: see base.take."""
    if name not in FILES:
        raise UserError(f"there are no published weights for {name}: leave --weights out.")
    file = Path(path).expanduser()
    file = file / FILES[name] if file.is_dir() else file
    tensors = {k: v for k, v in read_tensors(file).items() if not k.startswith(CLASSIFIER[name])}
    if name == "swin3d":
        tensors = {from_torchvision(k): v for k, v in tensors.items()}
    own = {f"head.{k}": v for k, v in network.head.state_dict().items()}
    take(network, {**tensors, **own}, str(file))
    return sha256(file)
