"""What an encoder is: a name, a dimension, and `encode(batch)`. One small class per model implements it.

The inputs (schema.Modality.input), never null: a video that lacks one is not sent to the encoder.
  frames    uint8 (16, 224, 224, 3), RGB, upright           → one float32 vector
  waveform  float32 (samples,), mono, 16 kHz, in [-1, 1]    → one float32 vector
  words     (metadata text, transcript or None)             → one float32 vector
An encoder's module loads no model library when it is imported, so that a process that makes no encoder (a
decoder, a writer, the command line) stays small; its constructor imports what that one encoder needs.
Not known here: Ray, files of a workspace, or which encoders a run uses (profiles.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np


@dataclass(frozen=True)
class Weights:
    """Where a model's files lie and the sha256 (hex) of its weight file: what a vector's provenance is."""

    path: Path
    sha256: str


class Encoder(Protocol):
    """Made inside the actor that uses it: `cls(cls.locate(models), device, threads)`."""

    name: str
    dim: int

    @classmethod
    def locate(cls, models: str | None) -> Weights:
        """Finds the weights (`models`: the user's --models folder). WeightsError when there are none."""
        ...

    def __init__(self, weights: Weights, device: str = "cpu", threads: int = 1) -> None: ...

    def encode(self, batch: Sequence[Any]) -> np.ndarray:
        """float32 (len(batch), dim); row i is for input i and does not depend on its neighbours."""
        ...
