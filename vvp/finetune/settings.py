"""How a network is trained, and the defaults of each. Not known here: how it is done."""

from dataclasses import dataclass, field
from typing import Any, Literal

from vvp.errors import UserError

Loss = Literal["mse", "l1", "bce", "cross-entropy"]


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """All that a training depends on besides its data; its hash is part of the run's name."""

    network: str
    options: dict[str, Any] = field(default_factory=dict)
    """what the network is made with, such as width"""
    epochs: int = 20
    batch: int = 8
    """clips a step, of all workers together"""
    lr: float = 1e-3
    lr_every: int = 7
    """epochs after which the learning rate is divided by ten"""
    weight_decay: float = 0.0
    patience: int = 7
    """epochs without a better validation error after which it stops"""
    loss: Loss = "mse"
    """the latter two of classes; see task.losses_of"""
    frames: int = 32
    """of a window"""
    pixels: int = 112
    """side of a window"""
    windows: int = 1
    """windows of a clip that are forecast and averaged, evenly spaced"""
    frozen_epochs: int = 0
    """the first epochs in which only what is `fresh` in the network learns: the head"""
    layer_decay: float = 1.0
    """each step towards the input has this share of the learning rate of the step above it"""
    min_frames: int = 0
    """clips whose file has fewer frames are set aside"""
    weights: str | None = None
    """sha256 of the file that its trunk began with; None: random numbers"""
    begun: str | None = None
    """mark of another collection's network, if it began as that one: `weights` is then its file"""
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "lr", "lr_every", "patience", "frames", "pixels", "windows"):
            if not getattr(self, name) > 0:
                raise UserError(f"--{name.replace('_', '-')} must be more than 0.")
        if not 0 < self.layer_decay <= 1:
            raise UserError("--layer-decay must be more than 0 and at most 1.")
