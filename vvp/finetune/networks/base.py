"""What all networks share: the batch that they see, the head, how their tensors are taken from a file.

A network is a torch module with `features(batch)` → float (B, `dim`), the penultimate vector, and a `head`;
`forward` is the head on the features, (B,), or (B, `outputs`) of more than two classes. An autoencoder has
neither: its `forward` is each clip's error (convlstm.py).
Not known here: training, where clips come from.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor, nn

from vvp.errors import WeightsError

# Of Kinetics-400, pixels in [0, 1]: what torchvision's video weights were trained with.
MEAN, STD = (0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """B windows of clips. What a network does not take may be absent."""

    pixels: Tensor | None = None
    """float (B, 3, T, H, W), normalised as the network wants it; zeros where the clip is shorter"""
    shown: Tensor | None = None
    """bool (B, T): a frame of the clip, no padding; all False: no picture"""
    mel: Tensor | None = None
    """float (B, S, M), log-mel of the same stretch of time; zeros where there is none"""
    heard: Tensor | None = None
    """bool (B, S): likewise"""
    words: Tensor | None = None
    """float (B, N, W), vectors of the words' tokens"""
    said: Tensor | None = None
    """bool (B, N): likewise"""

    def to(self, device: torch.device | str) -> "Batch":
        moved = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(
            self, **{k: v.to(device, non_blocking=True) for k, v in moved.items() if v is not None}
        )


class Network(nn.Module):
    """A trunk that makes features, and a head that makes one number of them."""

    dim: int
    head: nn.Module
    takes: tuple[str, ...] = ("pixels",)
    """fields of Batch that windows must hold; masks come with them"""
    mean: tuple[float, float, float] = MEAN
    std: tuple[float, float, float] = STD
    """of the channels, pixels in [0, 1], by which windows are normalised"""
    sees: tuple[int, int] | None = None
    """frames and side in pixels of the only windows that it takes; None: any"""
    reconstructs: bool = False
    """It learns without labels, and `forward` gives the error of each clip, float (B,)."""
    fresh: tuple[str, ...] = ("head.",)
    """Beginnings of the names that no file of weights fills; they alone learn in the first, frozen epochs."""

    def features(self, batch: Batch) -> Tensor:
        """float (B, dim)."""
        raise NotImplementedError

    def forward(self, batch: Batch) -> Tensor:
        """float (B,): on the standardised scale, or a logit; (B, outputs) where it has more than one."""
        out: Tensor = self.head(self.features(batch)).squeeze(-1)
        return out

    def depths(self) -> list[list[str]]:
        """Names of the parameters from the input to the output, for learning rates that fall towards the
        input; here the trunk, then the head."""
        names = [name for name, _ in self.named_parameters()]
        trunk = [name for name in names if not name.startswith("head.")]
        return [trunk, [name for name in names if name.startswith("head.")]]


def need(value: Tensor | None, what: str) -> Tensor:
    """ValueError where a batch lacks what a network takes: a programmer's mistake."""
    if value is None:
        raise ValueError(f"the batch holds no {what}")
    return value


def head(dim: int, hidden: int, dropout: float, outputs: int = 1) -> nn.Sequential:
    """dim → hidden → outputs, ReLU, dropout before each linear layer."""
    return nn.Sequential(
        nn.Dropout(dropout),
        nn.Linear(dim, hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, outputs),
    )


def parameters(module: nn.Module) -> int:
    """How many numbers it learns."""
    return sum(p.numel() for p in module.parameters())


def group_of(names: Sequence[str], prefixes: Iterable[str]) -> list[list[str]]:
    """The names by the first of `prefixes` that each begins with, in that order; the others first."""
    wanted = list(prefixes)
    out: list[list[str]] = [[] for _ in range(len(wanted) + 1)]
    for name in names:
        at = next((i for i, prefix in enumerate(wanted, 1) if name.startswith(prefix)), 0)
        out[at].append(name)
    return [group for group in out if group]


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file. WeightsError for anything else: a .pth or .pt is a pickle, which
    runs code as it is read, so none is ever opened."""
    file = Path(path).expanduser()
    if file.suffix != ".safetensors":
        raise WeightsError(
            f"{file} is no .safetensors file: vvp reads no other kind, because a pickle (.pth, .pt, .bin) may"
            " run code; convert it with safetensors.torch.save_file where you trust it."
        )
    try:
        return load_tensors(file.read_bytes())
    except OSError as error:
        raise WeightsError(f"{file} cannot be read ({error.strerror}).") from error
    except (SafetensorError, ValueError, KeyError, OverflowError) as error:
        raise WeightsError(f"{file} is no safetensors file ({str(error).splitlines()[0][:100]}).") from error


def take(module: nn.Module, tensors: Mapping[str, Tensor], where: str, spare: Sequence[str] = ()) -> None:
    """Fills every tensor of `module` from `tensors`, key for key.

    spare: beginnings of keys that may be in the file and not in the module (another task's classifier).
    WeightsError: a key that is missing, one too many, another shape, or a number that is not finite.
    """
    wanted = module.state_dict()
    kept = {k: v for k, v in tensors.items() if k in wanted or not k.startswith(tuple(spare))}
    if missing := sorted(set(wanted) - set(kept)):
        raise WeightsError(f"{where} lacks {len(missing)} tensors of the network, {missing[0]} among them.")
    if extra := sorted(set(kept) - set(wanted)):
        raise WeightsError(f"{where} has {len(extra)} tensors that the network has not, such as {extra[0]}.")
    for name, value in kept.items():
        if value.shape != wanted[name].shape:
            shapes = f"{tuple(value.shape)}, not {tuple(wanted[name].shape)}"
            raise WeightsError(f"{where}: {name} has the shape {shapes}.")
        if value.is_floating_point() != wanted[name].is_floating_point():
            raise WeightsError(f"{where}: {name} is of the type {value.dtype}.")
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise WeightsError(f"{where}: {name} holds a value that is not a finite number.")
    module.load_state_dict(kept)
